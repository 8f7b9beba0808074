"""Density of a dose: by the curve of the CT's scanner, named, and stale when another one applies."""

from datetime import date

import numpy as np
import pytest

from planning import models, storage
from planning.computation.doses import compute_dose
from planning.queue import TaskName
from planning.selectors.current import current_calculation, current_image
from planning.selectors.staleness import calculation_stale_causes
from planning.services.doses import dose_save
from tests.planning import worked_phantom as phantom
from tests.planning.test_density_curves import POINTS, confirm, confirmed, create, withdraw

pytestmark = pytest.mark.django_db
LONG_AGO = date(2020, 1, 1)


@pytest.fixture
def with_ct(worked):
    """The reference image has a CT of 100 HU everywhere, taken on scanner CT 1; curves are accepted."""
    point = worked.points[0]
    ct = models.Series.objects.create(
        site=worked.clinic.site,
        patient=worked.patient,
        time_point=point,
        kind="ct",
        modality="CT",
        series_uid="1.2.99",
        study_uid="1.3",
        acquisition_start=current_image(point).mid_acquisition_at,
        summary={"station_name": "CT 1"},
    )
    values = np.full(phantom.GRID["shape_zyx"], 100, np.int16)
    worked.image(point, ct_series=ct, ct_sha256=storage.store_array(values), ct_grid=phantom.GRID)
    worked.fitted()
    for other in worked.points[1:]:
        worked.registration(other)
    return worked


def calculate(worked, **parameters) -> models.DoseCalculation:
    chosen = {"engines": ["local"], **parameters}
    result = compute_dose(cycle=worked.cycle, parameters=chosen, progress=phantom.no_progress)
    return dose_save(run=worked.run(TaskName.CALCULATE_DOSE), cycle=worked.cycle, result=result)


def kidney_density(worked, calculation) -> float:
    row = calculation.regions.get(region=worked.kidney)
    return row.mass_g / row.volume_ml


def test_dose_takes_the_scanners_curve_and_says_which(with_ct):
    curve = confirmed(with_ct.clinic, valid_from=LONG_AGO)
    calculation = calculate(with_ct)
    # 100 HU lies a tenth of the way from 1.0 to 2.0 g/mL; the map is float32.
    assert kidney_density(with_ct, calculation) == pytest.approx(1.1, rel=1e-6)
    assert calculation.density_origin == (
        "from CT by the curve of CT 1, valid from 2020-01-01 (electron density phantom)"
    )
    assert calculation.provenance["density_curve"] == {"id": str(curve.pk), "points": POINTS, "source": curve.source}
    assert calculation_stale_causes(calculation) == []


def test_without_a_curve_the_default_is_used_and_named(with_ct):
    calculation = calculate(with_ct)
    assert kidney_density(with_ct, calculation) == pytest.approx(1.0762, rel=1e-6)
    assert "Schneider 2000" in calculation.density_origin
    assert calculation.provenance["density_curve"]["id"] is None


def test_the_longest_names_fit_into_the_origin(with_ct):
    name = "C" * 64
    models.Series.objects.filter(kind="ct").update(summary={"station_name": name})
    curve = confirmed(with_ct.clinic, scanner=name, source="S" * 255, valid_from=LONG_AGO)
    calculation = calculate(with_ct)
    calculation.full_clean(exclude=["created_by"], validate_unique=False, validate_constraints=False)
    assert curve.source in calculation.density_origin


def test_a_curve_confirmed_later_makes_the_dose_stale_until_it_is_calculated_again(with_ct):
    first = calculate(with_ct)
    curve = create(with_ct.clinic, valid_from=LONG_AGO)
    assert calculation_stale_causes(first) == []
    confirm(with_ct.clinic, curve)
    assert calculation_stale_causes(first) == ["another density curve applies"]
    again = calculate(with_ct)
    assert again.inputs_digest != first.inputs_digest
    assert calculation_stale_causes(again) == []


def test_a_withdrawn_curve_makes_its_dose_stale(with_ct):
    curve = confirmed(with_ct.clinic, valid_from=LONG_AGO)
    calculation = calculate(with_ct)
    withdraw(with_ct.clinic, curve)
    assert calculation_stale_causes(calculation) == ["the density curve was withdrawn"]


def test_a_newer_curve_makes_a_dose_of_the_older_stale(with_ct):
    confirmed(with_ct.clinic, valid_from=LONG_AGO)
    calculation = calculate(with_ct)
    confirmed(with_ct.clinic, valid_from=date(2021, 1, 1))
    assert calculation_stale_causes(calculation) == ["another density curve applies"]


def test_a_calculation_from_before_curves_counts_as_default(with_ct):
    calculation = calculate(with_ct)
    models.DoseCalculation.objects.filter(pk=calculation.pk).update(provenance={}, density_origin="from CT")
    old = current_calculation(with_ct.cycle)
    assert calculation_stale_causes(old) == []
    confirmed(with_ct.clinic, valid_from=LONG_AGO)
    assert calculation_stale_causes(old) == ["another density curve applies"]


def test_a_declared_density_does_not_depend_on_curves(with_ct):
    calculation = calculate(with_ct, density_g_per_ml=1.3)
    assert "density_curve" not in calculation.provenance
    confirmed(with_ct.clinic, valid_from=LONG_AGO)
    assert calculation_stale_causes(calculation) == []
