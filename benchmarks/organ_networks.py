"""How well the shipped network finds organs: virtual patients it never saw, and real anatomy it never saw.

Usage: python benchmarks/organ_networks.py [N_PATIENTS] [FOLDER_OF_REAL_DATA] [--weights FILE]

Virtual patients: seeds that training never draws from, in turn ordinary and with each hard case; one bed over the
belly, painted on 4 mm; CT of the virtual scanner; emission imitated (blur 9 mm, noise), not reconstructed from
projections. Real anatomy: the CT and contours of one 177Lu-DOTATATE patient (BenAuer phantom), and the organs of the
ICRP 110 man with CT numbers by density; their emission is imitated from the contours. Neither was trained on.
"""

import argparse
import resource
import sys
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.errors import DosimetryError
from dosimetry.nn.cards import released
from dosimetry.nn.weights import load_network
from dosimetry.phantoms.organs import Variant
from dosimetry.phantoms.training_emission import EmissionDraw, emission_image
from dosimetry.phantoms.virtual_anatomy import make_anatomy, paint_labels
from dosimetry.phantoms.virtual_ct import make_ct
from dosimetry.segmentation.agreement import dice
from dosimetry.segmentation.learned import learned_contours
from dosimetry.volume import Grid, Volume, resample

FIRST_SEED = 5000
DRAW = EmissionDraw(fwhm_mm=9.0, overshoot=0.3, noise=0.08, noise_fwhm_mm=8.0, breathing_mm=3.0)
BED = Grid(shape_zyx=(96, 72, 112), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-222.0, -142.0, -170.0))
MAIN = ("Kidney left", "Kidney right", "Liver", "Spleen")
MODES = ("CT and emission", "emission alone", "CT alone")
CASES = [None, *Variant]


def compare(network, *, ct, emission, grid, truth):
    """Return Dice and activity ratio by mode and region."""
    found = {}
    for mode in MODES:
        given = {"ct": None if mode == "emission alone" else ct, "emission": None if mode == "CT alone" else emission}
        try:
            contours = {c.name: c for c in learned_contours(network=network, onto=grid, **given)}
        except DosimetryError as error:
            print(f"   {mode}: {error}")
            contours = {}
        for name, mask in truth.items():
            drawn = contours[name].mask if name in contours else np.zeros(mask.shape, dtype=bool)
            total = float(emission.values[mask].sum(dtype=np.float64))
            ratio = float(emission.values[drawn].sum(dtype=np.float64)) / total if total > 0.0 else float("nan")
            confidence = contours[name].confidence if name in contours else 0.0
            found[mode, name] = (dice(drawn, mask), ratio, confidence)
    return found


def virtual(seed: int, variant: Variant | None):
    anatomy = make_anatomy(seed=seed, variants=frozenset() if variant is None else frozenset({variant}))
    labels = paint_labels(anatomy, grid=BED)
    regions = anatomy.region_labels(labels)
    ct = make_ct(anatomy, labels, grid=BED, seed=seed)
    values = emission_image(anatomy, labels, grid=BED, generator=np.random.default_rng([seed, 9]), draw=DRAW)
    emission = Volume(values=values, grid=BED, unit="Bq/mL")
    truth = {}
    for name in (*MAIN, "Stomach", "Heart", "Spine"):
        if name in anatomy.region_names:
            mask = regions == 1 + anatomy.region_names.index(name)
            if name == "Liver":
                lesions = [n for n in anatomy.region_names if n.startswith("Liver lesion")]
                mask |= np.isin(regions, [1 + anatomy.region_names.index(n) for n in lesions])
            # An organ that the bed cuts off is another question.
            if np.count_nonzero(mask) > 200 and not mask[0].any() and not mask[-1].any():
                truth[name] = mask
    return ct, emission, truth


