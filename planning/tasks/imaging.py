from planning.computation.imaging import compute_image
from planning.models import Cycle
from planning.queue import TaskName
from planning.services.contour_runs import contour_proposal_offer
from planning.services.imaging import images_save
from planning.tasks.base import run_task


@run_task(TaskName.PREPARE_IMAGES)
def run_images(run, progress):
    cycle = Cycle.objects.get(pk=run.cycle_uuid)
    time_points = list(cycle.time_points.order_by("number"))
    results = []
    for i, time_point in enumerate(time_points):

        def report(fraction, text, i=i, number=time_point.number):
            progress((i + fraction) / len(time_points), f"Time point {number}: {text}")

        result = compute_image(time_point=time_point, parameters=run.parameters, progress=report)
        results.append((time_point, result))

    def save():
        images_save(run=run, cycle=cycle, results=results)
        contour_proposal_offer(actor=run.requested_by, cycle=cycle)
        return cycle

    return save
