"""Unknown addresses: the API answers in its shape, pages with a page."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/api/nothing", "/api/cycles/not-a-uuid/dose"])
def test_unknown_addresses_of_the_api_have_its_shape(path):
    answer = Client().get(path)
    assert answer.status_code == 404
    assert answer.json() == {"code": "not_found", "message": "Not found.", "fields": {}}


def test_an_unknown_page_is_a_page():
    answer = Client().get("/nothing/")
    assert answer.status_code == 404
    assert b"<html" in answer.content
