"""SPECT projections (NM TOMO) as the camera stored them: counts, windows, angles, radii."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dosimetry.dicomio.findings import Finding
from dosimetry.dicomio.headers import items_of, number_of, numbers_of, text_of, value_of
from dosimetry.dicomio.pixels import read_stored_values
from dosimetry.dicomio.posture import require_head_first_supine
from dosimetry.dicomio.series import Series
from dosimetry.errors import InsufficientDataError, InvalidInputError, UnsupportedDicomError

IntArray = NDArray[np.int64]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NmProjections:
    """Projections of one acquisition, views in order of their angle.

    Parameters
    ----------
    counts : (n_windows, n_views, n_rows, n_columns) float32 array
        As stored; the first row is the lowest (towards the feet).
    windows_kev : tuple of (low, high)
        Limits of each energy window.
    angles_deg, radii_mm : (n_views,) tuples of float
        Detector of each view: zero at the patient's back, 90 degrees at the left side; distance from the axis.
    pixel_mm : (column, row) float
        Size of a pixel.
    view_duration_s : float
        Time at each view.
    n_heads : int
        Heads that counted together.
    lowest_row_z_mm : float or None
        LPS z of the first row's middle; None where the header states no position.
    series : Series
        Header facts.
    findings : tuple of Finding
        What is missing or doubtful.
    """

    counts: Float32Array
    windows_kev: tuple[tuple[float, float], ...]
    angles_deg: tuple[float, ...]
    radii_mm: tuple[float, ...]
    pixel_mm: tuple[float, float]
    view_duration_s: float
    n_heads: int
    lowest_row_z_mm: float | None
    series: Series
    findings: tuple[Finding, ...]


def read_projections(series: Series) -> NmProjections:
    """Read the projections of an NM object.

    Parameters
    ----------
    series : Series
        Of kind ``projections``, one file.

    Returns
    -------
    NmProjections
        Frames put in order by the energy-window, detector, rotation and angular-view vectors.

    Raises
    ------
    UnsupportedDicomError
        Another kind, gated or dynamic frames, a patient who does not lie head first on the back.
    InsufficientDataError
        No energy window, angle, radius, pixel size or duration is stated.
    InvalidInputError
        The vectors do not number the frames, two heads state the same angles, views of the stated arc are missing, or
        the file cannot be decoded.

    References
    ----------
    .. [1] DICOM PS3.3 C.8.4.8 NM multi-frame, C.8.4.11 NM detector, C.8.4.12 NM TOMO acquisition.
    """
    if series.kind != "projections":
        raise UnsupportedDicomError("This series holds no SPECT projections.", code="not_projections")
    if series.n_instances != 1:
        raise UnsupportedDicomError(
            f"Projections in {series.n_instances} files are not read; send them as one NM object.", code="several_files"
        )
    stored, header = read_stored_values(series.paths[0])
    require_head_first_supine(header)
    windows = _windows(header)
    frames = _Frames.read(header, n_frames=stored.shape[0])
    angles, radii = _orbit(header, frames)
    _require_whole_arc(header, frames, angles)
    order = np.lexsort((frames.view, frames.detector, np.mod(angles, 360.0), frames.window))
    n_views = stored.shape[0] // len(windows)
    if not np.array_equal(np.bincount(frames.window, minlength=len(windows)), np.full(len(windows), n_views)):
        raise InvalidInputError(
            f"{stored.shape[0]} frames do not fill {len(windows)} energy windows evenly; frames are missing.",
            code="missing_frames",
        )
    counts = stored[order].reshape(len(windows), n_views, *stored.shape[1:]).astype(np.float32)
    spacing = numbers_of(header, "PixelSpacing", 2)
    if spacing is None or min(spacing) <= 0.0:
        raise InsufficientDataError("The projections state no pixel size.", code="no_geometry")
    first = order[:n_views]
    z, findings = _lowest_row(header, n_rows=stored.shape[1], row_mm=spacing[0])
    return NmProjections(
        counts=np.ascontiguousarray(counts[:, :, ::-1]),
        windows_kev=windows,
        angles_deg=tuple(float(a) for a in np.mod(angles[first], 360.0)),
        radii_mm=tuple(float(r) for r in radii[first]),
        pixel_mm=(spacing[1], spacing[0]),
        view_duration_s=_view_duration_s(header),
        n_heads=len(np.unique(frames.detector)),
        lowest_row_z_mm=z,
        series=series,
        findings=(*series.findings, *findings),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Frames:
    """Window, detector, rotation and view of each frame, counted from zero."""

    window: IntArray
    detector: IntArray
    rotation: IntArray
    view: IntArray

    @classmethod
    def read(cls, header: Dataset, *, n_frames: int) -> "_Frames":
        vectors = [
            _vector(header, keyword, n_frames)
            for keyword in ("EnergyWindowVector", "DetectorVector", "RotationVector", "AngularViewVector")
        ]
        numbers = np.stack(vectors)
        if np.unique(numbers, axis=1).shape[1] != n_frames:
            raise InvalidInputError("Two frames of the projections carry the same numbers.", code="frame_vectors")
        window, detector, rotation, view = numbers
        return cls(window=window, detector=detector, rotation=rotation, view=view)


def _vector(header: Dataset, keyword: str, n_frames: int) -> IntArray:
    value = value_of(header, keyword)
    if value is None:
        return np.zeros(n_frames, dtype=np.int64)
    numbers = np.atleast_1d(np.asarray(value, dtype=np.int64)) - 1
    if numbers.size != n_frames or numbers.min() < 0:
        raise InvalidInputError(f"The {keyword} does not number the {n_frames} frames.", code="frame_vectors")
    return numbers


def _windows(header: Dataset) -> tuple[tuple[float, float], ...]:
    windows = []
    for item in items_of(header, "EnergyWindowInformationSequence"):
        ranges = items_of(item, "EnergyWindowRangeSequence")
        limits = [number_of(ranges[0], f"EnergyWindow{side}Limit") for side in ("Lower", "Upper")] if ranges else []
        if len(ranges) != 1 or None in limits:
            raise InsufficientDataError(
                "An energy window of the projections states no single range; scatter cannot be told from it.",
                code="no_windows",
            )
        windows.append((float(limits[0] or 0.0), float(limits[1] or 0.0)))
    if not windows:
        raise InsufficientDataError("The projections state no energy window.", code="no_windows")
    return tuple(windows)


def _orbit(header: Dataset, frames: _Frames) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the angle and the radius of each frame."""
    rotations = items_of(header, "RotationInformationSequence")
    detectors = items_of(header, "DetectorInformationSequence")
    n = frames.view.size
    angles, radii = np.zeros(n), np.zeros(n)
    for i in range(n):
        rotation = _item(rotations, int(frames.rotation[i]), "rotation")
        detector = _item(detectors, int(frames.detector[i]), "detector")
        start = number_of(detector, "StartAngle")
        start = number_of(rotation, "StartAngle") if start is None else start
        step = number_of(rotation, "AngularStep")
        direction = text_of(rotation, "RotationDirection")
        if start is None or step is None or direction not in {"CW", "CC"}:
            raise InsufficientDataError(
                "The projections do not state start angle, angular step and direction of rotation.", code="no_orbit"
            )
        angles[i] = start + (step if direction == "CC" else -step) * frames.view[i]
        radii[i] = _radius_mm(detector, rotation, int(frames.view[i]))
    return angles, radii


