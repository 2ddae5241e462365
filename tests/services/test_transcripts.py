"""The ledger explains tries without giving away what they were authorised with, whatever a receiver repeats."""

from __future__ import annotations

import html
import json
from urllib.parse import quote, urlencode

import pytest
from aiohttp import web

from ringtrail.services.transcripts import ANSWER_KEPT, Blackout, texts_in
from ringtrail.services.webhooks import WebhookRequest
from tests.fixtures import World
from tests.receiver import Receiver
from tests.services.plain import attempts_of, delivering, endpoint_of, tried

TOKEN = 'T0p/secret+"<&>=='
pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("status", [200, 500])
async def test_a_receiver_that_repeats_our_headers_puts_no_secret_into_the_ledger(
    world: World, receiver: Receiver, status: int
) -> None:
    receiver.reply = lambda request: web.Response(
        status=status, headers={"X-You-Sent": request.headers["authorization"]}, text=json.dumps(request.headers)
    )
    endpoint = await endpoint_of(world, receiver.url, secrets={"token": TOKEN})
    async with delivering(world):
        await world.save(world.golden())
        await tried(world, endpoint)
    assert receiver.received[0].headers["authorization"] == f"Bearer {TOKEN}"
    (attempt,) = await attempts_of(world, endpoint)
    assert attempt.request_headers["Authorization"] == "***"
    assert attempt.response_headers["X-You-Sent"] == "***"
    assert json.loads(attempt.response_body or "")["authorization"] == "***"
    assert "T0p" not in repr(attempt)


def _sent(**private: str) -> WebhookRequest:
    return WebhookRequest(method="POST", address="https://x.example/", headers={}, private_headers=private, body=b"")


@pytest.mark.parametrize(
    "spelled",
    [
        TOKEN,
        json.dumps(TOKEN),
        json.dumps(TOKEN).replace("/", r"\/"),
        urlencode({"t": TOKEN}),
        quote(TOKEN, safe=""),
        html.escape(TOKEN),
    ],
)
def test_a_secret_is_blacked_out_in_every_usual_spelling(spelled: str) -> None:
    for blackout in (Blackout([TOKEN], None), Blackout([], _sent(Authorization=f"Bearer {TOKEN}"))):
        shown = blackout.text(f"you sent {spelled}.")
        assert "***" in shown
        assert "T0p" not in shown


def test_a_secret_across_the_end_of_what_is_kept_leaves_no_half_of_itself() -> None:
    body = b"x" * (ANSWER_KEPT - 5) + TOKEN.encode()
    kept = Blackout([TOKEN], None).body(body, ANSWER_KEPT)
    assert kept is not None
    assert kept.strip("x") == "***"


def test_what_is_too_short_to_be_a_secret_leaves_answers_readable() -> None:
    assert Blackout(["ok"], _sent(**{"X-Mode": "json"})).text('{"ok": "json"}') == '{"ok": "json"}'


def test_secrets_are_found_however_deep_they_lie() -> None:
    assert set(texts_in({"v1": [{"key": "a", "until": None}], "basicAuth": {"password": "b"}, "turn": 5.0})) == {
        "a",
        "b",
    }
