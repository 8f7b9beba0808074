"""TotalSegmentator at a site: off until installed and enabled, by exactly these files; what a run makes of it."""

from types import SimpleNamespace

import numpy as np
import pytest
from django.urls import reverse

from dosimetry.segmentation import totalsegmentator
from planning.computation import networks
from planning.computation.errors import ComputationError
from planning.computation.learned_contours import learned_rows
from planning.computation.networks import TOTALSEGMENTATOR, shipped_network
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.services.contour_runs import contour_proposal_start
from planning.services.networks import enabled_network, network_decide
from tests.tiny_totalsegmentator import empty_installation
from tests.toy_network import toy_network  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_network")]


@pytest.fixture
def installed(tmp_path, settings):
    found = empty_installation(tmp_path)
    settings.TOTALSEGMENTATOR_DIR = str(found.package)
    settings.TOTALSEGMENTATOR_WEIGHTS = str(found.weights)
    settings.TOTALSEGMENTATOR_VARIANT = "fast"
    networks._told.cache_clear()
    return found


def enable(clinic, *, on=True):
    return network_decide(
        actor=clinic.users[Role.QUALITY_LEAD], site=clinic.site, name=TOTALSEGMENTATOR, enable=on, reason="Compared."
    )


def listed(clinic) -> dict:
    client = clinic.client(clinic.users[Role.QUALITY_LEAD])
    answer = client.get(reverse("networks", args=[clinic.site.pk]))
    return {row["name"]: row for row in answer.json()}


def propose(worked, **given):
    return contour_proposal_start(actor=worked.editor, time_point=worked.points[0], engine=TOTALSEGMENTATOR, **given)


def test_it_is_off_where_the_settings_do_not_name_it(worked):
    assert TOTALSEGMENTATOR not in listed(worked.clinic)
    with pytest.raises(InvalidStateError) as error:
        propose(worked)
    assert error.value.code == "no_network"


def test_a_site_enables_these_files_and_no_others(clinic, installed):
    row = listed(clinic)[TOTALSEGMENTATOR]
    assert (row["version"], row["spacing_mm"], row["is_enabled"]) == ("2.18.0 fast", 3.0, False)
    assert row["weights_sha256"] == installed.digest()
    with pytest.raises(NotAllowedError):
        network_decide(
            actor=clinic.users[Role.PHYSICIST], site=clinic.site, name=TOTALSEGMENTATOR, enable=True, reason="Nice."
        )
    enable(clinic)
    assert (
        enabled_network(clinic.site, TOTALSEGMENTATOR).label
        == f"totalsegmentator 2.18.0 fast ({row['weights_sha256'][:8]})"
    )
    assert listed(clinic)[TOTALSEGMENTATOR]["is_enabled"]
    (installed.weights / installed.variant.files[0]).write_text("other weights")
    assert not listed(clinic)[TOTALSEGMENTATOR]["is_enabled"]
    assert enabled_network(clinic.site, TOTALSEGMENTATOR) is None


def test_the_web_process_digests_unchanged_files_once(installed, monkeypatch):
    first = shipped_network(TOTALSEGMENTATOR)
    monkeypatch.setattr(type(installed), "digest", lambda _self: pytest.fail("digested again"))
    assert shipped_network(TOTALSEGMENTATOR) == first


def test_missing_weights_are_named_to_who_would_enable_or_use_it(worked, installed):
    (installed.weights / installed.variant.files[1]).unlink()
    with pytest.raises(InvalidStateError, match=r"plans\.json is missing"):
        enable(worked.clinic)
    with pytest.raises(InvalidStateError, match=r"plans\.json is missing"):
        propose(worked)
    assert TOTALSEGMENTATOR not in listed(worked.clinic)


def test_an_unknown_variant_takes_nothing_else_down(clinic, installed, settings):
    settings.TOTALSEGMENTATOR_VARIANT = "quick"
    assert "organs" in listed(clinic)
    with pytest.raises(InvalidStateError, match="fast or full"):
        enable(clinic)


