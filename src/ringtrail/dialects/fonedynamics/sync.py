"""Tokens: how far a client has come, and reading on from there.

Without a token calls come earliest first; with one they come in the order in which they were last written, which is
the only order that can be resumed. A first reply that Results_Count cut short therefore has a token of a second kind: it
goes on by start time through what was there when that reply was read, and only then turns into a write position. So a
client that just follows tokens meets every call, and meets again only one that changed. Format and walk are
ours [inferred]; the vendor publishes what a token is for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from ringtrail.dialects.fonedynamics.requests import ListRequest
from ringtrail.dialects.fonedynamics.responses import CallResource
from ringtrail.dialects.fonedynamics.vocabulary import EPOCH
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.query import Order
from ringtrail.model.view import View
from ringtrail.services.calls import Calls

_MICROSECOND = timedelta(microseconds=1)
_WRITTEN = struct.Struct(">Q")
_WALKING = struct.Struct(">QqQq")  # with the check a multiple of three bytes, as the other: base64 without padding
_CHECK_BYTES = 7
_NO_END = 2**63 - 1
_KEPT = ("change_seq",)  # what the tokens go by, besides what is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The rest of a cut reply: calls by start, after this one."""

    started_at: datetime
    call_id: int
    to_at: datetime | None  # where the first request's dates end


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Everything written up to `change` is known, apart from what `walk` still has to bring."""

    change: int
    walk: Walk | None = None


class Reply(NamedTuple):
    calls: list[CallResource]
    token: str


async def read(calls: Calls, asked: ListRequest, show: View[CallResource]) -> Reply:
    """What `asked` wants next, each call as `show` makes it. Raises GONE for a token that is not of this account or lies ahead of it."""
    account_id = asked.query.account_id
    newest = await calls.newest_change(account_id)  # before reading: what comes later is the next token's
    position = decode(asked.token, account_id, newest) if asked.token else None
    if position is None:
        found, after = await _first(calls, asked, show, newest)
    elif position.walk is not None:
        found, after = await _walk(calls, asked, show, position.change, position.walk)
    else:
        found, after = await _changes(calls, asked, show, position.change, newest)
    return Reply(found, encode(after, account_id))


async def _first(
    calls: Calls, asked: ListRequest, show: View[CallResource], newest: int
) -> tuple[list[CallResource], Position]:
    page = await calls.page(asked.query, offset=asked.skip, limit=asked.count, show=show, fields=_KEPT)
    known = max([newest, *page.column("change_seq")])
    if not page.has_more:
        return page.shown, Position(change=known)
    last = page.last
    walk = Walk(started_at=last.started_at, call_id=last.id, to_at=asked.query.to_at)
    return page.shown, Position(change=known, walk=walk)


async def _walk(
    calls: Calls, asked: ListRequest, show: View[CallResource], change: int, walk: Walk
) -> tuple[list[CallResource], Position]:
    query = replace(asked.query, past=(walk.started_at, walk.call_id), to_at=walk.to_at)
    page = await calls.page(query, offset=asked.skip, limit=asked.count, show=show, fields=_KEPT)
    fresh = [call for call, seq in zip(page.shown, page.column("change_seq"), strict=True) if seq <= change]
    if not page.has_more:
        return fresh, Position(change=change)
    last = page.last
    return fresh, Position(change=change, walk=replace(walk, started_at=last.started_at, call_id=last.id))


async def _changes(
    calls: Calls, asked: ListRequest, show: View[CallResource], change: int, newest: int
) -> tuple[list[CallResource], Position]:
    query = replace(asked.query, changed_after=change, order=Order.CHANGE)
    page = await calls.page(query, offset=asked.skip, limit=asked.count, show=show, fields=_KEPT)
    last = page.last.change_seq if page.rows else change
    return page.shown, Position(change=last if page.has_more else max(last, newest))


def encode(position: Position, account_id: int) -> str:
    """A position as URL-safe text."""
    walk = position.walk
    if walk is None:
        raw = _WRITTEN.pack(position.change)
    else:
        end = _NO_END if walk.to_at is None else _micros(walk.to_at)
        raw = _WALKING.pack(position.change, _micros(walk.started_at), walk.call_id, end)
    return base64.urlsafe_b64encode(raw + _check(raw, account_id)).decode()


def decode(token: str, account_id: int, newest: int) -> Position:
    """The position in a token. newest: no position lies past it."""
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
        position = _unpack(body)
    except (binascii.Error, struct.error, UnicodeEncodeError, OverflowError) as exc:
        raise DomainError(ErrorCode.GONE, "Token") from exc
    if check != _check(body, account_id) or position.change > newest:
        raise DomainError(ErrorCode.GONE, "Token")
    return position


def _unpack(body: bytes) -> Position:
    if len(body) == _WRITTEN.size:
        return Position(change=_WRITTEN.unpack(body)[0])
    change, started, call_id, end = _WALKING.unpack(body)
    to_at = None if end == _NO_END else EPOCH + end * _MICROSECOND
    started_at = EPOCH + started * _MICROSECOND
    return Position(change=change, walk=Walk(started_at=started_at, call_id=call_id, to_at=to_at))


def _micros(instant: datetime) -> int:
    return (instant - EPOCH) // _MICROSECOND


def _check(body: bytes, account_id: int) -> bytes:
    """Tells a token of ours from a mistyped one. Not a secret: the worst that a forged one names is another position in
    the asker's own calls."""
    text = body + account_id.to_bytes(8, "big")
    return hashlib.blake2b(text, digest_size=_CHECK_BYTES, person=b"fone token").digest()
