"""CT density curves: keyed by scanner and day, confirmed by a second person, withdrawn with a reason."""

import json
from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from dosimetry.dose.density import DEFAULT_DENSITY_CURVE
from planning import models
from planning.computation.errors import ComputationError
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.selectors.density_curves import density_curve_for
from planning.services.density_curves import density_curve_confirm, density_curve_create, density_curve_withdraw
from tests.phantoms import edits

pytestmark = pytest.mark.django_db
POINTS = [[-1000.0, 0.001], [0.0, 1.0], [1000.0, 2.0]]
FIELDS = {"scanner": "CT 1", "points": POINTS, "source": "electron density phantom", "valid_from": date(2026, 1, 1)}


def create(clinic, **fields):
    return density_curve_create(actor=clinic.users[Role.PHYSICIST], site=clinic.site, fields={**FIELDS, **fields})


def confirm(clinic, curve):
    return density_curve_confirm(actor=clinic.users[Role.QUALITY_LEAD], curve=curve)


def confirmed(clinic, **fields):
    return confirm(clinic, create(clinic, **fields))


def withdraw(clinic, curve, reason="phantom was mislabelled"):
    return density_curve_withdraw(actor=clinic.users[Role.QUALITY_LEAD], curve=curve, reason=reason)


def series(clinic, *, start=datetime(2026, 3, 2, 10, tzinfo=UTC), **summary) -> models.Series:
    return models.Series(
        site=clinic.site, kind="ct", acquisition_start=start, summary={"station_name": "CT 1", **summary}
    )


def test_the_curve_of_scanner_and_day_is_found_by_station_or_model(clinic):
    curve = confirmed(clinic)
    assert density_curve_for(series(clinic)) == curve
    assert density_curve_for(series(clinic, station_name="", manufacturer_model="CT 1")) == curve
    assert density_curve_for(series(clinic, station_name="CT 2")) is None
    assert density_curve_for(series(clinic, station_name="")) is None


def test_an_imported_ct_carries_what_the_curve_is_found_by(clinic, tmp_path):
    written = edits.ct_series(tmp_path)
    edits.change(written.paths, edits.setting(StationName="CT 1 ", ManufacturerModelName="Model X"))
    read = edits.only(written)
    row = models.Series(site=clinic.site, acquisition_start=read.acquisition_start, summary=read.as_dict())
    by_model = confirmed(clinic, scanner="Model X", valid_from=date(2020, 1, 1))
    assert density_curve_for(row) == by_model
    by_station = confirmed(clinic, valid_from=date(2020, 1, 1))
    assert density_curve_for(row) == by_station


def test_validity_begins_on_its_day_in_the_sites_zone(clinic):
    curve = confirmed(clinic)
    # Berlin is one hour ahead in winter: 23:30 UTC of the last day of the year is the first of January there.
    assert density_curve_for(series(clinic, start=datetime(2025, 12, 31, 23, 30, tzinfo=UTC))) == curve
    assert density_curve_for(series(clinic, start=datetime(2025, 12, 31, 22, 30, tzinfo=UTC))) is None


def test_without_a_ct_or_its_date_there_is_no_curve(clinic):
    confirmed(clinic)
    assert density_curve_for(None) is None
    assert density_curve_for(series(clinic, start=None)) is None


def test_the_newer_of_two_valid_curves_counts_and_the_station_wins_over_the_model(clinic):
    first = confirmed(clinic)
    newer = confirmed(clinic, valid_from=date(2026, 2, 1))
    assert density_curve_for(series(clinic)) == newer
    assert density_curve_for(series(clinic, start=datetime(2026, 1, 15, tzinfo=UTC))) == first
    confirmed(clinic, scanner="Model X", valid_from=date(2026, 3, 1))
    assert density_curve_for(series(clinic, manufacturer_model="Model X")) == newer


def test_of_two_curves_of_one_day_the_one_confirmed_last_counts(clinic):
    first, second = create(clinic), create(clinic)
    confirm(clinic, second)
    confirm(clinic, first)
    assert density_curve_for(series(clinic)) == first


def test_an_unconfirmed_withdrawn_or_foreign_curve_is_not_used(clinic):
    curve = create(clinic)
    assert density_curve_for(series(clinic)) is None
    confirm(clinic, curve)
    models.DensityCurve.objects.filter(pk=curve.pk).update(site=clinic.other)
    assert density_curve_for(series(clinic)) is None
    models.DensityCurve.objects.filter(pk=curve.pk).update(site=clinic.site)
    assert density_curve_for(series(clinic)) == curve
    withdraw(clinic, curve)
    assert density_curve_for(series(clinic)) is None


def test_the_author_does_not_confirm_and_a_curve_is_decided_once(clinic):
    author = clinic.users[Role.PHYSICIST]
    curve = create(clinic)
    with pytest.raises(NotAllowedError):
        density_curve_confirm(actor=author, curve=curve)
    models.Membership.objects.create(user=author, site=clinic.site, role=Role.QUALITY_LEAD)
    with pytest.raises(NotAllowedError) as caught:
        density_curve_confirm(actor=author, curve=curve)
    assert caught.value.code == "second_person_required"
    confirm(clinic, curve)
    with pytest.raises(InvalidStateError) as caught:
        confirm(clinic, curve)
    assert caught.value.code == "already_decided"


