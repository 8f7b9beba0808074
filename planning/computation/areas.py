"""Numbers of an image in an area that a hand draws on a slice. Light enough for the web process."""

import gzip
from dataclasses import dataclass

import numpy as np

from dosimetry.segmentation.area import Plane, Spread, area_mask, spread_in
from dosimetry.segmentation.regions import RegionMeasurement, measure_region
from dosimetry.volume import Grid, Volume
from planning import storage
from planning.computation.grids import grid_from_dict
from planning.models import QuantifiedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaMeasurement:
    """Activity as contours are measured, its spread over the emission voxels, and the CT as shown (None without)."""

    emission: RegionMeasurement
    spread: Spread
    ct: Spread | None


def measured_area(*, image: QuantifiedImage, plane: Plane, points_lps_mm: list[list[float]]) -> AreaMeasurement:
    """Measure one slice of the display grid within a closed line."""
    grid = grid_from_dict(image.label_grid)
    mask = area_mask(np.array(points_lps_mm, dtype=np.float64), plane=plane, grid=grid)
    emission = Volume(
        values=storage.load_array(image.emission_sha256), grid=grid_from_dict(image.emission_grid), unit="Bq/mL"
    )
    shown_ct = _shown_ct(image)
    return AreaMeasurement(
        emission=measure_region(mask, grid, emission),
        spread=spread_in(mask, grid, emission),
        ct=None if shown_ct is None else spread_in(mask, grid, shown_ct),
    )


def _shown_ct(image: QuantifiedImage) -> Volume | None:
    """Return the display copy of the CT, in HU: what the hand drew on."""
    asset = image.ct_display
    if asset is None:
        return None
    header = asset.header
    n_x, n_y, n_z = header["dimensions"]
    grid = Grid(
        shape_zyx=(n_z, n_y, n_x),
        spacing_xyz_mm=tuple(header["spacing_mm"]),
        origin_lps_mm=tuple(header["origin_lps_mm"]),
        direction=tuple(header["direction"]),
    )
    with storage.open_object(asset.object_sha256) as stored:
        raw = gzip.decompress(stored.read())
    values = np.frombuffer(raw, dtype=np.int16).reshape(grid.shape_zyx)
    return Volume(values=values, grid=grid, unit="HU")