def benauer(folder: Path):
    """Return CT, imitated emission and contours of the real patient, on LPS axes."""
    files = zipfile.ZipFile(folder / "benauer_lu177_phantom" / "phantom.zip")
    shape = (90, 70, 108)

    def read(name):
        return np.frombuffer(files.read(f"patient15_LuDOTATATE_{name}.i33"), "<u2").reshape(shape)[::-1, ::-1]

    grid = Grid(shape_zyx=shape, spacing_xyz_mm=(3.9063, 3.9063, 4.4196), origin_lps_mm=(0.0, 0.0, 0.0))
    ct, labels = read("attn").astype(np.float32) - 1000.0, read("src")
    lesions = np.isin(labels, (19000, 20000, 21000))
    truth = {
        "Kidney left": labels == 17000,
        "Kidney right": labels == 18000,
        "Liver": (labels == 15000) | (lesions & ndimage.binary_dilation(labels == 15000, iterations=2)),
        "Spleen": labels == 16000,
    }
    hot = {"Kidney left": 25.0, "Kidney right": 25.0, "Liver": 6.0, "Spleen": 30.0}
    return Volume(values=ct, grid=grid, unit="HU"), imitated(ct > -500.0, truth, hot, lesions, grid), truth


def imitated(body, truth, hot, lesions, grid):
    values = np.where(body, 1.0, 0.01).astype(np.float32)
    for name, mask in truth.items():
        values[mask] = hot[name]
    values[lesions] = 60.0
    steps = np.array(grid.spacing_xyz_mm[::-1])
    values = ndimage.gaussian_filter(values, 9.0 / 2.3548 / steps)
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(values.shape), 3.4 / steps)
    values = values + 0.08 * np.sqrt(values * 6.0) * noise / noise.std()
    return Volume(values=np.maximum(values, 0.0).astype(np.float32), grid=grid, unit="Bq/mL")


def icrp_man(folder: Path):
    """Return the trunk of the ICRP 110 man with CT numbers by tissue; organs by its table."""
    stored = np.load(folder / "icrp110_male" / "AM_labels.npz")
    spacing = tuple(float(v) for v in stored["spacing_xyz_mm"])
    # Columns run right to left of the patient, rows front to back, slices toes to vertex: LPS with x reversed or not.
    labels = stored["labels_zyx"]
    left = np.argwhere(np.isin(labels, (89, 90, 91)))[:, 2].mean()
    right = np.argwhere(np.isin(labels, (92, 93, 94)))[:, 2].mean()
    if left < right:
        labels = labels[:, :, ::-1]
    middle = int(np.argwhere(labels == 95)[:, 0].mean())
    half = int(200.0 / spacing[2])
    labels = labels[max(middle - half - 10, 0) : middle + half - 10]
    grid = Grid(shape_zyx=labels.shape, spacing_xyz_mm=spacing, origin_lps_mm=(0.0, 0.0, 0.0))
    truth = {
        "Kidney left": np.isin(labels, (89, 90, 91)),
        "Kidney right": np.isin(labels, (92, 93, 94)),
        "Liver": labels == 95,
        "Spleen": labels == 127,
    }
    media = icrp_media(folder)
    ct = np.vectorize(lambda label: media.get(int(label), 40.0), otypes=[np.float32])(np.arange(256))[labels]
    ct = ndimage.gaussian_filter(ct, 1.2 / np.array(spacing[::-1]))
    ct += 20.0 * np.random.default_rng(1).standard_normal(ct.shape, dtype=np.float32)
    hot = {"Kidney left": 25.0, "Kidney right": 25.0, "Liver": 6.0, "Spleen": 30.0}
    none = np.zeros(labels.shape, dtype=bool)
    return Volume(values=ct, grid=grid, unit="HU"), imitated(labels > 0, truth, hot, none, grid), truth


def icrp_media(folder: Path) -> dict[int, float]:
    """Return a CT number by organ, from the density of the organ table."""
    numbers = {0: -1000.0}
    for line in (folder / "icrp110_male" / "AM_organs.dat").read_text(errors="replace").splitlines():
        words = line.split()
        if len(words) > 3 and words[0].isdigit():
            density = float(words[-1])
            numbers[int(words[0])] = 1000.0 * (density - 1.0) if density < 1.1 else 800.0 * (density - 1.0) + 100.0
    return numbers


