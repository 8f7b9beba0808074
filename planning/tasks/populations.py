from planning.computation.populations import fit_site_population
from planning.queue import TaskName
from planning.services.populations import population_save
from planning.tasks.base import run_task


@run_task(TaskName.FIT_POPULATION)
def run_population(run, progress):
    result = fit_site_population(site=run.site, progress=progress, **run.parameters)
    return lambda: population_save(run=run, result=result)
