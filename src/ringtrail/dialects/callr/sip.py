"""Services `sip/subscriber`, whose phones register and call out, `sip/trunk_origination` and `sip/trunk_termination`, which are
kept and shown.

[inferred]: the services' names, and their methods `create(properties, options)`, `edit(id, properties, options)`, `get(id)`,
`delete(id)`, `search(filters, options)` (only the objects are in the reference); a username of 3 to 32 letters, digits and
`. _ -`, nobody else's, 12 characters when generated; the domain is the host under which this API is reached; `srtp` is off
and `codecs` empty (any that we have) unless said; with `srtp` on, what a phone says and hears is encrypted, with it off it
is not; filters take any part of the username and a whole domain; a trunk is its id alone, since the
reference gives it no property.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ringtrail.dialects.callr import calling
from ringtrail.dialects.callr.call_tracking import VMS
from ringtrail.dialects.callr.errors import limit_reached
from ringtrail.dialects.callr.parameters import (
    Asking,
    Check,
    Properties,
    Slice,
    bad_format,
    bad_value,
    plain_object,
    wrong_type,
)
from ringtrail.dialects.callr.responses import SearchResults, search_results
from ringtrail.dialects.callr.settings import Property, Schema, applied, completed, flag, merged, text, whole
from ringtrail.model.account import Account
from ringtrail.model.errors import DomainError
from ringtrail.model.sip import (
    CODECS,
    DEFAULT_RING_TIMEOUT_S,
    MAX_RING_TIMEOUT_S,
    MIN_RING_TIMEOUT_S,
    PRIVACIES,
    Subscriber,
    TrunkKind,
)

ORDER = "id"
_MAX_ID = 2**63 - 1
_USERNAME = re.compile(r"([A-Za-z0-9._-]{3,32})?")


class SipSubscriber(msgspec.Struct):
    """SIP.Subscriber."""

    cli: str
    codecs: list[str]
    domain: str
    id: int
    password: str
    privacy: str
    ring_timeout: int
    srtp: bool
    username: str
    vms: dict[str, Any]


class TrunkOrigination(msgspec.Struct):
    """SIP.TrunkOrigination."""

    id: int


class TrunkTermination(msgspec.Struct):
    """SIP.TrunkTermination."""

    id: int


# --- parameters -----------------------------------------------------------------------------------------------------


def _codecs(account: Account, path: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise wrong_type(path)
    known = text(CODECS.__contains__)
    return list(dict.fromkeys(known(account, path, item) for item in value))


_PROPERTIES: Schema = {
    "cli": Property(text(lambda cli: True), calling.BLOCKED),
    "codecs": Property(_codecs, lambda account: []),
    "privacy": Property(text(PRIVACIES.__contains__), "full"),
    "ring_timeout": Property(whole(MIN_RING_TIMEOUT_S, MAX_RING_TIMEOUT_S), DEFAULT_RING_TIMEOUT_S),
    "srtp": Property(flag, False),
    "username": Property(text(_USERNAME.fullmatch), ""),
}


async def new_properties(asking: Asking, path: str, value: Any) -> dict[str, Any]:
    """SIP.Subscriber.Properties, complete."""
    return await _properties(asking, path, value, {})


async def edited_properties(asking: Asking, path: str, value: Any) -> dict[str, Any]:
    """SIP.Subscriber.Properties on top of what the checked subscriber has; an empty username changes nothing."""
    before: Subscriber = asking.checked["id"]
    edited = await _properties(asking, path, value, _properties_of(before))
    return edited | {"username": edited["username"] or before.username}


async def _properties(asking: Asking, path: str, value: Any, before: dict[str, Any]) -> dict[str, Any]:
    given = await plain_object(asking, path, value)
    result = merged(asking.account, path, _PROPERTIES, before, given)
    if given.get("cli") is not None:
        result["cli"] = await calling.cli(asking, Properties(path, given, _PROPERTIES.keys())) or calling.BLOCKED
    return result


def _properties_of(subscriber: Subscriber) -> dict[str, Any]:
    return {
        "cli": subscriber.cli,
        "codecs": list(subscriber.codecs),
        "privacy": subscriber.privacy,
        "ring_timeout": subscriber.ring_timeout_s,
        "srtp": subscriber.srtp,
        "username": subscriber.username,
    }


async def options(asking: Asking, path: str, value: Any) -> dict[str, Any]:
    """SIP.Subscriber.Options; the voicemail on top of what a checked subscriber has."""
    before: Subscriber | None = asking.checked.get("id")
    stored = {"vms": dict(before.vms)} if before else {}
    return await applied(asking, path, {"vms": VMS}, stored, value)


async def subscriber(asking: Asking, path: str, value: Any) -> Subscriber:
    """The id of a subscriber of the account."""
    found = await asking.services.sip.by_id(asking.account.id, _id(path, value))
    if found is None:
        raise bad_value(path)
    return found


def _id(path: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_format(path)
    if not 0 < value <= _MAX_ID:
        raise bad_value(path)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """SIP.Subscriber.SearchFilters."""

    domain: str | None = None
    username: str | None = None


async def filters(asking: Asking, path: str, value: Any) -> Filters:
    """SIP.Subscriber.SearchFilters: any part of the username, the whole domain."""
    given = Properties(path, await plain_object(asking, path, value), {"domain", "username"})
    username = (given.text("username") or "").replace("\0", "")
    return Filters(domain=given.text("domain") or None, username=username or None)


# --- subscribers ----------------------------------------------------------------------------------------------------


async def create(asking: Asking, properties: dict[str, Any], options: dict[str, Any] | None) -> SipSubscriber:
    vms = options["vms"] if options else completed(asking.account, VMS, {})
    unnumbered = Subscriber(
        id=0, account_id=asking.account.id, password="", vms=vms, created_at=datetime.now(UTC), **_fields(properties)
    )  # fmt: skip
    try:
        made = await asking.services.sip.create(unnumbered)
    except DomainError as error:
        raise _placed(error) from None
    return _shown(asking, made)


async def edit(
    asking: Asking, before: Subscriber, properties: dict[str, Any] | None, options: dict[str, Any] | None
) -> SipSubscriber:
    """Null: unchanged."""
    after = replace(before, **_fields(properties) if properties else {}, vms=options["vms"] if options else before.vms)
    try:
        await asking.services.sip.change(after)
    except DomainError as error:
        raise _placed(error) from None
    return _shown(asking, after)


def _placed(error: DomainError) -> DomainError:
    """An error of the service, with the place in the parameters."""
    return bad_value("properties.username") if error.field == "username" else limit_reached(error)


def _fields(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "cli": properties["cli"],
        "codecs": tuple(properties["codecs"]),
        "privacy": properties["privacy"],
        "ring_timeout_s": properties["ring_timeout"],
        "srtp": properties["srtp"],
        "username": properties["username"],
    }


async def get(asking: Asking, found: Subscriber) -> SipSubscriber:
    return _shown(asking, found)


async def delete(asking: Asking, found: Subscriber) -> bool:
    await asking.services.sip.delete(asking.account.id, found.id)
    return True


async def search(asking: Asking, wanted: Filters | None, piece: Slice | None) -> SearchResults[SipSubscriber]:
    wanted, piece = wanted or Filters(), piece or Slice()
    if wanted.domain not in (None, _domain(asking)):
        return search_results([], offset=piece.offset, total=0)
    found, total = await asking.services.sip.find(
        asking.account.id, username_contains=wanted.username, offset=piece.offset, limit=piece.quantity
    )
    return search_results([_shown(asking, item) for item in found], offset=piece.offset, total=total)


def _domain(asking: Asking) -> str:
    return urlsplit(asking.options.base_url).hostname or "localhost"


def _shown(asking: Asking, item: Subscriber) -> SipSubscriber:
    return SipSubscriber(
        domain=_domain(asking),
        id=item.id,
        password=item.password,
        vms=completed(asking.account, VMS, item.vms),
        **_properties_of(item),
    )


# --- trunks ---------------------------------------------------------------------------------------------------------


def trunk(kind: TrunkKind) -> Check:
    async def check(asking: Asking, path: str, value: Any) -> int:
        id_ = _id(path, value)
        if id_ not in await asking.services.sip.trunks(asking.account.id, kind):
            raise bad_value(path)
        return id_

    check.__doc__ = "The id of such a trunk of the account."
    return check


async def no_filters(asking: Asking, path: str, value: Any) -> None:
    """Empty: a trunk has nothing to be found by."""
    Properties(path, await plain_object(asking, path, value), ())


async def create_origination(asking: Asking, properties: None, options: None) -> TrunkOrigination:
    return TrunkOrigination(id=await _new_trunk(asking, TrunkKind.ORIGINATION))


async def create_termination(asking: Asking, properties: None, options: None) -> TrunkTermination:
    return TrunkTermination(id=await _new_trunk(asking, TrunkKind.TERMINATION))


async def _new_trunk(asking: Asking, kind: TrunkKind) -> int:
    try:
        return await asking.services.sip.create_trunk(asking.account.id, kind)
    except DomainError as error:
        raise limit_reached(error) from None


async def get_origination(asking: Asking, id_: int, *nothing: None) -> TrunkOrigination:
    """Also `edit`: there is nothing to change."""
    return TrunkOrigination(id=id_)


async def get_termination(asking: Asking, id_: int, *nothing: None) -> TrunkTermination:
    """Also `edit`: there is nothing to change."""
    return TrunkTermination(id=id_)


def delete_trunk(kind: TrunkKind) -> Callable[..., Awaitable[Any]]:
    async def delete(asking: Asking, id_: int) -> bool:
        await asking.services.sip.delete_trunk(asking.account.id, kind, id_)
        return True

    return delete


async def search_originations(asking: Asking, filters: None, piece: Slice | None) -> SearchResults[TrunkOrigination]:
    piece = piece or Slice()
    ids = await asking.services.sip.trunks(asking.account.id, TrunkKind.ORIGINATION)
    return search_results([TrunkOrigination(id=id_) for id_ in _page(ids, piece)], offset=piece.offset, total=len(ids))


async def search_terminations(asking: Asking, filters: None, piece: Slice | None) -> SearchResults[TrunkTermination]:
    piece = piece or Slice()
    ids = await asking.services.sip.trunks(asking.account.id, TrunkKind.TERMINATION)
    return search_results([TrunkTermination(id=id_) for id_ in _page(ids, piece)], offset=piece.offset, total=len(ids))


def _page(ids: Any, piece: Slice) -> list[int]:
    return list(ids[piece.offset : piece.offset + piece.quantity])
