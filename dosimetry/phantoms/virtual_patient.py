"""A virtual patient: anatomy, biokinetics, movement between scans, and the truth about all of it."""

from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.acquisition import ScannerFaults, ScanProtocol
from dosimetry.phantoms.agents import THERAPY_SCANS_H, get_agent
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.biokinetics import BLADDER, REST, Biokinetics, draw_biokinetics
from dosimetry.phantoms.habitus import Habitus
from dosimetry.phantoms.protocols import PET_DURATION_S, PET_NUCLIDES, get_protocol
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.phantoms.virtual_anatomy import (
    LesionRequest,
    Variant,
    VirtualAnatomy,
    make_anatomy,
    paint_labels,
    region_volumes_ml,
)
from dosimetry.units import HOUR_S
from dosimetry.volume import Grid, RigidTransform

NO_FAULTS = ScannerFaults()
PIXEL_MM = 4.0
N_COLUMNS = 128
BED_MM = 400.0
"""Axial field of view of one bed, as of common large-field cameras."""
BED_OVERLAP_MM = 40.0
FINE_PER_PIXEL = 2
LARGEST_SHIFT_MM, LARGEST_ROTATION_DEG = 5.0, 1.5
USUAL_SCANS_H = THERAPY_SCANS_H
TRUTH_GRID_MM = 4.0
WHOLE_BODY_MM = 1240.0
"""Extent from mid-thigh to vertex on which volumes and total activity are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualPatientRequest:
    """What is asked for.

    Parameters
    ----------
    agent : str
        A name of ``AGENTS``.
    seed : int
        0 or above.
    scan_times_h : floats
        Mid-acquisition after administration, h, rising.
    habitus : Habitus or None
        None draws one.
    variants : frozenset of Variant
        What makes it harder.
    lesions : tuple of LesionRequest or None
        None draws them.
    administered_activity_bq : float or None
        None takes the agent's usual one.
    n_beds : int
        Bed positions of each SPECT, from the belly on towards the head.
    is_moving : bool
        Whether the patient lies differently in each scan.
    cycle_number : int
        1 or more. Movement and noise differ between cycles, anatomy and biokinetics stay.
    is_arms_up : bool
        Whether the arms lie above the head, out of most scans.
    line_kev : float or None
        Imaged photon line, keV; None takes the nuclide's usual one.
    faults : ScannerFaults
        Dead time and septal penetration of the camera.
    """

    agent: str = "DOTATATE"
    seed: int = 1
    scan_times_h: tuple[float, ...] = USUAL_SCANS_H
    habitus: Habitus | None = None
    variants: frozenset[Variant] = frozenset()
    lesions: tuple[LesionRequest, ...] | None = None
    administered_activity_bq: float | None = None
    n_beds: int = 1
    is_moving: bool = True
    cycle_number: int = 1
    is_arms_up: bool = True
    line_kev: float | None = None
    faults: ScannerFaults = NO_FAULTS

    def __post_init__(self) -> None:
        times = np.asarray(self.scan_times_h, dtype=float)
        if times.size == 0 or not np.all(np.isfinite(times)) or times[0] <= 0.0 or np.any(np.diff(times) <= 0.0):
            raise InvalidInputError("Scan times must be above zero and rising, in h.", code="bad_times")
        if not 1 <= self.n_beds <= 3:
            raise InvalidInputError(f"A SPECT has 1 to 3 beds; got {self.n_beds}.", code="bad_beds")
        if self.seed < 0 or self.cycle_number < 1:
            raise InvalidInputError("A virtual patient needs a seed of 0 or more and a cycle of 1 or more.")


@dataclass(frozen=True, kw_only=True)
class VirtualPatient:
    """A body whose activity is known at every time.

    Parameters
    ----------
    request : VirtualPatientRequest
        What it was made from.
    anatomy : VirtualAnatomy
        The body at the first scan.
    biokinetics : Biokinetics
        Curves of every region.
    poses : tuple of RigidTransform
        For each scan: maps points of the first scan to points of this one.
    volumes_ml : dict of region name to float
        Painted volumes over the whole body, mL.
    """

    request: VirtualPatientRequest
    anatomy: VirtualAnatomy
    biokinetics: Biokinetics
    poses: tuple[RigidTransform, ...]
    volumes_ml: dict[str, float]

    @property
    def nuclide(self) -> str:
        """Return the nuclide."""
        return get_agent(self.request.agent).nuclide

    @property
    def is_pet(self) -> bool:
        """Return whether the agent is imaged by PET."""
        return self.nuclide in PET_NUCLIDES

    @property
    def scan_duration_s(self) -> float:
        """Return the time at a bed, s."""
        return PET_DURATION_S if self.is_pet else self.protocol.duration_s

    @property
    def protocol(self) -> ScanProtocol:
        """Return how each bed of a SPECT is scanned."""
        chosen = get_protocol(self.nuclide, line_kev=self.request.line_kev)
        return ScanProtocol(
            nuclide=self.nuclide, fine_per_pixel=FINE_PER_PIXEL, **chosen, **asdict(self.request.faults)
        )

    @cached_property
    def scan_times_s(self) -> tuple[float, ...]:
        """Return the mid-acquisition times after administration, s."""
        return tuple(hours * HOUR_S for hours in self.request.scan_times_h)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the regions that carry activity of their own and are there, without the rest."""
        return tuple(name for name in self.biokinetics.curves if name != REST and self.volumes_ml.get(name, 0.0) > 0.0)

    def concentrations_bq_per_ml(self, scan: int) -> dict[str, float]:
        """Return the activity concentration of every region at a scan; regions without a curve share the rest's."""
        activities = self.biokinetics.activities_bq(self.scan_times_s[scan], scan=scan)
        sharing = [name for name in self.volumes_ml if name not in activities or name == REST]
        rest = activities[REST] / sum(self.volumes_ml[name] for name in sharing)
        return {
            name: activities[name] / volume if name in activities and name != REST else rest
            for name, volume in self.volumes_ml.items()
        }

    def activity_map(self, labels: NDArray[np.uint8], *, scan: int) -> NDArray[np.float32]:
        """Return the activity concentration of painted part labels at a scan, Bq/mL."""
        found = self.concentrations_bq_per_ml(scan)
        table = [0.0, *(found.get(name, 0.0) for name in self.anatomy.region_names)]
        return np.asarray(np.array(table, dtype=np.float32)[self.anatomy.region_labels(labels)])

    def fine_grid(self, bed: int = 0) -> Grid:
        """Return the voxels on which a bed is simulated: some along each pixel."""
        grid = self.spect_grid(bed)
        n = FINE_PER_PIXEL
        x, y, z = grid.origin_lps_mm
        step = PIXEL_MM / n
        back = 0.5 * (n - 1) * step
        n_z, n_y, n_x = grid.shape_zyx
        return Grid(
            shape_zyx=(n * n_z, n * n_y, n * n_x),
            spacing_xyz_mm=(step, step, step),
            origin_lps_mm=(x - back, y - back, z - back),
        )

    def spect_grid(self, bed: int = 0) -> Grid:
        """Return the voxels of a bed's SPECT: bed 0 over the belly, the next towards the head."""
        n_z = int(BED_MM / PIXEL_MM)
        grid = centred_grid(shape_zyx=(n_z, N_COLUMNS, N_COLUMNS), spacing_xyz_mm=(PIXEL_MM,) * 3)
        x, y, z = grid.origin_lps_mm
        shift = bed * (BED_MM - BED_OVERLAP_MM)
        return Grid(shape_zyx=grid.shape_zyx, spacing_xyz_mm=grid.spacing_xyz_mm, origin_lps_mm=(x, y, z + shift))


