"""Organ S-values of Lu-177 in the ICRP 110 adult male by the kernel engine, against OpenDose (verification 4)."""

import json
import re

import numpy as np
import pytest

from dosimetry.dose.engines import run_engine
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.volume import Grid, Volume

pytestmark = [pytest.mark.reference, pytest.mark.slow]

ORGANS = {
    "Liver": (95,),
    "Spleen": (127,),
    "Left kidney c+m+p": (89, 90, 91),
    "Right kidney c+m+p": (92, 93, 94),
    "Pancreas": (113,),
    "Stomach wall": (72,),
}
SOURCES = ("Liver", "Spleen", "Left kidney c+m+p", "Right kidney c+m+p")
AIR_G_PER_ML = 0.001205
MGY_PER_MBQ_S = 1e-9


@pytest.fixture(scope="module")
def found(shared_data):
    """Return S(target <- source) by both kernel engines and by OpenDose, mGy/(MBq s)."""
    folder = shared_data / "icrp110_male"
    with np.load(folder / "AM_labels.npz") as archive:
        labels, spacing = archive["labels_zyx"], tuple(float(mm) for mm in archive["spacing_xyz_mm"])
    density_of = np.full(256, AIR_G_PER_ML, dtype=np.float32)
    for line in (folder / "AM_organs.dat").read_text(encoding="latin-1").splitlines():
        row = re.match(r"\s*(\d+)\s+.*?(\d+)\s+(\d+\.\d+)\s*$", line)
        if row:
            density_of[int(row[1])] = max(float(row[3]), AIR_G_PER_ML)
    grid = Grid(shape_zyx=labels.shape, spacing_xyz_mm=spacing, origin_lps_mm=(0.0, 0.0, 0.0))
    density = Volume(values=density_of[labels], grid=grid, unit="g/mL")
    masks = {name: np.isin(labels, ids) for name, ids in ORGANS.items()}
    table = {}
    for source in SOURCES:
        tia = Volume(values=(masks[source] / masks[source].sum()).astype(np.float32), grid=grid, unit="Bq s")
        published = {
            row[0].lower(): float(row[1])
            for row in json.loads((shared_data / "s_values" / f"lu-177_{source.lower()}.json").read_text())
        }
        for engine in ("kernel", "kernel_unscaled"):
            result = run_engine(engine, tia_bq_s=tia, density_g_per_ml=density, nuclide=get_nuclide("Lu-177"))
            for target, mask in masks.items():
                ours = float(np.average(result.dose.values[mask], weights=density.values[mask])) / MGY_PER_MBQ_S
                table[engine, target, source] = ours / published[target.lower()]
    return table


@pytest.mark.parametrize("organ", SOURCES)
def test_self_dose_of_the_scaled_kernel(found, organ):
    # Section 4: 3 % after density scaling of electrons.
    assert found["kernel", organ, organ] == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", ORGANS)
def test_cross_dose_of_the_scaled_kernel(found, source, target):
    if source == target:
        return
    # The bar is 15 %. Ours: 1 to 3 %, and 3 to 7 % high across the spine, whose bone a convolution does not know.
    assert found["kernel", target, source] == pytest.approx(1.0, abs=0.10)


def test_without_the_body_cross_dose_is_too_high(found):
    """Endless tissue scatters back what a body loses at its skin."""
    spine = ("Right kidney c+m+p", "Spleen")
    assert found["kernel_unscaled", *spine] > 1.25
    assert found["kernel", *spine] < 1.10


def test_density_scaling_matters_where_density_differs(found):
    # Kidney 1.05 g/mL in a kernel of 1.04 g/mL: electrons 1 % apart, and the scaled one is nearer.
    kidney = "Left kidney c+m+p"
    unscaled, scaled = found["kernel_unscaled", kidney, kidney], found["kernel", kidney, kidney]
    assert unscaled / scaled == pytest.approx(1.05 / 1.04, abs=2e-3)
    assert abs(scaled - 1.0) < abs(unscaled - 1.0)
