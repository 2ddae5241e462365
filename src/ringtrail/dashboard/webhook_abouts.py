"""What events are about, in words: whose call, which number."""

from __future__ import annotations

from collections.abc import Sequence

from ringtrail.dashboard.rows import Viewer
from ringtrail.dashboard.site import Site
from ringtrail.dashboard.webhook_rows import About
from ringtrail.dashboard.webhook_words import endpoint_text, visible
from ringtrail.model.account import Principal
from ringtrail.model.call import CallRecord
from ringtrail.model.ids import hash_of_number
from ringtrail.model.message import Direction, Message
from ringtrail.model.query import CallQuery
from ringtrail.model.webhook import DeliveryRecord
from ringtrail.services.numbers import masked

_OF_CALLS = frozenset({"call", "leg", "recording"})
_UNNAMED = {"credit": "The account's credit", "job": "A job", "media": "A medium of the library"}


async def abouts_of(site: Site, principal: Principal, viewer: Viewer, records: Sequence[DeliveryRecord]) -> list[About]:
    """One a record, in their order."""
    calls = await _calls(site, principal, {record.about for record in records if _kind(record) in _OF_CALLS})
    names = {
        (kind, about): await _name(site, principal, viewer, kind, about)
        for kind, about in {(_kind(record), record.about) for record in records if _kind(record) not in _OF_CALLS}
    }
    return [
        About(_call_text(viewer, calls.get(record.about)), record.about)
        if _kind(record) in _OF_CALLS
        else About(names[_kind(record), record.about])
        for record in records
    ]


def _kind(record: DeliveryRecord) -> str:
    return record.event_type.partition(".")[0]


async def _calls(site: Site, principal: Principal, ids: set[int]) -> dict[int, CallRecord]:
    if not ids:
        return {}
    query = CallQuery(
        account_id=principal.account.id, property_id=principal.property.id if principal.property else None,
        ids=tuple(sorted(ids)), include_in_progress=True,
    )  # fmt: skip
    page = await site.services.calls.page(query, limit=len(ids))
    return {record.id: record for record in page.records}


def _call_text(viewer: Viewer, call: CallRecord | None) -> str:
    if call is None:
        return "A call that was deleted"
    return f"Call from {visible(call.caller_name or viewer.caller(call))}"


async def _name(site: Site, principal: Principal, viewer: Viewer, kind: str, about: int) -> str:
    if kind == "number":
        did = await site.services.numbers.by_hash(principal.account.id, hash_of_number(about))
        return viewer.number(did.number_e164) if did else "A number that was given back"
    if kind == "endpoint":
        endpoint = await site.services.webhooks.by_hash(principal.account.id, hash_of_number(about))
        return visible(endpoint_text(endpoint)) if endpoint else "An endpoint that was removed"
    if kind == "message":
        message = await site.services.messages.by_id(principal.account.id, about)
        return _message_text(viewer, message) if message else "A message"
    return _UNNAMED.get(kind, "")


def _message_text(viewer: Viewer, message: Message) -> str:
    """Whom the account exchanged it with."""
    inbound = message.direction is Direction.IN
    other = message.sender if inbound else message.recipient_e164
    shown = masked(other) if message.property_id in viewer.masking else viewer.number(other)
    return f"Message {'from' if inbound else 'to'} {visible(shown)}"
