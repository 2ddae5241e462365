"""Numbers on the wire, and what configuring one means.

What the vendor's pages leave open is read here [inferred]: a field that is absent keeps its value, null clears it; `Status`
is Inactive once a number's assignment has ended; a flow says itself whether it records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ringtrail.dialects.fonedynamics.message_wire import FORWARDING
from ringtrail.dialects.fonedynamics.parameters import meaning
from ringtrail.dialects.fonedynamics.vocabulary import (
    ENDPOINT,
    FLOW,
    RECORDINGS,
    ROUTING_METHODS,
    capability_words,
    number_type,
    parse_number,
    recording_word,
)
from ringtrail.model.account import Account, Property
from ringtrail.model.app import DEFAULT_RING_TIMEOUT_S, App, Target, call_tracking_settings
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import DID
from ringtrail.services.numbers import Endpoint, is_e164, may_dial

KEPT_UNDER = "fonedynamics"
"""In DID.settings: what this dialect keeps with a number."""

_Text = Annotated[str, Meta(max_length=255)] | None | UnsetType
_Word = Annotated[str, Meta(max_length=64)] | UnsetType


class BuyNumber(msgspec.Struct, kw_only=True):
    """A number of the stock."""

    Number: Annotated[str, Meta(max_length=32)]
    AddressSid: Annotated[str, Meta(max_length=255)] | None = None


class ConfigureNumber(msgspec.Struct, kw_only=True):
    """What is absent stays as it is; null clears it."""

    Friendly: _Text = UNSET
    AddressSid: _Text = UNSET
    Attribution_Source: _Text = UNSET
    Attribution_Medium: _Text = UNSET
    Attribution_Campaign: _Text = UNSET
    Attribution_Content: _Text = UNSET
    RoutingMethod: _Word = UNSET
    EndpointNumber: _Word = UNSET
    Flow: _Word = UNSET
    Recording: _Word = UNSET
    ForwardToSms: _Text = UNSET
    ForwardFromSms: _Text = UNSET
    ForwardToEmail: _Text = UNSET
    ForwardFromEmail: _Text = UNSET


class NumberResource(msgspec.Struct, kw_only=True):
    """A number of the account."""

    Number: str
    PropertySid: str
    Friendly: str | None
    Type: str
    Status: str
    Capabilities: list[str]
    CountryCode: str | None
    Region: str | None
    City: str | None
    AddressRequirement: str = "None"
    AddressSid: str | None
    Attribution_Source: str | None
    Attribution_Medium: str | None
    Attribution_Campaign: str | None
    Attribution_Content: str | None
    RoutingMethod: str | None
    EndpointNumber: str | None
    Flow: str | None
    Recording: str
    ForwardToSms: str | None
    ForwardFromSms: str | None
    ForwardToEmail: str | None
    ForwardFromEmail: str | None


class BoughtNumber(msgspec.Struct, kw_only=True):
    """What became of an order."""

    Number: str
    Status: str = "Active"


class OneNumber(msgspec.Struct, kw_only=True):
    Number: NumberResource


class NumberList(msgspec.Struct, kw_only=True):
    Numbers: list[NumberResource]


def number_resource(did: DID, item: Property, app: App | None, now: datetime) -> NumberResource:
    """app: the one that answers the number."""
    kept, attribution = did.settings.get(KEPT_UNDER, {}), did.attribution
    method = routing_method(did, app)
    target = _target(app) if method == ENDPOINT else None
    return NumberResource(
        Number=did.number_e164,
        PropertySid=item.sid,
        Friendly=did.friendly_name,
        Type=number_type(did.line_type),
        Status="Inactive" if did.expires_at is not None and did.expires_at <= now else "Active",
        Capabilities=capability_words(did.capabilities),
        CountryCode=did.country or None,
        Region=did.region,
        City=did.city,
        AddressSid=kept.get("AddressSid"),
        Attribution_Source=attribution.source,
        Attribution_Medium=attribution.medium,
        Attribution_Campaign=attribution.campaign,
        Attribution_Content=attribution.content,
        RoutingMethod=method,
        EndpointNumber=target.number_e164 if target else None,
        Flow=app.hash if app is not None and method == FLOW else None,
        Recording=recording_word(item.call_recording_enabled and _records(app)),
        **{name: kept.get(name) for name in FORWARDING},
    )


def routing_method(did: DID, app: App | None) -> str | None:
    """An app that is the number's own is an endpoint, any other a flow; None: nobody answers."""
    if app is None:
        return None
    return ENDPOINT if app.did_hash == did.hash else FLOW


def _target(app: App | None) -> Target | None:
    targets = call_tracking_settings(app.params).targets if app else ()
    return targets[0] if targets else None


