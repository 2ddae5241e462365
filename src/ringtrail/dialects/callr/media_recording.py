"""Service `media/recording`: recordings of calls and voicemails.

[inferred]: the whole service by name and parameters. The reference has its objects but no method; `search(filters,
options)` gives Media.Recording.ListResult, `get(hash)` a Media.Recording, `overview()` and `read_status()` their objects,
`delete(hashes)` and `set_read(hashes, read)` a Media.Recording.ActionResult. What is deleted is gone, with its files; a recording
of a call in progress is not deleted.
A PENDING recording would be counted under PROCESSING, the overview has no place of its own for it. A recording is read
once somebody has fetched its sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ringtrail.dialects.callr import vocabulary as words
from ringtrail.dialects.callr.errors import RECORDINGS_PREFIX, worded
from ringtrail.dialects.callr.parameters import Asking, Properties, Slice, bad_format, bad_value, plain_object
from ringtrail.dialects.callr.responses import MediaRecording, RecordingList, recording_object
from ringtrail.model.call import RecordingRecord, RecordingTally
from ringtrail.services.numbers import to_e164

ORDER = "date"
_MAX_CALLID = 2**63 - 1
_MAX_DURATION_S = 2_000_000
_MOST_AT_ONCE = 1_000
_TYPES = ("CALL", "CONFERENCE", "RECORDING", "VOICEMAIL")
_FILTERS = {
    "callid", "cli_number", "date_from", "date_to", "duration_min", "hash", "read", "read_at_from", "read_at_to",
    "status", "type",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Media.Recording.SearchFilters. Ends of ranges are exclusive; none_matches: no recording can be meant."""

    none_matches: bool = False
    call_ids: list[int] | None = None
    caller_number: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    duration_min_ms: int | None = None
    hashes: list[str] | None = None
    read: bool | None = None
    read_from_at: datetime | None = None
    read_to_at: datetime | None = None
    statuses: list[str] | None = None
    kind: str | None = None


class CountByStatus(msgspec.Struct):
    ERROR: int
    PROCESSING: int
    READY: int
    RECORDING: int


class Ready(msgspec.Struct):
    count: int
    read: int
    size: int
    unread: int


class OverviewStatus(msgspec.Struct):
    count: CountByStatus
    ready: Ready


class ReadStatusStatus(msgspec.Struct):
    count: int
    read: int
    unread: int


class Overview(msgspec.Struct):
    CALL: OverviewStatus
    CONFERENCE: OverviewStatus
    RECORDING: OverviewStatus
    VOICEMAIL: OverviewStatus


class ActionError(msgspec.Struct):
    code: int
    hash: str
    message: str


class ActionResult(msgspec.Struct):
    errors: list[ActionError]
    success: int


class ReadStatus(msgspec.Struct):
    CALL: ReadStatusStatus
    CONFERENCE: ReadStatusStatus
    RECORDING: ReadStatusStatus
    VOICEMAIL: ReadStatusStatus


async def filters(asking: Asking, path: str, value: Any) -> Filters:
    """Media.Recording.SearchFilters."""
    given = Properties(path, await plain_object(asking, path, value), _FILTERS)
    callid = given.whole("callid", _MAX_CALLID)
    caller = _caller(given, asking.account.country)
    from_at, to_at = given.range("date_from", "date_to")
    duration_min_s = given.whole("duration_min", _MAX_DURATION_S)
    hash_ = given.hash("hash")
    read = given.flag("read")
    read_from_at, read_to_at = given.range("read_at_from", "read_at_to")
    status = given.word("status", words.RECORDING_STATUSES)
    type_ = given.word("type", words.RECORDING_KINDS)
    our_status = words.RECORDING_STATUSES[status] if status else None
    our_kind = words.RECORDING_KINDS[type_] if type_ else None
    return Filters(
        none_matches=(status is not None and our_status is None) or (type_ is not None and our_kind is None),
        call_ids=None if callid is None else [callid],
        caller_number=caller,
        from_at=from_at,
        to_at=to_at,
        duration_min_ms=None if duration_min_s is None else duration_min_s * 1000,
        hashes=[hash_] if hash_ else None,
        read=read,
        read_from_at=read_from_at,
        read_to_at=read_to_at,
        statuses=[our_status] if our_status else None,
        kind=our_kind,
    )