def with_ct(worked):
    image = worked.image(worked.points[0])
    if not image.ct_sha256:
        type(image).objects.filter(pk=image.pk).update(ct_sha256=image.emission_sha256, ct_grid=image.emission_grid)
        image.refresh_from_db()
    return image


def without_ct(worked):
    image = worked.image(worked.points[0])
    type(image).objects.filter(pk=image.pk).update(ct_sha256="", ct_grid=None)
    image.refresh_from_db()
    return image


def test_a_run_carries_the_digest_that_was_enabled(worked, installed):
    with_ct(worked)
    enable(worked.clinic)
    with pytest.raises(InvalidStateError, match="knows no Parotid left"):
        propose(worked, regions=["Parotid left"])
    run = propose(worked, regions=["Liver"])
    assert run.parameters["totalsegmentator_sha256"] == installed.digest()
    assert run.parameters["network"] == installed.label(installed.digest())


def test_our_own_network_stays_the_default(worked, installed):
    enable(worked.clinic)
    with pytest.raises(InvalidStateError) as error:
        contour_proposal_start(actor=worked.editor, time_point=worked.points[0])
    assert error.value.code == "no_network"
    with pytest.raises(InvalidStateError) as error:
        contour_proposal_start(actor=worked.editor, time_point=worked.points[0], engine="another")
    assert error.value.code == "unknown_network"


def test_the_contours_page_offers_it_where_it_is_enabled(worked, installed):
    client = worked.clinic.client(worked.editor)
    url = reverse("contours", args=[worked.points[0].pk])
    assert client.get(url).json()["totalsegmentator"] is None
    enable(worked.clinic)
    offered = client.get(url).json()
    assert offered["network"] is None
    assert "Parotid left" not in offered["totalsegmentator"]["regions"]


def test_without_a_ct_the_run_is_refused_before_it_starts(worked, installed, monkeypatch):
    enable(worked.clinic)
    monkeypatch.setattr("planning.services.contour_runs.current_image", lambda _point: SimpleNamespace(ct_sha256=""))
    with pytest.raises(InvalidStateError) as error:
        propose(worked, regions=["Liver"])
    assert error.value.code == "no_image"


def test_a_worker_whose_weights_changed_draws_nothing(worked, installed):
    image = with_ct(worked)
    with pytest.raises(ComputationError) as error:
        learned_rows(image=image, regions=["Liver"], progress=lambda _share: None, enabled_sha256="0" * 64)
    assert error.value.code == "weights_digest"


def test_a_worker_without_it_says_so(worked, settings):
    settings.TOTALSEGMENTATOR_DIR = ""
    image = with_ct(worked)
    with pytest.raises(ComputationError) as error:
        learned_rows(image=image, regions=["Liver"], progress=lambda _share: None, enabled_sha256="0" * 64)
    assert error.value.code == "missing_package"


def test_rows_name_version_variant_and_digest_and_invent_no_confidence(worked, installed, monkeypatch):
    image = with_ct(worked)
    seen = {}

    def answer(ct, **given):
        seen.update(given)
        labels = np.zeros(ct.grid.shape_zyx, dtype=np.uint8)
        labels[1:-1, 1:-1, 1:-1] = 5
        names = [part for parts in totalsegmentator.REGION_CLASSES.values() for part in parts]
        return labels, {**dict.fromkeys(names, 200), "liver": 5}

    monkeypatch.setattr(totalsegmentator, "segmented", answer)
    digest = installed.digest()
    (row,) = learned_rows(image=image, regions=["Liver"], progress=lambda _share: None, enabled_sha256=digest)
    assert row["source_detail"] == f"totalsegmentator 2.18.0 fast ({digest[:8]})"
    assert row["confidence"] is None
    assert "no_confidence" in {reason["code"] for reason in row["reasons"]}
    assert seen["installed"] == installed
