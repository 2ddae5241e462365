"""Watches whose address wants an access token: as a client of an authorization server that we did not write."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from httpx import AsyncClient

from ringtrail.dialects.agendize.webhooks import EVENT_TYPES
from ringtrail.model.webhook import AttemptRecord, Endpoint, LogQuery
from ringtrail.ports.clock import SystemClock
from ringtrail.services import Services, build_services
from ringtrail.storage.database import Database
from tests.dialects.agendize.client import Agendize, AgendizeError
from tests.dialects.agendize.conftest import HEADERS
from tests.dialects.agendize.issuer import CLIENT_ID, CLIENT_SECRET, FIRST, Issuer, issuing
from tests.dialects.agendize.test_entered import CALL
from tests.dialects.delivering import delivering, hurry, settled
from tests.fixtures import World
from tests.receiver import LOCAL, Received, Receiver, receiving

pytestmark = pytest.mark.postgres


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as issuer:
        yield issuer


def oauth(issuer: Issuer, grant: str = "refresh_token", **changes: Any) -> dict[str, Any]:
    given = {
        "grantType": grant, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET,
        "accessTokenUrl": issuer.receiver.url + "/token",
    } | ({"refreshToken": FIRST} if grant == "refresh_token" else {})  # fmt: skip
    return {name: value for name, value in (given | changes).items() if value is not None}


async def endpoint_of(world: World, watch: dict[str, Any]) -> Endpoint:
    endpoint = await world.services.webhooks.by_hash(world.account.id, watch["id"])
    assert endpoint is not None
    return endpoint


async def kept_token(world: World, watch: dict[str, Any]) -> str:
    secrets = await world.services.webhooks.secrets(await endpoint_of(world, watch))
    return str(secrets["oauth2Auth"]["refreshToken"])


async def attempts(world: World) -> list[AttemptRecord]:
    """Oldest first."""
    return (await world.services.webhook_ledger.attempts(LogQuery(account_id=world.account.id), oldest_first=True))[0]


async def enter(world: World, api: Agendize, receiver: Receiver, *, calls: int = 1) -> None:
    """Calls that are told at once."""
    before = len(receiver.received)
    await asyncio.gather(*(api.enter(**CALL) for _ in range(calls)))
    await receiver.wait_for(before + calls)
    await settled(world)


GRANTS = ("refresh_token", "client_credentials")


@pytest.mark.parametrize("grant", GRANTS)
async def test_one_token_is_fetched_for_many_calls(
    world: World, api: Agendize, receiver: Receiver, issuer: Issuer, grant: str
) -> None:
    receiver.reply = issuer.guard
    await api.watch(receiver.url, oauth2Auth=oauth(issuer, grant, scope="calls:write"))
    async with delivering(world):
        await enter(world, api, receiver, calls=6)
        await enter(world, api, receiver)
    assert [attempt.status for attempt in await attempts(world)] == [200] * 7
    asked = {"grant_type": grant, "scope": "calls:write"} | ({"refresh_token": FIRST} if "refresh" in grant else {})
    assert issuer.asked == [asked]


@pytest.mark.parametrize("grant", GRANTS)
async def test_a_token_that_is_refused_is_replaced_once(
    world: World, api: Agendize, receiver: Receiver, issuer: Issuer, grant: str
) -> None:
    receiver.reply = issuer.guard
    await api.watch(receiver.url, oauth2Auth=oauth(issuer, grant))
    async with delivering(world):
        await enter(world, api, receiver)
        issuer.good.clear()
        await enter(world, api, receiver, calls=4)
        assert len(issuer.asked) == 1
        await hurry(world)
        await receiver.wait_for(9)
        await settled(world)
    assert [attempt.status for attempt in await attempts(world)] == [200] + [401] * 4 + [200] * 4
    assert len(issuer.asked) == 2


async def test_an_address_that_refuses_every_token_does_not_make_us_ask_for_one_each_time(
    world: World, api: Agendize, receiver: Receiver, issuer: Issuer
) -> None:
    receiver.reply = lambda _request: web.Response(status=401)
    await api.watch(receiver.url, oauth2Auth=oauth(issuer, "client_credentials"))
    async with delivering(world):
        await enter(world, api, receiver, calls=3)
        for round_ in (2, 3, 4):
            await hurry(world)
            await receiver.wait_for(3 * round_)
            await settled(world)
    assert len(issuer.asked) == 2


@pytest.mark.parametrize("grant", GRANTS)
async def test_a_token_is_renewed_before_it_ends(
    world: World, api: Agendize, receiver: Receiver, issuer: Issuer, grant: str
) -> None:
    issuer.lives_s = 25
    receiver.reply = issuer.guard
    await api.watch(receiver.url, oauth2Auth=oauth(issuer, grant))
    async with delivering(world):
        await enter(world, api, receiver)
        await enter(world, api, receiver)
    assert len(issuer.asked) == 2
    assert [attempt.status for attempt in await attempts(world)] == [200, 200]


@pytest.mark.parametrize("public", [True, False])
async def test_a_refresh_token_that_is_replaced_is_kept_and_used_from_then_on(
    world: World, api: Agendize, receiver: Receiver, issuer: Issuer, public: bool
) -> None:
    issuer.lives_s, issuer.public = 1, public
    receiver.reply = issuer.guard
    watch = await api.watch(receiver.url, oauth2Auth=oauth(issuer, clientSecret=None if public else CLIENT_SECRET))
    async with delivering(world):
        for _ in range(3):
            await enter(world, api, receiver)
        assert await kept_token(world, watch) == issuer.refreshes[-1].text
    async with delivering(world):  # a worker that was started again
        await enter(world, api, receiver)
    assert [form["refresh_token"] for form in issuer.asked] == [item.text for item in issuer.refreshes[:4]]
    assert not issuer.revoked


async def test_workers_take_turns_at_one_refresh_token(
    world: World, api: Agendize, receiver: Receiver, issuer: Issuer
) -> None:
    """Each worker keeps access tokens of its own. A refresh token that two of them show at once would end them all."""
    issuer.lives_s = 1
    receiver.reply = issuer.guard
    await api.watch(receiver.url, oauth2Auth=oauth(issuer))

    async def slowly(received: Received) -> web.Response:
        await asyncio.sleep(0.1)
        return issuer.answer(received)

    issuer.receiver.reply = slowly
    async with delivering(world, limit_s=5), delivering(world, limit_s=5), delivering(world, limit_s=5):
        for _ in range(4):
            await enter(world, api, receiver, calls=6)
    assert {attempt.status for attempt in await attempts(world)} == {200}
    assert not issuer.revoked
    used = [form["refresh_token"] for form in issuer.asked]
    assert len(set(used)) == len(used) > 4


KEY = "a key that the worker knows, too"


def work(url: str) -> None:
    """A worker that is a process of its own."""

    async def deliver() -> None:
        database = Database(url)
        await database.open()
        services = sealed_services(database)
        async with delivering(cast(World, SimpleNamespace(database=database, services=services))):
            await asyncio.sleep(60)

    asyncio.run(deliver())


def sealed_services(database: Database) -> Services:
    return build_services(
        database, SystemClock(), recordings_folder="/nonexistent", secret_key=KEY, egress_allowed_networks=LOCAL
    )


async def killed_while_it_has_a_token(url: str, issuer: Issuer) -> None:
    """SIGKILL for a worker to which the issuer has given a new refresh token, before it can store it."""
    issued = asyncio.Event()

    async def answer_too_late(received: Received) -> web.Response:
        issuer.answer(received)
        issued.set()
        await asyncio.sleep(60)
        raise AssertionError

    issuer.receiver.reply = answer_too_late
    worker = multiprocessing.get_context("spawn").Process(target=work, args=(url,))
    worker.start()
    try:
        await asyncio.wait_for(issued.wait(), 20)
    finally:
        worker.kill()
        worker.join()
    issuer.receiver.reply = issuer.answer


async def test_a_worker_killed_between_the_issue_and_the_commit_loses_the_token_and_no_call(
    world: World, world_url: str, receiver: Receiver, issuer: Issuer
) -> None:
    """The one gap: the issuer has replaced the token, and nobody knows the new one. The log says so; the owner gives another,
    and what waits is told."""
    world = replace(world, services=sealed_services(world.database))
    webhooks, receiver.reply = world.services.webhooks, issuer.guard
    said = {"clientId": CLIENT_ID, "accessTokenUrl": issuer.receiver.url}
    endpoint = await webhooks.add(
        world.account.id, "agendize", address=receiver.url, event_types=tuple(EVENT_TYPES.values()),
        settings={"oauth2Auth": said}, secrets={"oauth2Auth": {"clientSecret": CLIENT_SECRET, "refreshToken": FIRST}},
    )  # fmt: skip
    await world.save(world.golden())
    await killed_while_it_has_a_token(world_url, issuer)
    assert (await webhooks.secrets(endpoint))["oauth2Auth"]["refreshToken"] == FIRST
    async with delivering(world):
        while len(issuer.asked) == 1:  # the dead worker's turn has to run out first
            await hurry(world)
            await settled(world)
        assert (await attempts(world))[-1].error == "no access token: HTTP status 400, invalid_grant"
        issuer.issue_by_hand("rt-by-hand")
        await webhooks.change(
            endpoint, secrets={"oauth2Auth": {"clientSecret": CLIENT_SECRET, "refreshToken": "rt-by-hand"}}
        )
        await hurry(world)
        await receiver.wait_for(1)
        await settled(world)
    assert (await attempts(world))[-1].status == 200


AWAY = b"""
CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = 'query_canceled'; END $$;
CREATE TRIGGER away BEFORE UPDATE OF secrets ON endpoints FOR EACH ROW EXECUTE FUNCTION away();
"""


async def test_a_token_that_was_renewed_while_the_database_was_away_is_not_lost(
    world: World, api: Agendize, receiver: Receiver, issuer: Issuer
) -> None:
    receiver.reply = issuer.guard
    watch = await api.watch(receiver.url, oauth2Auth=oauth(issuer))

    async def answer(received: Received) -> web.Response:
        async with world.database.transaction() as connection:
            await connection.execute(AWAY)
        return issuer.answer(received)

    issuer.receiver.reply = answer
    async with delivering(world):
        await api.enter(**CALL)
        await issuer.receiver.wait_for(1)
        await settled(world)
        assert (receiver.received, await kept_token(world, watch)) == ([], FIRST)
        issuer.receiver.reply = issuer.answer
        async with world.database.transaction() as connection:
            await connection.execute("DROP FUNCTION away CASCADE")
        await end_turns(world, watch)
        await hurry(world)
        await receiver.wait_for(1)
        await settled(world)
    assert not issuer.revoked
    assert await kept_token(world, watch) == issuer.refreshes[-1].text


async def end_turns(world: World, watch: dict[str, Any]) -> None:
    """As if what a worker that went away had taken had run out."""
    await world.services.webhooks.keep_secret(
        await endpoint_of(world, watch), lambda secrets: secrets.pop("renewing_until", None)
    )


async def test_a_watch_that_is_changed_keeps_a_token_that_was_renewed(
    world: World, api: Agendize, receiver: Receiver, issuer: Issuer
) -> None:
    issuer.lives_s = 1
    receiver.reply = issuer.guard
    watch = await api.watch(receiver.url, oauth2Auth=oauth(issuer), httpRequestHeader={"X-A": "b"})
    async with delivering(world):
        await enter(world, api, receiver)
        shown = await api.watchers.get(watch["id"])
        await api.watchers.change(watch["id"], **shown | {"httpRequestHeader": {"X-A": "c"}})
        await enter(world, api, receiver)
    assert [request.headers["x-a"] for request in receiver.received] == ["b", "c"]
    assert not issuer.revoked


async def test_a_token_that_is_renewed_while_the_watch_is_changed_is_not_overwritten(
    world: World, api: Agendize, receiver: Receiver, issuer: Issuer
) -> None:
    """Of two who change secrets at once, each by what it has read, the later one would bring the other's old ones back."""
    watch = await api.watch(receiver.url, oauth2Auth=oauth(issuer), httpRequestHeader={"X-0": "0"})
    endpoint, webhooks = await endpoint_of(world, watch), world.services.webhooks

    async def renew(number: int) -> None:
        await asyncio.sleep(number * 0.0004)  # somewhere between the reading and the writing, sooner or later
        await webhooks.keep_secret(endpoint, lambda now: now["oauth2Auth"].update(refreshToken=f"r{number}"))

    for number in range(40):
        headers = {f"X-{number}": "new"}
        await asyncio.gather(api.watchers.change(watch["id"], httpRequestHeader=headers), renew(number))
        assert await kept_token(world, watch) == f"r{number}"
        assert (await webhooks.secrets(endpoint))["httpRequestHeader"] == headers


