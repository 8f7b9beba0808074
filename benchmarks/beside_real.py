"""A picture of a virtual patient beside real ones: would it pass for a scan at a glance?

Usage: python -m dosimetry phantom --agent DOTATATE --seed 7 --out patient_7
       python benchmarks/beside_real.py patient_7 PICTURE.png

First row: CT of the virtual patient and of the real one (BenAuer), through the kidneys, coronal and axial. Second row:
maximum projections from the front of the virtual SPECT (first and last scan) and of the two scans of the real DOTATATE
patient. All on pixels of 2 mm; CT between -160 and 240 HU, emission up to half of what
one pixel in 5,000 exceeds. The picture holds data of the shared folder: it does not belong into the project.
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.rtstruct import rasterise, read_rtstruct
from dosimetry.dicomio.series import group_series
from dosimetry.volume import Volume

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
PIXEL_MM = 2.0
TILE = (300, 260)
CT_WINDOW = (-160.0, 240.0)


def series_of(folder: Path):
    headers = [read_header(file) for file in sorted(folder.rglob("*.dcm"))]
    return {one.kind: one for one in group_series(headers)}


def middle(mask) -> np.ndarray:
    return np.round(np.argwhere(mask).mean(axis=0)).astype(int)


def real_ct() -> list[Image.Image]:
    """Return the tiles of the real CT; its file runs from head to feet and from back to front."""
    with zipfile.ZipFile(SHARED / "benauer_lu177_phantom" / "phantom.zip") as files:

        def read(name):
            values = np.frombuffer(files.read(f"patient15_LuDOTATATE_{name}.i33"), "<u2")
            return values.reshape(90, 70, 108)[::-1, ::-1]

        kidneys = middle(np.isin(read("src"), (17000, 18000)))
        return ct_tiles(read("attn").astype(np.float32) - 1000.0, (3.9063, 3.9063, 4.4196), kidneys)


def virtual_ct(folder: Path) -> list[Image.Image]:
    ct = read_ct(series_of(folder / "scan_1" / "ct")["ct"])
    structures = read_rtstruct(folder / "truth" / "rtstruct.dcm")
    kidneys = np.any([rasterise(one, ct.grid) for one in structures.regions if one.name.startswith("Kidney")], axis=0)
    return ct_tiles(ct.values, ct.grid.spacing_xyz_mm, middle(kidneys))


def real_emission(number: int) -> Volume:
    with (
        tempfile.TemporaryDirectory() as place,
        zipfile.ZipFile(SHARED / "lu177_dotatate_patient" / f"scan_{number}.zip") as files,
    ):
        files.extractall(place)
        return read_emission(series_of(Path(place))["emission"]).volume


def tile(plane: np.ndarray, spacing_mm: tuple[float, float], low: float, high: float, *, inverse: bool) -> Image.Image:
    """Show a plane on square pixels in the middle of a tile."""
    zoomed = ndimage.zoom(np.asarray(plane, np.float32), [step / PIXEL_MM for step in spacing_mm], order=1)
    grey = np.clip((zoomed - low) / (high - low), 0.0, 1.0)
    part = Image.fromarray((255 * (1.0 - grey if inverse else grey)).astype(np.uint8))
    whole = Image.new("L", TILE, 255 if inverse else 0)
    whole.paste(part, ((TILE[0] - part.width) // 2, (TILE[1] - part.height) // 2))
    return whole


def ct_tiles(values: np.ndarray, spacing_xyz_mm, kidneys_zyx: np.ndarray) -> list[Image.Image]:
    x, y, z = spacing_xyz_mm
    coronal, axial = values[::-1, kidneys_zyx[1]], values[kidneys_zyx[0]]
    return [tile(coronal, (z, x), *CT_WINDOW, inverse=False), tile(axial, (y, x), *CT_WINDOW, inverse=False)]


def projection(volume: Volume) -> Image.Image:
    x, _, z = volume.grid.spacing_xyz_mm
    front = volume.values.max(axis=1)[::-1]
    return tile(front, (z, x), 0.0, 0.5 * float(np.quantile(front, 1.0 - 1.0 / 5000.0)), inverse=True)


def main() -> None:
    if len(sys.argv) != 3:
        print(__doc__)
        return
    folder, picture = Path(sys.argv[1]), Path(sys.argv[2])
    scans = sorted(folder.glob("scan_*"))
    spots = [read_emission(series_of(scan / "emission")["emission"]).volume for scan in (scans[0], scans[-1])]
    rows = [
        virtual_ct(folder) + real_ct(),
        [projection(one) for one in (*spots, real_emission(1), real_emission(2))],
    ]
    whole = Image.new("L", (4 * TILE[0], 2 * TILE[1]))
    for down, row in enumerate(rows):
        for across, one in enumerate(row):
            whole.paste(one, (across * TILE[0], down * TILE[1]))
    whole.save(picture)


if __name__ == "__main__":
    main()
