"""The torso of the demo patient: shapes, tissues and how each source region takes up activity.

Sizes are those of an average adult, simplified to ellipsoids and cylinders; HU follow the densities of soft tissue and
bone. Coordinates are LPS mm with the origin in the middle of the trunk, patient lying on the back.
"""

from dataclasses import dataclass
from enum import StrEnum

from dosimetry.phantoms.shapes import Ellipsoid, EllipticCylinder, Shape
from dosimetry.units import HOUR_S

TORSO_HALF_LENGTH_MM = 164.0
AIR_HU = -1000.0
TISSUE_HU = {"fat": -95.0, "muscle": 45.0, "bowel and fat": -50.0, "lung": -760.0, "bone": 260.0, "canal": 20.0}


class RegionKind(StrEnum):
    """What a region is to the reader."""

    ORGAN = "organ"
    LESION = "lesion"
    REST = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tissue:
    """A part of the body that only the CT shows."""

    shape: Shape
    hounsfield_units: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRegion:
    """A region with activity of its own.

    Parameters
    ----------
    name : str
        Name shown to the reader.
    kind : RegionKind
        Organ, lesion, or the rest of the body.
    shape : Shape
        Outline; regions whose ``inside_of`` is this one are cut out of it.
    hounsfield_units, density_g_per_ml : float
        What the CT shows, and the density of the truth.
    fractions, effective_half_lives_s : floats
        Share of the administered activity and effective half-life (Lu-177) of each exponential.
    inside_of : str
        Name of the source region that holds it wholly; empty for none.
    """

    name: str
    kind: RegionKind
    shape: Shape
    hounsfield_units: float
    density_g_per_ml: float
    fractions: tuple[float, ...]
    effective_half_lives_s: tuple[float, ...]
    inside_of: str = "Rest of body"


BODY = EllipticCylinder(
    centre_lps_mm=(0.0, 0.0, 0.0), semi_axes_xy_mm=(172.0, 116.0), half_length_mm=TORSO_HALF_LENGTH_MM
)
LUNGS = tuple(
    Ellipsoid(centre_lps_mm=(x, -5.0, 172.0), semi_axes_mm=(58.0, 78.0, 78.0), angles_xyz_deg=(8.0, 0.0, 0.0))
    for x in (-82.0, 82.0)
)
SPINE = EllipticCylinder(
    centre_lps_mm=(0.0, 62.0, 0.0), semi_axes_xy_mm=(22.0, 18.0), half_length_mm=TORSO_HALF_LENGTH_MM
)
SPINAL_CANAL = EllipticCylinder(
    centre_lps_mm=(0.0, 87.0, 0.0), semi_axes_xy_mm=(9.0, 8.0), half_length_mm=TORSO_HALF_LENGTH_MM
)
MUSCLE_WALL = EllipticCylinder(
    centre_lps_mm=(0.0, 2.0, 0.0), semi_axes_xy_mm=(158.0, 103.0), half_length_mm=TORSO_HALF_LENGTH_MM
)
CAVITY = EllipticCylinder(
    centre_lps_mm=(0.0, -3.0, 0.0), semi_axes_xy_mm=(146.0, 88.0), half_length_mm=TORSO_HALF_LENGTH_MM
)

TISSUES = (
    Tissue(shape=BODY, hounsfield_units=TISSUE_HU["fat"]),
    Tissue(shape=MUSCLE_WALL, hounsfield_units=TISSUE_HU["muscle"]),
    Tissue(shape=CAVITY, hounsfield_units=TISSUE_HU["bowel and fat"]),
    *(Tissue(shape=lung, hounsfield_units=TISSUE_HU["lung"]) for lung in LUNGS),
    Tissue(shape=SPINE, hounsfield_units=TISSUE_HU["bone"]),
    Tissue(shape=SPINAL_CANAL, hounsfield_units=TISSUE_HU["canal"]),
)
"""Painted in this order, then the source regions."""

REST_OF_BODY = SourceRegion(
    name="Rest of body",
    kind=RegionKind.REST,
    shape=BODY,
    hounsfield_units=TISSUE_HU["muscle"],
    density_g_per_ml=1.0,
    fractions=(0.62, 0.055),
    effective_half_lives_s=(2.5 * HOUR_S, 56.0 * HOUR_S),
    inside_of="",
)
"""Everything of the torso that is no other source region; its short term is blood and urine in the first hours."""

