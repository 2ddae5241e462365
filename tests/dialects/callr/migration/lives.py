"""Calls of all shapes, for an account to have lived through; and what both sides say of them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import callr

from ringtrail.model.call import Call, Trigger
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.lifecycle import Stage
from ringtrail.storage.apps import add_app
from ringtrail.storage.numbers import add_did
from ringtrail.storage.rollups import differences
from tests.dialects.callr.migration.conftest import Side
from tests.fixtures import CALLR_LOGIN, GOLDEN_START, World

ALL_TIME = ("2005-01-01 00:00:00", "2030-01-01 00:00:00")


def after(call: Call, seconds: float) -> datetime:
    return call.started_at + timedelta(seconds=seconds)


def cut_off(call: Call, seconds: float, disposition: Disposition, by: HangupBy, *, cause: int, **changes: Any) -> Call:
    """The call ended before anybody answered; its targets ended so, too."""
    legs = tuple(
        replace(
            leg, answered_at=None, ended_at=after(call, seconds), disposition=disposition, cause=cause,
            hangup_by=HangupBy.CALLER if by is HangupBy.CALLER else HangupBy.CALLEE,
        )
        for leg in call.legs
    )  # fmt: skip
    caller = replace(legs[0], hangup_by=by)
    ended: dict[str, Any] = {
        "answered_at": None, "bridged_at": None, "ended_at": after(call, seconds), "disposition": disposition,
        "stage": Stage.RINGING, "hangup_cause": cause, "hangup_by": by, "legs": (caller, *legs[1:]),
    }  # fmt: skip
    return replace(call, **(ended | changes))


@dataclass
class Lives:
    """Makes calls that start one after the other."""

    world: World
    start: datetime = GOLDEN_START

    def golden(self, **changes: Any) -> Call:
        self.start += timedelta(minutes=7, milliseconds=345)
        return self.world.golden(started_at=self.start, **changes)

    def of_all_shapes(self) -> list[Call]:
        return [
            self.golden(external_id="order42"), self.busy(), self.rejected(), self.no_answer(), self.given_up(),
            self.withheld(), self.second_target(), self.nobody_dialled(), self.prompt_only(), self.voicemail(),
            self.click_to_call(), self.click_nobody_answered(),
        ]  # fmt: skip

    def busy(self) -> Call:
        return cut_off(self.golden(), 4, Disposition.BUSY, HangupBy.PLATFORM, cause=17)

    def rejected(self) -> Call:
        return cut_off(self.golden(), 5, Disposition.REJECTED, HangupBy.PLATFORM, cause=21)

    def no_answer(self) -> Call:
        return cut_off(self.golden(), 31.7, Disposition.NO_ANSWER, HangupBy.PLATFORM, cause=19)

    def given_up(self) -> Call:
        return cut_off(self.golden(), 9.2, Disposition.ABANDONED, HangupBy.CALLER, cause=16)

    def withheld(self) -> Call:
        call = self.golden(
            caller_number_e164=None, caller_withheld=True, caller_name=None, caller_country=None, caller_line_type=None
        )
        return replace(call, legs=(replace(call.legs[0], number_e164=None), *call.legs[1:]))

    def second_target(self) -> Call:
        """The first target was busy, the second talked."""
        call = self.golden()
        lost = replace(
            call.legs[1], answered_at=None, ended_at=after(call, 4.5), disposition=Disposition.BUSY, cause=17,
            hangup_by=HangupBy.CALLEE,
        )  # fmt: skip
        second = replace(
            call.legs[1], id=self.world.ids.next(), engine_leg_id=f"c-{call.id}", position=2, number_e164="+33987654322",
            started_at=after(call, 5), ringing_at=after(call, 6),
        )  # fmt: skip
        return replace(call, legs=(call.legs[0], lost, second), destination_number_e164="+33987654322")

    def nobody_dialled(self) -> Call:
        call = cut_off(self.golden(), 0.3, Disposition.UNASSIGNED, HangupBy.PLATFORM, cause=1, stage=Stage.NONE)
        return replace(call, legs=call.legs[:1], app_hash=None, destination_number_e164=None)

    def prompt_only(self) -> Call:
        call = self.nobody_dialled()
        caller = replace(
            call.legs[0], answered_at=after(call, 0.2), ended_at=after(call, 12.9), disposition=Disposition.IVR
        )
        return replace(
            call, legs=(caller,), ended_at=after(call, 12.9), disposition=Disposition.IVR, stage=Stage.MESSAGE,
            hangup_cause=16,
        )  # fmt: skip

    def voicemail(self) -> Call:
        """Nobody answered, then the caller spoke."""
        call = self.no_answer()
        caller = replace(
            call.legs[0], answered_at=after(call, 32), ended_at=after(call, 60.4), hangup_by=HangupBy.CALLER
        )
        return replace(
            call, legs=(caller, call.legs[1]), ended_at=after(call, 60.4), disposition=Disposition.VOICEMAIL,
            stage=Stage.VOICEMAIL, hangup_by=HangupBy.CALLER, hangup_cause=16,
        )  # fmt: skip

    def click_to_call(self) -> Call:
        call = self.golden(trigger=Trigger.API, tracking_number_e164="", did_hash="", caller_name=None)
        return replace(call, attribution=type(call.attribution)(), external_id="click7")

    def click_nobody_answered(self) -> Call:
        call = cut_off(self.click_to_call(), 20, Disposition.NO_ANSWER, HangupBy.PLATFORM, cause=19, stage=Stage.NONE)
        return replace(call, legs=call.legs[:1])


async def same_ground(old: World, new: Side) -> None:
    """The app and the DID of the old account are here, too."""
    properties = await new.services.accounts.properties(new.account.id)
    async with new.database.transaction() as connection:
        await add_app(connection, replace(old.app, account_id=new.account.id))
        await add_did(connection, replace(old.did, account_id=new.account.id, property_id=properties[0].id))


def sdk(side: Side) -> callr.Api:
    api = callr.Api(*CALLR_LOGIN)
    api.set_api_url(side.url)
    return api


async def asked(side: Side, method: str, *params: Any) -> Any:
    """By the vendor's SDK."""
    return await asyncio.to_thread(sdk(side).call, method, *params)


async def cdrs(side: Side, type_: str) -> list[dict[str, Any]]:
    found = await asked(side, "cdr.get", type_, *ALL_TIME, None, None)
    return sorted(found, key=lambda record: record["callid"])


async def check_books(side: Side) -> None:
    """The sums are those of the calls; nothing was told, nothing was charged."""
    async with side.database.reading() as connection:
        assert await differences(connection) == 0
        for table in ("events", "deliveries", "ledger_entries"):
            row = await (await connection.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()
            assert row == (0,), table


async def dispositions(side: Side) -> dict[int, tuple[str, str]]:
    async with side.database.reading() as connection:
        cursor = await connection.execute("SELECT id, disposition, stage FROM calls")
        return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


def expected(calls: Sequence[Call]) -> dict[int, tuple[str, str]]:
    return {call.id: (call.disposition.value, call.stage.value) for call in calls}


async def in_a_process(old: Side, new: Side, kind: str, *, most: int = 0) -> tuple[int | None, dict[str, Any]]:
    """A kind of history moves in, see `mover`. (exit status, what came of it)"""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.dialects.callr.migration.mover", old.url, new.database.url, str(new.folder),
        str(new.account.id), kind, str(most), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await child.communicate()
    return child.returncode, json.loads(told) if told else {}
