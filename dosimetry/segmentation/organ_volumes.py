"""How large organs of adults usually are, by sex and height."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

REFERENCE_HEIGHT_M = MappingProxyType({"male": 1.76, "female": 1.63})
"""Of the reference adults, ICRP Publication 89 (2002), table 2.9."""
ADULT_HEIGHT_M = (1.2, 2.3)
"""A height outside was mistyped (cm, inches) or is a child's: it is then left aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Sex (``male``, ``female`` or empty) and height (m) of the patient, as far as they are known."""

    sex: str = ""
    height_m: float | None = None

    @property
    def size(self) -> float:
        """Return the volume of the body's organs over that of the reference adult: the cube of the height."""
        low, high = ADULT_HEIGHT_M
        if self.height_m is None or not low <= self.height_m <= high:
            return 1.0
        known = [height for sex, height in REFERENCE_HEIGHT_M.items() if self.sex in {sex, ""}]
        return (self.height_m / float(np.mean(known))) ** 3 if known else 1.0

    @property
    def words(self) -> str:
        """Return whose volumes are usual, for a reason."""
        who = {"male": "a man", "female": "a woman"}.get(self.sex, "an adult")
        low, high = ADULT_HEIGHT_M
        has_height = self.height_m is not None and low <= self.height_m <= high
        return f"{who} of {self.height_m:.2f} m" if has_height else who


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganVolume:
    """What an organ measures in the reference man and woman, mL, and the logarithm of its spread."""

    male_ml: float
    female_ml: float
    log_spread: float = 0.3

    def usual_ml(self, person: Person) -> tuple[float, float]:
        """Return what 3 standard deviations of the logarithm span round the organ of such a person.

        Of unknown sex from the woman's lower to the man's upper end.
        """
        reach = float(np.exp(3.0 * self.log_spread))
        both = {"male": self.male_ml, "female": self.female_ml}
        known = [both[person.sex]] if person.sex in both else sorted(both.values())
        return known[0] * person.size / reach, known[-1] * person.size * reach


UNKNOWN = Person()

VOLUMES: Mapping[str, OrganVolume] = MappingProxyType(
    {
        "Kidney left": OrganVolume(male_ml=148.0, female_ml=131.0),
        "Kidney right": OrganVolume(male_ml=148.0, female_ml=131.0),
        "Liver": OrganVolume(male_ml=1714.0, female_ml=1333.0),
        "Spleen": OrganVolume(male_ml=143.0, female_ml=124.0, log_spread=0.5),
        "Lung left": OrganVolume(male_ml=1650.0, female_ml=1300.0, log_spread=0.4),
        "Lung right": OrganVolume(male_ml=1850.0, female_ml=1450.0, log_spread=0.4),
        "Heart": OrganVolume(male_ml=800.0, female_ml=590.0),
        "Stomach": OrganVolume(male_ml=381.0, female_ml=352.0, log_spread=0.5),
        "Bladder": OrganVolume(male_ml=238.0, female_ml=229.0, log_spread=0.7),
        "Spine": OrganVolume(male_ml=1000.0, female_ml=760.0, log_spread=0.5),
        "Pelvis": OrganVolume(male_ml=1000.0, female_ml=760.0, log_spread=0.5),
        "Parotid left": OrganVolume(male_ml=23.8, female_ml=20.0, log_spread=0.4),
        "Parotid right": OrganVolume(male_ml=23.8, female_ml=20.0, log_spread=0.4),
        "Submandibular left": OrganVolume(male_ml=11.9, female_ml=10.0, log_spread=0.4),
        "Submandibular right": OrganVolume(male_ml=11.9, female_ml=10.0, log_spread=0.4),
    }
)
"""Masses of the reference man and woman, ICRP Publication 89 (2002), table 2.8, at 1.05 g/mL; heart with blood, stomach
and bladder with content. Of lungs (inflated) and of bones in our classes it gives no volume: the values are ours, their
ratio between the sexes that of lungs and skeleton.

The spreads are wide values of ours: they catch what is no organ, not what is unusual. One kidney grows where the other
is missing, and kidneys of a horseshoe are one: both stay within the range.
"""