def speed(network) -> None:
    """Print seconds and memory for a whole-body CT with SPECT, and for a SPECT alone."""
    ct, emission, _ = virtual(FIRST_SEED, None)
    fine = Grid(shape_zyx=(300, 512, 512), spacing_xyz_mm=(0.98, 0.98, 1.5), origin_lps_mm=(-250.0, -250.0, -195.0))
    square = Grid(shape_zyx=(128, 128, 128), spacing_xyz_mm=(4.8, 4.8, 4.8), origin_lps_mm=(-305.0, -305.0, -280.0))
    body_ct = resample(ct.with_values(ct.values.astype(np.float32)), onto=fine, fill_value=-1000.0)
    spect = resample(emission, onto=square, fill_value=0.0)
    for title, given in (
        ("CT 512 x 512 x 300 with SPECT 128^3", {"ct": body_ct, "emission": spect}),
        ("SPECT 128^3 alone", {"emission": spect}),
    ):
        start = time.perf_counter()
        try:
            found = len(learned_contours(network=network, onto=square, **given))
        except DosimetryError as error:
            print(f"   {title}: {error}")
            continue
        seconds = time.perf_counter() - start
        peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{title}: {found} regions in {seconds:.1f} s on {torch.get_num_threads()} threads, peak {peak_gb:.1f} GB"
        )


def one_patient(number: int, path: Path):
    """Return what was found of one virtual patient, the case it is, and seconds an image; a process does many."""
    torch.set_num_threads(1)
    variant = CASES[number % len(CASES)]
    ct, emission, truth = virtual(FIRST_SEED + number, variant)
    start = time.perf_counter()
    found = compare(loaded(path), ct=ct, emission=emission, grid=BED, truth=truth)
    return found, str(variant or "ordinary"), (time.perf_counter() - start) / len(MODES)


@cache
def loaded(path: Path):
    return load_network(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("n_patients", type=int, nargs="?", default=100)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--weights", type=Path, help="others than the released ones")
    chosen = parser.parse_args()
    path = chosen.weights or released("organs").path
    network = loaded(path)
    print(f"network {network.label}")
    speed(network)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        patients = list(pool.map(one_patient, range(chosen.n_patients), repeat(path)))
    seconds = [taken for _found, _case, taken in patients]
    print(f"{chosen.n_patients} virtual patients, {np.median(seconds):.1f} s an image of {BED.shape_zyx} on one thread")
    tell([(found, case) for found, case, _taken in patients])
    if chosen.folder is None:
        return
    for title, load in (("BenAuer patient (real CT)", benauer), ("ICRP 110 man", icrp_man)):
        ct, emission, truth = load(chosen.folder)
        print(title)
        for (mode, name), (overlap, ratio, confidence) in compare(
            network, ct=ct, emission=emission, grid=ct.grid, truth=truth
        ).items():
            print(f"{mode:16s} {name:13s} Dice {overlap:.3f}, activity {ratio - 1.0:+.1%}, confidence {confidence:.2f}")


def tell(patients) -> None:
    """Print medians and quartiles by mode and organ, and of the kidneys by case."""
    rows: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    by_case: dict[str, list[float]] = {}
    for found, case in patients:
        for key, value in found.items():
            rows.setdefault(key, []).append(value)
            if key[0] == MODES[0] and key[1].startswith("Kidney"):
                by_case.setdefault(case, []).append(value[0])
    for (mode, name), values in sorted(rows.items()):
        low, middle, high = np.percentile([v[0] for v in values], [25, 50, 75])
        activity = np.median([v[1] for v in values]) - 1.0
        print(
            f"{mode:16s} {name:13s} Dice {middle:.3f} ({low:.3f} to {high:.3f}), activity {activity:+.1%}, "
            f"n = {len(values)}, confidence {np.median([v[2] for v in values]):.2f}"
        )
    for name, values in by_case.items():
        print(f"kidneys, {name:18s} Dice {np.median(values):.3f}, lowest {min(values):.3f}, n = {len(values)}")


if __name__ == "__main__":
    main()
