"""Projection and reconstruction: speed, and agreement with PyTomography on the same object.

Usage: python benchmarks/spect_projector.py [PYTHON_WITH_PYTOMOGRAPHY]

The peer runs in an interpreter of its own (pip install torch pytomography in another environment), because its
dependencies are not ours. Without it only our own figures are measured. Both see the same object, attenuation map and
resolution; PyTomography 3.4 turns by linear interpolation, ours by exact overlap.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

N_VIEWS = {64: 60, 128: 120}
SPACING_MM = {64: 6.4, 128: 3.2}
RADIUS_MM = 230.0
HOLE_MM, LENGTH_MM, INTRINSIC_MM = 2.94, 38.9, 3.1
MU_PER_MM = 0.0136
REPEATS = 5


def phantom(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return activity in Bq/mL and attenuation in 1/mm of a body with two spheres, (z, y, x)."""
    z, y, x = (np.mgrid[:n, :n, :n] - 0.5 * (n - 1)) * SPACING_MM[n]
    body = ((x / 160.0) ** 2 + (y / 110.0) ** 2 <= 1.0) & (np.abs(z) < 150.0)
    activity = 1e3 * body
    for centre, radius_mm, value in (((60.0, 20.0, 10.0), 30.0, 2e4), ((-70.0, -30.0, -40.0), 18.0, 4e4)):
        inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2 <= radius_mm**2
        activity = np.where(inside, value, activity)
    return activity.astype(np.float32), (MU_PER_MM * body).astype(np.float32)


def peer(folder: Path) -> None:
    """Run PyTomography on the case of a folder; called in the other interpreter."""
    import torch
    from pytomography.algorithms import OSEM
    from pytomography.likelihoods import PoissonLogLikelihood
    from pytomography.metadata.SPECT import SPECTObjectMeta, SPECTProjMeta, SPECTPSFMeta
    from pytomography.projectors.SPECT import SPECTSystemMatrix
    from pytomography.transforms.SPECT import SPECTAttenuationTransform, SPECTPSFTransform

    case = np.load(folder / "case.npz")
    n = case["activity"].shape[0]
    spacing_cm = SPACING_MM[n] / 10.0
    angles = 360.0 / N_VIEWS[n] * np.arange(N_VIEWS[n])
    object_meta = SPECTObjectMeta([spacing_cm] * 3, [n] * 3)
    proj_meta = SPECTProjMeta((n, n), [spacing_cm] * 2, angles, radii=np.full(angles.size, RADIUS_MM / 10.0))
    psf = SPECTPSFMeta(
        (HOLE_MM / 10.0, LENGTH_MM / 10.0, INTRINSIC_MM / 10.0),
        sigma_fit=lambda r, g, length, inner: np.sqrt((g * (length + r) / length) ** 2 + inner**2) / 2.354820045,
    )

    def tensor(name: str, scale: float = 1.0) -> "torch.Tensor":
        return torch.tensor(np.ascontiguousarray(case[name].transpose(2, 1, 0)) * np.float32(scale))

    system = SPECTSystemMatrix(
        [SPECTAttenuationTransform(tensor("mu", 10.0)), SPECTPSFTransform(psf)], [], object_meta, proj_meta
    )
    activity = tensor("activity")
    times = []
    for _ in range(REPEATS if n == 64 else 1):
        start = time.perf_counter()
        projections = system.forward(activity)
        times.append(time.perf_counter() - start)
    result = {"forward_s": median(times), "threads": torch.get_num_threads()}
    np.save(folder / "peer.npy", projections.numpy())
    if n == 64:
        likelihood = PoissonLogLikelihood(system, projections)
        start = time.perf_counter()
        OSEM(likelihood)(n_iters=1, n_subsets=10)
        result["osem_iteration_s"] = time.perf_counter() - start
    (folder / "peer.json").write_text(json.dumps(result))