def _caller(given: Properties, country: str) -> str | None:
    text = given.text("cli_number")
    e164 = to_e164(text, country)
    if text is not None and e164 is None:
        raise bad_value(given.path("cli_number"))
    return e164


async def recording(asking: Asking, path: str, value: Any) -> RecordingRecord:
    """The hash of a recording."""
    if not isinstance(value, str):
        raise bad_format(path)
    found = await asking.services.recordings.by_hash(asking.account.id, value) if words.HASH.fullmatch(value) else None
    if found is None:
        raise bad_value(path)
    return found


async def hashes(asking: Asking, path: str, value: Any) -> list[str]:
    """Each once, 1,000 at most."""
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_AT_ONCE:
        raise bad_format(path)
    if not all(isinstance(item, str) and words.HASH.fullmatch(item) for item in value):
        raise bad_format(path)
    return list(dict.fromkeys(value))


async def search(asking: Asking, wanted: Filters | None, piece: Slice | None) -> RecordingList:
    wanted, piece = wanted or Filters(), piece or Slice()
    if wanted.none_matches:
        return RecordingList(items=[], total_items=0)
    page, total = await asking.services.recordings.find(
        asking.account.id,
        hashes=wanted.hashes,
        call_ids=wanted.call_ids,
        kind=wanted.kind,
        statuses=wanted.statuses,
        caller_number=wanted.caller_number,
        from_at=wanted.from_at,
        to_at=wanted.to_at,
        duration_min_ms=wanted.duration_min_ms,
        read=wanted.read,
        read_from_at=wanted.read_from_at,
        read_to_at=wanted.read_to_at,
        offset=piece.offset,
        limit=piece.quantity,
    )
    base_url, masking = asking.options.base_url, await asking.masking()
    return RecordingList(items=[shown(base_url, item, masking) for item in page], total_items=total)


async def get(asking: Asking, recording: RecordingRecord) -> MediaRecording:
    return shown(asking.options.base_url, recording, await asking.masking())


async def delete(asking: Asking, hashes: list[str]) -> ActionResult:
    recordings, account_id = asking.services.recordings, asking.account.id
    return _result({hash_: await recordings.delete(account_id, hash_) for hash_ in hashes})


async def set_read(asking: Asking, hashes: list[str], read: bool) -> ActionResult:
    recordings, account_id = asking.services.recordings, asking.account.id
    return _result({hash_: await recordings.set_read(account_id, hash_, read) for hash_ in hashes})


def _result(done: dict[str, bool]) -> ActionResult:
    _, code, message = worded(bad_value("hash"))
    errors = [ActionError(code=code, hash=hash_, message=message) for hash_, good in done.items() if not good]
    return ActionResult(errors=errors, success=len(done) - len(errors))


async def overview(asking: Asking) -> Overview:
    tallies = await asking.services.recordings.tallies(asking.account.id)
    return Overview(**{type_: _overview(_of(tallies, type_)) for type_ in _TYPES})


async def read_status(asking: Asking) -> ReadStatus:
    tallies = await asking.services.recordings.tallies(asking.account.id)
    return ReadStatus(**{type_: _read_status(_of(tallies, type_)) for type_ in _TYPES})


def shown(base_url: str, item: RecordingRecord, masking: frozenset[int]) -> MediaRecording:
    return recording_object(item, f"{base_url}{RECORDINGS_PREFIX}/{item.hash}", masking)


def _of(tallies: list[RecordingTally], type_: str) -> list[RecordingTally]:
    kind = words.RECORDING_KINDS.get(type_)
    return [tally for tally in tallies if tally.kind == kind]


def _overview(tallies: list[RecordingTally]) -> OverviewStatus:
    def count(status: str) -> int:
        return sum(tally.quantity for tally in tallies if tally.status == status)

    ready = [tally for tally in tallies if tally.status == "ready"]
    read = _read_status(ready)
    return OverviewStatus(
        count=CountByStatus(
            ERROR=count("error"), PROCESSING=count("processing"), READY=count("ready"), RECORDING=count("recording")
        ),
        ready=Ready(
            count=read.count, read=read.read, size=sum(tally.size_bytes for tally in ready), unread=read.unread
        ),
    )


def _read_status(tallies: list[RecordingTally]) -> ReadStatusStatus:
    count = sum(tally.quantity for tally in tallies)
    read = sum(tally.quantity for tally in tallies if tally.read)
    return ReadStatusStatus(count=count, read=read, unread=count - read)