def test_the_database_holds_the_second_person_too(clinic):
    curve = create(clinic)
    row = models.DensityCurve.objects.filter(pk=curve.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.update(confirmed_by=curve.created_by, confirmed_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        row.update(confirmed_at=timezone.now())


def test_withdrawing_needs_a_reason_and_the_quality_lead_and_is_done_once(clinic):
    curve = confirmed(clinic)
    with pytest.raises(InvalidStateError) as caught:
        withdraw(clinic, curve, reason=" ")
    assert caught.value.code == "reason_required"
    with pytest.raises(NotAllowedError):
        density_curve_withdraw(actor=clinic.users[Role.PHYSICIST], curve=curve, reason="drift")
    assert not models.DensityCurve.objects.get().is_withdrawn
    withdraw(clinic, curve)
    with pytest.raises(InvalidStateError) as caught:
        withdraw(clinic, curve)
    assert caught.value.code == "already_decided"


def test_every_step_is_audited(clinic):
    withdraw(clinic, confirmed(clinic), reason="drift")
    records = models.AuditRecord.objects.filter(action__startswith="density_curve.").order_by("number")
    assert [record.action.split(".")[1] for record in records] == ["create", "confirm", "withdraw"]
    assert json.loads(records.last().payload)["reason"] == "drift"


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([], "got 0"),
        ([[0.0, 1.0]], "got 1"),
        ([[0.0, 1.0], [0.0, 1.1]], "point 2 has 0 HU after 0 HU"),
        ([[0.0, 1.0], [100.0, 1.1], [50.0, 1.2]], "point 3 has 50 HU after 100 HU"),
        ([[0.0, 0.0], [100.0, 1.1]], "point 1 has a density of 0"),
        ([[0.0, 1.0], [100.0, -1.1]], "point 2 has a density of -1.1"),
        ([[-1000.0, 1.2], [0.0, 1000.0]], "point 2 has a density of 1000"),
        ([[0.0, 1.0], [float("inf"), 1.1]], "point 2 holds a value that is not a finite number"),
        ([[0.0, float("nan")], [1.0, 1.1]], "point 1 holds a value that is not a finite number"),
    ],
)
def test_points_that_make_no_curve_are_refused_by_number(clinic, points, said):
    with pytest.raises(ComputationError) as caught:
        create(clinic, points=points)
    assert caught.value.code == "bad_curve"
    assert said in str(caught.value)
    assert not models.DensityCurve.objects.exists()


def test_the_api_lists_curves_the_default_and_the_scanners_seen(clinic):
    models.Series.objects.create(
        site=clinic.site,
        kind="ct",
        modality="CT",
        series_uid="1.2",
        study_uid="1.3",
        summary={"station_name": "CT 1", "manufacturer_model": "Model X"},
    )
    address = f"/api/sites/{clinic.site.pk}/density-curves"
    client = clinic.client(clinic.users[Role.PHYSICIST])
    empty = client.get(address).json()
    assert empty["results"] == []
    assert empty["scanners"] == ["CT 1", "Model X"]
    assert empty["default"]["points"] == [list(point) for point in DEFAULT_DENSITY_CURVE.points]
    assert "Schneider" in empty["default"]["source"]
    body = {**FIELDS, "valid_from": "2026-01-01"}
    assert client.post(address, body, format="json").status_code == 201
    row = client.get(address).json()["results"][0]
    assert row["points"] == POINTS
    assert (row["is_confirmed"], row["is_withdrawn"], row["author"]) == (False, False, "Physicist A")
    lead = clinic.client(clinic.users[Role.QUALITY_LEAD])
    assert lead.post(f"/api/density-curves/{row['id']}/confirm").json()["confirmed_by"] == "Quality lead A"
    answer = lead.post(f"/api/density-curves/{row['id']}/withdraw", {"reason": "drift"}, format="json")
    assert answer.json()["is_withdrawn"] is True
    assert clinic.client(clinic.foreigner).post(f"/api/density-curves/{row['id']}/confirm").status_code == 404


@pytest.mark.parametrize(
    ("points", "status"),
    [([[0.0, 1.0], [-5.0, 1.1]], 422), ([[0.0, 1.0, 2.0], [5.0, 1.1]], 400), ([["water", 1.0], [5.0, 1.1]], 400)],
    ids=["falling", "three numbers", "a word"],
)
def test_the_api_says_what_is_wrong_with_points(clinic, points, status):
    body = {**FIELDS, "valid_from": "2026-01-01", "points": points}
    client = clinic.client(clinic.users[Role.PHYSICIST])
    answer = client.post(f"/api/sites/{clinic.site.pk}/density-curves", body, format="json")
    assert answer.status_code == status
    assert "point 2 has -5 HU after 0 HU" in answer.json()["message"] or answer.json()["fields"]["points"]
