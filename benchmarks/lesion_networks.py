"""How well a network finds lesions: virtual patients it never saw, and a real patient it never saw.

Usage: python benchmarks/lesion_networks.py [N_PATIENTS] [FOLDER_OF_REAL_DATA] [PICTURE.png] [WEIGHTS.safetensors]

Without weights the released ones. Two kinds of virtual patients, one bed each, with numbers that training never
reaches: those of the product, with uptake and lesions drawn from published populations (DOTATATE, PSMA-617), one day
after administration, half of them with CT; and bodies, lesions and hot places drawn as in training, harder than
patients are. Emission is imitated (blur, noise), not reconstructed from projections. A lesion is found if candidates
cover a quarter of it; a candidate is false if it touches no lesion. Lesions that look less than twice as bright as
their surroundings are not asked for. Real patient: two quantitative SPECT of one patient after 177Lu-DOTATATE, two
liver lesions contoured; validation only (CC BY-NC).
"""

import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.rtstruct import rasterise, read_rtstruct
from dosimetry.dicomio.series import group_series
from dosimetry.nn.cards import RELEASED, released
from dosimetry.nn.weights import load_network
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.lesion_samples import lesion_sample
from dosimetry.phantoms.training_emission import EmissionDraw, patient_emission
from dosimetry.phantoms.training_samples import WORKING_MM
from dosimetry.phantoms.virtual_anatomy import paint_labels
from dosimetry.phantoms.virtual_ct import make_ct
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient
from dosimetry.segmentation.candidates import lesion_candidates
from dosimetry.volume import Grid, Volume

SEED, FIRST_NUMBER = 900, 4_000_000
FIRST_SEED, AGENTS_MEASURED = 5000, ("DOTATATE", "PSMA-617")
DRAW = EmissionDraw(fwhm_mm=9.0, overshoot=0.3, noise=0.08, noise_fwhm_mm=8.0, breathing_mm=3.0)
BED = Grid(shape_zyx=(96, 72, 112), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-222.0, -142.0, -170.0))
N_SLICES = 96
COVERED_SHARE, ASKED_ML, ASKED_CONTRAST = 0.25, 2.0, 2.0
SIZES_ML = (0.5, 2.0, 5.0, 20.0, 200.0)
THRESHOLDS = np.arange(0.5, 1.0, 0.025)


@dataclass(kw_only=True)
class Found:
    """What one patient gave.

    Of lesions: volume and the probability they were found with, or 0. Of candidates: probability, whether they touch a
    lesion, whether they are marked as faint.
    """

    lesions: list[tuple[float, float]]
    candidates: list[tuple[float, bool, bool]]
    has_ct: bool
    seconds: float


def virtual(network, number: int) -> Found:
    sample = lesion_sample(seed=SEED, number=FIRST_NUMBER + 2 * number, n_slices=N_SLICES)
    n_z, n_y, n_x = sample.classes.shape
    grid = Grid(shape_zyx=(n_z, n_y, n_x), spacing_xyz_mm=(WORKING_MM,) * 3, origin_lps_mm=(0.0, 0.0, 0.0))
    emission = Volume(values=np.sinh(sample.channels[2]) / 4.0, grid=grid, unit="Bq/mL")
    has_ct = bool(sample.channels[3].any())
    ct = Volume(values=1000.0 * sample.channels[1], grid=grid, unit="HU") if has_ct else None
    start = time.perf_counter()
    found = lesion_candidates(network=network, onto=grid, emission=emission, ct=ct)
    seconds = time.perf_counter() - start
    lesions = []
    for label in range(1, int(sample.numbers.max()) + 1):
        own = sample.numbers == label
        if np.any(sample.classes[own] == 1):
            lesions.append((float(own.sum()) * grid.voxel_volume_ml, probability_of(own, found)))
    near = ndimage.binary_dilation(sample.numbers > 0)
    return Found(lesions=lesions, candidates=judged(found, near), has_ct=has_ct, seconds=seconds)


