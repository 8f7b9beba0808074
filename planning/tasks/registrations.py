from planning.computation.registrations import compute_registration
from planning.models import Cycle, Registration
from planning.queue import TaskName
from planning.selectors.registrations import needs_registration
from planning.services.registrations import registrations_save
from planning.tasks.base import run_task


@run_task(TaskName.REGISTER)
def run_registration(run, progress):
    cycle = Cycle.objects.get(pk=run.cycle_uuid)
    time_points = list(cycle.time_points.filter(is_reference=False).order_by("number"))
    wanted = run.parameters.get("time_point")
    if wanted:
        time_points = [time_point for time_point in time_points if str(time_point.pk) == wanted]
    else:
        time_points = [time_point for time_point in time_points if needs_registration(time_point)]
    predecessor = Registration.objects.filter(pk=run.parameters.get("predecessor")).first()
    results = []
    n = len(time_points)
    for i, time_point in enumerate(time_points):

        def report(fraction, text, i=i, number=time_point.number):
            progress((i + fraction) / n, f"Time point {number}: {text}")

        result = compute_registration(
            time_point=time_point, nudge=run.parameters.get("nudge"), predecessor=predecessor, progress=report
        )
        results.append((time_point, result))
    return lambda: registrations_save(run=run, cycle=cycle, results=results)
