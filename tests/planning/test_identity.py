"""Sign-in: locked after five failures, also for the right password; nobody signs up; headers on every answer."""

import pytest
from django.test import Client

from planning.models.sites import Role
from theranostics_web.middleware import HEADERS

pytestmark = pytest.mark.django_db


def sign_in(client, username, password):
    return client.post("/accounts/login/", {"login": username, "password": password})


def test_the_right_password_is_refused_during_the_lock(clinic):
    client = Client()
    user = clinic.users[Role.PHYSICIAN]
    for _ in range(5):
        sign_in(client, user.username, "wrong password!")
    answer = sign_in(client, user.username, clinic.password)
    assert answer.status_code != 302
    assert "_auth_user_id" not in client.session


def test_the_right_password_opens_the_worklist(clinic):
    client = Client()
    answer = sign_in(client, clinic.users[Role.PHYSICIAN].username, clinic.password)
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_nobody_signs_up(client):
    answer = client.post("/accounts/signup/", {"username": "x", "password1": "y" * 14, "password2": "y" * 14})
    assert b"closed" in answer.content.lower() or answer.status_code in {302, 403, 404}
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("path", ["/accounts/login/", "/no/such/page", "/api/worklist", "/static/css/base.css"])
def test_headers_stand_on_every_answer(client, path):
    answer = client.get(path)
    for name, value in HEADERS.items():
        assert answer[name] == value
    answer.close()  # a static file stays open otherwise