def ours(n: int):
    from dosimetry.reconstruction.collimator import Collimator
    from dosimetry.reconstruction.orbit import circular_orbit
    from dosimetry.reconstruction.projector import Projector
    from dosimetry.volume import Grid

    activity, mu = phantom(n)
    projector = Projector(
        grid=Grid(shape_zyx=(n, n, n), spacing_xyz_mm=(SPACING_MM[n],) * 3, origin_lps_mm=(0.0, 0.0, 0.0)),
        orbit=circular_orbit(n_views=N_VIEWS[n], radius_mm=RADIUS_MM),
        collimator=Collimator(
            name="ME", hole_diameter_mm=HOLE_MM, effective_length_mm=LENGTH_MM, intrinsic_fwhm_mm=INTRINSIC_MM
        ),
        mu_per_mm=mu,
    )
    projector.forward(activity)
    return projector, activity, mu


def timed(work, repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)


def compare(n: int, python: str) -> None:
    projector, activity, mu = ours(n)
    forward_s = timed(lambda: projector.forward(activity))
    ones = np.ones(projector.projections_shape)
    back_s = timed(lambda: projector.back_project(ones))
    print(f"{n}^3, {N_VIEWS[n]} views: forward {forward_s:.3f} s, back {back_s:.3f} s")
    if not python:
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "case.npz", activity=activity, mu=mu)
        subprocess.run([python, __file__, "--peer", name], check=True, stderr=subprocess.DEVNULL)
        theirs = json.loads((folder / "peer.json").read_text())
        other = np.load(folder / "peer.npy").transpose(0, 2, 1) * projector.grid.voxel_volume_ml
    mine = projector.forward(activity)
    print(f"  PyTomography forward {theirs['forward_s']:.3f} s, ratio {theirs['forward_s'] / forward_s:.1f}")
    best = same_convention(other, mine)
    is_bright = mine > 0.2 * mine.max()
    difference = best[is_bright] / mine[is_bright] - 1.0
    print(
        f"  total {best.sum() / mine.sum() - 1.0:+.2%}; pixels above 20 %: mean {difference.mean():+.2%}, "
        f"root mean square {np.sqrt(np.mean(difference**2)):.2%}; "
        f"sum of absolute differences {np.abs(best - mine).sum() / mine.sum():.2%}"
    )
    if "osem_iteration_s" in theirs:
        from dosimetry.reconstruction.osem import OsemOptions, reconstruct

        options = OsemOptions(n_iterations=1, n_subsets=10)
        mine_s = timed(lambda: reconstruct(mine, projector=projector, options=options), 3)
        print(
            f"  one OSEM iteration of 10 subsets: {mine_s:.2f} s, PyTomography {theirs['osem_iteration_s']:.2f} s, "
            f"ratio {theirs['osem_iteration_s'] / mine_s:.1f}"
        )


def same_convention(other: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Return the peer's views in our order: it counts angles from another side and columns from another end."""
    n = mine.shape[0]
    views = [(sign * np.arange(n) + shift) % n for sign in (1, -1) for shift in (0, n // 4, n // 2, 3 * n // 4)]
    candidates = [other[v][:, :, ::step] for v in views for step in (1, -1)]
    return min(candidates, key=lambda p: float(np.abs(p - mine).sum()))


def whole_reconstruction() -> None:
    from dosimetry.reconstruction.osem import OsemOptions, reconstruct

    projector, activity, _ = ours(128)
    counts = np.random.default_rng(1).poisson(projector.forward(activity) * 2e-3)
    start = time.perf_counter()
    reconstruct(counts, projector=projector, options=OsemOptions(n_iterations=5, n_subsets=10))
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"OSEM 128^3, 120 views, 5 x 10: {time.perf_counter() - start:.1f} s, largest memory {peak_gb:.2f} GB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer(Path(sys.argv[2]))
    else:
        whole_reconstruction()
        interpreter = sys.argv[1] if len(sys.argv) > 1 else ""
        for size in (64, 128):
            compare(size, interpreter)
