"""Whom a real Asterisk lets in after `set_phones`: these and no others, whatever was there before."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aiohttp
import pytest

from demo.phone import Phone as Softphone
from ringtrail.engines.asterisk.configure import USER
from ringtrail.engines.asterisk.control import AsteriskEngine, own_node
from ringtrail.ports.engine import EngineError, EngineReady, LegOffered, Phone
from tests.engines.asterisk.running import RunningAsterisk, Story

pytestmark = pytest.mark.asterisk

PHONE_HOST = "127.0.0.7"


def phone(username: str, password: str = "secret", **changes: object) -> Phone:
    return Phone(subscriber_id=7, username=username, password=password, **changes)  # type: ignore[arg-type]


async def known(asterisk: RunningAsterisk) -> set[str]:
    """Names of the endpoints but the trunk's."""
    login = {"Authorization": aiohttp.encode_basic_auth(USER, asterisk.settings.ari_secret)}
    url = f"http://127.0.0.1:{asterisk.settings.ari_port}/ari/endpoints/PJSIP"
    async with aiohttp.ClientSession(headers=login) as session, session.get(url) as response:
        return {item["resource"] for item in await response.json()} - {"trunk"}


async def until_known(asterisk: RunningAsterisk, names: set[str]) -> None:
    for _ in range(300):
        if await known(asterisk) == names:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{await known(asterisk)}, not {names}")


async def status(asterisk: RunningAsterisk, username: str, password: str = "secret") -> int:
    """Of a REGISTER."""
    async with Softphone(
        host=PHONE_HOST, number=username, username=username, password=password, registrar=f"sip:{asterisk.uri}"
    ) as softphone:
        return int((await softphone.wait("registered")).fields["status"])


async def test_these_and_no_others(asterisk: RunningAsterisk, story: Story) -> None:
    await story.engine.set_phones([phone("one"), phone("two")])
    assert await known(asterisk) == {"one@ringtrail", "two@ringtrail"}
    await story.engine.set_phones([phone("two", "another"), phone("three", codecs=("G729",), srtp=True)])
    assert await known(asterisk) == {"two@ringtrail", "three@ringtrail"}
    assert [await status(asterisk, "two"), await status(asterisk, "two", "another")] == [401, 200]
    await story.engine.set_phones([])
    assert await known(asterisk) == set()


async def test_a_name_that_is_the_trunk_s_is_a_phone_s_like_any_other(asterisk: RunningAsterisk, story: Story) -> None:
    await story.engine.set_phones([phone("trunk")])
    assert [await status(asterisk, "trunk", "wrong"), await status(asterisk, "trunk")] == [401, 200]
    await story.engine.set_phones([])
    assert await status(asterisk, "trunk") == 401


async def test_one_that_asterisk_refuses_is_not_worth_the_others(asterisk: RunningAsterisk, story: Story) -> None:
    await story.engine.set_phones([phone("a" * 400), phone("good")])
    assert "good@ringtrail" in await known(asterisk)
    await story.engine.set_phones([])


async def test_what_another_controller_let_in_goes_when_this_one_says_so(asterisk: RunningAsterisk) -> None:
    for wanted in ({"left", "stays"}, {"stays"}, set()):
        engine = AsteriskEngine(own_node(asterisk.settings))
        story = Story(engine)
        tasks = [asyncio.create_task(engine.run()), asyncio.create_task(story.listen())]
        with pytest.raises(EngineError, match="not connected"):
            await engine.set_phones([phone(name) for name in sorted(wanted)])
        await story.wait(EngineReady)
        await until_known(asterisk, {f"{name}@ringtrail" for name in wanted})
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_a_phone_s_call_says_whose_it_is_and_its_end_is_in_the_flight_recorder(
    asterisk: RunningAsterisk, story: Story
) -> None:
    await story.engine.set_phones([phone("caller")])
    async with Softphone(host=PHONE_HOST, number="+33140000001", username="caller", password="secret") as softphone:
        await softphone.call(f"sip:0140000002@{asterisk.uri}")
        offered = await story.wait(LegOffered)
        assert (offered.dialled, offered.subscriber_id, offered.trunk) == ("0140000002", 7, "subscriber")
        await story.engine.hang_up(offered.leg_id, 1)
        assert (await softphone.wait("ended")).fields["status"] == 404
    histories = await story.engine.ended_while_away(offered.at)
    assert [(leg.inbound, leg.subscriber_id, leg.dialled) for leg in histories] == [(True, 7, "0140000002")]
    await story.engine.set_phones([])
