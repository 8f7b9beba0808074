from planning.computation.kinetics import compute_curves
from planning.models import Cycle
from planning.queue import TaskName
from planning.services.kinetics import curves_save
from planning.tasks.base import run_task


@run_task(TaskName.FIT_CURVES)
def run_curves(run, progress):
    cycle = Cycle.objects.get(pk=run.cycle_uuid)
    result = compute_curves(cycle=cycle, parameters=run.parameters, progress=progress)
    return lambda: curves_save(run=run, cycle=cycle, result=result)