# --- what issuers get wrong -----------------------------------------------------------------------------------------------

SAID: list[tuple[str, Any, str]] = [
    ("an error", (400, '{"error":"invalid_grant","error_description":"rt-0123456789abcdef is over"}'), "HTTP status 400, invalid_grant"),
    ("an error that repeats a secret", (400, json.dumps({"error": CLIENT_SECRET})), "HTTP status 400"),
    ("a secret as an error code", (400, '{"error":"rt_secret"}'), "HTTP status 400"),
    ("an error in words", (401, '{"error":"Bad client secret cs-0123456789abcdef"}'), "HTTP status 401"),
    ("a page", (500, "<h1>rt-0123456789abcdef</h1>"), "HTTP status 500"),
    ("no token", (200, "{}"), "HTTP status 200"),
    ("a token that is no text", (200, '{"access_token":7}'), "HTTP status 200"),
    ("an empty token", (200, '{"access_token":""}'), "HTTP status 200"),
    ("a token with a line end", (200, '{"access_token":"a\\r\\nX-Evil: 1"}'), "HTTP status 200"),
    ("a token with a space", (200, '{"access_token":"a b"}'), "HTTP status 200"),
    ("a list", (200, "[]"), "HTTP status 200"),
    ("deep JSON", (200, "[" * 20_000), "HTTP status 200"),
    ("no JSON", (200, "access_token=a"), "HTTP status 200"),
    ("created", (201, '{"access_token":"a"}'), "HTTP status 201"),
    ("a redirect", (302, ""), "HTTP status 302"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "said", "expected"), SAID, ids=[row[0] for row in SAID])
