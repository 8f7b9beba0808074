"""Dose to red marrow from blood samples and from an image of the lumbar spine."""

from collections.abc import Mapping
from dataclasses import dataclass

from dosimetry.errors import InvalidInputError

EXTRACELLULAR_FRACTION_OF_MARROW = 0.19
"""Red-marrow extracellular fluid fraction, Sgouros, J. Nucl. Med. 34 (1993) 689-694."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowDose:
    """Hold the parts of a marrow dose, Gy.

    Parameters
    ----------
    method : {"blood", "image"}
        Where the activity in marrow comes from. Show both where both exist; a mean of them has no meaning.
    self_gy : float
        From activity in marrow.
    organs_gy : mapping
        From each source organ or tumour.
    rest_gy : float
        From the rest of the body.
    """

    method: str
    self_gy: float
    organs_gy: Mapping[str, float]
    rest_gy: float

    @property
    def total_gy(self) -> float:
        """Return the sum of all parts, Gy."""
        return self.self_gy + sum(self.organs_gy.values()) + self.rest_gy


def marrow_to_blood_ratio(haematocrit: float) -> float:
    """Return RMBLR = 0.19 / (1 - haematocrit) for an agent that stays in extracellular fluid.

    Parameters
    ----------
    haematocrit : float
        Volume share of cells in blood, above 0 and below 1.

    Raises
    ------
    InvalidInputError
        Haematocrit out of range.

    References
    ----------
    .. [1] Sgouros, Bone marrow dosimetry for radioimmunotherapy, J. Nucl. Med. 34 (1993) 689-694.
    """
    if not 0.0 < haematocrit < 1.0:
        raise InvalidInputError(
            f"Haematocrit lies between 0 and 1 (0.45, not 45 %); got {haematocrit}.", code="bad_haematocrit"
        )
    return EXTRACELLULAR_FRACTION_OF_MARROW / (1.0 - haematocrit)


def marrow_dose_from_blood(
    *,
    blood_tia_bq_s_per_g: float,
    ratio: float,
    marrow_mass_g: float,
    s_marrow_gy_per_bq_s: float,
    organs: Mapping[str, tuple[float, float]],
    rest: tuple[float, float] = (0.0, 0.0),
) -> MarrowDose:
    """Return the marrow dose with activity in marrow taken from blood.

    D = c_bl RMBLR m_RM S(RM <- RM) + sum_h TIA_h S(RM <- h) + TIA_rest S(RM <- rest).

    Parameters
    ----------
    blood_tia_bq_s_per_g : float
        Time-integrated activity concentration of blood, Bq s/g.
    ratio : float
        Activity concentration of marrow over blood: ``marrow_to_blood_ratio``, or 1 for DOTATATE.
    marrow_mass_g : float
        Mass of red marrow, g.
    s_marrow_gy_per_bq_s : float
        S(RM <- RM), Gy/(Bq s).
    organs : mapping
        Source -> (TIA in Bq s, S(RM <- source) in Gy/(Bq s)).
    rest : (TIA, S)
        Rest of the body.

    Returns
    -------
    MarrowDose
        Parts in Gy.

    Raises
    ------
    InvalidInputError
        A negative value or a mass not above zero.

    References
    ----------
    .. [1] Hindorf et al., EANM guidelines for bone marrow and whole-body dosimetry, EJNMMI 37 (2010) 1238-1250.
    """
    _check(marrow_mass_g, blood_tia_bq_s_per_g, ratio, s_marrow_gy_per_bq_s)
    marrow_tia_bq_s = blood_tia_bq_s_per_g * ratio * marrow_mass_g
    return _dose("blood", marrow_tia_bq_s * s_marrow_gy_per_bq_s, organs, rest)


def marrow_dose_from_image(
    *,
    vertebrae_tia_bq_s: float,
    share_of_marrow: float,
    s_marrow_gy_per_bq_s: float,
    organs: Mapping[str, tuple[float, float]],
    rest: tuple[float, float] = (0.0, 0.0),
) -> MarrowDose:
    """Return the marrow dose with activity in marrow taken from an image of vertebrae.

    Parameters
    ----------
    vertebrae_tia_bq_s : float
        Time-integrated activity of marrow in the vertebrae, corrected for recovery, Bq s.
    share_of_marrow : float
        Share of all red marrow that lies in these vertebrae (0.067 for L2 to L4 in common use; to be
        confirmed against the source), above 0, at most 1.
    s_marrow_gy_per_bq_s, organs, rest
        As ``marrow_dose_from_blood``.

    Returns
    -------
    MarrowDose
        Parts in Gy.

    Raises
    ------
    InvalidInputError
        A negative value or a share out of range.

    References
    ----------
    .. [1] Hindorf et al., EANM guidelines for bone marrow and whole-body dosimetry, EJNMMI 37 (2010) 1238-1250.
    """
    if not 0.0 < share_of_marrow <= 1.0:
        raise InvalidInputError(f"The share of marrow lies between 0 and 1; got {share_of_marrow}.", code="bad_share")
    _check(1.0, vertebrae_tia_bq_s, s_marrow_gy_per_bq_s)
    return _dose("image", vertebrae_tia_bq_s / share_of_marrow * s_marrow_gy_per_bq_s, organs, rest)


def _dose(
    method: str, self_gy: float, organs: Mapping[str, tuple[float, float]], rest: tuple[float, float]
) -> MarrowDose:
    for tia, s in (*organs.values(), rest):
        _check(1.0, tia, s)
    return MarrowDose(
        method=method,
        self_gy=self_gy,
        organs_gy={name: tia * s for name, (tia, s) in organs.items()},
        rest_gy=rest[0] * rest[1],
    )


def _check(mass_g: float, *values: float) -> None:
    if not 0.0 < mass_g < float("inf"):
        raise InvalidInputError(f"The mass of red marrow must be above zero; got {mass_g} g.", code="bad_mass")
    if not all(0.0 <= value < float("inf") for value in values):
        raise InvalidInputError("Activities, ratios and S-values must be numbers at or above zero.", code="bad_marrow")
