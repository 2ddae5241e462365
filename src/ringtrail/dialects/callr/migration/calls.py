"""CDRs: all calls that ended, oldest first, about a thousand a transaction.

Both types of a window are read together: a CDR.Out hangs on the CDR.In that its `callid_in` names, or on the CDR.Out of a call
that was placed, or on what such a one hangs on. One without a `callid_in` is a call that was placed.
[inferred]: a target is tried within two hours after its call began: for so long a call waits for the CDRs of its targets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec

from ringtrail.dialects.callr.migration.past_calls import Landing, UnusableError, inbound_call, named, placed_call
from ringtrail.dialects.callr.migration.plan import Moving, Progress, Step
from ringtrail.dialects.callr.migration.remote import RemoteError
from ringtrail.dialects.callr.migration.windows import (
    BATCH,
    OVERLAP,
    Span,
    ends,
    first_property,
    shortened,
    span_of,
    step_of,
    total,
    windows,
)
from ringtrail.dialects.callr.responses import CdrIn, CdrOut
from ringtrail.dialects.callr.vocabulary import datetime_text
from ringtrail.model.account import Account
from ringtrail.model.history import PastCall
from ringtrail.services.history import LATEST

KIND = "calls"
AHEAD = timedelta(hours=2)
_SEARCH = "cdr.search"

Record = TypeVar("Record", CdrIn, CdrOut)


class Told(NamedTuple):
    """A call as its CDRs tell it."""

    own: CdrIn | CdrOut
    targets: Sequence[CdrOut]


async def steps(moving: Moving) -> AsyncIterator[Step]:
    span = await shortened(moving, await span_of(moving, KIND), _SEARCH, (_inbound, _outbound))
    theirs = [await total(moving, _SEARCH, filters(span.start, span.end)) for filters in (_inbound, _outbound)]
    ours = (
        await moving.services.history.count_calls(moving.account.id, span.start, span.end) if moving.account else (0, 0)
    )
    new = [None if there is None else max(0, there - here) for there, here in zip(theirs, ours, strict=True)]
    yield step_of(moving, KIND, span, 0 if new == [0, 0] else new[0] or None, _Move)


def _inbound(start: datetime, end: datetime) -> dict[str, Any]:
    from_, to = ends(start, end)
    return {"type": "IN", "from": from_, "to": to}


def _outbound(start: datetime, end: datetime) -> dict[str, Any]:
    return _inbound(start, end) | {"type": "OUT"}


@dataclass(slots=True)
class Waiting:
    """CDRs by callid, until those that belong to them are read."""

    inbound: dict[int, CdrIn] = field(default_factory=dict)
    outbound: dict[int, CdrOut] = field(default_factory=dict)

    def add(self, records: Iterable[CdrIn | CdrOut]) -> None:
        for record in records:
            if isinstance(record, CdrIn):
                self.inbound[record.callid] = record
            else:
                self.outbound[record.callid] = record

    def take(self, until: datetime) -> tuple[list[Told], list[CdrOut]]:
        """Calls that began before then, and CDR.Out before then that belong to none."""
        targets: defaultdict[int, list[CdrOut]] = defaultdict(list)
        for record in self.outbound.values():
            if not _is_placed(record):
                targets[self._root(record)].append(record)
        early = datetime_text(until)
        placed = {id_: record for id_, record in self.outbound.items() if _is_placed(record)}
        own = {id_: record for id_, record in (placed | self.inbound).items() if record.start < early}
        calls = [Told(record, targets.pop(id_, [])) for id_, record in own.items()]
        lost = [record for found in targets.values() for record in found if record.start < early]
        self._drop([*own.values(), *(target for call in calls for target in call.targets), *lost])
        return calls, lost

    def _drop(self, records: Iterable[CdrIn | CdrOut]) -> None:
        for record in records:
            (self.inbound if isinstance(record, CdrIn) else self.outbound).pop(record.callid, None)

    def _root(self, record: CdrOut) -> int:
        """The callid of the call that it belongs to, whether it is known or not."""
        seen = {record.callid}
        while not _is_placed(record):
            assert record.callid_in is not None
            above = self.outbound.get(record.callid_in)
            if above is None or above.callid in seen:
                return record.callid_in
            seen.add(above.callid)
            record = above
        return record.callid


def _is_placed(record: CdrOut) -> bool:
    return not record.callid_in or record.callid_in == record.callid


class _Move:
    """One account's calls of a span, being taken in."""

    def __init__(self, moving: Moving, progress: Progress, span: Span) -> None:
        self._moving = moving
        self._progress = progress
        self._span = span
        self._done = 0

    async def run(self) -> None:
        account, property_id = self._moving.here, await first_property(self._moving)
        waiting, end = Waiting(), self._span.end
        async for window in windows(self._read, self._span.start, end):
            waiting.add(window.found)
            until = end if window.end == end else max(self._span.start, window.end - AHEAD)
            told, lost = waiting.take(until)
            await self._tell_lost(account, lost)
            landing = await self._landing(account, property_id, told)
            calls = [call for item in told if (call := self._made(landing, item)) is not None]
            await self._take_in(account, calls, until)

    async def _read(self, start: datetime, end: datetime) -> Sequence[CdrIn | CdrOut]:
        """Of both types."""
        return [*await self._read_of("IN", CdrIn, start, end), *await self._read_of("OUT", CdrOut, start, end)]

    async def _read_of(self, type_: str, shape: type[Record], start: datetime, end: datetime) -> Sequence[Record]:
        found = await self._moving.remote.call("cdr.get", type_, *ends(start, end), None, None)
        if not isinstance(found, list):
            raise RemoteError(0, "the answer to cdr.get is no list")
        return [record for item in found if (record := self._converted(item, shape)) is not None]

    def _converted(self, item: object, shape: type[Record]) -> Record | None:
        try:
            return msgspec.convert(item, shape, strict=False)
        except msgspec.ValidationError as exc:
            self._progress.note(f"{named(item)} cannot be read: {exc}")
            return None

    async def _landing(self, account: Account, property_id: int, told: Sequence[Told]) -> Landing:
        hashes = {item.own.did_hash for item in told if isinstance(item.own, CdrIn) and item.own.did_hash}
        dids = await self._moving.services.numbers.by_hashes(account.id, sorted(hashes))
        return Landing(
            account_id=account.id, property_id=property_id, billing_increment_s=account.billing_increment_s,
            dids={did.hash: did for did in dids}, latest=datetime.now(UTC) + LATEST - timedelta(minutes=1),
        )  # fmt: skip

    def _made(self, landing: Landing, told: Told) -> PastCall | None:
        try:
            if isinstance(told.own, CdrIn):
                return inbound_call(landing, told.own, told.targets)
            return placed_call(landing, told.own, told.targets)
        except UnusableError as exc:
            self._progress.note(f"CDR {told.own.callid}: {exc}")
            return None

    async def _take_in(self, account: Account, calls: list[PastCall], end: datetime) -> None:
        """Batch by batch, each with the mark of what comes behind it."""
        calls.sort(key=lambda past: (past.call.started_at, past.call.id))
        history = self._moving.services.history
        for place in range(0, len(calls) or 1, BATCH):
            batch, behind = calls[place : place + BATCH], calls[place + BATCH :][:1]
            until = behind[0].call.started_at.replace(microsecond=0) if behind else end
            taken = await history.take_in_calls(account.id, batch, self._span.mark(self._moving, KIND, until))
            self._done += taken.new
            for id_ in taken.clashes:
                self._progress.note(f"CDR {id_}: another call has this callid here")
            self._progress.advance(self._done)

    async def _tell_lost(self, account: Account, lost: Sequence[CdrOut]) -> None:
        """Targets without their call: some of a call that is not over yet, or that began before all this; some that an earlier
        run has taken in with theirs."""
        first, last = datetime_text(self._span.start + AHEAD), datetime_text(self._span.end - OVERLAP)
        told = [record for record in lost if first <= record.start < last]
        known = await self._moving.services.calls.legs(account.id, [record.callid_in or 0 for record in told])
        ids = {leg.id for leg in known}
        for record in told:
            if record.callid not in ids:
                self._progress.note(f"CDR {record.callid}: its call {record.callid_in} is not there")
