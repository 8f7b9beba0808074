from planning.computation.doses import compute_dose
from planning.models import Cycle
from planning.queue import TaskName
from planning.services.doses import dose_save
from planning.tasks.base import run_task


@run_task(TaskName.CALCULATE_DOSE)
def run_dose(run, progress):
    cycle = Cycle.objects.get(pk=run.cycle_uuid)
    result = compute_dose(cycle=cycle, parameters=run.parameters, progress=progress)
    return lambda: dose_save(run=run, cycle=cycle, result=result)