def _require_whole_arc(header: Dataset, frames: _Frames, angles: NDArray[np.float64]) -> None:
    """Refuse heads of one rotation at the same angles, and fewer views than the rotation states."""
    for number, rotation in enumerate(items_of(header, "RotationInformationSequence")):
        own = (frames.rotation == number) & (frames.window == 0)
        places = np.mod(np.round(angles[own], 3), 360.0)
        if np.unique(places).size < places.size:
            raise InvalidInputError(
                "Two heads of the projections state the same angles; the start angle of one is missing. Send them as "
                "the camera stored them.",
                code="same_angles",
            )
        per_head = int(np.bincount(frames.detector[own]).max(initial=0))
        step = abs(number_of(rotation, "AngularStep") or 0.0)
        _require_stated(per_head, places.size, number_of(rotation, "NumberOfFramesInRotation"), 1.0, "views")
        _require_stated(per_head, places.size, number_of(rotation, "ScanArc"), step, "degrees")


def _require_stated(per_head: int, n_views: int, stated: float | None, unit: float, word: str) -> None:
    """Refuse less than a rotation states; cameras state it of one head, some of all heads together."""
    if stated is None or not unit or stated <= (per_head + 0.5) * unit or abs(stated - n_views * unit) < 0.5 * unit:
        return
    raise InvalidInputError(
        f"The projections state {stated:g} {word} and hold {per_head * unit:g} of each head: views are missing. Send "
        "every view.",
        code="angular_gap",
    )


def _radius_mm(detector: Dataset, rotation: Dataset, view: int) -> float:
    for item in (detector, rotation):
        value = value_of(item, "RadialPosition")
        numbers = [] if value is None else [float(v) for v in np.atleast_1d(np.asarray(value, dtype=float))]
        if len(numbers) == 1:
            return numbers[0]
        if len(numbers) > view:
            return numbers[view]
    raise InsufficientDataError(
        "The projections state no radius of the detector; resolution cannot be modelled without it.", code="no_orbit"
    )


def _item(items: list[Any], number: int, what: str) -> Dataset:
    if number >= len(items):
        raise InsufficientDataError(f"The projections do not describe {what} {number + 1}.", code="no_orbit")
    return items[number]


def _view_duration_s(header: Dataset) -> float:
    for rotation in items_of(header, "RotationInformationSequence"):
        duration_ms = number_of(rotation, "ActualFrameDuration")
        if duration_ms is not None and duration_ms > 0.0:
            return duration_ms / 1e3
    raise InsufficientDataError("The projections state no duration of a view.", code="no_duration")


def _lowest_row(header: Dataset, *, n_rows: int, row_mm: float) -> tuple[float | None, list[Finding]]:
    """Return the z of the last stored row; rows run from the head to the feet."""
    for item in (*items_of(header, "DetectorInformationSequence"), header):
        position = numbers_of(item, "ImagePositionPatient", 3)
        if position is not None:
            return position[2] - (n_rows - 1) * row_mm, []
    text = "The projections state no position along the patient; the CT is centred on them. Check the registration."
    return None, [Finding(code="no_position", level="ask", message=text)]
