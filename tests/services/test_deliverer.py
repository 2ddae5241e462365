"""How deliveries are tried: again, later, in order, and never at another endpoint's cost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.webhook import DeliveryState, LogQuery
from ringtrail.ports.clock import SystemClock
from ringtrail.services.deliverer import MOST_TRIES, PAUSES_S, Deliverer, pause_s, retry_after
from ringtrail.services.egress import Egress, Policy
from ringtrail.services.entered_calls import CallEntry
from ringtrail.services.pacing import FIRST, MOST_TO_ENDPOINT
from ringtrail.services.vault import Vault, VaultError
from ringtrail.services.webhooks import MOST_ENDPOINTS
from tests.fixtures import World, build_world
from tests.receiver import Received, Receiver, receiving
from tests.services.plain import attempts_of, delivering, endpoint_of, execute, log_of, tried

pytestmark = pytest.mark.postgres
NOW = datetime(2026, 7, 14, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_delivered(world: World, receiver: Receiver, status: int) -> None:
    receiver.reply = lambda _: web.Response(status=status)
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    async with delivering(world):
        (entry,) = await tried(world, endpoint)
    assert (entry.last_status, entry.last_error, entry.due_at, entry.tries) == (status, None, None, 1)
    assert entry.delivered_at is not None
    assert entry.took_ms is not None


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 429, 500, 503])
async def test_every_other_answer_is_tried_again_later(world: World, receiver: Receiver, status: int) -> None:
    receiver.reply = lambda _: web.Response(status=status, text="no \0 thanks", headers={"Location": receiver.url})
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    async with delivering(world):
        (entry,) = await tried(world, endpoint)
    assert (entry.last_status, entry.last_error) == (status, f"HTTP status {status}")
    (attempt,) = await attempts_of(world, endpoint)
    assert attempt.response_body == "no \ufffd thanks"
    assert entry.due_at is not None
    assert timedelta(seconds=5) < entry.due_at - datetime.now(UTC) < timedelta(seconds=13)


async def test_no_answer_and_no_listener_are_tried_again(world: World, receiver: Receiver) -> None:
    async def silent(_: Received) -> web.Response:
        await asyncio.sleep(10)
        return web.Response()

    receiver.reply = silent
    slow, closed = await endpoint_of(world, receiver.url), await endpoint_of(world, "http://127.0.0.1:1/")
    await world.save(world.golden())
    async with delivering(world):
        words = [(await tried(world, item))[0].last_error for item in (slow, closed)]
    assert words == ["no answer within 1 seconds", "no connection could be made"]


async def test_a_later_try_is_the_same_event(world: World, receiver: Receiver) -> None:
    answers = iter([500, 500, 200])
    receiver.reply = lambda _: web.Response(status=next(answers))
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    async with delivering(world):
        for number in (1, 2):
            await tried(world, endpoint, number)
            await execute(world, "UPDATE deliveries SET due_at = now()")
        (entry,) = await tried(world, endpoint, 3)
    assert entry.delivered_at is not None
    assert len({request.event_id for request in receiver.received}) == 1
    assert len(receiver.received) == 3


async def test_a_delivery_is_given_up_after_its_last_try(world: World, receiver: Receiver) -> None:
    receiver.reply = lambda _: web.Response(status=500)
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    await execute(world, "UPDATE deliveries SET tries = %s", MOST_TRIES - 1)
    async with delivering(world):
        (entry,) = await tried(world, endpoint, MOST_TRIES)
    assert entry.state is DeliveryState.GIVEN_UP


def test_tries_are_spread_over_about_three_days() -> None:
    for chance, least, most in ((0.0, 2.2, 2.6), (0.5, 2.7, 3.2), (1.0, 3.3, 3.8)):
        days = sum(pause_s(number, chance) for number in range(1, MOST_TRIES)) / 86_400
        assert least < days < most
    assert [round(pause_s(number, 0.5)) for number in range(1, MOST_TRIES)] == list(PAUSES_S)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120), (" 7 ", 7), ("0", 0), ("99999999999999999999", 86_400), ("Tue, 14 Jul 2026 09:01:00 GMT", 60),
        ("Tue, 14 Jul 2037 09:01:00 GMT", 86_400), (None, None), ("", None), ("soon", None), ("-5", None), ("١", None),
        ("Tue, 14 Jul 2026 09:01:00 +99999999999999999999", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_date_of_at_most_a_day(header: str | None, seconds: int | None) -> None:
    assert retry_after(header, NOW) == (None if seconds is None else NOW + timedelta(seconds=seconds))


async def test_a_receiver_that_asks_for_a_rest_is_sent_nothing_meanwhile(world: World, receiver: Receiver) -> None:
    receiver.reply = lambda _: web.Response(status=429, headers={"Retry-After": "3600"})
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    async with delivering(world):
        (entry,) = await tried(world, endpoint)
        assert entry.due_at is not None
        assert entry.due_at - datetime.now(UTC) > timedelta(minutes=59)
        await world.save(world.golden())
        await asyncio.sleep(0.5)
        assert len(receiver.received) == 1


async def test_410_disables_the_endpoint_until_its_owner_enables_it(world: World, receiver: Receiver) -> None:
    good, receiver.reply = receiver.reply, lambda _: web.Response(status=410)
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    webhooks = world.services.webhooks
    async with delivering(world):
        (entry,) = await tried(world, endpoint)
        await world.save(world.golden())
        found = await webhooks.by_hash(world.account.id, endpoint.hash)
        assert entry.state is DeliveryState.GIVEN_UP
        assert found is not None
        assert (found.enabled, found.disabled_why) == (False, "it answered 410 Gone")
        receiver.reply = good
        changed, missed = await webhooks.enable(found)
        assert (changed.disabled_why, missed) == (None, 2)
        await receiver.wait_for(3)
    assert len(receiver.received) == 3


async def test_deliveries_of_one_call_wait_for_the_one_before_and_others_do_not(
    world: World, receiver: Receiver
) -> None:
    first, other = world.golden(), world.golden()
    refuse = True
    receiver.reply = lambda request: web.Response(status=500 if refuse and request.body == b"call.ended" else 200)
    endpoint = await endpoint_of(world, receiver.url)
    who = Principal(account=world.account, property=None, credential_id=0, login=None)
    await world.save(first)
    async with delivering(world):
        await tried(world, endpoint)
        await world.services.entered_calls.correct(who, first.id, CallEntry(duration_s=7))
        refuse = False
        await world.save(other)
        await receiver.wait_for(2)
        await asyncio.sleep(0.3)
        assert [request.body for request in receiver.received] == [b"call.ended", b"call.ended"]
        await execute(world, "UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL")
        await receiver.wait_for(4)
    assert [request.body for request in receiver.received[2:]] == [b"call.ended", b"call.changed"]


async def test_what_waits_for_a_failed_delivery_is_not_due_before_it(world: World, receiver: Receiver) -> None:
    """Else a dead receiver's queue would be passed over again and again."""
    receiver.reply = lambda _: web.Response(status=500)
    endpoint = await endpoint_of(world, receiver.url)
    call = world.golden()
    who = Principal(account=world.account, property=None, credential_id=0, login=None)
    await world.save(call)
    await world.services.entered_calls.correct(who, call.id, CallEntry(duration_s=7))
    async with delivering(world):
        await receiver.wait_for(1)
        await tried(world, endpoint, 0)
        await world.services.entered_calls.correct(who, call.id, CallEntry(duration_s=8))
        log = await log_of(world, endpoint.hash)
    assert [entry.tries for entry in log] == [0, 0, 1]
    assert len({entry.due_at for entry in log}) == 1


