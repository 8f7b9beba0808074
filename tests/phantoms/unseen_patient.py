"""A virtual patient that the shipped organ network never saw: CT, imitated emission, true regions."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from dosimetry.nn.cards import released
from dosimetry.nn.weights import load_network
from dosimetry.phantoms.body_parts import organ
from dosimetry.phantoms.organs import Variant
from dosimetry.phantoms.shapes import Ellipsoid
from dosimetry.phantoms.training_emission import EmissionDraw, emission_image, part_concentrations
from dosimetry.phantoms.virtual_anatomy import make_anatomy, paint_labels
from dosimetry.phantoms.virtual_ct import make_ct
from dosimetry.segmentation.learned import learned_contours
from dosimetry.volume import Grid, Volume

BED = Grid(shape_zyx=(96, 72, 112), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-222.0, -142.0, -170.0))
DRAW = EmissionDraw(fwhm_mm=9.0, overshoot=0.3, noise=0.08, noise_fwhm_mm=8.0, breathing_mm=3.0)
SEED = 23
LOOP = organ(
    "Bowel loop",
    Ellipsoid(centre_lps_mm=(64.0, 4.0, -78.0), semi_axes_mm=(18.0, 15.0, 38.0)),
    "bowel",
    region="Bowel",
)
"""In front of the left kidney and touching it; its activity is that of the cortex."""


@lru_cache(maxsize=1)
def network():
    weights = released("organs")
    return load_network(weights.path, digest=weights.digest)


@lru_cache(maxsize=4)
def patient(variant: Variant | None = None, *, has_loop: bool = False):
    """Return CT, emission and the true mask of each region."""
    anatomy = make_anatomy(seed=SEED, variants=frozenset() if variant is None else frozenset({variant}), lesions=())
    if has_loop:
        anatomy = replace(anatomy, parts=(*anatomy.parts, LOOP))
    labels = paint_labels(anatomy, grid=BED)
    regions = anatomy.region_labels(labels)
    truth = {name: regions == 1 + place for place, name in enumerate(anatomy.region_names)}
    ct = make_ct(anatomy, labels, grid=BED, seed=SEED)
    generator = np.random.default_rng(SEED)
    concentrations = part_concentrations(anatomy, generator)
    if has_loop:
        cortex = next(place for place, part in enumerate(anatomy.parts, 1) if part.name == "Kidney left cortex")
        concentrations[-1] = concentrations[cortex]
    values = emission_image(anatomy, labels, grid=BED, generator=generator, draw=DRAW, concentrations=concentrations)
    return ct, Volume(values=values, grid=BED, unit="Bq/mL"), truth


def drawn(*, onto: Grid = BED, **images):
    """Return what the network draws, by name."""
    return {contour.name: contour for contour in learned_contours(network=network(), onto=onto, **images)}
