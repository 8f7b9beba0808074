"""Two sites, a person of every role at the first, a physicist at the second, and a case at each."""

from types import SimpleNamespace

import pytest
from django.utils import timezone

from planning import models
from tests.planning.clinic import make_clinic
from tests.planning.worked_case import make_worked_case


@pytest.fixture
def clinic(db):
    return make_clinic()


@pytest.fixture
def case(clinic):
    """Return patient, course, cycle, administration and time point of the first site."""
    patient = models.Patient.objects.create(site=clinic.site, patient_id="ZZPHI-1", name="ZZPHI^Anna")
    course = models.Course.objects.create(patient=patient, number=1, nuclide="Lu-177", agent="DOTATATE")
    cycle = models.Cycle.objects.create(course=course, number=1)
    administration = models.Administration.objects.create(
        cycle=cycle,
        number=1,
        administered_at=timezone.now() - timezone.timedelta(days=10),
        administered_activity_bq=7.4e9,
        source="typed",
    )
    time_point = models.TimePoint.objects.create(cycle=cycle, number=1, is_reference=True)
    return SimpleNamespace(
        patient=patient, course=course, cycle=cycle, administration=administration, time_point=time_point
    )


@pytest.fixture
def worked(clinic):
    """Return a small case with three scans; its methods take it through the real services."""
    return make_worked_case(clinic)


@pytest.fixture
def readers(worked):
    return worked.editor, worked.clinic.second
