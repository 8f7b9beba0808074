"""Rigid registration of two time points by mutual information, coarse to fine, the same on every run."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the customary name
from numpy.typing import NDArray

from dosimetry.dicomio.findings import Finding
from dosimetry.errors import FitError
from dosimetry.volume import RigidTransform, Volume

LEVELS_MM = (12.0, 8.0, 5.0)
WORKING_SPACING_MM = 2.5
"""Voxels of a CT are averaged to about this length before it is registered."""
N_ITERATIONS = 120
REPORT_EVERY_S = 0.2
N_BINS = 40
SEED = 20260101
LARGE_SHIFT_MM = 100.0
LARGE_ANGLE_DEG = 20.0
HU_RANGE = (-1000.0, 1500.0)

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationResult:
    """A rigid registration and how it went.

    Parameters
    ----------
    transform : RigidTransform
        Points of the fixed frame to the moving frame.
    method : str
        What was registered to what.
    metric_value, initial_metric_value : float
        Mattes mutual information after and before, higher is better.
    n_iterations : int
        Over all levels.
    findings : tuple of Finding
        Doubts.
    """

    transform: RigidTransform
    method: str
    metric_value: float
    initial_metric_value: float
    n_iterations: int
    findings: tuple[Finding, ...]


def register_rigid(
    *,
    fixed: Volume,
    moving: Volume,
    fixed_ct: Volume | None = None,
    moving_ct: Volume | None = None,
    initial: RigidTransform | None = None,
    progress: Progress | None = None,
) -> RegistrationResult:
    """Find rotation and shift that align two time points.

    CT is registered to CT where both have one, otherwise emission to emission in square-root scale, which tames the
    range of activity. The start is the best of identity (when the frames overlap), centres of mass, and ``initial``.
    Sampling is regular and seeded, so that equal input gives equal output.

    Parameters
    ----------
    fixed, moving : Volume
        Activity concentrations; frames of reference may differ.
    fixed_ct, moving_ct : Volume or None
        CT of each, in the frame of its emission image.
    initial : RigidTransform or None
        Additional start.
    progress : callable (fraction, message) or None
        Called at each iteration.

    Returns
    -------
    RegistrationResult
        Transform and quality of the optimisation.

    Raises
    ------
    FitError
        The images do not overlap or the optimisation fails; align by hand and start again.

    References
    ----------
    .. [1] Mattes et al., PET-CT image registration in the chest, IEEE Trans. Med. Imaging 22 (2003) 120-128.
    """
    uses_ct = fixed_ct is not None and moving_ct is not None
    if fixed_ct is not None and moving_ct is not None:
        fixed_image, moving_image = _ct_image(fixed_ct), _ct_image(moving_ct)
    else:
        fixed_image, moving_image = _emission_image(fixed), _emission_image(moving)
    starts = _starts(fixed, moving, initial)
    try:
        start = _best_start(fixed_image, moving_image, starts)
        transform, n_iterations = _optimise(fixed_image, moving_image, start, progress)
        start_value, value = _values(fixed_image, moving_image, (start, transform))
    except RuntimeError:
        raise FitError(
            "Registration found no overlap between the two scans; move the images by hand, then start again.",
            code="registration_failed",
        ) from None
    if value < start_value:
        transform, value = start, start_value
    rigid = _to_rigid(transform)
    return RegistrationResult(
        transform=rigid,
        method="CT to CT" if uses_ct else "emission to emission",
        metric_value=value,
        initial_metric_value=start_value,
        n_iterations=n_iterations,
        findings=_findings(rigid, fixed),
    )


def _to_sitk(values: NDArray[np.float32], volume: Volume) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(values))
    image.SetSpacing(volume.grid.spacing_xyz_mm)
    image.SetOrigin(volume.grid.origin_lps_mm)
    image.SetDirection(volume.grid.direction)
    return image


def _emission_image(volume: Volume) -> sitk.Image:
    values = np.sqrt(np.maximum(volume.values.astype(np.float32), 0.0))
    top = float(np.quantile(values[::2, ::2, ::2], 0.9995)) or 1.0
    return _to_sitk(np.minimum(values / top, 1.0).astype(np.float32), volume)


def _ct_image(volume: Volume) -> sitk.Image:
    values = np.clip(volume.values, *HU_RANGE).astype(np.float32)
    values -= np.float32(HU_RANGE[0])
    values /= np.float32(HU_RANGE[1] - HU_RANGE[0])
    image = _to_sitk(values, volume)
    # Every level smooths by at least half of 5 mm: finer voxels cost a hundred times the work and tell nothing.
    return sitk.BinShrink(image, [max(round(WORKING_SPACING_MM / step), 1) for step in image.GetSpacing()])


def _centre_of_mass_lps_mm(volume: Volume) -> NDArray[np.float64]:
    values = np.sqrt(np.maximum(volume.values[::2, ::2, ::2].astype(np.float64), 0.0))
    total = values.sum()
    if total <= 0.0:
        raise FitError("A scan holds no activity; registration has nothing to align.", code="no_activity")
    axes = [np.arange(n) * 2.0 for n in values.shape]
    centre = [float((values.sum(axis=tuple(j for j in range(3) if j != i)) * axes[i]).sum() / total) for i in range(3)]
    return volume.grid.index_to_lps_mm(np.array(centre))


def _starts(fixed: Volume, moving: Volume, initial: RigidTransform | None) -> list[sitk.Euler3DTransform]:
    centre = _centre_of_mass_lps_mm(fixed)
    shift = _centre_of_mass_lps_mm(moving) - centre
    starts = []
    for offset in (np.zeros(3), shift, np.array([0.0, 0.0, shift[2]])):
        transform = sitk.Euler3DTransform()
        transform.SetCenter(centre.tolist())
        transform.SetTranslation(offset.tolist())
        starts.append(transform)
    if initial is not None:
        matrix = initial.as_array()
        transform = sitk.Euler3DTransform()
        transform.SetCenter(centre.tolist())
        transform.SetMatrix(matrix[:3, :3].ravel().tolist(), 1e-6)
        transform.SetTranslation((matrix[:3, :3] @ centre + matrix[:3, 3] - centre).tolist())
        starts.append(transform)
    return starts


def _shrunk(image: sitk.Image, level_mm: float) -> sitk.Image:
    factors = [max(round(level_mm / step), 1) for step in image.GetSpacing()]
    smooth = sitk.SmoothingRecursiveGaussian(image, [0.5 * level_mm] * 3)
    return sitk.Shrink(smooth, factors)


def _method(level_mm: float) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(N_BINS)
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    # One thread: sums of several end in another order each time, and equal input must give equal output.
    method.SetGlobalDefaultNumberOfThreads(1)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=level_mm / 2.0, minStep=0.01, numberOfIterations=N_ITERATIONS, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def _best_start(fixed: sitk.Image, moving: sitk.Image, starts: list[sitk.Euler3DTransform]) -> sitk.Euler3DTransform:
    coarse_fixed, coarse_moving = _shrunk(fixed, LEVELS_MM[0]), _shrunk(moving, LEVELS_MM[0])
    best: tuple[sitk.Euler3DTransform, float] | None = None
    for start in starts:
        method = _method(LEVELS_MM[0])
        method.SetInitialTransform(sitk.Euler3DTransform(start))
        try:
            value = -float(method.MetricEvaluate(coarse_fixed, coarse_moving))
        except RuntimeError:
            continue
        if best is None or value > best[1]:
            best = (start, value)
    if best is None:
        raise RuntimeError("no start overlaps")
    return best[0]


def _optimise(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.Euler3DTransform, progress: Progress | None
) -> tuple[sitk.Euler3DTransform, int]:
    transform = sitk.Euler3DTransform(start)
    n_total = 0
    for i_level, level_mm in enumerate(LEVELS_MM):
        level_fixed, level_moving = _shrunk(fixed, level_mm), _shrunk(moving, level_mm)
        method = _method(level_mm)
        method.SetInitialTransform(transform, inPlace=True)
        _execute(method, level_fixed, level_moving, report=_reporter(progress, i_level))
        n_total += int(method.GetOptimizerIteration())
    return transform, n_total


def _values(fixed: sitk.Image, moving: sitk.Image, transforms: tuple[sitk.Euler3DTransform, ...]) -> tuple[float, ...]:
    """Return the metric at the finest level; at coarse ones a wrong pose can score better than the right one."""
    fine_fixed, fine_moving = _shrunk(fixed, LEVELS_MM[-1]), _shrunk(moving, LEVELS_MM[-1])
    values = []
    for transform in transforms:
        method = _method(LEVELS_MM[-1])
        method.SetInitialTransform(sitk.Euler3DTransform(transform))
        values.append(-float(method.MetricEvaluate(fine_fixed, fine_moving)))
    return tuple(values)


def _reporter(progress: Progress | None, i_level: int) -> Callable[[int], None]:
    def report(iteration: int) -> None:
        if progress is not None:
            share = min(iteration / N_ITERATIONS, 1.0)
            progress((i_level + share) / len(LEVELS_MM), f"Level {i_level + 1} of {len(LEVELS_MM)}")

    return report


def _execute(
    method: sitk.ImageRegistrationMethod, fixed: sitk.Image, moving: sitk.Image, *, report: Callable[[int], None]
) -> None:
    """Optimise on a thread of its own; ``report`` may raise to cancel, which must not happen inside the optimiser."""
    now = {"iteration": 0, "is_unwanted": False}

    def step() -> None:
        now["iteration"] = method.GetOptimizerIteration()
        if now["is_unwanted"]:
            method.StopRegistration()

    method.AddCommand(sitk.sitkIterationEvent, step)
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(method.Execute, fixed, moving)
        try:
            while not running.done():
                wait([running], timeout=REPORT_EVERY_S)
                report(now["iteration"])
        finally:
            now["is_unwanted"] = True  # the pool waits for at most one more iteration
    running.result()


def _to_rigid(transform: sitk.Euler3DTransform) -> RigidTransform:
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    u, _, v = np.linalg.svd(rotation)
    rotation = u @ v
    centre, shift = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = centre + shift - rotation @ centre
    return RigidTransform.from_array(matrix)


def _findings(transform: RigidTransform, fixed: Volume) -> tuple[Finding, ...]:
    findings = []
    size = np.asarray(fixed.grid.shape_zyx, dtype=float) - 1.0
    centre = fixed.grid.index_to_lps_mm(0.5 * size)
    shift_mm = float(np.linalg.norm(transform.apply(centre) - centre))
    if shift_mm > LARGE_SHIFT_MM:
        text = f"The scans lie {shift_mm:.0f} mm apart; check that both show the same part of the patient."
        findings.append(Finding(code="large_shift", level="ask", message=text))
    if transform.rotation_angle_deg > LARGE_ANGLE_DEG:
        text = f"The rotation is {transform.rotation_angle_deg:.0f}°; check for a flip."
        findings.append(Finding(code="large_rotation", level="ask", message=text))
    return tuple(findings)
