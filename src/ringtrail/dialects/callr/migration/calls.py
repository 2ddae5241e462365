"""CDRs: all calls that ended, oldest first, about a thousand a transaction.

Both types of a window are read together: a CDR.Out hangs on the CDR.In that its `callid_in` names, or on the CDR.Out of a call
that was placed, or on what such a one hangs on. One without a `callid_in` is a call that was placed.
[inferred]: a target is tried within two hours after its call began, so that far ahead is looked for its CDR.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec

from ringtrail.dialects.callr.migration.past_calls import Landing, UnusableError, inbound_call, named, placed_call
from ringtrail.dialects.callr.migration.plan import Moving, Progress, Step, Verdict
from ringtrail.dialects.callr.migration.remote import RemoteError
from ringtrail.dialects.callr.migration.windows import (
    BATCH,
    OVERLAP,
    Read,
    Span,
    Window,
    ends,
    first_property,
    here_already,
    shortened,
    since,
    span_of,
    total,
    windows,
)
from ringtrail.dialects.callr.responses import CdrIn, CdrOut
from ringtrail.dialects.callr.vocabulary import datetime_of, datetime_text
from ringtrail.model.account import Account
from ringtrail.model.call import whole_seconds
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
    if new == [0, 0]:
        yield here_already(moving, KIND)
        return

    async def do(progress: Progress) -> None:
        await _Move(moving, progress, span).run()

    yield Step(kind=KIND, name=moving.called(since(span)), verdict=Verdict.NEW, quantity=new[0] or None, do=do)


def _inbound(start: datetime, end: datetime) -> dict[str, Any]:
    from_, to = ends(start, end)
    return {"type": "IN", "from": from_, "to": to}


def _outbound(start: datetime, end: datetime) -> dict[str, Any]:
    return _inbound(start, end) | {"type": "OUT"}


@dataclass(slots=True)
class Outbound:
    """CDR.Out, read ahead of the calls that they belong to. waiting: by callid."""

    windows: AsyncIterator[Window]
    read_to: datetime
    waiting: dict[int, CdrOut] = field(default_factory=dict)

    def take(self, callers: Iterable[CdrIn], start: datetime, end: datetime) -> tuple[list[Told], list[CdrOut]]:
        """Calls of a window that was read for long enough ahead, and CDR.Out of it that belong to none of them."""
        own: dict[int, CdrIn | CdrOut] = {record.callid: record for record in callers}
        from_, to = datetime_text(start), datetime_text(end)
        own |= {
            id_: record for id_, record in self.waiting.items() if _is_placed(record) and from_ <= record.start < to
        }
        targets: defaultdict[int, list[CdrOut]] = defaultdict(list)
        for record in self.waiting.values():
            targets[self._root(record)].append(record)
        calls = [
            Told(record, [target for target in targets[id_] if target is not record]) for id_, record in own.items()
        ]
        lost = [record for id_, found in targets.items() if id_ not in own for record in found if record.start < to]
        gone = {target.callid for id_ in own for target in targets[id_]} | {record.callid for record in lost}
        self.waiting = {id_: record for id_, record in self.waiting.items() if id_ not in gone}
        return calls, lost

    def _root(self, record: CdrOut) -> int:
        """The callid of the call that it belongs to, whether it is known or not."""
        seen = {record.callid}
        while not _is_placed(record):
            assert record.callid_in is not None
            above = self.waiting.get(record.callid_in)
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
        start, end = self._span.start, self._span.end
        account, property_id = self._moving.here, await first_property(self._moving)
        outbound = Outbound(windows(self._reading("OUT", CdrOut), start, end), start)
        async for window in windows(self._reading("IN", CdrIn), start, end):
            await self._read_ahead(outbound, min(window.end + AHEAD, end))
            told, lost = outbound.take(window.found, window.start, window.end)
            await self._tell_lost(account, lost)
            landing = await self._landing(account, property_id, told)
            calls = [call for item in told if (call := self._made(landing, item)) is not None]
            await self._take_in(account, calls, window.end)

    def _reading(self, type_: str, shape: type[Record]) -> Read:
        async def read(start: datetime, end: datetime) -> Sequence[Record]:
            found = await self._moving.remote.call("cdr.get", type_, *ends(start, end), None, None)
            if not isinstance(found, list):
                raise RemoteError(0, "the answer to cdr.get is no list")
            return [record for item in found if (record := self._converted(item, shape)) is not None]

        return read

    def _converted(self, item: object, shape: type[Record]) -> Record | None:
        try:
            return msgspec.convert(item, shape, strict=False)
        except msgspec.ValidationError as exc:
            self._progress.note(f"{named(item)} cannot be read: {exc}")
            return None

    async def _read_ahead(self, outbound: Outbound, until: datetime) -> None:
        while outbound.read_to < until:
            window = await anext(outbound.windows)
            outbound.waiting |= {record.callid: record for record in window.found}
            outbound.read_to = window.end

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
        """Targets without their call: some of a call that is not over yet, some that an earlier run has taken in with theirs."""
        old = [record for record in lost if self._is_old(record)]
        known = await self._moving.services.calls.legs(account.id, [record.callid_in or 0 for record in old])
        ids = {leg.id for leg in known}
        for record in old:
            if record.callid not in ids:
                self._progress.note(f"CDR {record.callid}: its call {record.callid_in} is not there")

    def _is_old(self, record: CdrOut) -> bool:
        """The next run will not come upon it again."""
        at = datetime_of(record.start)
        return at is None or whole_seconds(at, self._span.end) > OVERLAP.total_seconds()