def _records(app: App | None) -> bool:
    return app is not None and call_tracking_settings(app.params).record_calls


def change_of(
    account: Account, item: Property, asked: ConfigureNumber, flow: App | None
) -> Callable[[DID, App | None], tuple[DID, Endpoint | str | None]]:
    """What `services.numbers.configure` wants. flow: the account's app that `asked.Flow` names.

    The function raises DomainError with the vendor's field at fault.
    """

    def change(did: DID, app: App | None) -> tuple[DID, Endpoint | str | None]:
        attribution = replace(did.attribution, **_given(asked, _ATTRIBUTION))
        kept = did.settings.get(KEPT_UNDER, {}) | _checked(asked)
        named = replace(
            did, attribution=attribution, settings={**did.settings, KEPT_UNDER: kept}, **_given(asked, _NAMES)
        )
        return named, _goes_to(account, item, asked, flow, did, app)

    return change


_NAMES = {"Friendly": "friendly_name"}
_ATTRIBUTION = {
    "Attribution_Source": "source", "Attribution_Medium": "medium", "Attribution_Campaign": "campaign",
    "Attribution_Content": "content",
}  # fmt: skip


def _given(asked: ConfigureNumber, names: dict[str, str]) -> dict[str, Any]:
    """{our name: value} of what is given; an empty text is none."""
    return {ours: getattr(asked, name) or None for name, ours in names.items() if getattr(asked, name) is not UNSET}


def _checked(asked: ConfigureNumber) -> dict[str, str | None]:
    """What is only kept, under the vendor's names."""
    given = _given(asked, {name: name for name in ("AddressSid", *FORWARDING)})
    return {name: FORWARDING[name](name, text) if text and name in FORWARDING else text for name, text in given.items()}


def _goes_to(
    account: Account, item: Property, asked: ConfigureNumber, flow: App | None, did: DID, app: App | None
) -> Endpoint | str | None:
    """Where callers shall go; None: as before. Settings that contradict the routing are refused, not dropped."""
    now = routing_method(did, app)
    method = meaning("RoutingMethod", ROUTING_METHODS, asked.RoutingMethod) if asked.RoutingMethod else now
    routing = [name for name in ("RoutingMethod", "EndpointNumber", "Flow", "Recording") if getattr(asked, name)]
    if not routing:
        return None
    if method is None:
        raise DomainError(ErrorCode.MISSING, "RoutingMethod", f"needed with {routing[0]}")
    if method == FLOW:
        return _flow(asked, flow or (app if now == FLOW else None))
    return _endpoint(account, item, asked, did, app if now == ENDPOINT else None)


def _flow(asked: ConfigureNumber, flow: App | None) -> str:
    if asked.EndpointNumber:
        raise DomainError(ErrorCode.CONFLICT, "EndpointNumber", "not with RoutingMethod Flow")
    if flow is None:
        raise DomainError(ErrorCode.MISSING, "Flow")
    if asked.Recording and meaning("Recording", RECORDINGS, asked.Recording) != _records(flow):
        raise DomainError(ErrorCode.CONFLICT, "Recording", "with RoutingMethod Flow the flow says whether it records")
    return flow.hash


def _endpoint(account: Account, item: Property, asked: ConfigureNumber, did: DID, own: App | None) -> Endpoint:
    """own: the app that is the number's own already."""
    if asked.Flow:
        raise DomainError(ErrorCode.CONFLICT, "Flow", "not with RoutingMethod Endpoint")
    before = _target(own)
    number = asked.EndpointNumber or (before.number_e164 if before else None)
    if not number:
        raise DomainError(ErrorCode.MISSING, "EndpointNumber")
    records = meaning("Recording", RECORDINGS, asked.Recording) if asked.Recording else _records(own)
    if records and asked.Recording and not item.call_recording_enabled:
        raise DomainError(ErrorCode.FORBIDDEN, "Recording", "call recording is off for this property")
    ring_timeout_s = before.ring_timeout_s if before else DEFAULT_RING_TIMEOUT_S
    return Endpoint(number_e164=_dialable(account, did, number), records=records, ring_timeout_s=ring_timeout_s)


def _dialable(account: Account, did: DID, text: str) -> str:
    number = parse_number("EndpointNumber", text)
    if not is_e164(number):
        raise DomainError(ErrorCode.BAD_FORMAT, "EndpointNumber", "not an E.164 number")
    if number == did.number_e164:
        raise DomainError(ErrorCode.CONFLICT, "EndpointNumber", "a number cannot be its own endpoint")
    if not may_dial(account.outbound_prefixes, number):
        raise DomainError(ErrorCode.FORBIDDEN, "EndpointNumber", "the account may not dial this number")
    return number