async def test_what_an_issuer_says_instead_of_a_token_is_logged_without_secrets(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver, name: str, said: Any, expected: str
) -> None:
    status, text = said
    secret = "rt_secret" if "rt_secret" in text else FIRST
    async with receiving() as trap, receiving() as strange:
        headers = {"Location": trap.url} if status == 302 else {}
        strange.reply = lambda _request: web.Response(status=status, text=text, headers=headers)
        given = {"clientId": "c", "clientSecret": CLIENT_SECRET, "refreshToken": secret, "accessTokenUrl": strange.url}
        await api.watch(receiver.url, oauth2Auth=given)
        async with delivering(world):
            await api.enter(**CALL)
            await strange.wait_for(1)
            await settled(world)
        assert trap.received == []
    (attempt,) = await attempts(world)
    assert (attempt.error, attempt.method, attempt.request_body) == (f"no access token: {expected}", None, None)
    log = (await client.get("/api/2.3/watchers/requests", headers=HEADERS)).text
    assert not [word for word in (secret, CLIENT_SECRET, FIRST) if word in f"{attempt}{log}"]
    assert receiver.received == []


LIVES: list[tuple[Any, int]] = [(3_600, 1), ("3600", 1), (None, 1), (0, 2), (-5, 2), ("soon", 2), (True, 2), ([], 2)]


