"""Names of the tasks, and the doorbell that tells a worker to look at a run."""

from enum import StrEnum
from uuid import UUID

from celery import current_app
from django.db import transaction


class TaskName(StrEnum):
    IMPORT_UPLOAD = "planning.run_import"
    PREPARE_IMAGES = "planning.run_images"
    REGISTER = "planning.run_registration"
    IMPORT_CONTOURS = "planning.run_contour_import"
    PROPAGATE_CONTOURS = "planning.run_contour_propagation"
    PROPOSE_CONTOURS = "planning.run_contour_proposal"
    FIT_CURVES = "planning.run_curves"
    FIT_POPULATION = "planning.run_population"
    CALCULATE_DOSE = "planning.run_dose"
    WRITE_REPORT = "planning.run_report"
    MAKE_VIRTUAL_PATIENT = "planning.run_virtual_patient"
    MEASURE_CALIBRATION = "planning.run_calibration"


LABELS = {
    TaskName.IMPORT_UPLOAD: "Reading the upload",
    TaskName.PREPARE_IMAGES: "Preparing images",
    TaskName.REGISTER: "Registration",
    TaskName.IMPORT_CONTOURS: "Importing contours",
    TaskName.PROPAGATE_CONTOURS: "Propagating contours",
    TaskName.PROPOSE_CONTOURS: "Proposing contours",
    TaskName.FIT_CURVES: "Fitting curves",
    TaskName.FIT_POPULATION: "Fitting a population",
    TaskName.CALCULATE_DOSE: "Calculating dose",
    TaskName.WRITE_REPORT: "Writing the report",
    TaskName.MAKE_VIRTUAL_PATIENT: "Making a virtual patient",
    TaskName.MEASURE_CALIBRATION: "Measuring a phantom",
}
CPU_TASKS = {
    TaskName.PREPARE_IMAGES,
    TaskName.REGISTER,
    TaskName.PROPAGATE_CONTOURS,
    TaskName.PROPOSE_CONTOURS,
    TaskName.FIT_CURVES,
    TaskName.FIT_POPULATION,
    TaskName.CALCULATE_DOSE,
    TaskName.MAKE_VIRTUAL_PATIENT,
    TaskName.MEASURE_CALIBRATION,
}


def queue_of(name: TaskName) -> str:
    return "cpu" if name in CPU_TASKS else "io"


def ring(*, run_id: UUID, name: str) -> None:
    """Send the message after commit; with the broker down the row stays and the reaper rings again."""

    def send() -> None:
        current_app.send_task(name, args=[str(run_id)], queue=queue_of(TaskName(name)))

    transaction.on_commit(send, robust=True)
