"""What may and may not be in a log line."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from ringtrail import logs

SECRET = "s3cr3t-0123456789abcdef"

PLACES = {
    "query string of Optico": {"path": f"/data-api?api_key={SECRET}&type=calls"},
    "query string of Agendize": {"url": f"https://example.org/api/2.0/calls?apiKey={SECRET}&token={SECRET}"},
    "key of Offline Numbers": {"path": f"/offline-numbers-api?key={SECRET}&action=check"},
    "OAuth code on its way back": {"location": f"https://client.example/back?code={SECRET}&state=x"},
    "form of the token endpoint": {"body": f"code={SECRET}&client_secret={SECRET}&code_verifier={SECRET}"},
    "OAuth code after others": {"body": f"grant_type=authorization_code&code={SECRET}".encode()},
    "tokens of the token endpoint": {"body": f'{{"access_token": "{SECRET}", "refresh_token": "{SECRET}"}}'},
    "named PKCE verifier": {"code_verifier": SECRET},
    "named password": {"password": SECRET},
    "named token": {"invox_token": SECRET},
    "named key": {"key": SECRET},
    "key in camel case": {"apiKey": SECRET},
    "headers": {"headers": {"Authorization": f"Basic {SECRET}", "X-API-Key": SECRET, "Cookie": f"session={SECRET}"}},
    "header in text": {"said": f"Authorization: Bearer {SECRET}"},
    "scheme in text": {"said": f"got Basic {SECRET} from 127.0.0.1"},
    "JSON in text": {"body": f'{{"hmac_secret": "{SECRET}", "n": 1}}'},
    "password in a URL": {"ari": f"http://ringtrail:{SECRET}@127.0.0.1:8088/ari"},
    "deep inside": {"request": {"params": [{"http_password": SECRET}, f"token={SECRET}"]}},
    "bytes": {"body": f"token={SECRET}".encode()},
    "an object's own words": {"error": ValueError(f"bad password={SECRET}")},
}


@pytest.fixture(params=["json", "text"])
def log_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def written(log_format: str) -> Iterator[io.StringIO]:
    """What this process logs."""
    before = (logging.root.handlers[:], logging.root.level)
    stream = io.StringIO()
    logs.configure(level="info", log_format=log_format, process="serve", stream=stream)
    yield stream
    logging.root.handlers[:], logging.root.level = before
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_never_reaches_a_line(place: str, written: io.StringIO) -> None:
    structlog.get_logger("ringtrail.http").info("request", **PLACES[place])
    line = written.getvalue()
    assert logs.REDACTED in line
    assert SECRET not in line


def test_a_secret_in_a_traceback_is_redacted(written: io.StringIO) -> None:
    try:
        raise RuntimeError(f"cannot reach http://user:{SECRET}@host/")
    except RuntimeError:
        structlog.get_logger("ringtrail").exception("failed")
    line = written.getvalue()
    assert "RuntimeError" in line
    assert SECRET not in line


def test_lines_of_libraries_are_redacted_too(written: io.StringIO) -> None:
    logging.getLogger("some.library").warning("GET /data-api?api_key=%s", SECRET)
    line = written.getvalue()
    assert "GET /data-api?api_key=[redacted]" in line


def test_access_lines_of_the_web_server_are_off(written: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info("GET /data-api?api_key=%s", SECRET)
    assert written.getvalue() == ""


@pytest.mark.parametrize("log_format", ["json"], indirect=True)
def test_a_line_carries_the_call_and_account_that_are_being_handled(written: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(call_id=9007199254740993, account_id=7):
        structlog.get_logger("ringtrail.calls").info("offered", did_hash="D1D", keypad="12", next_page=3)
        logging.getLogger("some.library").warning("hm")
    first, second = (json.loads(line) for line in written.getvalue().splitlines())
    assert first | {"timestamp": ""} == {
        "event": "offered", "call_id": 9007199254740993, "account_id": 7, "did_hash": "D1D", "keypad": "12",
        "next_page": 3, "level": "info", "process": "serve", "timestamp": "",
    }  # fmt: skip
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["call_id"]) == ("hm", 9007199254740993)


@pytest.mark.parametrize("log_format", ["json"], indirect=True)
def test_a_line_break_in_a_value_cannot_forge_a_second_line(written: io.StringIO) -> None:
    structlog.get_logger("ringtrail").info("caller", name='Eve\n{"event": "forged"}')
    assert len(written.getvalue().splitlines()) == 1


def test_lines_below_the_level_are_not_written(written: io.StringIO) -> None:
    structlog.get_logger("ringtrail").debug("chatter")
    assert written.getvalue() == ""
