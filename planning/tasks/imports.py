from planning.computation.uploads import read_upload
from planning.models import Upload
from planning.queue import TaskName
from planning.services.imports import import_save
from planning.tasks.base import run_task


@run_task(TaskName.IMPORT_UPLOAD)
def run_import(run, progress):
    upload = Upload.objects.select_related("site").get(pk=run.parameters["upload"])
    result = read_upload(upload=upload, progress=progress)
    return lambda: import_save(run=run, upload=upload, result=result)
