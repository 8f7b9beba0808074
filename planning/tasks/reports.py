import json

from planning import storage
from planning.computation.provenance import software_versions
from planning.errors import InvalidStateError
from planning.figures.curves import small_curve
from planning.figures.report_pdf import report_pdf
from planning.models import Cycle
from planning.queue import TaskName
from planning.selectors.current import current_calculation
from planning.selectors.digests import digest_json
from planning.selectors.report_document import report_document
from planning.selectors.review_page import review_detail_parts
from planning.services.reports import report_save
from planning.tasks.base import run_task


@run_task(TaskName.WRITE_REPORT)
def run_report(run, progress):
    cycle = Cycle.objects.get(pk=run.cycle_uuid)
    if current_calculation(cycle) is None:
        raise InvalidStateError("Calculate the dose before writing a report.", code="no_dose")
    progress(0.1, "Collecting results")
    document = report_document(cycle)
    versions = software_versions()
    progress(0.4, "Writing the PDF")
    pdf = report_pdf({**document, "curve_shapes": _curve_shapes(cycle)})
    progress(0.8, "Storing")
    text = json.dumps({**document, "versions": versions}, indent=1, ensure_ascii=False, sort_keys=True)
    fields = {
        "result": review_detail_parts(cycle)["result"],
        "is_draft": document["is_draft"],
        "pdf_sha256": storage.store_bytes(pdf),
        "json_sha256": storage.store_bytes(text.encode()),
        "inputs_digest": digest_json(document),
        "versions": versions,
    }
    return lambda: report_save(run=run, cycle=cycle, fields=fields)


def _curve_shapes(cycle: Cycle) -> list[dict]:
    curves = current_calculation(cycle).curve_revision.curves.select_related("region")
    shapes = ((curve, small_curve(curve)) for curve in curves)
    return [{"name": curve.region.name, **shape} for curve, shape in shapes if shape is not None]
