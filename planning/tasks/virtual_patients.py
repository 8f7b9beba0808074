from datetime import datetime

from planning.computation.virtual_patients import compute_virtual_patient
from planning.models import VirtualPatient
from planning.queue import TaskName
from planning.services.virtual_patients import virtual_patient_save
from planning.tasks.base import run_task


@run_task(TaskName.MAKE_VIRTUAL_PATIENT)
def run_virtual_patient(run, progress):
    virtual = VirtualPatient.objects.select_related("site").get(pk=run.parameters["virtual_patient"])
    result = compute_virtual_patient(
        request=virtual.request,
        patient_id=virtual.patient_id,
        name=virtual.name,
        start=datetime.fromisoformat(run.parameters["start"]),
        progress=progress,
    )
    return lambda: virtual_patient_save(run=run, virtual=virtual, result=result)
