"""Organ level (MIRD): self dose with the patient's mass, S-values between the patient's own contours, rest of body."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dosimetry.dose.inputs import density_values, refuse_when_cancelled
from dosimetry.dose.kernel_engine import convolve, kernel_for
from dosimetry.dose.nuclide_kernel import photon_lines_with_bremsstrahlung
from dosimetry.dose.photon_mc import PhotonSettings, transport_photons
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.emissions import Emissions
from dosimetry.units import KEV_PER_G_GY
from dosimetry.volume import Volume

FloatArray = NDArray[np.float64]
DEFAULT_SETTINGS = PhotonSettings(max_histories=1_000_000)
"""Photons for each source region; cross dose between abdominal organs then has a standard error of a few per cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfSValue:
    """Hold the mean self dose per decay in an organ, split by how it scales with mass.

    Parameters
    ----------
    charged_gy_per_bq_s : float
        Electrons, alpha particles and recoils, Gy/(Bq s).
    photon_gy_per_bq_s : float
        Photons, Gy/(Bq s).
    mass_g : float
        Mass of the organ, g.
    """

    charged_gy_per_bq_s: float
    photon_gy_per_bq_s: float
    mass_g: float

    @property
    def total_gy_per_bq_s(self) -> float:
        """Return the S-value of all radiation, Gy/(Bq s)."""
        return self.charged_gy_per_bq_s + self.photon_gy_per_bq_s

    def for_mass(self, mass_g: float) -> "SelfSValue":
        """Return the S-value of an organ of the same shape and another mass.

        Charged particles stay in the organ: dose falls as 1/m. The absorbed fraction of photons rises with the size,
        m^(1/3): their dose falls as m^(-2/3).

        Parameters
        ----------
        mass_g : float
            The patient's organ: volume x density, g.

        Raises
        ------
        InvalidInputError
            A mass not above zero.

        References
        ----------
        .. [1] Bolch et al., MIRD Pamphlet No. 21, J. Nucl. Med. 50 (2009) 477-484.
        """
        if not (0.0 < mass_g < np.inf and self.mass_g > 0.0):
            raise InvalidInputError(f"The mass of an organ must be above zero; got {mass_g} g.", code="bad_mass")
        ratio = self.mass_g / mass_g
        return SelfSValue(
            charged_gy_per_bq_s=self.charged_gy_per_bq_s * ratio,
            photon_gy_per_bq_s=self.photon_gy_per_bq_s * ratio ** (2.0 / 3.0),
            mass_g=mass_g,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SMatrix:
    """Hold the mean dose in every target per decay in every source.

    Parameters
    ----------
    names : tuple of str
        Regions: the targets (rows) and the first sources (columns).
    further_sources : tuple of str
        Sources that are no targets: the columns after those of the regions.
    s_gy_per_bq_s : (n, n + m) array
        S(target <- source), Gy/(Bq s).
    standard_uncertainty_gy_per_bq_s : (n, n + m) array
        Standard error of the photon part.
    mass_g : (n,) array
        Mass of each region, g.
    photon_histories : int
        Photons followed for each source.
    seed : int
        Run seed.
    """

    names: tuple[str, ...]
    further_sources: tuple[str, ...] = ()
    s_gy_per_bq_s: FloatArray
    standard_uncertainty_gy_per_bq_s: FloatArray
    mass_g: FloatArray
    photon_histories: int
    seed: int

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the sources in the order of the columns."""
        return (*self.names, *self.further_sources)

    def value(self, target: str, source: str) -> float:
        """Return S(target <- source), Gy/(Bq s)."""
        return float(self.s_gy_per_bq_s[self.names.index(target), self.sources.index(source)])

    def mean_doses_gy(self, tia_bq_s: Mapping[str, float]) -> dict[str, float]:
        """Return D(T) = sum over sources of TIA(S) S(T <- S), Gy.

        Parameters
        ----------
        tia_bq_s : mapping
            Time-integrated activity by source, Bq s; a region that is left out holds none.

        Raises
        ------
        InvalidInputError
            A source that the matrix does not have.
        """
        unknown = sorted(set(tia_bq_s) - set(self.sources))
        if unknown:
            raise InvalidInputError(f"The S-matrix has no source {unknown[0]!r}.", code="unknown_source")
        activities = np.array([tia_bq_s.get(name, 0.0) for name in self.sources])
        return dict(zip(self.names, (self.s_gy_per_bq_s @ activities).tolist(), strict=True))


def s_matrix(
    *,
    regions: Mapping[str, NDArray[np.floating]],
    density_g_per_ml: Volume,
    emissions: Emissions,
    further_sources: Mapping[str, NDArray[np.floating]] | None = None,
    settings: PhotonSettings = DEFAULT_SETTINGS,
    progress: Callable[[float, str], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> SMatrix:
    """Compute S-values between regions of one patient: photons by Monte Carlo, electrons by the voxel kernel.

    Each region is a source in turn, uniform in activity per volume. Left and right organs are regions of their own.

    Parameters
    ----------
    regions : mapping
        Name -> (z, y, x) mask or fraction of each voxel that lies in the region, on the grid of the density.
    density_g_per_ml : Volume
        Density, g/mL.
    emissions : Emissions
        Radiations per decay.
    further_sources : mapping or None
        Name -> (z, y, x) distribution of activity, any unit, of sources that are no targets, as the rest of the body.
    settings : PhotonSettings
        Photons per source, seed.
    progress : callable (fraction, message) or None
        Progress.
    is_cancelled : callable or None
        Asked after each batch of photons.

    Returns
    -------
    SMatrix
        S-values and the standard errors of their photon parts.

    Raises
    ------
    InvalidInputError
        No region, a region or source on another grid or without a voxel, a source that has the name of a region, or a
        density that cannot be used.
    CalculationCancelledError
        ``is_cancelled`` answered True.

    References
    ----------
    .. [1] Bolch et al., MIRD Pamphlet No. 21, J. Nucl. Med. 50 (2009) 477-484.
    """
    grid = density_g_per_ml.grid
    density = np.asarray(density_values(density_g_per_ml, density_g_per_ml))
    shares = _checked(regions, grid.shape_zyx)
    further = _checked(further_sources, grid.shape_zyx) if further_sources else {}
    if shares.keys() & further.keys():
        raise InvalidInputError("A further source has the name of a region.", code="bad_region")
    sources = {**shares, **further}
    kernel = kernel_for(density_g_per_ml, density, emissions, {})
    energies, yields = photon_lines_with_bremsstrahlung(emissions)
    voxel_mass_g = density.astype(np.float64) * grid.voxel_volume_ml
    masses = np.array([float((share * voxel_mass_g).sum()) for share in shares.values()])
    values, errors = np.zeros((2, len(shares), len(sources)))
    for column, (name, share) in enumerate(sources.items()):
        refuse_when_cancelled(is_cancelled)
        source = share / share.sum()
        photons = transport_photons(
            source=source,
            photon_energies_kev=energies,
            photon_yields=yields,
            density_g_per_ml=density,
            spacing_xyz_mm=grid.spacing_xyz_mm,
            target_regions=shares,
            settings=settings,
            progress=_part(progress, column, len(sources), name),
            is_cancelled=is_cancelled,
        )
        electrons = convolve(source.astype(np.float32), kernel, with_photons=False).electrons_gy
        # Dose in the kernel's medium x its mass = energy, whatever mass takes it up.
        energy_gy_g = electrons.astype(np.float64) * kernel.voxel_mass_g
        for row, (target, weight) in enumerate(shares.items()):
            found = photons.regions[target]
            photon_gy_g = found.energy_kev_per_decay * KEV_PER_G_GY
            values[row, column] = (photon_gy_g + float((energy_gy_g * weight).sum())) / masses[row]
            errors[row, column] = found.standard_uncertainty_kev_per_decay * KEV_PER_G_GY / masses[row]
    return SMatrix(
        names=tuple(shares),
        further_sources=tuple(further),
        s_gy_per_bq_s=values,
        standard_uncertainty_gy_per_bq_s=errors,
        mass_g=masses,
        photon_histories=settings.max_histories,
        seed=settings.seed,
    )


def rest_of_body_s(
    *,
    s_from_body: float,
    body_mass_g: float,
    s_from_organs: Mapping[str, float],
    organ_masses_g: Mapping[str, float],
) -> float:
    """Return S(T <- rest of body), Gy/(Bq s), from S(T <- whole body) and the source organs that are taken out.

    S(T <- rest) = [S(T <- body) m_body - sum_h S(T <- h) m_h] / m_rest.

    Parameters
    ----------
    s_from_body : float
        S(T <- whole body) for activity uniform in mass, Gy/(Bq s).
    body_mass_g : float
        Mass of the body, g.
    s_from_organs, organ_masses_g : mappings
        S(T <- h) and mass of each source organ.

    Raises
    ------
    InvalidInputError
        Organs differ between the mappings or leave no mass.
    """
    if set(s_from_organs) != set(organ_masses_g):
        raise InvalidInputError("Give an S-value and a mass for every source organ.", code="bad_organs")
    rest_g = body_mass_g - sum(organ_masses_g.values())
    if not rest_g > 0.0:
        raise InvalidInputError("The source organs weigh as much as the body: no rest is left.", code="bad_mass")
    taken = sum(s_from_organs[name] * organ_masses_g[name] for name in s_from_organs)
    return (s_from_body * body_mass_g - taken) / rest_g


def _checked(regions: Mapping[str, NDArray[np.floating]], shape: tuple[int, int, int]) -> dict[str, FloatArray]:
    if not regions:
        raise InvalidInputError("An S-matrix needs at least one region.", code="empty_region")
    shares = {}
    for name, mask in regions.items():
        share = np.asarray(mask, dtype=np.float64)
        if share.shape != shape:
            raise InvalidInputError(f"The region {name!r} lies on another grid than the density.", code="bad_region")
        if not share.sum() > 0.0:
            raise InvalidInputError(
                f"The region {name!r} does not overlap the dose grid; contour it on this scan.", code="empty_region"
            )
        shares[name] = share
    return shares


def _part(
    progress: Callable[[float, str], None] | None, index: int, n: int, name: str
) -> Callable[[float, str], None] | None:
    """Return the progress of one source as a part of the whole."""
    if progress is None:
        return None
    return lambda fraction, _text: progress((index + fraction) / n, f"Photons from {name}")
