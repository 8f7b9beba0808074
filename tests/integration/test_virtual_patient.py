"""A virtual patient through the whole product, no worker killed and nothing left out: the chain finds what is true."""

import pytest
from celery import current_app

from planning import tasks
from planning.computation.virtual_comparison import compared_with_truth
from planning.models import Run
from planning.models.runs import RunState
from planning.models.sites import Role
from planning.services.virtual_patients import virtual_patient_start
from tests.planning.clinic import make_clinic

GTM = {
    "partial_volume": "gtm",
    "resolution_fwhm_mm": 4.6,
    "resolution_standard_uncertainty_mm": 0.5,
    "resolution_source": "10 mL sphere, simulated",
}


@pytest.mark.django_db
def test_the_chain_finds_the_true_dose_of_a_virtual_patient():
    assert "virtual_patients" in tasks.__all__
    clinic = make_clinic()
    virtual = virtual_patient_start(
        actor=clinic.users[Role.PHYSICIST],
        site=clinic.site,
        request={"agent": "DOTATATE", "seed": 7, "scan_times_h": [24.0, 120.0]},
        settings={"curves": GTM, "dose": {"engines": ["local"]}},
    )
    while run := Run.objects.filter(state=RunState.QUEUED).order_by("created_at").first():
        current_app.tasks[run.kind](str(run.pk))
        run.refresh_from_db()
        assert run.state == RunState.SUCCEEDED, f"{run.kind}: {run.error_message}"
    virtual.refresh_from_db()
    assert virtual.is_finished, virtual.error_message
    found = compared_with_truth(virtual)
    organs, lesions = found["groups"]
    assert organs["n"] >= 3
    assert abs(organs["median_percent"]) < 7.0
    assert lesions["n"] >= 2
    assert abs(lesions["median_percent"]) < 15.0
    rows = {row["name"]: row for row in found["regions"]}
    assert rows["Liver"]["activity_ratios"] == pytest.approx([1.0, 1.0], abs=0.04)
    assert organs["n_covered"] == organs["n_scored"]