def population(network, seed: int) -> Found:
    """Find the lesions of a virtual patient of the product."""
    agent = AGENTS_MEASURED[seed % len(AGENTS_MEASURED)]
    patient = make_virtual_patient(VirtualPatientRequest(agent=agent, seed=seed, scan_times_h=(24.0,)))
    anatomy = patient.anatomy
    image, regions = patient_emission(patient, scan=0, grid=BED, generator=np.random.default_rng([seed, 10]), draw=DRAW)
    has_ct = seed // len(AGENTS_MEASURED) % 2 == 0
    parts = paint_labels(anatomy, grid=BED, pose=patient.poses[0])
    ct = make_ct(anatomy, parts, grid=BED, seed=seed) if has_ct else None
    emission = Volume(values=image, grid=BED, unit="Bq/mL")
    start = time.perf_counter()
    found = lesion_candidates(network=network, onto=BED, emission=emission, ct=ct)
    seconds = time.perf_counter() - start
    lesions, near = [], np.zeros(BED.shape_zyx, dtype=bool)
    for number, name in enumerate(anatomy.region_names, start=1):
        own = regions == number
        if anatomy.kinds[name] is not RegionKind.LESION or not own.any():
            continue
        near |= ndimage.binary_dilation(own)
        around = ndimage.binary_dilation(own, iterations=3) & ~ndimage.binary_dilation(own) & (regions > 0)
        if np.median(image[own]) >= ASKED_CONTRAST * np.median(image[around]):
            lesions.append((float(own.sum()) * BED.voxel_volume_ml, probability_of(own, found)))
    return Found(lesions=lesions, candidates=judged(found, near), has_ct=has_ct, seconds=seconds)


def judged(found, near) -> list[tuple[float, bool, bool]]:
    """Return for each candidate its probability, whether it touches a lesion, and whether it is marked as faint."""
    return [
        (one.probability, bool(np.any(one.mask & near)), "faint" in {finding.code for finding in one.findings})
        for one in found
    ]


def probability_of(lesion, found) -> float:
    """Return the highest probability from which candidates cover enough of a lesion; 0 if all do not."""
    covered = np.zeros(lesion.shape, dtype=bool)
    for one in found:
        covered |= one.mask
        if np.count_nonzero(covered & lesion) >= COVERED_SHARE * np.count_nonzero(lesion):
            return one.probability
    return 0.0


def at_threshold(patients, threshold: float, *, low=ASKED_ML, high=np.inf) -> tuple[float, float, int]:
    """Return sensitivity for lesions of a size, false candidates a patient, and how many lesions there are."""
    asked = [p for patient in patients for volume, p in patient.lesions if low <= volume < high]
    false = sum(1 for patient in patients for p, is_true, _ in patient.candidates if p >= threshold and not is_true)
    return float(np.mean([p >= threshold for p in asked])) if asked else float("nan"), false / len(patients), len(asked)


def report(patients) -> None:
    for title, chosen in (
        ("all", patients),
        ("with CT", [one for one in patients if one.has_ct]),
        ("emission alone", [one for one in patients if not one.has_ct]),
    ):
        if not chosen:
            continue
        print(f"{title}: {len(chosen)} patients, {np.median([one.seconds for one in chosen]):.1f} s an image")
        for threshold in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
            share, false, n = at_threshold(chosen, threshold)
            print(f"   from {threshold:.2f}: {share:.3f} of {n} above {ASKED_ML:.0f} mL, {false:.2f} false a patient")
        fitting = [t for t in THRESHOLDS if at_threshold(chosen, t)[1] <= 1.0]
        if fitting:
            print(f"   at one false a patient: {at_threshold(chosen, fitting[0])[0]:.3f} (from {fitting[0]:.3f})")
    for low, high in pairwise(SIZES_ML):
        share, _, n = at_threshold(patients, 0.5, low=low, high=high)
        print(f"lesions of {low:g} to {high:g} mL: {share:.3f} of {n}")
    pairs = [pair for patient in patients for pair in patient.candidates]
    for low in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        high = {0.5: 0.6, 0.6: 0.7, 0.7: 0.8, 0.8: 0.9, 0.9: 0.95, 0.95: 1.01}[low]
        inside = [is_true for p, is_true, _ in pairs if low <= p < high]
        if inside:
            print(f"probability {low:.2f} to {min(high, 1.0):.2f}: {np.mean(inside):.2f} of {len(inside)} are lesions")
    for title, is_lesion in (("lesions", True), ("false", False)):
        marks = [is_faint for _, is_true, is_faint in pairs if is_true is is_lesion]
        if marks:
            print(f"marked as faint: {np.mean(marks):.2f} of {len(marks)} candidates that are {title}")


