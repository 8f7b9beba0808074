"""The demo patient: a torso with known activity, moved a little between three scans, and the truth about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.anatomy import SOURCE_REGIONS, RegionKind, SourceRegion, source_volume_ml
from dosimetry.phantoms.kinetics import ActivityCurve, curve_from_half_lives
from dosimetry.units import GBQ_BQ, HOUR_S, KEV_PER_G_GY
from dosimetry.volume import RigidTransform

ADMINISTERED_ACTIVITY_BQ = 7.4 * GBQ_BQ
NUCLIDE = "Lu-177"
SCAN_TIMES_S = (24.0 * HOUR_S, 96.0 * HOUR_S, 168.0 * HOUR_S)
"""Mid-acquisition times after administration."""

LARGEST_SHIFT_MM = 5.0
LARGEST_ROTATION_DEG = 1.5
RELATIVE_SPREAD = 0.08
"""Standard deviation of the natural logarithm of uptake and half-life between patients of different seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionTruth:
    """What is true of one region.

    Parameters
    ----------
    name : str
        Name of the region.
    kind : RegionKind
        Organ, lesion or rest of the body.
    centre_lps_mm : (x, y, z) float
        Centre of the outline in the first scan (the reference), LPS mm.
    volume_ml, density_g_per_ml : float
        Volume without the regions inside it, and its density.
    curve : ActivityCurve
        Activity against the time after administration.
    electron_energy_kev : float
        Energy of electrons per decay, keV, for the local dose.
    """

    name: str
    kind: RegionKind
    centre_lps_mm: tuple[float, float, float]
    volume_ml: float
    density_g_per_ml: float
    curve: ActivityCurve
    electron_energy_kev: float

    @property
    def mass_g(self) -> float:
        """Return volume times density, in g."""
        return self.volume_ml * self.density_g_per_ml

    @property
    def time_integrated_activity_bq_s(self) -> float:
        """Return the exact time-integrated activity from administration to infinity, in Bq s."""
        return self.curve.time_integrated_activity_bq_s

    @property
    def effective_half_life_s(self) -> float:
        """Return the effective half-life of the slowest term, in s."""
        return self.curve.effective_half_life_s

    @property
    def absorbed_dose_gy(self) -> float:
        """Return the mean absorbed dose in Gy when electrons stay in the region and photons leave it."""
        return self.time_integrated_activity_bq_s * self.electron_energy_kev * KEV_PER_G_GY / self.mass_g

    def activity_bq(self, time_s: float) -> float:
        """Return the activity in Bq at a time after administration in s."""
        return float(self.curve.activity_bq(time_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPatient:
    """A virtual patient of one cycle.

    Parameters
    ----------
    seed : int
        What the patient was made from; equal seeds give equal patients.
    cycle_number : int
        Number of the cycle; the anatomy is the same in every cycle.
    nuclide : str
        Nuclide.
    administered_activity_bq : float
        Net administered activity, Bq.
    scan_times_s : floats
        Mid-acquisition times after administration, s.
    poses : RigidTransforms
        For each scan: maps points of the first scan to points of this scan (fixed to moving). The first is identity.
    regions : tuple of SourceRegion
        Shapes.
    truth : mapping of name to RegionTruth
        What is true of every region.
    """

    seed: int
    cycle_number: int
    nuclide: str
    administered_activity_bq: float
    scan_times_s: tuple[float, ...]
    poses: tuple[RigidTransform, ...]
    regions: tuple[SourceRegion, ...]
    truth: Mapping[str, RegionTruth]

    def truth_as_dict(self) -> dict[str, Any]:
        """Return the truth as plain numbers and texts for JSON, with units in the names."""
        return {
            "seed": self.seed,
            "cycle_number": self.cycle_number,
            "nuclide": self.nuclide,
            "administered_activity_bq": self.administered_activity_bq,
            "scan_times_s": list(self.scan_times_s),
            "transforms_reference_to_scan": [list(pose.matrix) for pose in self.poses],
            "regions": [self._region_as_dict(region) for region in self.truth.values()],
        }

    def _region_as_dict(self, region: RegionTruth) -> dict[str, Any]:
        return {
            "name": region.name,
            "kind": region.kind.value,
            "centre_lps_mm": list(region.centre_lps_mm),
            "volume_ml": region.volume_ml,
            "density_g_per_ml": region.density_g_per_ml,
            "mass_g": region.mass_g,
            "activities_bq": [region.activity_bq(time_s) for time_s in self.scan_times_s],
            "time_integrated_activity_bq_s": region.time_integrated_activity_bq_s,
            "effective_half_life_s": region.effective_half_life_s,
            "absorbed_dose_gy": region.absorbed_dose_gy,
        }


def make_demo_patient(
    seed: int = 1,
    *,
    cycle_number: int = 1,
    administered_activity_bq: float = ADMINISTERED_ACTIVITY_BQ,
    uptake_scale: Mapping[str, float] | None = None,
    scan_times_s: tuple[float, ...] = SCAN_TIMES_S,
) -> DemoPatient:
    """Make a patient whose activity is known at every time.

    Parameters
    ----------
    seed : int
        0 or more. Uptake and half-lives of the regions spread by about 8 % between seeds, and so does the movement.
    cycle_number : int
        1 or more; the movement differs between cycles, anatomy and half-lives stay.
    administered_activity_bq : float
        Net administered activity, Bq, above zero.
    uptake_scale : mapping of region name to float or None
        Factor on the activity of single regions, as 0.8 for a lesion that answered to the last cycle.
    scan_times_s : floats
        Mid-acquisition times after administration, s; the first scan is the reference.

    Returns
    -------
    DemoPatient
        Shapes, movement and truth.

    Raises
    ------
    InvalidInputError
        A negative seed, a cycle below 1, an unknown region name or an activity not above zero.
    """
    if seed < 0 or cycle_number < 1 or not scan_times_s:
        raise InvalidInputError("A demo patient needs a seed of 0 or more, a cycle of 1 or more, and a scan.")
    scale = dict(uptake_scale or {})
    unknown = set(scale) - {region.name for region in SOURCE_REGIONS}
    if unknown:
        raise InvalidInputError(f"The demo patient has no region {sorted(unknown)}.", code="unknown_region")
    between_patients = np.random.default_rng([seed, 11])
    energy_kev = get_nuclide(NUCLIDE).electron_energy_kev
    truth = {}
    for region in SOURCE_REGIONS:
        uptake, half_life = np.exp(RELATIVE_SPREAD * between_patients.standard_normal(2))
        factor = float(uptake) * scale.get(region.name, 1.0)
        curve = curve_from_half_lives(
            administered_activity_bq=administered_activity_bq,
            fractions=tuple(fraction * factor for fraction in region.fractions),
            effective_half_lives_s=tuple(value * float(half_life) for value in region.effective_half_lives_s),
        )
        truth[region.name] = _region_truth(region, curve=curve, electron_energy_kev=energy_kev)
    return DemoPatient(
        seed=seed,
        cycle_number=cycle_number,
        nuclide=NUCLIDE,
        administered_activity_bq=administered_activity_bq,
        scan_times_s=scan_times_s,
        poses=_poses(seed=seed, cycle_number=cycle_number, n_scans=len(scan_times_s)),
        regions=SOURCE_REGIONS,
        truth=truth,
    )


def _region_truth(region: SourceRegion, *, curve: ActivityCurve, electron_energy_kev: float) -> RegionTruth:
    return RegionTruth(
        name=region.name,
        kind=region.kind,
        centre_lps_mm=region.shape.centre_lps_mm,
        volume_ml=source_volume_ml(region),
        density_g_per_ml=region.density_g_per_ml,
        curve=curve,
        electron_energy_kev=electron_energy_kev,
    )


def _poses(*, seed: int, cycle_number: int, n_scans: int) -> tuple[RigidTransform, ...]:
    generator = np.random.default_rng([seed, cycle_number, 12])
    poses = [RigidTransform.identity()]
    for _ in range(n_scans - 1):
        shift = generator.uniform(-LARGEST_SHIFT_MM, LARGEST_SHIFT_MM, size=3)
        angles = np.radians(generator.uniform(-LARGEST_ROTATION_DEG, LARGEST_ROTATION_DEG, size=3))
        poses.append(
            RigidTransform.from_euler(
                angles_xyz_rad=(float(angles[0]), float(angles[1]), float(angles[2])),
                shift_lps_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
            )
        )
    return tuple(poses)
