"""Dose by radiation and by member of a chain, and the RBE-weighted dose that stands apart from absorbed dose."""

from collections.abc import Mapping
from dataclasses import dataclass

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.chains import progeny_in_place
from dosimetry.nuclides.decay import get_nuclide

PROGENY_RULES = ("none", "in_place")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEnergy:
    """Hold the energy that stays where the decay is, per decay of the parent, of one member of a chain.

    Parameters
    ----------
    nuclide : str
        The parent or one of its progeny.
    decays_per_parent_decay : float
        1 for the parent.
    alpha_kev : float
        Alpha particles and recoiling nuclei, keV per decay of the parent.
    electrons_kev : float
        Electrons and positrons, keV per decay of the parent.
    """

    nuclide: str
    decays_per_parent_decay: float
    alpha_kev: float
    electrons_kev: float

    @property
    def total_kev(self) -> float:
        """Return alpha, recoil and electrons together, keV per decay of the parent."""
        return self.alpha_kev + self.electrons_kev


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseByRadiation:
    """Hold the parts of one region's absorbed dose, Gy; they add up to it.

    Parameters
    ----------
    alpha_gy : float
        Alpha particles and recoils; they stay where the decay is.
    electrons_gy, photons_gy : float
        Electrons with positrons, and photons.
    local_by_member_gy : mapping
        Nuclide of the chain -> its part by local deposition; photons and the range of electrons are not in it.
    """

    alpha_gy: float
    electrons_gy: float
    photons_gy: float
    local_by_member_gy: Mapping[str, float]

    def rbe_weighted_gy(self, rbe: float) -> float:
        """Weight alpha particles and recoils: RBE (D_alpha + D_recoil) + D_electrons + D_photons, Gy(RBE).

        Raises
        ------
        InvalidInputError
            An RBE below 1.

        References
        ----------
        .. [1] Sgouros et al., MIRD Pamphlet No. 22, J. Nucl. Med. 51 (2010) 311-328.
        """
        if not rbe >= 1.0:
            raise InvalidInputError(f"An RBE of alpha particles is 1 or more; got {rbe}.", code="bad_rbe")
        return rbe * self.alpha_gy + self.electrons_gy + self.photons_gy


def local_energies(name: str, *, progeny: str = "none") -> tuple[LocalEnergy, ...]:
    """Return the local energy of a nuclide and, as asked, of the progeny that decay in the same place.

    Parameters
    ----------
    name : str
        Parent, as ``Ac-225``.
    progeny : {"none", "in_place"}
        As ``get_emissions``.

    Returns
    -------
    tuple of LocalEnergy
        Parent first.

    Raises
    ------
    InvalidInputError
        Unknown nuclide or rule.
    """
    if progeny not in PROGENY_RULES:
        raise InvalidInputError(f"Progeny are none or in_place; got {progeny!r}.", code="unknown_progeny_rule")
    shares = {name: 1.0}
    if progeny == "in_place":
        shares |= progeny_in_place(name).decays_per_parent_decay
    return tuple(_local_energy(member, share) for member, share in shares.items())


def _local_energy(member: str, share: float) -> LocalEnergy:
    data = get_nuclide(member)
    return LocalEnergy(
        nuclide=member,
        decays_per_parent_decay=share,
        alpha_kev=share * (data.alpha_energy_kev + data.alpha_recoil_energy_kev),
        electrons_kev=share * data.electron_energy_kev,
    )


def total_local_energy_kev(name: str, *, progeny: str = "none") -> float:
    """Return the local energy of a nuclide with its progeny as asked, keV per decay of the parent."""
    return sum(member.total_kev for member in local_energies(name, progeny=progeny))


def split_by_radiation(
    *, total_gy: float, photons_gy: float, local_gy: float, energies: tuple[LocalEnergy, ...]
) -> DoseByRadiation:
    """Split one region's dose by radiation.

    Alpha particles and recoils give what local deposition gives them in every engine; the rest of the charged
    particles' dose is that of electrons.

    Parameters
    ----------
    total_gy, photons_gy : float
        Mean dose by an engine and the part of photons in it, Gy.
    local_gy : float
        Mean dose by local deposition, Gy, with the same progeny.
    energies : tuple of LocalEnergy
        Of the nuclide.

    Returns
    -------
    DoseByRadiation
        Parts, Gy.
    """
    whole_kev = sum(member.total_kev for member in energies)
    per_kev = local_gy / whole_kev if whole_kev > 0.0 else 0.0
    alpha_gy = per_kev * sum(member.alpha_kev for member in energies)
    return DoseByRadiation(
        alpha_gy=alpha_gy,
        electrons_gy=total_gy - photons_gy - alpha_gy,
        photons_gy=photons_gy,
        local_by_member_gy={member.nuclide: per_kev * member.total_kev for member in energies},
    )
