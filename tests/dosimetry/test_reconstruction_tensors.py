"""The projector on tensors does what the compiled one does, both ways, and reconstructs the same image."""

import numpy as np
import pytest

from dosimetry.compute import tensor_backend
from dosimetry.reconstruction.collimator import Collimator
from dosimetry.reconstruction.orbit import circular_orbit
from dosimetry.reconstruction.osem import OsemOptions, reconstruct
from dosimetry.reconstruction.projector import Projector, to_columns
from dosimetry.reconstruction.tensors import TensorProjector
from dosimetry.volume import Grid

SHAPE, VIEWS = (7, 18, 18), 10


def system(**changes) -> Projector:
    generator = np.random.default_rng(2)
    settings = {
        "grid": Grid(shape_zyx=SHAPE, spacing_xyz_mm=(6.0, 6.0, 5.0), origin_lps_mm=(0.0, 0.0, 0.0)),
        "orbit": circular_orbit(n_views=VIEWS, radius_mm=150.0, start_deg=7.0),
        "collimator": Collimator(
            name="HE",
            hole_diameter_mm=4.0,
            effective_length_mm=50.0,
            intrinsic_fwhm_mm=3.0,
            penetration_share=0.2,
            penetration_fwhm_mm=50.0,
        ),
        "mu_per_mm": generator.uniform(0.0, 0.02, SHAPE),
        "counts_per_bq": tuple(generator.uniform(0.5, 2.0, VIEWS)),
    }
    return Projector(**{**settings, **changes})


def on_tensors(projector: Projector) -> TensorProjector:
    backend = tensor_backend("torch_cpu")
    assert backend is not None
    return TensorProjector(projector=projector, backend=backend)


@pytest.mark.parametrize("changes", [{}, {"mu_per_mm": None}, {"collimator": None}])
def test_views_and_their_transpose_are_those_of_the_compiled_code(changes):
    projector = system(**changes)
    tensors = on_tensors(projector)
    generator = np.random.default_rng(4)
    columns = to_columns(generator.random(SHAPE))
    projection = generator.random((18, 7)).astype(np.float32)
    for view in (0, 3, 9):
        forward = tensors.forward(tensors.tensor(columns), view).numpy()
        # Sums in another order, in single precision.
        assert forward == pytest.approx(projector.forward_view(columns, view), rel=2e-5, abs=1e-5)
        back = projector.empty_columns()
        projector.back_view(projection, view, back)
        assert tensors.back(tensors.tensor(projection), view).numpy() == pytest.approx(back, rel=2e-5, abs=1e-5)


def test_the_transpose_is_exact():
    tensors = on_tensors(system())
    generator = np.random.default_rng(5)
    image, projection = generator.random((18 * 18, 7)), generator.random((18, 7))
    left = float((tensors.forward(tensors.tensor(image), 2).double().numpy() * projection).sum())
    right = float((image * tensors.back(tensors.tensor(projection), 2).double().numpy()).sum())
    assert left == pytest.approx(right, rel=1e-5)


def test_both_devices_reconstruct_the_same_image():
    projector = system(counts_per_bq=(20.0,) * VIEWS)
    generator = np.random.default_rng(6)
    counts = generator.poisson(projector.forward(generator.random(SHAPE)) + 1.0)
    scatter = np.ones(projector.projections_shape)
    options = OsemOptions(n_iterations=2, n_subsets=5)
    images = [
        reconstruct(counts, projector=projector, options=options, additive_counts=scatter, device=device)
        for device in ("cpu", "torch_cpu")
    ]
    first, second = (image.activity_bq_per_ml for image in images)
    # Ten multiplicative updates in single precision.
    assert second == pytest.approx(first, rel=1e-3, abs=1e-4 * float(first.max()))
