"""The real package of TotalSegmentator with tiny weights that are made here, and a CT of blocks that they can read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dosimetry.segmentation.totalsegmentator_files import VARIANTS, Installation
from dosimetry.volume import Grid, Volume

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(os.environ.get("TOTALSEGMENTATOR_TEST_DIR", ROOT / ".venv" / "totalsegmentator"))
needs_package = pytest.mark.skipif(
    not (PACKAGE / "totalsegmentator").is_dir() and os.environ.get("CI") != "true",
    reason="TotalSegmentator is optional and not installed: make totalsegmentator",
)
"""In CI, which installs it, its absence is a failure."""
MAKER = Path(__file__).with_name("totalsegmentator_weights.py")

HU = {
    "liver": 300.0,
    "spleen": 600.0,
    "vertebrae_L1": 900.0,
    "kidney_right": 1200.0,
    "kidney_left": 1500.0,
    "lung_lower_lobe_left": 1800.0,
    "lung_upper_lobe_left": 2100.0,
}
"""Edges of a block pass through the CT numbers below its own: small organs have high ones."""
HU_OF_PARTS = {
    "291": {**HU, "vertebrae_L1": 2700.0},
    "292": {"background": 2000.0, "vertebrae_L1": 2700.0},
}
"""Of the full model: each part must take for background what the others know."""
PARTS = {
    "291": "class_map_part_organs",
    "292": "class_map_part_vertebrae",
    "293": "class_map_part_cardiac",
    "294": "class_map_part_muscles",
    "295": "class_map_part_ribs",
}
BOXES_LPS_MM = {
    "liver": ((-100, 20), (-80, 0), (0, 110)),
    "spleen": ((50, 100), (-30, 10), (-60, 30)),
    "vertebrae_L1": ((-15, 15), (60, 90), (-110, 110)),
    "kidney_right": ((-80, -30), (20, 70), (-60, 20)),
    "kidney_left": ((30, 80), (20, 70), (-60, 40)),
    "lung_lower_lobe_left": ((40, 100), (-80, -40), (40, 75)),
    "lung_upper_lobe_left": ((40, 100), (-80, -40), (75, 110)),
}


def block_ct(grid: Grid, hu_of: dict[str, float] = HU) -> Volume:
    """Return a body of water in air with a block for each organ, in patient coordinates whatever the grid."""
    points = grid.index_to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1).astype(float))
    hu = np.where(np.abs(points).max(axis=-1) < 117.0, 0.0, -1000.0)
    for name, box in BOXES_LPS_MM.items():
        hu[inside(points, box)] = hu_of[name]
    return Volume(values=hu.astype(np.float32), grid=grid, unit="HU")


def inside(points: np.ndarray, box) -> np.ndarray:
    return np.logical_and.reduce(
        [(points[..., i] >= low) & (points[..., i] < high) for i, (low, high) in enumerate(box)]
    )


def tiny_weights(folder: Path, variant: str = "fast") -> Path:
    """Write weights of a variant that call a voxel by the nearest CT number of ``HU``."""
    chosen = VARIANTS[variant]
    given = [
        {
            "dataset": dataset,
            "trainer": chosen.trainer,
            "spacing_mm": chosen.spacing_mm,
            "part": PARTS.get(dataset[7:10], "total"),
            "hu": HU if variant == "fast" else HU_OF_PARTS.get(dataset[7:10], {}),
        }
        for dataset in chosen.datasets
    ]
    subprocess.run(
        [sys.executable, "-P", str(MAKER), str(folder), json.dumps(given)],
        check=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    return folder


@pytest.fixture(scope="session")
def tiny_installation(tmp_path_factory) -> Installation:
    weights = tiny_weights(tmp_path_factory.mktemp("tiny-weights"))
    return Installation(package=PACKAGE, weights=weights, variant=VARIANTS["fast"])


def empty_installation(folder: Path, *, version: str = "2.18.0") -> Installation:
    """Return files that look like an installation and cannot run: for tests around the package."""
    about = folder / "package" / f"totalsegmentator-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: TotalSegmentator\nVersion: {version}\n")
    found = Installation(package=folder / "package", weights=folder / "weights", variant=VARIANTS["fast"])
    for name in found.variant.files:
        path = found.weights / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return found
