"""Reports: a PDF and a JSON of exactly what was signed; anything else is marked as a draft (rows 15, 20, 29, 32)."""

import json
import re
import zlib
from base64 import a85decode

import pytest

from planning import models, storage
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.runs import RunState
from planning.models.sites import Role
from planning.selectors.current import current_result
from planning.services.reports import report_start
from planning.tasks.base import execute_run
from planning.tasks.reports import run_report

pytestmark = pytest.mark.django_db


def write_report(worked) -> models.Report:
    run = report_start(actor=worked.physicist, cycle=worked.cycle)
    execute_run(run_id=str(run.pk), body=run_report)
    run.refresh_from_db()
    assert (run.state, run.error_message) == (RunState.SUCCEEDED, "")
    return models.Report.objects.get(pk=run.result_id)


def pdf_of(report) -> bytes:
    return storage.object_path(report.pdf_sha256).read_bytes()


def text_of(pdf: bytes) -> str:
    """Return the drawn strings of a PDF as reportlab writes it: ASCII85 of deflated page streams."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    pages = [zlib.decompress(a85decode(b"<~" + stream.strip(), adobe=True)) for stream in streams]
    return b" ".join(pages).decode("latin-1")


def document_of(report) -> dict:
    return json.loads(storage.object_path(report.json_sha256).read_text())


def quantities(value, path=""):
    """Yield every quantity of a document with its place."""
    if isinstance(value, dict):
        if {"value", "unit"} <= set(value):
            yield path, value
            return
        for key, item in value.items():
            yield from quantities(item, f"{path}/{key}")
    elif isinstance(value, list):
        for item in value:
            yield from quantities(item, path)


def test_pdf_and_json_are_made_and_named_by_their_digests(worked):
    report = write_report(worked.approved())
    assert pdf_of(report).startswith(b"%PDF-")
    assert pdf_of(report).rstrip().endswith(b"%%EOF")
    document = document_of(report)
    assert document["format"] == "theranostics-web-report-1"
    assert (document["is_draft"], document["state"], document["version"]) == (False, "approved", 1)


def test_the_json_holds_what_was_signed(worked):
    report = write_report(worked.approved())
    result = current_result(worked.cycle)
    document = document_of(report)
    assert document["digest"] == result.digest
    assert document["content"] == result.content
    assert {item["digest"] for item in document["signatures"]} == {result.digest}
    assert [item["meaning"] for item in document["signatures"]] == ["calculated", "reviewed", "approved"]


def test_row_20_every_number_has_its_unit_and_doses_their_uncertainty(worked):
    document = document_of(write_report(worked.approved()))
    found = dict(quantities(document["content"]))
    assert all(item["unit"] for item in found.values())
    units = {path.rsplit("/", 1)[-1]: item["unit"] for path, item in found.items()}
    assert units["absorbed_dose"] == "Gy"
    assert units["dose_per_activity"] == "Gy/GBq"
    assert units["administered_activity"] == "GBq"
    assert units["tia"] == "MBq·h"
    assert units["tiac"] == units["effective_half_life"] == "h"
    assert units["mass"] == "g"
    assert units["volume"] == "mL"
    for region in document["content"]["dose"]["regions"]:
        assert region["absorbed_dose"]["standard_uncertainty"] > 0.0
        assert region["budget"]


def test_the_json_names_source_revisions_and_versions(worked):
    worked.approved()
    document = document_of(write_report(worked))
    calculation = worked.cycle.dose_calculations.get()
    sources = document["content"]["sources"]
    assert sources["dose_calculation"] == str(calculation.pk)
    assert sources["curve_revision"] == str(calculation.curve_revision_id)
    assert sources["dose_digest"] == calculation.inputs_digest
    images = [point["image"] for point in document["content"]["time_points"]]
    assert [image["id"] for image in images] == [str(point.images.get().pk) for point in worked.points]
    contours = {revision["id"] for revision in document["content"]["contours"]}
    assert contours == {str(point.contour_revisions.get().pk) for point in worked.points}
    assert {"theranostics_web", "commit", "numpy", "scipy"} <= set(document["versions"])


def test_row_14_the_json_gives_both_volumes_and_the_rule(worked):
    document = document_of(write_report(worked.approved()))
    kidney = next(row for row in document["content"]["contours"][0]["regions"] if row["name"] == "Kidney left")
    assert (kidney["contour_volume"]["value"], kidney["volume"]["value"]) == (64.0, 56.0)
    assert "Lesion 1" in kidney["statements"][0]


def test_answered_warnings_are_printed_with_their_answers(worked):
    document = document_of(write_report(worked.approved()))
    asked = [item for item in document["content"]["warnings"] if item["level"] == "ask"]
    assert asked
    assert all(item["answer"]["text"] == "Checked." and item["answer"]["by"] for item in asked)


@pytest.mark.parametrize("meanings", [(), ("calculated",), ("calculated", "reviewed")], ids=len)
def test_row_32_anything_not_approved_is_a_marked_draft(worked, meanings, clinic):
    worked.calculated()
    if meanings:
        worked.signed(*meanings)
    report = write_report(worked)
    assert report.is_draft is True
    assert document_of(report)["is_draft"] is True
    assert "DRAFT, UNAPPROVED" in text_of(pdf_of(report))
    answer = clinic.client(worked.physicist).get(f"/api/reports/{report.pk}/pdf")
    assert 'filename="DRAFT-report-cycle-1-v1-1.pdf"' in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Type"] == "application/pdf"
    assert b"".join(answer.streaming_content) == pdf_of(report)
    answer.close()


def test_row_32_an_approved_report_has_no_watermark_and_prints_the_banner(worked):
    text = text_of(pdf_of(write_report(worked.approved())))
    assert "DRAFT" not in text
    assert "This software is not a cleared medical device." in text
    assert f"Digest {current_result(worked.cycle).digest}" in text


def test_equal_content_is_one_report_with_equal_bytes(worked):
    worked.approved()
    first, second = write_report(worked), write_report(worked)
    assert first == second
    assert models.Report.objects.count() == 1


def test_row_15_a_stale_result_is_not_exported(worked):
    worked.approved()
    worked.draw(worked.points[0])
    with pytest.raises(InvalidStateError) as caught:
        report_start(actor=worked.physicist, cycle=worked.cycle)
    assert caught.value.code == "stale"


def test_row_29_a_draft_after_a_withdrawal_belongs_to_the_next_version(worked):
    worked.approved()
    worked.sign("withdrawn", reason="wrong kidney")
    report = write_report(worked)
    assert (report.is_draft, report.result.number, document_of(report)["version"]) == (True, 2, 2)
    assert not models.Report.objects.filter(result__number=1).exists()


def test_no_report_before_a_dose(worked):
    worked.fitted()
    with pytest.raises(InvalidStateError) as caught:
        report_start(actor=worked.physicist, cycle=worked.cycle)
    assert caught.value.code == "no_dose"


def test_who_exports_and_who_reads(worked, clinic):
    report = write_report(worked.approved())
    for role in (Role.READER, Role.TECHNOLOGIST, Role.CONTOUR_EDITOR):
        with pytest.raises(NotAllowedError):
            report_start(actor=clinic.users[role], cycle=worked.cycle)
    url = f"/api/reports/{report.pk}/json"
    assert clinic.client(clinic.foreigner).get(url).status_code == 404
    answer = clinic.client(clinic.users[Role.READER]).get(url)
    assert json.loads(b"".join(answer.streaming_content)) == document_of(report)
    answer.close()
    assert models.AuditRecord.objects.filter(action="report.download_json").count() == 1


def test_the_report_holds_intervals_components_and_what_nobody_stated(worked):
    report = write_report(worked.calculated())
    drawn = text_of(pdf_of(report))
    for words in ("Dose, 95 %", "Not stated", "Contour edge"):
        assert words in drawn
    regions = document_of(report)["content"]["dose"]["regions"]
    for row in regions:
        chain = row["uncertainty"]
        low, high = chain["dose_interval_95"]["lower"], chain["dose_interval_95"]["upper"]
        assert low < row["absorbed_dose"]["value"] < high
        assert "Calibration factor" in chain["not_stated"]