def make_virtual_patient(request: VirtualPatientRequest) -> VirtualPatient:
    """Make a patient; equal requests give equal patients on every machine.

    Raises
    ------
    InvalidInputError
        An unknown agent, no protocol for its nuclide or the line, a line or faults of a camera for PET, or
        anything that ``make_anatomy`` refuses.
    """
    agent = get_agent(request.agent)
    if agent.nuclide not in PET_NUCLIDES:
        get_protocol(agent.nuclide, line_kev=request.line_kev)
    elif request.line_kev is not None:
        raise InvalidInputError(f"{agent.name} is imaged by PET, which has no line to choose.", code="no_protocol")
    elif request.faults != NO_FAULTS:
        raise InvalidInputError(
            f"{agent.name} is imaged by PET; dead time and septa are a camera's.", code="no_protocol"
        )
    anatomy = make_anatomy(
        seed=request.seed,
        habitus=request.habitus,
        variants=request.variants,
        lesions=request.lesions,
        is_arms_up=request.is_arms_up,
    )
    n_z = int(WHOLE_BODY_MM / TRUTH_GRID_MM)
    whole = centred_grid(shape_zyx=(n_z, 160, 160), spacing_xyz_mm=(TRUTH_GRID_MM,) * 3)
    volumes = region_volumes_ml(anatomy, paint_labels(anatomy, grid=whole), grid=whole)
    lesions = tuple(name for name, kind in anatomy.kinds.items() if kind is RegionKind.LESION and name in volumes)
    biokinetics = draw_biokinetics(
        agent,
        regions_ml=volumes,
        lesions=lesions,
        seed=request.seed,
        n_scans=len(request.scan_times_h),
        administered_activity_bq=request.administered_activity_bq,
    )
    return VirtualPatient(
        request=request,
        anatomy=anatomy,
        biokinetics=biokinetics,
        poses=_poses(request),
        volumes_ml=volumes,
    )


def _poses(request: VirtualPatientRequest) -> tuple[RigidTransform, ...]:
    poses = [RigidTransform.identity()]
    cycle = [] if request.cycle_number == 1 else [request.cycle_number]
    generator = np.random.default_rng([request.seed, 61, *cycle])
    for _ in request.scan_times_h[1:]:
        shift = generator.uniform(-LARGEST_SHIFT_MM, LARGEST_SHIFT_MM, 3)
        angles = np.radians(generator.uniform(-LARGEST_ROTATION_DEG, LARGEST_ROTATION_DEG, 3))
        moved = RigidTransform.from_euler(
            angles_xyz_rad=(float(angles[0]), float(angles[1]), float(angles[2])),
            shift_lps_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
        )
        poses.append(moved if request.is_moving else RigidTransform.identity())
    return tuple(poses)


__all__ = ["BLADDER", "REST", "VirtualPatient", "VirtualPatientRequest", "make_virtual_patient"]