def real_scan(path: Path, folder: Path) -> tuple[Volume, list[np.ndarray]]:
    """Return the SPECT, decay-corrected as stored, and the masks of the contoured lesions."""
    with zipfile.ZipFile(path) as files:
        files.extractall(folder)
    headers = [read_header(file) for file in sorted(folder.rglob("*.dcm"))]
    series = {one.kind: one for one in group_series(headers)}
    image = read_emission(series["emission"]).volume
    structures = read_rtstruct(series["rtstruct"].paths[0])
    return image, [rasterise(region, image.grid) for region in structures.regions]


def real(network, folder: Path, picture: Path | None) -> None:
    shown = []
    for number in (1, 2):
        with tempfile.TemporaryDirectory() as place:
            image, lesions = real_scan(folder / "lu177_dotatate_patient" / f"scan_{number}.zip", Path(place))
        start = time.perf_counter()
        found = lesion_candidates(network=network, onto=image.grid, emission=image)
        print(f"real scan {number}: {len(found)} candidates, {time.perf_counter() - start:.1f} s")
        near = [ndimage.binary_dilation(lesion, iterations=2) for lesion in lesions]
        for one in found:
            hits = [n + 1 for n, lesion in enumerate(near) if np.any(one.mask & lesion)]
            print(
                f"   {one.probability:.2f}, {one.volume_ml:6.1f} mL, largest {one.maximum:.3g}, at "
                f"{np.round(one.centre_lps_mm)} mm: {f'lesion {hits}' if hits else 'no contoured lesion'}, "
                f"contrast to noise {one.contrast_to_noise:.1f}"
            )
        for n, lesion in enumerate(lesions, start=1):
            volume_ml = np.count_nonzero(lesion) * image.grid.voxel_volume_ml
            share = np.count_nonzero(lesion & np.any([one.mask for one in found] or [lesion & False], axis=0))
            print(f"   lesion {n} of {volume_ml:.1f} mL: covered {share / np.count_nonzero(lesion):.0%}")
        shown.append((image, lesions, found))
    if picture is not None:
        draw(shown, picture)


def draw(shown, path: Path) -> None:
    """Write maximum projections from the front and the side, a scan a row: candidates red, contoured lesions blue."""
    rows = []
    for image, lesions, found in shown:
        sides = []
        for axis in (1, 2):
            projection = image.values.max(axis=axis)[::-1]
            grey = 255.0 * (1.0 - np.clip(projection / (0.25 * projection.max()), 0.0, 1.0))
            picture = np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)
            for masks, colour in ((lesions, (0, 0, 255)), ([one.mask for one in found], (255, 0, 0))):
                for mask in masks:
                    seen = mask.any(axis=axis)[::-1]
                    picture[ndimage.binary_dilation(seen) & ~seen] = colour
            sides.append(picture)
        rows.append(np.concatenate(sides, axis=1))
    height = min(len(row) for row in rows)
    whole = Image.fromarray(np.concatenate([row[:height] for row in rows], axis=0))
    whole.resize((2 * whole.width, 2 * whole.height)).save(path)


def main() -> None:
    n_patients = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    picture = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    if len(sys.argv) > 4:
        network = load_network(Path(sys.argv[4]))
    elif "lesions" in RELEASED:
        network = load_network(released("lesions").path, digest=released("lesions").digest)
    else:
        print("No weights of the lesion network are released: nothing to measure.")
        return
    print(f"network {network.label}")
    if n_patients:
        print(f"virtual patients of the product, {' and '.join(AGENTS_MEASURED)}")
        report([population(network, FIRST_SEED + number) for number in range(n_patients)])
        print("drawn as in training")
        report([virtual(network, number) for number in range(n_patients)])
    if folder is not None:
        real(network, folder, picture)


if __name__ == "__main__":
    main()