@pytest.mark.parametrize(("expires_in", "asked"), LIVES)
async def test_how_long_a_token_lives_is_what_the_issuer_says(
    world: World, api: Agendize, receiver: Receiver, expires_in: Any, asked: int
) -> None:
    async with receiving() as strange:
        life = {} if expires_in is None else {"expires_in": expires_in}
        strange.reply = lambda _request: web.json_response({"access_token": "a"} | life)
        given = {"grantType": "client_credentials", "clientId": "c", "clientSecret": "s", "accessTokenUrl": strange.url}
        await api.watch(receiver.url, oauth2Auth=given)
        async with delivering(world):
            await enter(world, api, receiver)
            await enter(world, api, receiver)
        assert len(strange.received) == asked
    assert {request.headers["authorization"] for request in receiver.received} == {"Bearer a"}


async def test_no_access_token_is_in_the_ledger(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver, issuer: Issuer
) -> None:
    receiver.reply = issuer.guard
    await api.watch(receiver.url, oauth2Auth=oauth(issuer))
    async with delivering(world):
        await enter(world, api, receiver)
    (attempt,) = await attempts(world)
    assert attempt.request_headers["Authorization"] == "***"
    log = (await client.get("/api/2.3/watchers/requests", headers=HEADERS)).text
    async with world.database.reading() as connection:
        rows = await (await connection.execute("SELECT a::text, e::text FROM attempts a, endpoints e")).fetchall()
    words = {*issuer.good, CLIENT_SECRET, *(item.text for item in issuer.refreshes)}
    assert not [word for word in words if word in f"{log}{rows}"]