ORGANS = (
    SourceRegion(
        name="Liver",
        kind=RegionKind.ORGAN,
        shape=Ellipsoid(
            centre_lps_mm=(-58.0, -18.0, 40.0), semi_axes_mm=(96.0, 76.0, 53.0), angles_xyz_deg=(0.0, -10.0, 0.0)
        ),
        hounsfield_units=51.0,
        density_g_per_ml=1.06,
        fractions=(0.058,),
        effective_half_lives_s=(64.0 * HOUR_S,),
    ),
    SourceRegion(
        name="Spleen",
        kind=RegionKind.ORGAN,
        shape=Ellipsoid(
            centre_lps_mm=(104.0, 34.0, 52.0), semi_axes_mm=(27.0, 38.0, 42.0), angles_xyz_deg=(20.0, 0.0, 10.0)
        ),
        hounsfield_units=51.0,
        density_g_per_ml=1.06,
        fractions=(0.021,),
        effective_half_lives_s=(68.0 * HOUR_S,),
    ),
    SourceRegion(
        name="Kidney left",
        kind=RegionKind.ORGAN,
        shape=Ellipsoid(
            centre_lps_mm=(66.0, 42.0, -54.0), semi_axes_mm=(25.0, 26.0, 57.0), angles_xyz_deg=(8.0, 10.0, 0.0)
        ),
        hounsfield_units=42.0,
        density_g_per_ml=1.05,
        fractions=(0.0165,),
        effective_half_lives_s=(52.0 * HOUR_S,),
    ),
    SourceRegion(
        name="Kidney right",
        kind=RegionKind.ORGAN,
        shape=Ellipsoid(
            centre_lps_mm=(-68.0, 44.0, -74.0), semi_axes_mm=(25.0, 25.0, 55.0), angles_xyz_deg=(8.0, -10.0, 0.0)
        ),
        hounsfield_units=42.0,
        density_g_per_ml=1.05,
        fractions=(0.0152,),
        effective_half_lives_s=(50.0 * HOUR_S,),
    ),
)

LESIONS = (
    SourceRegion(
        name="Liver lesion 1",
        kind=RegionKind.LESION,
        shape=Ellipsoid(centre_lps_mm=(-96.4, -22.3, 43.2), semi_axes_mm=(21.0, 19.0, 18.0)),
        hounsfield_units=38.0,
        density_g_per_ml=1.05,
        fractions=(0.0096,),
        effective_half_lives_s=(104.0 * HOUR_S,),
        inside_of="Liver",
    ),
    SourceRegion(
        name="Liver lesion 2",
        kind=RegionKind.LESION,
        shape=Ellipsoid(centre_lps_mm=(-41.3, 17.1, 33.4), semi_axes_mm=(15.0, 15.0, 15.0)),
        hounsfield_units=38.0,
        density_g_per_ml=1.05,
        fractions=(0.0051,),
        effective_half_lives_s=(92.0 * HOUR_S,),
        inside_of="Liver",
    ),
    SourceRegion(
        name="Liver lesion 3",
        kind=RegionKind.LESION,
        shape=Ellipsoid(centre_lps_mm=(-22.6, -44.3, 46.9), semi_axes_mm=(11.5, 11.0, 11.0)),
        hounsfield_units=38.0,
        density_g_per_ml=1.05,
        fractions=(0.0017,),
        effective_half_lives_s=(80.0 * HOUR_S,),
        inside_of="Liver",
    ),
    SourceRegion(
        name="Bone lesion 1",
        kind=RegionKind.LESION,
        shape=Ellipsoid(centre_lps_mm=(-1.2, 61.3, -22.7), semi_axes_mm=(15.0, 14.0, 14.0)),
        hounsfield_units=290.0,
        density_g_per_ml=1.18,
        fractions=(0.0028, -0.0026),
        effective_half_lives_s=(88.0 * HOUR_S, 3.0 * HOUR_S),
    ),
)

SOURCE_REGIONS = (REST_OF_BODY, *ORGANS, *LESIONS)
"""Painted in this order: a lesion replaces the organ that holds it."""


def source_volume_ml(region: SourceRegion, *, regions: tuple[SourceRegion, ...] = SOURCE_REGIONS) -> float:
    """Return the volume of a region without the regions inside it, in mL (exact).

    Lungs and spine belong to the rest of the body.
    """
    return region.shape.volume_ml - sum(other.shape.volume_ml for other in regions if other.inside_of == region.name)
