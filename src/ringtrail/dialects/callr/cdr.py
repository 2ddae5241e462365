"""Service `cdr`: of calls that ended, one CDR.In for each that came in, one CDR.Out for each leg that we dialled: every
target that was tried, and of a call that we placed the caller's own, too.

[inferred]: `cdr.search` by name and parameters (only its filter object is in the reference); `hash` in its filters is the
`callid` in decimal, because a CDR has no other id (the reference's wording there belongs to SMS); the fifth parameter of
`cdr.get` is a number in any form that the account's country can read, and both types are filtered by the DID that was
called; what a subscriber's phone dials is a CDR.Out, and the phone's own leg no record; `cdr.get` refuses a range of more
than 50,000 records rather than cutting it short in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ringtrail.dialects.callr.errors import SERVER_ERROR, RpcError
from ringtrail.dialects.callr.parameters import Asking, Properties, Slice, app, bad_format, did, plain_object
from ringtrail.dialects.callr.responses import (
    CdrIn,
    CdrOut,
    SearchResults,
    cdr_in_view,
    cdr_out_view,
    search_results,
)
from ringtrail.dialects.callr.vocabulary import CDR_TYPES
from ringtrail.model.app import App
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import DID
from ringtrail.model.query import CallQuery, LegQuery
from ringtrail.services.numbers import to_e164

ORDER = "start"
MAX_RECORDS = 50_000
_MAX_CALLID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """CDR.SearchFilters. to_at is exclusive; none_matches: no record can be meant."""

    inbound: bool
    from_at: datetime | None = None
    to_at: datetime | None = None
    app_hash: str | None = None
    did_hash: str | None = None
    callid: int | None = None
    none_matches: bool = False


async def filters(asking: Asking, path: str, value: Any) -> Filters:
    """CDR.SearchFilters; `type` is needed."""
    known = {"app", "did", "from", "hash", "to", "type"}
    given = Properties(path, await plain_object(asking, path, value), known)
    if given.get("type") is None:
        raise DomainError(ErrorCode.MISSING, field=given.path("type"))
    wanted = Filters(inbound=given.word("type", CDR_TYPES) == "IN")
    if given.text("app") is not None:
        wanted = replace(wanted, app_hash=(await app(asking, given.path("app"), given.get("app"))).hash)
    if given.text("did") is not None:
        wanted = replace(wanted, did_hash=(await did(asking, given.path("did"), given.get("did"))).hash)
    from_at, to_at = given.range("from", "to")
    callid = _callid(given.text("hash"))
    return replace(wanted, from_at=from_at, to_at=to_at, callid=callid, none_matches=callid == -1)


def _callid(text: str | None) -> int | None:
    """-1: not the id of any record."""
    if text is None:
        return None
    usable = text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= _MAX_CALLID
    return int(text) if usable else -1


async def number(asking: Asking, path: str, value: Any) -> str:
    """A number in any form that the account's country can read."""
    e164 = to_e164(value, asking.account.country) if isinstance(value, str) else None
    if e164 is None:
        raise bad_format(path)
    return e164


async def get(
    asking: Asking, type_: str, from_at: datetime, to_at: datetime, app: App | None, number: str | None
) -> Sequence[CdrIn | CdrOut]:
    """All records whose start lies in the range, oldest first."""
    wanted = Filters(inbound=type_ == "IN", from_at=from_at, to_at=to_at, app_hash=app.hash if app else None)
    if number is not None:
        called = await _did_with(asking, number)
        wanted = replace(wanted, did_hash=called.hash if called else None, none_matches=called is None)
    records, total = await _records(asking, wanted, Slice(0, MAX_RECORDS))
    if total > len(records):
        message = f"RANGE_TOO_LARGE: {total} records, at most {MAX_RECORDS}, ask for less time or use cdr.search"
        raise RpcError(ErrorCode.TOO_LARGE, rpc_code=SERVER_ERROR, message=message)
    return records


async def search(asking: Asking, wanted: Filters, piece: Slice | None) -> SearchResults[CdrIn | CdrOut]:
    piece = piece or Slice()
    records, total = await _records(asking, wanted, piece)
    return search_results(records, offset=piece.offset, total=total)


async def _did_with(asking: Asking, number: str) -> DID | None:
    dids, _ = await asking.services.numbers.find(asking.account.id, number_contains=number)
    return next((did for did in dids if did.number_e164 == number), None)


async def _records(asking: Asking, wanted: Filters, piece: Slice) -> tuple[Sequence[CdrIn | CdrOut], int]:
    """(page, total), oldest first."""
    if wanted.none_matches:
        return [], 0
    return await (_inbound if wanted.inbound else _outbound)(asking, wanted, piece)


async def _inbound(asking: Asking, wanted: Filters, piece: Slice) -> tuple[Sequence[CdrIn | CdrOut], int]:
    query = calls_query(asking.account.id, wanted)
    show = cdr_in_view(asking.account, await asking.masking())
    page = await asking.services.calls.page(
        query, offset=piece.offset, limit=piece.quantity, with_total=True, show=show
    )
    return page.shown, page.total or 0


async def _outbound(asking: Asking, wanted: Filters, piece: Slice) -> tuple[Sequence[CdrIn | CdrOut], int]:
    query = legs_query(asking.account.id, wanted)
    show = cdr_out_view(await asking.masking())
    return await asking.services.calls.legs_page(query, show, offset=piece.offset, limit=piece.quantity)


def calls_query(account_id: int, wanted: Filters) -> CallQuery:
    """What CDR.Ins are made of."""
    return CallQuery(
        account_id=account_id,
        inbound=True,
        from_at=wanted.from_at,
        to_at=wanted.to_at,
        app_hash=wanted.app_hash,
        did_hash=wanted.did_hash,
        ids=() if wanted.callid is None else (wanted.callid,),
    )


def legs_query(account_id: int, wanted: Filters) -> LegQuery:
    """What CDR.Outs are made of."""
    return LegQuery(
        account_id=account_id,
        outbound=True,
        of_ended_calls=True,
        from_at=wanted.from_at,
        to_at=wanted.to_at,
        app_hash=wanted.app_hash,
        did_hash=wanted.did_hash,
        leg_id=wanted.callid,
    )