async def test_a_later_delivery_no_longer_waits_for_one_that_was_given_up(world: World, receiver: Receiver) -> None:
    receiver.reply = lambda request: web.Response(status=500 if request.body == b"call.ended" else 200)
    endpoint = await endpoint_of(world, receiver.url)
    call = world.golden()
    await world.save(call)
    await execute(world, "UPDATE deliveries SET tries = %s", MOST_TRIES - 1)
    who = Principal(account=world.account, property=None, credential_id=0, login=None)
    await world.services.entered_calls.correct(who, call.id, CallEntry(duration_s=7))
    async with delivering(world):
        await tried(world, endpoint)
    assert [request.body for request in receiver.received] == [b"call.ended", b"call.changed"]


async def test_an_endpoint_that_never_answers_does_not_delay_another(world: World, receiver: Receiver) -> None:
    held = 0

    async def silent(_: Received) -> web.Response:
        nonlocal held
        held += 1
        await asyncio.sleep(0.9)
        return web.Response()

    async with receiving() as stuck:
        stuck.reply = silent
        await endpoint_of(world, stuck.url)
        await endpoint_of(world, receiver.url)
        async with delivering(world):
            began = asyncio.get_running_loop().time()
            await world.save(*(world.golden() for _ in range(100)))
            await receiver.wait_for(100, within_s=8)
            took = asyncio.get_running_loop().time() - began
            assert held <= (FIRST + MOST_TO_ENDPOINT) * (took / 0.9 + 1)


