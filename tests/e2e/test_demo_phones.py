"""Two of the demo's phones talk directly, without ringtrail in between."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.melody import write_melody
from demo.phone import Phone, PhoneError
from tests.e2e.audio import duration_s, heard

CALLER, TARGET = "caller", "target"
Tune = Callable[[str], Path]


@pytest.fixture
def tune(tmp_path: Path) -> Tune:
    return lambda name: write_melody(tmp_path / f"{name}.wav", name, 6.0)


@pytest.mark.parametrize(
    ("codecs", "shown", "rate"),
    [(("alaw",), "PCMA", 8000), (("ulaw", "alaw"), "PCMU", 8000), (("g722",), "G722", 16000)],
)
async def test_each_phone_hears_the_other(
    tmp_path: Path, tune: Tune, codecs: tuple[str, ...], shown: str, rate: int
) -> None:
    heard_by = {name: tmp_path / f"heard-by-{name}.wav" for name in (CALLER, TARGET)}
    target = Phone(codecs=codecs, play=tune(TARGET), record=heard_by[TARGET], answer_after_s=0.3, host="127.0.0.5")
    caller = Phone(codecs=codecs, play=tune(CALLER), record=heard_by[CALLER], host="127.0.0.6", name="Ada")
    async with target, caller:
        await caller.call(target.uri)
        assert "Ada" in (await target.wait("incoming")).fields["caller"]
        await caller.wait("answered")
        media = (await caller.wait("media")).fields
        assert (media["codec"].upper(), media["rate"]) == (shown, rate)
        await asyncio.sleep(6.5)
        await caller.hangup()
        await asyncio.gather(caller.wait("ended"), target.wait("ended"))
    assert heard(heard_by[TARGET], tune(CALLER)) > 0.8
    assert heard(heard_by[CALLER], tune(TARGET)) > 0.8
    assert heard(heard_by[CALLER], tune(CALLER)) < 0.4
    assert duration_s(heard_by[TARGET]) > 5.5


async def test_phone_answers_after_its_delay_and_hangs_up_after_its_time() -> None:
    async with Phone(answer_after_s=0.5, hangup_after_s=0.5) as target, Phone() as caller:
        await caller.call(target.uri)
        offered, answered = await target.wait("incoming"), await target.wait("answered")
        ended = await caller.wait("ended")
    assert 0.4 < (answered.at - offered.at).total_seconds() < 1.5
    assert 0.4 < (ended.at - answered.at).total_seconds() < 1.5
    assert caller.seen("ringing")


async def test_phone_refuses_with_its_status() -> None:
    async with Phone(answer_after_s=0.1, status=486) as target, Phone() as caller:
        await caller.call(target.uri)
        assert (await caller.wait("ended")).fields["status"] == 486
    assert not caller.seen("answered")


async def test_phone_answers_when_told() -> None:
    async with Phone() as target, Phone() as caller:
        await caller.call(target.uri)
        await target.wait("incoming")
        await target.answer()
        await caller.wait("answered")


async def test_digits_arrive_in_order() -> None:
    async with Phone(answer_after_s=0.1) as target, Phone() as caller:
        await caller.call(target.uri)
        await caller.wait("answered")
        await caller.dtmf("12#9")
        await target.wait("dtmf", count=4)
    assert [event.fields["digit"] for event in target.seen("dtmf")] == ["1", "2", "#", "9"]


async def test_second_call_is_recorded_beside_the_first(tmp_path: Path) -> None:
    async with Phone(answer_after_s=0.0, record=tmp_path / "heard.wav") as target, Phone() as caller:
        for count in (1, 2):
            await caller.call(target.uri)
            await target.wait("media", count=count)
            await asyncio.sleep(0.3)
            await caller.hangup()
            await target.wait("ended", count=count)
    assert set(os.listdir(tmp_path)) == {"heard.wav", "heard-2.wav"}


async def test_closing_a_phone_in_a_call_says_bye() -> None:
    async with Phone(answer_after_s=0.0) as target:
        async with Phone() as caller:
            await caller.call(target.uri)
            await caller.wait("answered")
        await target.wait("ended", timeout_s=2)
        assert caller.process.returncode == 0


async def test_busy_port_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(PhoneError, match=f"127.0.0.1:{port}: .*in use"):
            await Phone(port=port).__aenter__()


async def test_what_cannot_be_done_is_an_error_event() -> None:
    async with Phone() as phone:
        await phone.hangup()
        assert (await phone.wait("error")).fields["message"] == "no call to hangup"


async def test_phone_does_not_outlive_its_driver() -> None:
    phone = await Phone().__aenter__()
    assert phone.process.stdin is not None
    phone.process.stdin.close()  # what a killed driver looks like from inside
    assert await asyncio.wait_for(phone.process.wait(), 5) == 0
    await phone.close()
