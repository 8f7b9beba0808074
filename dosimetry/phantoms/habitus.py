"""Sex, height and mass of virtual patients, and the organ masses that go with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from dosimetry.errors import InvalidInputError

Sex = Literal["female", "male"]
REFERENCE_CM = {"male": 176.0, "female": 163.0}
REFERENCE_KG = {"male": 73.0, "female": 60.0}
HEIGHT_SPREAD_CM = 7.0
BMI_MEDIAN, BMI_LOG_SPREAD = 26.0, 0.17
BMI_RANGE = (17.0, 42.0)
HEIGHT_RANGE_CM = (145.0, 205.0)
ORGAN_SPREAD = 0.18
"""Standard deviation of the logarithm of an organ's volume at a given height: a plausible value of ours."""

ORGAN_MASS_G: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "Liver": (1800.0, 1400.0),
        "Spleen": (150.0, 130.0),
        "Kidney": (155.0, 137.5),
        "Heart": (840.0, 620.0),
        "Lung": (600.0, 475.0),
        "Stomach": (400.0, 370.0),
        "Pancreas": (140.0, 120.0),
        "Bladder": (250.0, 240.0),
        "Adrenals": (14.0, 13.0),
        "Thyroid": (20.0, 17.0),
        "Parotid": (25.0, 21.0),
        "Submandibular": (12.5, 10.5),
        "Lacrimal": (0.7, 0.7),
        "Prostate": (17.0, 0.0),
        "Uterus": (0.0, 80.0),
    }
)
"""Male and female reference adults, g; one of a pair; heart and lungs with blood, stomach and bladder with content.

ICRP Publication 89 (2002), table 2.8 and chapters of the organs; the salivary glands are shared between the pairs as
25 : 12.5, the lacrimal gland is from the same publication's chapter on the eye.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habitus:
    """Sex, height (cm) and mass (kg) of an adult."""

    sex: Sex
    height_cm: float
    mass_kg: float

    def __post_init__(self) -> None:
        if self.sex not in REFERENCE_CM:
            raise InvalidInputError(f"The sex is female or male; got {self.sex!r}.", code="bad_habitus")
        if not HEIGHT_RANGE_CM[0] <= self.height_cm <= HEIGHT_RANGE_CM[1]:
            raise InvalidInputError(
                f"Adults of {self.height_cm:g} cm are not modelled (145 to 205).", code="bad_habitus"
            )
        if not BMI_RANGE[0] <= self.bmi <= BMI_RANGE[1]:
            raise InvalidInputError(
                f"A body mass index of {self.bmi:.0f} kg/m2 is not modelled (17 to 42).", code="bad_habitus"
            )

    @property
    def bmi(self) -> float:
        """Return the body mass index, kg/m2."""
        return self.mass_kg / (0.01 * self.height_cm) ** 2

    @property
    def length_scale(self) -> float:
        """Return the height over that of the reference adult."""
        return self.height_cm / REFERENCE_CM[self.sex]


def sample_habitus(generator: np.random.Generator) -> Habitus:
    """Draw an adult: either sex, normal height, log-normal body mass index, both cut to what is modelled."""
    sex: Sex = "male" if generator.random() < 0.5 else "female"
    height = float(np.clip(REFERENCE_CM[sex] + HEIGHT_SPREAD_CM * generator.standard_normal(), 148.0, 200.0))
    bmi = float(np.clip(BMI_MEDIAN * np.exp(BMI_LOG_SPREAD * generator.standard_normal()), 18.0, 40.0))
    return Habitus(sex=sex, height_cm=round(height, 1), mass_kg=round(bmi * (0.01 * height) ** 2, 1))


def organ_mass_g(name: str, *, habitus: Habitus, generator: np.random.Generator) -> float:
    """Draw the mass of an organ: reference mass times height scale cubed, log-normal."""
    male, female = ORGAN_MASS_G[name]
    reference = male if habitus.sex == "male" else female
    return reference * habitus.length_scale**3 * float(np.exp(ORGAN_SPREAD * generator.standard_normal()))
