"""Radiations of one decay: photon and electron lines, beta spectra, alpha and recoil energy."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.beta_spectra import BetaSpectrum, split_spectrum
from dosimetry.nuclides.chains import progeny_in_place
from dosimetry.nuclides.decay import MEV_KEV, read_decay_data

FloatArray = NDArray[np.float64]
ProgenyRule = Literal["none", "in_place"]
_PHOTON_KINDS = ("gamma", "X", "annihilation")
_ELECTRON_KINDS = ("IE", "auger")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Emissions:
    """Hold all radiations per decay of the parent, progeny included as asked.

    Parameters
    ----------
    name : str
        Parent nuclide.
    progeny : tuple of (str, float)
        Progeny that are included and their decays per decay of the parent; empty for the nuclide alone.
    photon_energies_kev, photon_yields : (n,) arrays
        Gamma, X and annihilation lines, rising in energy; yield per decay of the parent.
    electron_energies_kev, electron_yields : (n,) arrays
        Conversion and Auger lines.
    beta_energies_kev : (n,) array
        Nodes of the beta spectra, rising; between nodes the density is a straight line, outside it is zero.
    beta_minus_density_per_kev, beta_plus_density_per_kev : (n,) arrays
        Electrons and positrons per keV and decay. Area = yield, mean = mean of the branches.
    alpha_energy_kev, recoil_energy_kev : float
        Energy of alpha particles and of recoiling nuclei per decay, keV.
    data_version : str
        Name and version of the data.
    digest : str
        SHA-256 of all numbers above.
    """

    name: str
    progeny: tuple[tuple[str, float], ...]
    photon_energies_kev: FloatArray
    photon_yields: FloatArray
    electron_energies_kev: FloatArray
    electron_yields: FloatArray
    beta_energies_kev: FloatArray
    beta_minus_density_per_kev: FloatArray
    beta_plus_density_per_kev: FloatArray
    alpha_energy_kev: float
    recoil_energy_kev: float
    data_version: str
    digest: str

    @property
    def beta_density_per_kev(self) -> FloatArray:
        """Return electrons and positrons of beta decay together, per keV and decay."""
        return np.asarray(self.beta_minus_density_per_kev + self.beta_plus_density_per_kev)

    @property
    def beta_energy_kev(self) -> float:
        """Return the energy of beta particles per decay, keV."""
        return BetaSpectrum(energies_kev=self.beta_energies_kev, density_per_kev=self.beta_density_per_kev).energy_kev

    @property
    def electron_line_energy_kev(self) -> float:
        """Return the energy of conversion and Auger electrons per decay, keV."""
        return float(self.electron_energies_kev @ self.electron_yields)

    @property
    def electron_energy_kev(self) -> float:
        """Return the energy of all electrons and positrons per decay, keV."""
        return self.beta_energy_kev + self.electron_line_energy_kev

    @property
    def photon_energy_kev(self) -> float:
        """Return the energy of all photons per decay, keV."""
        return float(self.photon_energies_kev @ self.photon_yields)

    @property
    def local_energy_kev(self) -> float:
        """Return the energy of electrons, alpha particles and recoils per decay, keV."""
        return self.electron_energy_kev + self.alpha_energy_kev + self.recoil_energy_kev

    def beta_group_yields(self, edges_kev: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Integrate the spectrum of all betas exactly over groups.

        Parameters
        ----------
        edges_kev : (n + 1,) array
            Rising edges of the groups, keV.

        Returns
        -------
        tuple of two (n,) arrays
            Yield per decay and mean energy (keV; the middle of an empty group) of each group.
        """
        spectrum = BetaSpectrum(energies_kev=self.beta_energies_kev, density_per_kev=self.beta_density_per_kev)
        return spectrum.group_yields(edges_kev)


@lru_cache(maxsize=64)
def get_emissions(name: str, *, progeny: ProgenyRule = "none") -> Emissions:
    """Read the radiations of a nuclide, alone or with the progeny that decay in the same place.

    Parameters
    ----------
    name : str
        Symbol, hyphen, mass number, as ``Lu-177``.
    progeny : {"none", "in_place"}
        ``none``: the nuclide alone. ``in_place``: with all progeny, where nothing moves (``progeny_in_place``).

    Returns
    -------
    Emissions
        Radiations per decay of the parent. Beta spectra have the yield and the mean energy of the list of branches;
        their shape is that of the data.

    Raises
    ------
    InvalidInputError
        The name is not in the data, or an unknown rule.

    References
    ----------
    .. [1] ICRP Publication 107, Nuclear decay data for dosimetric calculations, Ann. ICRP 38 (3), 2008.
    """
    if progeny not in {"none", "in_place"}:
        raise InvalidInputError(f"Progeny are none or in_place; got {progeny!r}.", code="unknown_progeny_rule")
    shares = {name: 1.0}
    if progeny == "in_place":
        shares |= progeny_in_place(name).decays_per_parent_decay
    parts = [(read_decay_data(member)["emissions"], share) for member, share in shares.items()]
    photon_lines = _merged_lines(parts, _PHOTON_KINDS)
    electron_lines = _merged_lines(parts, _ELECTRON_KINDS)
    energies, minus, plus = _merged_spectra(parts)
    alpha = float(np.prod(_merged_lines(parts, ("alpha",)), axis=0).sum())
    recoil = float(np.prod(_merged_lines(parts, ("alpha recoil",)), axis=0).sum())
    arrays = (*photon_lines, *electron_lines, energies, minus, plus)
    for array in arrays:
        array.setflags(write=False)
    return Emissions(
        name=name,
        progeny=tuple((member, share) for member, share in shares.items() if member != name),
        photon_energies_kev=photon_lines[0],
        photon_yields=photon_lines[1],
        electron_energies_kev=electron_lines[0],
        electron_yields=electron_lines[1],
        beta_energies_kev=energies,
        beta_minus_density_per_kev=minus,
        beta_plus_density_per_kev=plus,
        alpha_energy_kev=alpha,
        recoil_energy_kev=recoil,
        data_version=f"ICRP 107, icrp107-database {metadata.version('icrp107-database')}",
        digest=_digest(*arrays, np.array([alpha, recoil])),
    )


def _merged_lines(parts: list[tuple[Any, float]], kinds: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    """Return energies (keV, rising) and yields of the lines of the given kinds."""
    rows = [
        (energy_mev * MEV_KEV, fraction * share)
        for emissions, share in parts
        for kind in kinds
        for energy_mev, fraction in emissions[kind]
    ]
    table = np.array(sorted(rows), dtype=np.float64).reshape(-1, 2)
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])


def _merged_spectra(parts: list[tuple[Any, float]]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return nodes and the densities of electrons and positrons of all members on the union of their nodes."""
    spectra = [(*split_spectrum(emissions), share) for emissions, share in parts]
    nodes = [spectrum.energies_kev for minus, plus, _ in spectra for spectrum in (minus, plus)]
    energies = np.unique(np.concatenate(nodes)) if nodes else np.zeros(0)
    densities = np.zeros((2, energies.size))
    for minus, plus, share in spectra:
        for kind, spectrum in enumerate((minus, plus)):
            if spectrum.energies_kev.size:
                density = np.interp(energies, spectrum.energies_kev, spectrum.density_per_kev, right=0.0)
                densities[kind] += share * density
    return energies, densities[0], densities[1]


def _digest(*arrays: FloatArray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
