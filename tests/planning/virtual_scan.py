"""One scan of a virtual patient in the worked case: CT and an imitated emission, true masks beside them."""

from functools import lru_cache

import numpy as np

from dosimetry.phantoms.training_emission import EmissionDraw, emission_image
from dosimetry.phantoms.virtual_anatomy import make_anatomy, paint_labels
from dosimetry.phantoms.virtual_ct import make_ct
from dosimetry.volume import Grid, Volume
from planning import models, storage
from planning.computation.grids import grid_to_dict
from planning.computation.volumes import ct_asset, emission_asset

GRID = Grid(shape_zyx=(96, 72, 112), spacing_xyz_mm=(4.4, 4.4, 4.4), origin_lps_mm=(-244.2, -156.2, -190.0))
FRAME = "1.2.826.0.1.3680043.8.498.11"
DRAW = EmissionDraw(fwhm_mm=9.0, overshoot=0.3, noise=0.06, noise_fwhm_mm=8.0, breathing_mm=2.0)


@lru_cache(maxsize=2)
def virtual_scan(seed: int = 21) -> tuple[Volume, Volume, dict[str, np.ndarray]]:
    """Return CT (HU), emission (Bq/mL) and the true mask of each region."""
    anatomy = make_anatomy(seed=seed, lesions=())
    labels = paint_labels(anatomy, grid=GRID)
    ct = make_ct(anatomy, labels, grid=GRID, seed=seed, frame_of_reference_uid=FRAME)
    values = emission_image(anatomy, labels, grid=GRID, generator=np.random.default_rng([seed, 1]), draw=DRAW)
    emission = Volume(values=values * np.float32(2e4), grid=GRID, unit="Bq/mL", frame_of_reference_uid=FRAME)
    regions = anatomy.region_labels(labels)
    truth = {name: regions == 1 + place for place, name in enumerate(anatomy.region_names)}
    return ct, emission, truth


def scan_added(worked, time_point: models.TimePoint, *, has_ct: bool = True) -> models.QuantifiedImage:
    """Give a time point of a worked case this scan as its image."""
    ct, emission, _ = virtual_scan()
    owner = {"site": worked.clinic.site, "patient": worked.patient}
    shown = models.VolumeAsset.objects.create(**owner, **emission_asset(emission, kind="spect"))
    fields = {
        "emission_sha256": storage.store_array(emission.values),
        "emission_grid": grid_to_dict(GRID),
        "emission_display": shown,
        "frame_of_reference_uid": FRAME,
        "label_grid": grid_to_dict(GRID),
    }
    if has_ct:
        fields |= {
            "ct_sha256": storage.store_array(ct.values),
            "ct_grid": grid_to_dict(GRID),
            "ct_display": models.VolumeAsset.objects.create(**owner, **ct_asset(ct)),
        }
    return worked.image(time_point, **fields)
