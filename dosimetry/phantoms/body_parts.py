"""What a body is made of: a solid with its tissue, and the source region that it belongs to."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.solids import Solid


@dataclass(frozen=True, slots=True, kw_only=True)
class Tissue:
    """Density (g/mL), CT number without and with contrast agent (HU, portal venous), and texture (HU)."""

    density_g_per_ml: float
    hounsfield_units: float
    enhanced_hu: float
    texture_hu: float = 6.0


TISSUES = MappingProxyType(
    {
        "skin": Tissue(density_g_per_ml=1.09, hounsfield_units=10.0, enhanced_hu=15.0),
        "fat": Tissue(density_g_per_ml=0.95, hounsfield_units=-100.0, enhanced_hu=-98.0, texture_hu=8.0),
        "muscle": Tissue(density_g_per_ml=1.05, hounsfield_units=55.0, enhanced_hu=65.0, texture_hu=9.0),
        "soft": Tissue(density_g_per_ml=1.05, hounsfield_units=40.0, enhanced_hu=60.0),
        "liver": Tissue(density_g_per_ml=1.06, hounsfield_units=58.0, enhanced_hu=110.0, texture_hu=7.0),
        "spleen": Tissue(density_g_per_ml=1.06, hounsfield_units=50.0, enhanced_hu=120.0),
        "cortex": Tissue(density_g_per_ml=1.05, hounsfield_units=36.0, enhanced_hu=180.0),
        "medulla": Tissue(density_g_per_ml=1.05, hounsfield_units=30.0, enhanced_hu=140.0),
        "urine": Tissue(density_g_per_ml=1.01, hounsfield_units=8.0, enhanced_hu=12.0, texture_hu=2.0),
        "cyst": Tissue(density_g_per_ml=1.01, hounsfield_units=5.0, enhanced_hu=6.0, texture_hu=2.0),
        "ascites": Tissue(density_g_per_ml=1.01, hounsfield_units=10.0, enhanced_hu=12.0, texture_hu=3.0),
        "blood": Tissue(density_g_per_ml=1.06, hounsfield_units=45.0, enhanced_hu=150.0, texture_hu=3.0),
        "bowel": Tissue(density_g_per_ml=1.04, hounsfield_units=30.0, enhanced_hu=50.0, texture_hu=45.0),
        "gas": Tissue(density_g_per_ml=0.0012, hounsfield_units=-900.0, enhanced_hu=-900.0, texture_hu=20.0),
        "lung": Tissue(density_g_per_ml=0.26, hounsfield_units=-745.0, enhanced_hu=-735.0, texture_hu=35.0),
        "cortical": Tissue(density_g_per_ml=1.60, hounsfield_units=985.0, enhanced_hu=985.0, texture_hu=120.0),
        "spongiosa": Tissue(density_g_per_ml=1.15, hounsfield_units=210.0, enhanced_hu=220.0, texture_hu=45.0),
        "sclerosis": Tissue(density_g_per_ml=1.30, hounsfield_units=480.0, enhanced_hu=480.0, texture_hu=80.0),
        "disc": Tissue(density_g_per_ml=1.10, hounsfield_units=80.0, enhanced_hu=85.0),
        "canal": Tissue(density_g_per_ml=1.03, hounsfield_units=25.0, enhanced_hu=28.0),
        "brain": Tissue(density_g_per_ml=1.04, hounsfield_units=35.0, enhanced_hu=40.0),
        "tumour": Tissue(density_g_per_ml=1.05, hounsfield_units=42.0, enhanced_hu=75.0),
        "metal": Tissue(density_g_per_ml=4.43, hounsfield_units=3000.0, enhanced_hu=3000.0, texture_hu=0.0),
    }
)
"""Densities near ICRU Report 44 (1989); CT numbers at 120 kV as usually read; titanium alloy 4.43 g/mL."""

REST_REGION = "Rest of body"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatomyPart:
    """One solid of a body; later parts replace earlier ones where they overlap.

    Parameters
    ----------
    name : str
        Unique name.
    solid : Solid
        Where it is, before the patient's own deformation.
    tissue : str
        A key of ``TISSUES``.
    source_region : str
        Region whose activity it carries; ``Rest of body`` for all that has no name of its own.
    kind : RegionKind
        Organ, lesion or rest.
    """

    name: str
    solid: Solid
    tissue: str
    source_region: str = REST_REGION
    kind: RegionKind = RegionKind.REST


def organ(name: str, solid: Solid, tissue: str, *, region: str | None = None) -> AnatomyPart:
    """Return a part of an organ; the region has the part's name unless another is given."""
    return AnatomyPart(name=name, solid=solid, tissue=tissue, source_region=region or name, kind=RegionKind.ORGAN)


def paint_solid(labels: NDArray[np.uint8], points_lps_mm: NDArray[np.float64], solid: Solid, number: int) -> None:
    """Give a solid's number to the points inside it; points far from its box are left aside axis by axis.

    Parameters
    ----------
    labels : (n,) uint8 array
        Changed in place.
    points_lps_mm : (n, 3) float64 array
        In the frame of the solid, LPS mm.
    solid : Solid
        What is painted.
    number : int
        Its label, 1 to 255.
    """
    if not len(points_lps_mm):
        return
    low = np.asarray(solid.centre_lps_mm) - solid.half_size_lps_mm
    high = np.asarray(solid.centre_lps_mm) + solid.half_size_lps_mm
    if points_lps_mm[:, 2].max() < low[2] or points_lps_mm[:, 2].min() > high[2]:
        return
    near = np.arange(len(points_lps_mm))
    for axis in (1, 0, 2):
        along = points_lps_mm[near, axis]
        near = near[(along >= low[axis]) & (along <= high[axis])]
    if near.size:
        labels[near[solid.level(points_lps_mm[near]) <= 1.0]] = number
