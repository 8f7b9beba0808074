from planning.computation.calibration_measurements import measure
from planning.models import Series
from planning.queue import TaskName
from planning.services.calibrations import measurement_save
from planning.tasks.base import run_task


@run_task(TaskName.MEASURE_CALIBRATION)
def run_calibration(run, progress):
    key = run.parameters["series"]
    series = Series.objects.select_related("site").get(pk=key, site=run.site) if key else None
    inputs = run.parameters["inputs"]
    result = measure(method=run.parameters["method"], series=series, inputs=inputs, progress=progress)
    return lambda: measurement_save(run=run, result=result)
