"""Requests of more than a mebibyte: for whoever has credentials, and a few at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from httpx import Response

from ringtrail.dialects.callr.routes import LARGEST_BODY_BYTES
from ringtrail.httpkit import body
from ringtrail.services.media import MOST_UPLOAD_BYTES
from tests.dialects.callr.conftest import ENDPOINT, Client, Rpc
from tests.dialects.callr.test_media import in_base64, over, tone, working
from tests.dialects.callr.test_media import world as world
from tests.e2e.stack import eventually
from tests.fixtures import CALLR_LOGIN, World, build_world

PIECE = 65_536
BAD_LOGIN = (CALLR_LOGIN[0], "wrong")


def asked(method: str, *params: Any) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 9, "method": method, "params": params})


class Sender:
    """A body in pieces, of which it is known how many were taken. It waits for `go` before the last."""

    def __init__(self, content: bytes, *, go: asyncio.Event | None = None) -> None:
        self._pieces = [content[start : start + PIECE] for start in range(0, len(content), PIECE)]
        self._go = go
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if self._go is not None and self.taken == len(self._pieces) - 1:
                await self._go.wait()
            self.taken += 1
            yield piece
            await asyncio.sleep(0)

    async def all_but_the_last_are_taken(self) -> None:
        await eventually(lambda: self.taken == len(self._pieces) - 1, 10)


async def sent(client: Client, content: Any, auth: Any = CALLR_LOGIN, **headers: str) -> Response:
    reply: Response = await client.post(ENDPOINT, content=content, auth=auth, headers=headers)
    return reply


def error(reply: Response) -> tuple[int, int, str]:
    told = reply.json()["error"]
    return reply.status_code, told["code"], told["message"]


# --- real files -----------------------------------------------------------------------------------------------------


async def test_ten_mebibytes_of_sound_become_a_medium_by_both_ways(rpc: Rpc, world: World) -> None:
    sound = tone(118.8, rate=22_050)
    assert 0.99 * MOST_UPLOAD_BYTES < len(sound) <= MOST_UPLOAD_BYTES
    async with working(world):
        done = await over(rpc, await rpc("media.import_file_from_base64_async", in_base64(sound), None))
    imported, given = [await rpc("media/library.create", name) for name in ("Imported", "Given")]
    await rpc("media/library.set_content_from_file", imported, done["result"]["filename"])
    await rpc("media/library.set_content", given, None, in_base64(sound))
    for id_ in (imported, given):
        shown = await rpc("media/library.get", id_)
        assert (shown["status"], shown["duration"]) == ("READY", 119)


async def test_a_file_of_more_than_ten_mebibytes_is_an_error_of_its_parameter(rpc: Rpc, fault: Rpc) -> None:
    large, id_ = in_base64(bytes(MOST_UPLOAD_BYTES + 1)), await rpc("media/library.create", "Large")
    expected = "PROPERTY_VALUE_ERROR [base64]", "PROPERTY_VALUE_ERROR [audio]"
    imported = await fault("media.import_file_from_base64_async", large, None)
    assert (imported, await fault("media/library.set_content", id_, None, large)) == (
        (151, expected[0]),
        (151, expected[1]),
    )


# --- limits ---------------------------------------------------------------------------------------------------------


async def test_the_largest_body_is_read_and_one_byte_more_is_not(client: Client) -> None:
    call = asked("system.get_timestamp")
    for content in (call.ljust(LARGEST_BODY_BYTES), Sender(call.ljust(LARGEST_BODY_BYTES))):
        assert "result" in (await sent(client, content)).json()
    for content in (call.ljust(LARGEST_BODY_BYTES + 1), Sender(call.ljust(LARGEST_BODY_BYTES + 1))):
        assert error(await sent(client, content)) == (413, -32600, "Invalid Request: too large")


async def test_a_length_of_that_many_digits_is_too_large(client: Client) -> None:
    assert (await sent(client, Sender(b"{}"), **{"content-length": "9" * 4_000})).status_code == 413


@pytest.mark.parametrize("auth", [None, BAD_LOGIN])
async def test_who_has_no_credentials_sends_a_mebibyte_and_no_more(client: Client, auth: Any) -> None:
    content = asked("system.get_timestamp").ljust(14 * 1024 * 1024)
    announced, unannounced = Sender(content), Sender(content)
    length = {"content-length": str(len(content))}
    for sender, headers, taken in ((announced, length, 0), (unannounced, {}, body.MAX_BODY_BYTES // PIECE + 2)):
        assert error(await sent(client, sender, auth, **headers)) == (401, 401, "Authentication failed")
        assert sender.taken <= taken


# --- a few at a time ------------------------------------------------------------------------------------------------


Start = Callable[..., Sender]


@pytest.fixture
async def others(world: World, tmp_path: Path) -> list[str]:
    """Keys of two more accounts."""
    keys = ["1" * 100, "2" * 100]
    for key in keys:
        other = await build_world(world.database, tmp_path, name="Other")
        await world.services.accounts.add_token(other.account.id, "callr", key)
    return keys


@pytest.fixture
async def start(client: Client) -> AsyncIterator[Start]:
    """Each call is another one that sends two mebibytes but for the end, which comes when the test is over."""
    go, sending = asyncio.Event(), []

    def begin(key: str | None = None) -> Sender:
        sender = Sender(asked("system.get_timestamp").ljust(2 * body.MAX_BODY_BYTES), go=go)
        by_key = {"authorization": f"Api-Key {key}"} if key else {}
        sending.append(asyncio.create_task(sent(client, sender, None if key else CALLR_LOGIN, **by_key)))
        return sender

    yield begin
    go.set()
    for reply in await asyncio.wait_for(asyncio.gather(*sending), 10):
        assert "result" in reply.json()


async def waits(sender: Sender) -> bool:
    await asyncio.sleep(0.2)
    return sender.taken <= body.MAX_BODY_BYTES // PIECE + 2


async def under_way(*senders: Sender) -> None:
    await asyncio.gather(*(sender.all_but_the_last_are_taken() for sender in senders))


async def test_of_an_account_two_large_bodies_are_read_at_a_time_and_others_and_small_ones_do_not_wait(
    rpc: Rpc, start: Start, others: list[str]
) -> None:
    await under_way(start(), start())
    third = start()
    for _ in range(5):
        await rpc("system.get_timestamp")
    assert await waits(third)
    await under_way(start(others[0]))


async def test_of_all_accounts_four_large_bodies_are_read_at_a_time(start: Start, others: list[str]) -> None:
    await under_way(start(), start(), start(others[0]), start(others[0]))
    assert await waits(start(others[1]))


async def test_who_waits_too_long_for_a_place_is_told_to_come_again(
    client: Client, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "PLACE_WITHIN_S", 0.1)
    await under_way(start(), start())
    reply = await sent(client, os.urandom(2 * body.MAX_BODY_BYTES))
    assert error(reply) == (503, -32000, "UNAVAILABLE")


async def test_who_sends_next_to_nothing_loses_the_place(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "START_S", 0.2)
    monkeypatch.setattr(body, "SLOWEST_BYTES_PER_S", 1e9)
    for _ in range(5):
        never = Sender(b" " * 2 * body.MAX_BODY_BYTES, go=asyncio.Event())
        assert error(await asyncio.wait_for(sent(client, never), 5)) == (200, -32700, "Parse error")
    monkeypatch.setattr(body, "START_S", 10)
    assert "result" in (await sent(client, asked("system.get_timestamp").ljust(2 * body.MAX_BODY_BYTES))).json()