async def test_a_client_shows_itself_as_the_rfc_has_it(world: World, api: Agendize, receiver: Receiver) -> None:
    """RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined."""
    async with receiving() as strange:
        strange.reply = lambda _request: web.json_response({"access_token": "a"})
        given = {"grantType": "client_credentials", "clientId": "id:1", "clientSecret": "s&1", "scope": "a b"}
        await api.watch(receiver.url, oauth2Auth=given | {"accessTokenUrl": strange.url + "/token?x=1"})
        async with delivering(world):
            await enter(world, api, receiver)
        (asked,) = strange.received
    assert (asked.method, asked.path) == ("POST", "/token?x=1")
    assert asked.headers["authorization"] == "Basic " + b64encode(b"id%3A1:s%261").decode()
    assert dict(parse_qsl(asked.body.decode())) == {"grant_type": "client_credentials", "scope": "a b"}


async def test_an_issuer_is_asked_through_the_guard(world: World, api: Agendize, receiver: Receiver) -> None:
    """When the watch is made, and again when the address is dialled: by then a name may lead elsewhere."""
    inside = {"clientId": "c", "refreshToken": FIRST, "accessTokenUrl": "http://169.254.169.254/token"}
    with pytest.raises(AgendizeError, match=r"oauth2Auth\.accessTokenUrl"):
        await api.watch(receiver.url, oauth2Auth=inside)
    settings = {"oauth2Auth": {"clientId": "c", "accessTokenUrl": "http://[::ffff:169.254.169.254]/token"}}
    await world.services.webhooks.add(
        world.account.id, "agendize", address=receiver.url, event_types=tuple(EVENT_TYPES.values()), settings=settings,
        secrets={"oauth2Auth": {"refreshToken": FIRST}},
    )  # fmt: skip
    await world.save(world.golden())
    async with delivering(world):
        await settled(world)
    (attempt,) = await attempts(world)
    assert (attempt.error, receiver.received) == ("the address is not on the public internet", [])
