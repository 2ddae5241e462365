"""Sync and page tokens, and the reading that they stand for.

Every list is read in the order of the account's change counter, so that one number says how far a client has come: a
call that changes while it pages moves ahead of it and is met again, none is passed over. Token format, order and
page size are ours [inferred]; the vendor publishes only that the token exists and comes with the last page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import replace
from typing import NamedTuple

from ringtrail.dialects.agendize.requests import Filters, ListRequest
from ringtrail.dialects.agendize.responses import CallResource
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.query import CallQuery, Order
from ringtrail.model.view import View
from ringtrail.services import Services

PAGE_SIZE = 5_000
_LAYOUT = struct.Struct(
    ">cQ8s7s"
)  # kind, change, digest of the filters, check: 24 bytes, 32 characters without padding
_SYNC, _PAGE = b"s", b"p"


class Batch(NamedTuple):
    """One answer: its calls, and where to go on: the next page, or after the last one the next sync."""

    calls: list[CallResource]
    next_page_token: str | None
    next_sync_token: str | None


async def read(services: Services, principal: Principal, asked: ListRequest, show: View[CallResource]) -> Batch:
    """The calls that `asked` wants next, and each as `show` makes it. Raises GONE for a sync token that never was or is no longer good."""
    account_id, digest = principal.account.id, asked.filters.digest()
    newest = await services.calls.newest_change(account_id)  # before reading: what comes later is the next sync's
    position = _position(asked, account_id, newest)
    query = await _query(services, principal, asked.filters, position)
    page = await services.calls.page(query, limit=PAGE_SIZE, show=show, fields=("change_seq",))
    last = page.last.change_seq if page.rows else 0
    if page.has_more:
        return Batch(page.shown, _encode(_PAGE, account_id, last, digest), None)
    return Batch(page.shown, None, _encode(_SYNC, account_id, max(newest, last), digest))


async def _query(services: Services, principal: Principal, filters: Filters, position: int) -> CallQuery:
    bound = principal.property
    query = CallQuery(
        account_id=principal.account.id,
        property_id=bound.id if bound else None,
        from_at=filters.from_at,
        to_at=filters.to_at,
        search=filters.search,
        changed_after=position,
        order=Order.CHANGE,
    )
    return await _of_tool(services, query, filters.tool_id) if filters.tool_id else query


async def _of_tool(services: Services, query: CallQuery, tool_id: str) -> CallQuery:
    """Narrowed to a property, a call-tracking number or a button. A deleted button still finds the calls that name it; what is
    not there, or another property's, finds nothing."""
    if item := await services.accounts.property_by_sid(query.account_id, tool_id):
        hidden = query.property_id not in (None, item.id)
        return replace(query, property_id=item.id, outcomes=() if hidden else None)
    if did := await services.numbers.by_hash(query.account_id, tool_id):
        return replace(query, did_hash=did.hash)
    return replace(query, button_hash=tool_id)


def _position(asked: ListRequest, account_id: int, newest: int) -> int:
    """The change to read after. A page token says more than the sync token that its walk began with."""
    digest = asked.filters.digest()
    position = 0
    if asked.sync_token:
        position = _decode(_SYNC, "syncToken", asked.sync_token, account_id, newest, digest)
    if asked.page_token:
        position = _decode(_PAGE, "pageToken", asked.page_token, account_id, newest, digest)
    return position


def _encode(kind: bytes, account_id: int, change: int, digest: bytes) -> str:
    check = _check(kind, account_id, change, digest)
    return base64.urlsafe_b64encode(_LAYOUT.pack(kind, change, digest, check)).decode()


def _decode(kind: bytes, field: str, token: str, account_id: int, newest: int, digest: bytes) -> int:
    gone = DomainError(ErrorCode.GONE, field, "not valid any more: list again without it")
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        found, change, bound, check = _LAYOUT.unpack(raw)
    except (binascii.Error, struct.error, UnicodeEncodeError) as exc:
        raise gone from exc
    if found != kind or check != _check(kind, account_id, change, bound) or change > newest:
        raise gone
    if bound != digest:
        raise DomainError(ErrorCode.BAD_FORMAT, field, "the other filters must be those of the first request")
    return int(change)


def _check(kind: bytes, account_id: int, change: int, digest: bytes) -> bytes:
    """Tells a token of ours from a mistyped one. Not a secret: the worst that a forged one names is another position in
    the asker's own calls."""
    text = struct.pack(">cQQ", kind, account_id, change) + digest
    return hashlib.blake2b(text, digest_size=7, person=b"agendize sync").digest()
