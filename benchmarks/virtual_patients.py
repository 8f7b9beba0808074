"""How near the imaging chain comes to the truth of virtual patients.

Usage: python benchmarks/virtual_patients.py [N_PATIENTS [FIRST_SEED [ROWS]]]

With ROWS each patient is added to this file of JSON lines as soon as it is done, and those already in it are not done
again: a measurement of hours can be stopped and gone on with. ``benchmarks/rows/virtual_patients.jsonl`` holds what the
figures of docs/validation.md rest on. With 0 patients the file is evaluated alone.

For each patient: four SPECT scans are simulated on voxels of 2 mm (attenuation, collimator, Monte Carlo scatter,
Poisson noise, movement between scans), reconstructed on pixels of 4 mm with scatter simulated in the CT, and corrected
for partial volume by the geometric transfer matrix with true contours. The width of the point spread is not fitted to
the patients: it is the one that makes a sphere of 10 mL in a cylinder right, simulated in the same way. Time-integrated
activities come from the product's curve fit; dose from the same Monte Carlo engine as the truth, with the region-based
voxel-wise image of the first scan as the shape of each region's activity and the CT as density. Contours and
registration are the true ones, so that the figures are those of imaging, kinetics and dose alone. Bladder, bowel, spine
and the rest of the body are left out, as are regions that the field of view cuts.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.dose.by_radiation import local_energies
from dosimetry.dose.density import density_from_hu
from dosimetry.dose.engines import run_engine
from dosimetry.errors import DosimetryError
from dosimetry.kinetics.region_curves import FitOptions, fit_region_curves
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.acquisition import acquire
from dosimetry.phantoms.virtual_anatomy import paint_labels
from dosimetry.phantoms.virtual_ct import make_ct
from dosimetry.phantoms.virtual_patient import REST, VirtualPatientRequest, make_virtual_patient
from dosimetry.phantoms.virtual_table import table_density
from dosimetry.phantoms.virtual_truth import compute_truth
from dosimetry.quantification.geometric_transfer import gtm
from dosimetry.quantification.partial_volume import rbv
from dosimetry.quantification.spect_scatter import ImagedLine, converged_scatter, image_scatter
from dosimetry.quantification.spect_settings import USUAL_SETTINGS
from dosimetry.reconstruction.attenuation import density_on_grid, mu_per_mm
from dosimetry.reconstruction.cameras import get_camera
from dosimetry.reconstruction.osem import OsemOptions, reconstruct
from dosimetry.reconstruction.projector import Projector
from dosimetry.units import KEV_PER_G_GY
from dosimetry.volume import Volume, block_mean

COLUMNS = {"uncorrected": "raw", "corrected": "corrected", "time-integrated": "tia", "dose": "dose"}
WIDTHS_MM = np.arange(4.0, 13.0, 0.5)


def image_of(counts, orbit, density, grid, protocol):
    """Reconstruct as the product does, from counts in memory."""
    per_view = protocol.calibration_cps_per_bq * protocol.view_duration_s
    projector = Projector(
        grid=grid,
        orbit=orbit,
        collimator=get_camera(protocol.camera).collimator(protocol.imaged_kev),
        mu_per_mm=mu_per_mm(density, energy_kev=protocol.imaged_kev, has_coherent=True),
        counts_per_bq=(per_view,) * orbit.n_views,
    )
    line = ImagedLine(energy_kev=protocol.imaged_kev, photopeak=0, lower=1, upper=2)

    def simulate(_number, scatter):
        first = reconstruct(counts, projector=projector, options=OsemOptions(n_iterations=2), additive_counts=scatter)
        return image_scatter(
            first.unfiltered_bq_per_ml,
            density_g_per_ml=density,
            projector=projector,
            camera=protocol.camera,
            nuclide=protocol.nuclide,
            line=line,
            window_kev=protocol.windows_kev[0],
            n_histories=200_000,
        )

    scatter = converged_scatter(None, simulate, n_counts=float(counts.sum())).counts
    options = OsemOptions(n_iterations=USUAL_SETTINGS.n_iterations, n_subsets=USUAL_SETTINGS.n_subsets)
    return reconstruct(counts, projector=projector, options=options, additive_counts=scatter).activity_bq_per_ml


def width_from_a_sphere(patient) -> float:
    """Return the FWHM (mm) with which the transfer matrix recovers a 10 mL sphere in a cylinder."""
    protocol, fine, grid = patient.protocol, patient.fine_grid(), patient.spect_grid()
    z, y, x = np.meshgrid(
        *[(np.arange(n) - 0.5 * (n - 1)) * fine.spacing_xyz_mm[0] for n in fine.shape_zyx], indexing="ij", sparse=True
    )
    cylinder = (x**2 + y**2 <= 108.0**2) & (np.abs(z) <= 90.0)
    radius_mm = (10e3 * 3.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    sphere = (x - 57.0) ** 2 + y**2 + z**2 <= radius_mm**2
    activity = np.where(sphere, 1e6, 1e5 * cylinder).astype(np.float32)
    density = np.where(cylinder, 1.0, 0.00121).astype(np.float32)
    scan = acquire(activity_bq_per_ml=activity, density_g_per_ml=density, grid=fine, protocol=protocol, seed=1)
    image = image_of(scan.counts[0], scan.orbit, block_mean(density, 2), grid, protocol)
    fractions = {"sphere": block_mean(sphere, 2), "cylinder": block_mean(cylinder & ~sphere, 2)}
    found = []
    for width in WIDTHS_MM:
        result = gtm(image, fractions, spacing_xyz_mm=grid.spacing_xyz_mm, fwhm_mm=float(width))
        found.append(float(dict(zip(result.names, result.means, strict=True))["sphere"]) / 1e6)
    return float(np.interp(1.0, found, WIDTHS_MM))


def run_patient(seed: int, width_mm: float) -> tuple[list[dict], list[float]]:
    patient = make_virtual_patient(VirtualPatientRequest(seed=seed))
    fine, grid, protocol = patient.fine_grid(), patient.spect_grid(), patient.protocol
    means: dict[str, list[tuple[float, float, float, float]]] = {}
    totals, whole = [], {}
    for scan, pose in enumerate(patient.poses):
        labels = paint_labels(patient.anatomy, grid=fine, pose=pose)
        regions = patient.anatomy.region_labels(labels)
        activity = patient.activity_map(labels, scan=scan)
        table = table_density(patient.anatomy, grid=fine, pose=pose)[None]
        density = np.where(labels == 0, table, patient.anatomy.density_g_per_ml(labels))
        taken = acquire(
            activity_bq_per_ml=activity, density_g_per_ml=density, grid=fine, protocol=protocol, seed=1000 * seed + scan
        )
        ct = make_ct(patient.anatomy, labels, grid=fine, seed=1000 * seed + scan, pose=pose)
        image = image_of(taken.counts[0], taken.orbit, density_on_grid(density_from_hu(ct), grid=grid), grid, protocol)
        true_bq = float(activity.sum(dtype=np.float64)) * fine.voxel_volume_ml
        totals.append(round(float(image.sum(dtype=np.float64)) * grid.voxel_volume_ml / true_bq, 4))
        names = [name for name in patient.names if np.any(regions == 1 + patient.anatomy.region_names.index(name))]
        fractions = {name: block_mean(regions == 1 + patient.anatomy.region_names.index(name), 2) for name in names}
        fractions[REST] = np.clip(block_mean(regions > 0, 2) - sum(fractions.values()), 0.0, 1.0)
        corrected = gtm(image, fractions, spacing_xyz_mm=grid.spacing_xyz_mm, fwhm_mm=width_mm)
        if scan == 0:
            shape = rbv(image, fractions, spacing_xyz_mm=grid.spacing_xyz_mm, fwhm_mm=width_mm)
            first = (shape, fractions, density_on_grid(density_from_hu(ct), grid=grid))
        true = patient.concentrations_bq_per_ml(scan)
        for name, mean, raw in zip(corrected.names, corrected.means, corrected.observed_means, strict=True):
            if name in (*names, REST):
                inside_ml = float(fractions[name].sum()) * grid.voxel_volume_ml
                whole[name] = min(whole.get(name, 1.0), inside_ml / patient.volumes_ml[name])
                means.setdefault(name, []).append((patient.scan_times_s[scan], float(mean), float(raw), true[name]))
    tia_bq_s = {name: found_tia(points, patient.volumes_ml[name]) for name, points in means.items()}
    doses = dose_ratios(patient, *first, tia_bq_s)
    rows = []
    for name, points in means.items():
        if whole[name] < 0.97 or name in {"Bladder", "Bowel", "Spine", REST} or len(points) < len(patient.poses):
            continue
        _, corrected, raw, true = (np.array(column) for column in zip(*points, strict=True))
        rows.append(
            {
                "name": name,
                "volume_ml": round(patient.volumes_ml[name], 3),
                "raw": round(float(np.mean(raw / true)), 4),
                "corrected": round(float(np.mean(corrected / true)), 4),
                "tia": round(tia_bq_s[name] / patient.biokinetics.curves[name].time_integrated_activity_bq_s, 4),
                "dose": round(doses.get(name, float("nan")), 4),
            }
        )
    return rows, totals


def dose_ratios(patient, corrected, fractions, density, tia_bq_s) -> dict[str, float]:
    """Return found over true mean dose of every region, from its own curve and mass and the photons of the map."""
    grid = patient.spect_grid()
    own = {name: np.maximum(corrected.region_means[name], 0.0) * share for name, share in fractions.items()}
    total = sum(own.values())
    tia = np.zeros(grid.shape_zyx)
    for name, part in own.items():
        activity = np.maximum(corrected.values, 0.0) * np.divide(part, total, out=np.zeros_like(tia), where=total > 0.0)
        inside = float(fractions[name].sum()) * grid.voxel_volume_ml / patient.volumes_ml[name]
        if np.isfinite(tia_bq_s.get(name, np.nan)) and activity.sum() > 0.0:
            tia += activity * (tia_bq_s[name] * min(inside, 1.0) / activity.sum())
    truth = compute_truth(patient)
    full, local = (
        run_engine(
            engine,
            tia_bq_s=Volume(values=tia.astype(np.float32), grid=grid, unit="Bq s"),
            density_g_per_ml=Volume(values=density, grid=grid, unit="g/mL"),
            nuclide=get_nuclide(patient.nuclide),
        )
        for engine in (truth.engine, "local")
    )
    photons, charged = full.photon_dose.values, full.dose.values - full.photon_dose.values
    kev = sum(member.total_kev for member in local_energies(patient.nuclide))
    ratios = {}
    for name, share in fractions.items():
        mass = share * density
        factor = (charged * mass).sum(dtype=np.float64) / (local.dose.values * mass).sum(dtype=np.float64)
        photons_gy = (photons * mass).sum(dtype=np.float64) / mass.sum(dtype=np.float64)
        mass_g = float(mass.sum(dtype=np.float64)) * grid.voxel_volume_ml
        local_gy = tia_bq_s[name] * kev * KEV_PER_G_GY / mass_g
        ratios[name] = float(local_gy * factor + photons_gy) / truth.regions[name].absorbed_dose_gy
    return ratios


def found_tia(points, volume_ml) -> float:
    times, concentrations = (np.array(column) for column in list(zip(*points, strict=True))[:2])
    activities = np.maximum(concentrations, 1e-3) * volume_ml
    try:
        fit = fit_region_curves(
            times_s=times,
            activities_bq=activities,
            standard_uncertainties_bq=0.05 * activities,
            nuclide=get_nuclide("Lu-177"),
            options=FitOptions(),
        )
    except DosimetryError:
        return float("nan")
    chosen = fit.curves[fit.recommended_model]
    return float(chosen.time_integrated_activity_bq_s)


def quartiles(values) -> str:
    found = np.array([value for value in values if np.isfinite(value)])
    if found.size == 0:
        return "none"
    low, middle, high = np.percentile(found - 1.0, [25, 50, 75])
    without = f", {len(values) - found.size} without a fit" if len(values) > found.size else ""
    return f"median {middle:+.1%} (quartiles {low:+.1%} to {high:+.1%}, n = {found.size}{without})"


def main() -> None:
    n_patients = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 101
    kept = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    done = {} if kept is None or not kept.exists() else {p["seed"]: p for p in map(json.loads, kept.open())}
    wanted = [seed for seed in range(first, first + n_patients) if seed not in done]
    if wanted:
        width = width_from_a_sphere(make_virtual_patient(VirtualPatientRequest(seed=101)))
        print(f"Point spread for the transfer matrix from a 10 mL sphere: {width:.1f} mm", flush=True)
        for seed in wanted:
            start = time.perf_counter()
            rows, totals = run_patient(seed, width)
            done[seed] = {"seed": seed, "rows": rows, "totals": totals}
            if kept is not None:
                with kept.open("a") as lines:
                    lines.write(json.dumps(done[seed]) + "\n")
            took = f"{time.perf_counter() - start:.0f} s"
            print(f"seed {seed}: {took}, total activity {np.mean(totals) - 1.0:+.1%}", flush=True)
    patients = sorted(done.values(), key=lambda patient: patient["seed"])
    print(f"{len(patients)} patients")
    show([row for p in patients for row in p["rows"]], [total for p in patients for total in p["totals"]])


def show(rows: list[dict], totals: list[float]) -> None:
    groups = {
        "Kidneys": lambda row: row["name"].startswith("Kidney"),
        "Liver": lambda row: row["name"] == "Liver",
        "Spleen": lambda row: row["name"] == "Spleen",
        "Organs above 100 mL": lambda row: row["volume_ml"] > 100.0 and "lesion" not in row["name"],
        "Lesions 5 to 20 mL": lambda row: (
            ("lesion" in row["name"] or "Node" in row["name"]) and 5 <= row["volume_ml"] <= 20
        ),
        "Lesions 2 to 5 mL": lambda row: (
            ("lesion" in row["name"] or "Node" in row["name"]) and 2 <= row["volume_ml"] < 5
        ),
    }
    print(f"total activity of a scan: {quartiles(totals)}")
    for label, belongs in groups.items():
        chosen = [row for row in rows if belongs(row)]
        for what, key in COLUMNS.items():
            print(f"{label:22s} {what:16s} {quartiles([row[key] for row in chosen])}", flush=True)


if __name__ == "__main__":
    main()
