"""How the old account is asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from ringtrail.dialects.callr.migration.remote import (
    AnswerTooLongError,
    Remote,
    RemoteError,
    RemoteRefusedError,
    api_key,
    connected,
    login,
)
from tests.dialects.callr.migration.conftest import FAST, Side
from tests.receiver import Received, Receiver

pytestmark = pytest.mark.postgres


@pytest.fixture
async def told(receiver: Receiver) -> AsyncIterator[Remote]:
    """An old account that answers what a test says."""
    async with connected(receiver.url + "/", api_key("secret"), per_second=FAST) as remote:
        yield replace(remote, first_wait_s=0.001)


def answers(*bodies: Any, status: int = 200) -> Callable[[Received], web.Response]:
    """Each in its turn, the last for ever."""
    left = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return lambda _: web.Response(text=left.pop(0) if len(left) > 1 else left[0], status=status)


async def test_a_question_is_put_as_the_vendors_programs_put_it(told: Remote, receiver: Receiver) -> None:
    receiver.reply = answers({"jsonrpc": "2.0", "id": 1, "result": {"a": 1}})
    assert await told.call("did.search", {}, None) == {"a": 1}
    assert await told.acting_as("User.login bob").call("apps.get_list", True) == {"a": 1}
    own, of_bob = receiver.received
    assert own.json == {"jsonrpc": "2.0", "id": 1, "method": "did.search", "params": [{}, None]}
    assert own.headers["authorization"] == "Api-Key secret"
    assert own.headers["content-type"] == "application/json-rpc; charset=utf-8"
    assert "callr-login-as" not in own.headers
    assert of_bob.headers["callr-login-as"] == "User.login bob"


@pytest.mark.parametrize(
    "method",
    ["apps.create", "did/store.buy_order", "media/recording.set_read", "apps.edit", "sms.send", "getaway.drive"],
)
async def test_what_would_change_something_there_is_never_asked(told: Remote, receiver: Receiver, method: str) -> None:
    with pytest.raises(ValueError, match="would change"):
        await told.call(method)
    assert receiver.received == []


async def test_trouble_of_the_moment_is_waited_out(told: Remote, receiver: Receiver) -> None:
    replies = [web.Response(status=503), web.Response(status=429), web.Response(text='{"result": 7}')]
    receiver.reply = lambda _: replies.pop(0)
    assert await told.call("system.get_timestamp") == 7
    assert len(receiver.received) == 3


async def test_trouble_that_lasts_is_told_after_five_tries(told: Remote, receiver: Receiver) -> None:
    receiver.reply = answers("busy", status=503)
    with pytest.raises(RemoteError, match="HTTP 503"):
        await told.call("system.get_timestamp")
    assert len(receiver.received) == 5


async def test_credentials_that_are_none_are_told_as_that(told: Remote, receiver: Receiver) -> None:
    receiver.reply = answers({"error": {"code": 401, "message": "Authentication failed"}}, status=401)
    with pytest.raises(RemoteRefusedError, match="Authentication failed"):
        await told.call("system.get_timestamp")


@pytest.mark.parametrize(
    ("body", "said", "unknown"),
    [
        ({"error": {"code": -32601, "message": "nope"}}, "nope", True),
        ({"error": {"code": 42, "message": "UNKNOWN_METHOD [x]"}}, "UNKNOWN_METHOD", True),
        ({"error": {"code": 151, "message": "PROPERTY_VALUE_ERROR [app]"}}, "PROPERTY_VALUE_ERROR", False),
        ({"error": "all wrong"}, "no JSON-RPC answer", False),
        ("<html>", "no JSON-RPC answer", False),
        ([1], "no JSON-RPC answer", False),
        ({}, "no JSON-RPC answer", False),
    ],
)
async def test_an_answer_that_is_none_says_why(
    told: Remote, receiver: Receiver, body: Any, said: str, unknown: bool
) -> None:
    receiver.reply = answers(body)
    with pytest.raises(RemoteError, match=said) as caught:
        await told.call("system.get_timestamp")
    assert caught.value.unknown_method is unknown


async def test_a_character_that_cannot_be_kept_is_left_out(told: Remote, receiver: Receiver) -> None:
    receiver.reply = answers({"result": [{"na\0me": "a\0b", "back": "\\u0000", "n": 1}]})
    assert await told.call("apps.get_list", True) == [{"name": "ab", "back": "\\u0000", "n": 1}]


async def test_half_a_character_does_not_keep_the_rest_back(told: Remote, receiver: Receiver) -> None:
    receiver.reply = answers('{"result": [{"cli_name": "A\\ud800nn"}, {"cli_name": "\\ud83d\\ude00"}]}')
    assert await told.call("cdr.get", "IN") == [{"cli_name": "Ann"}, {"cli_name": "\U0001f600"}]


async def test_pages_are_read_until_there_are_no_more(told: Remote, receiver: Receiver) -> None:
    receiver.reply = answers(
        {"result": {"hits": [1, 2], "has_more": True}}, {"result": {"hits": [3], "has_more": True}},
        {"result": {"hits": [], "has_more": True}},
    )  # fmt: skip
    assert [page async for page in told.pages("did.search", {"a": 1}, {"quantity": 2})] == [[1, 2], [3]]
    assert [request.json["params"] for request in receiver.received] == [
        [{"a": 1}, {"quantity": 2, "offset": offset}] for offset in (0, 2, 3)
    ]


@pytest.mark.parametrize("result", [{"hits": "many"}, {}, [], {"hits": [1], "has_more": True}])
async def test_pages_without_hits_or_without_end_are_an_error(told: Remote, receiver: Receiver, result: Any) -> None:
    receiver.reply = answers({"result": result})
    with pytest.raises(RemoteError, match="list of hits"):
        _ = [page async for page in told.pages("did.search")]


async def test_a_file_is_fetched_over_redirects_and_our_key_goes_only_where_it_belongs(
    told: Remote, receiver: Receiver
) -> None:
    elsewhere = receiver.url.replace("127.0.0.1", "localhost") + "/b.mp3"

    def reply(request: Received) -> web.Response:
        if request.path == "/a.mp3":
            return web.Response(status=302, headers={"Location": elsewhere})
        return web.Response(body=b"sound")

    receiver.reply = reply
    assert await told.file(receiver.url + "/a.mp3", 5) == b"sound"
    first, second = receiver.received
    assert "authorization" in first.headers
    assert (second.path, "authorization" in second.headers) == ("/b.mp3", False)
    with pytest.raises(AnswerTooLongError):
        await told.file(elsewhere, 4)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/a.mp3", "ftp://127.0.0.1/a", "/a.mp3", "http://[", "http://169.254.169.254/"]
)
async def test_a_file_is_not_fetched_from_just_anywhere(told: Remote, url: str) -> None:
    with pytest.raises(RemoteError):
        await told.file(url, 100)


async def test_requests_are_paced(receiver: Receiver) -> None:
    receiver.reply = answers({"result": 1})
    async with connected(receiver.url, login("a", "b"), per_second=20) as remote:
        began = remote.pace._next
        for _ in range(5):
            await remote.call("system.get_timestamp")
    assert remote.pace._next - began >= 4 / 20


async def test_an_account_is_known_again_by_where_it_is_and_whose_key_it_is(told: Remote) -> None:
    same, other, below = replace(told), replace(told, authorization=api_key("x")), told.acting_as("Account.hash A")
    assert told.source == same.source
    assert len({told.source, other.source, below.source}) == 3
    assert "secret" not in told.source + repr(told)


async def test_ours_is_asked_like_theirs(old: Side, remote: Remote) -> None:
    assert [item["hash"] for item in await remote.call("apps.get_list", True)] == [
        item["hash"] for item in await old.ask("apps.get_list", True)
    ]
    with pytest.raises(RemoteRefusedError):
        await replace(remote, authorization=api_key("nobody")).call("system.get_timestamp")