@pytest.mark.parametrize(
    ("renders", "words"),
    [("impossible", "cannot be said"), ("a bug", "an error of ours"), ("nothing", None)],
)
async def test_what_cannot_be_rendered_is_not_sent(
    world: World, receiver: Receiver, renders: str, words: str | None
) -> None:
    await endpoint_of(world, receiver.url, settings={"renders": renders})
    good = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    async with delivering(world):
        await tried(world, good)
        await asyncio.sleep(0.2)
    assert len(receiver.received) == 1
    hashes = [item.hash for item in await world.services.webhooks.list(world.account.id)]
    log = await log_of(world, *hashes)
    assert [entry.last_error for entry in log if entry.endpoint_hash != good.hash] == ([words] if words else [])
    assert [entry.state is DeliveryState.GIVEN_UP for entry in log if entry.last_error] == [
        renders == "impossible"
    ] * bool(words)


async def test_secrets_that_another_key_sealed_are_told_as_such(world: World, receiver: Receiver) -> None:
    endpoint = await endpoint_of(world, receiver.url, secrets={"token": "t"})
    await execute(world, "UPDATE endpoints SET secrets = %s", Vault("x" * 32).seal({"token": "t"}))
    await world.save(world.golden())
    async with delivering(world):
        (entry,) = await tried(world, endpoint)
    assert entry.last_error == "the secrets were sealed with another key"
    assert receiver.received == []


async def test_old_events_are_forgotten_by_when_they_were_written(world: World, receiver: Receiver) -> None:
    await endpoint_of(world, receiver.url)
    await world.save(world.golden(), world.golden())
    egress = Egress(Policy())
    deliverer = Deliverer(world.database, SystemClock(), world.services.webhooks, egress, {})
    await deliverer.forget_old()
    hashes = [item.hash for item in await world.services.webhooks.list(world.account.id)]
    assert len(await log_of(world, *hashes)) == 2
    first = min(entry.event_id for entry in await log_of(world, *hashes))
    await execute(world, "UPDATE events SET written_at = written_at - %s WHERE id = %s", timedelta(days=30), first)
    await deliverer.forget_old()
    assert [entry.event_id > first for entry in await log_of(world, *hashes)] == [True]


# --- endpoints ------------------------------------------------------------------------------------------------------


async def test_an_endpoint_is_seen_only_by_its_account(world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    webhooks, endpoint = world.services.webhooks, await endpoint_of(world, "https://crm.example/")
    assert await webhooks.list(other.account.id) == []
    assert await webhooks.by_hash(other.account.id, endpoint.hash) is None
    assert (await world.services.webhook_ledger.deliveries(LogQuery(account_id=other.account.id)))[0] == []
    with pytest.raises(DomainError) as refused:
        await webhooks.delete(other.account.id, endpoint.hash)
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert await webhooks.by_hash(world.account.id, endpoint.hash, dialect="invox") is None


async def test_an_account_has_so_many_endpoints_and_no_more(world: World) -> None:
    for _ in range(MOST_ENDPOINTS):
        await endpoint_of(world, "https://crm.example/")
    with pytest.raises(DomainError) as refused:
        await endpoint_of(world, "https://crm.example/")
    assert refused.value.code is ErrorCode.TOO_MANY


async def test_secrets_stay_change_or_go(world: World) -> None:
    webhooks = world.services.webhooks
    endpoint = await endpoint_of(world, "https://crm.example/", secrets={"token": "one"})
    await webhooks.change(replace(endpoint, name="CRM"))
    assert await webhooks.secrets(endpoint) == {"token": "one"}
    await webhooks.change(endpoint, secrets={"token": "two"})
    assert await webhooks.secrets(endpoint) == {"token": "two"}
    await webhooks.change(endpoint, secrets={})
    assert await webhooks.secrets(endpoint) == {}


def test_a_vault_opens_what_its_older_keys_sealed_and_nothing_else() -> None:
    old, new = Vault("o" * 32), Vault(f"{'n' * 32},{'o' * 32}")
    assert new.open(old.seal({"a": "é"})) == {"a": "é"}
    assert old.seal({"a": 1}) != old.seal({"a": 1})
    for sealed in (new.seal({}), b"", b"x", old.seal({})[:-4]):
        with pytest.raises(VaultError):
            old.open(sealed)


def test_a_signature_is_for_one_purpose_and_one_message() -> None:
    vault = Vault("k" * 32)
    signature = vault.signature("link", "1/A")
    assert vault.verifies("link", "1/A", signature)
    assert vault.verifies("link", "1/A", signature[:16])
    for purpose, message, proof in (
        ("key", "1/A", signature), ("link", "1/B", signature), ("link", "1/A", signature[:15]), ("link", "1/A", b""),
        ("link", "1/A", b"\0" * 32),
    ):  # fmt: skip
        assert not vault.verifies(purpose, message, proof)
