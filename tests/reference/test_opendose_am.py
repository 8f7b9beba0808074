"""Organ S-values of Lu-177 in the ICRP 110 adult male against OpenDose (verification numbers, section 4).

OpenDose is a mean over several Monte Carlo codes on the same phantom. Ours: photons by Monte Carlo with the composition
chosen from density as in a patient, electrons by the voxel kernel. Electrons matter for neighbours too: without them
stomach wall and right kidney from liver are 10 and 5 % low.
"""

import json
import re

import numpy as np
import pytest

from dosimetry.dose.photon_mc import PhotonSettings
from dosimetry.dose.s_values import s_matrix
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.units import KEV_PER_G_GY
from dosimetry.volume import Grid, Volume

pytestmark = [pytest.mark.reference, pytest.mark.slow]

ORGANS = {
    "Liver": (95,),
    "Spleen": (127,),
    "Left kidney c+m+p": (89, 90, 91),
    "Right kidney c+m+p": (92, 93, 94),
    "Pancreas": (113,),
    "Stomach wall": (72,),
    "Heart wall": (87,),
}
SOURCES = ("Liver", "Spleen", "Left kidney c+m+p", "Right kidney c+m+p")
S_UNIT_GY_PER_BQ_S = 1e-9
"""One mGy/(MBq s)."""
AIR_G_PER_ML = 0.001205
MARGIN_SLICES = 25
"""20 cm of body above and below the organs scatter back all that matters."""


@pytest.fixture(scope="module")
def phantom(shared_data):
    """Return labels and density of the trunk of the adult male."""
    folder = shared_data / "icrp110_male"
    with np.load(folder / "AM_labels.npz") as archive:
        labels, spacing = archive["labels_zyx"], tuple(float(mm) for mm in archive["spacing_xyz_mm"])
    density_of = np.full(256, AIR_G_PER_ML, dtype=np.float32)
    for line in (folder / "AM_organs.dat").read_text(encoding="latin-1").splitlines():
        found = re.match(r"\s*(\d+)\s+.*?(\d+)\s+(\d+\.\d+)\s*$", line)
        if found:
            density_of[int(found[1])] = max(float(found[3]), AIR_G_PER_ML)
    wanted = np.isin(labels, [label for ids in ORGANS.values() for label in ids]).any(axis=(1, 2)).nonzero()[0]
    labels = labels[max(wanted[0] - MARGIN_SLICES, 0) : wanted[-1] + MARGIN_SLICES]
    grid = Grid(shape_zyx=labels.shape, spacing_xyz_mm=spacing, origin_lps_mm=(0.0, 0.0, 0.0))
    return labels, Volume(values=density_of[labels], grid=grid, unit="g/mL")


@pytest.fixture(scope="module")
def matrix(phantom):
    """Return the S-matrix of the organs."""
    labels, density = phantom
    return s_matrix(
        regions={name: np.isin(labels, ids).astype(np.float32) for name, ids in ORGANS.items()},
        density_g_per_ml=density,
        emissions=get_emissions("Lu-177"),
        settings=PhotonSettings(seed=110, max_histories=2_000_000, histories_per_batch=100_000),
    )


@pytest.fixture(scope="module")
def opendose(shared_data):
    """Return the published S of every target and source, mGy/(MBq s), and masses, g."""
    table, mass_g = {}, {}
    for source in SOURCES:
        rows = json.loads((shared_data / "s_values" / f"lu-177_{source.lower()}.json").read_text())
        for target, s, _, mass in rows:
            table[target.lower(), source] = float(s)
            mass_g[target.lower()] = float(mass)
    return table, mass_g


def s_of(matrix, target, source):
    """Return S in mGy/(MBq s) and the relative standard error of the photon part."""
    row, column = matrix.names.index(target), matrix.names.index(source)
    s = matrix.s_gy_per_bq_s[row, column]
    return s / S_UNIT_GY_PER_BQ_S, matrix.standard_uncertainty_gy_per_bq_s[row, column] / s


def test_masses(matrix, opendose):
    for name, mass in zip(matrix.names, matrix.mass_g, strict=True):
        # Same voxels and densities; the spacing is rounded to four digits.
        assert mass == pytest.approx(opendose[1][name.lower()], rel=1e-4), name


@pytest.mark.parametrize("organ", SOURCES)
def test_self_dose(matrix, opendose, organ):
    # Section 4: 2 %; ours is 0.2 % low for all four, so that 1 % still sees a regression.
    assert s_of(matrix, organ, organ)[0] == pytest.approx(opendose[0][organ.lower(), organ], rel=0.01)


@pytest.mark.parametrize(("organ", "energy_kev"), list(zip(SOURCES, (154.0, 149.5, 149.5, 149.8), strict=True)))
def test_self_energy(matrix, organ, energy_kev):
    s, mass_g = s_of(matrix, organ, organ)[0], matrix.mass_g[matrix.names.index(organ)]
    # Section 4, keV absorbed per decay: 2 %.
    assert s * S_UNIT_GY_PER_BQ_S * mass_g / KEV_PER_G_GY == pytest.approx(energy_kev, rel=0.02)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", ORGANS)
def test_cross_dose(matrix, opendose, source, target):
    if source == target:
        return
    s, relative_error = s_of(matrix, target, source)
    expected = opendose[0][target.lower(), source]
    # Section 4: 5 %, and 10 % below 5e-8. Ours is within 1.7 %, with 1.4 % of statistics for the smallest.
    assert s == pytest.approx(expected, rel=0.03 if expected >= 5e-8 else 0.05)
    assert relative_error < 0.02


@pytest.mark.parametrize(("first", "second"), [(one, other) for one in SOURCES for other in SOURCES if one < other])
def test_reciprocity(matrix, first, second):
    (there, u_there), (back, u_back) = s_of(matrix, second, first), s_of(matrix, first, second)
    # Section 4: 2 %, on top of statistics.
    assert there / back == pytest.approx(1.0, abs=0.02 + 2.0 * np.hypot(u_there, u_back))
