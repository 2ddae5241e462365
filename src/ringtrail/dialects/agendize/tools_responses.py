"""Buttons and call-tracking numbers as Agendize shows them, and what is kept with them."""

from __future__ import annotations

from typing import Any

import msgspec

from ringtrail.dialects.agendize.opening_hours import OpeningDay
from ringtrail.dialects.agendize.tools_requests import ButtonChange, Phone
from ringtrail.model.account import Account
from ringtrail.model.app import App, call_tracking_settings
from ringtrail.model.button import Button
from ringtrail.model.number import DID

KEPT = "agendize"
"""Under this key of a DID's settings: other dialects keep theirs beside it."""
_ACTED_ON = frozenset({"countries", "openingHours", "openingHoursEnabled"})


class ButtonResource(msgspec.Struct, rename="camel", kw_only=True):
    """The vendor's button. What else a client sent with it stands behind these fields."""

    id: str
    name: str
    phone_number: str
    countries: list[str]  # ISO 3166-1 alpha-2; empty: any
    opening_hours: list[OpeningDay]
    opening_hours_enabled: bool
    max_duration: int | None  # minutes


class ButtonList(msgspec.Struct, kw_only=True):
    items: list[ButtonResource]


class NumberOwner(msgspec.Struct, rename="camel", kw_only=True):
    id: str
    user_name: str


class CallTrackingResource(msgspec.Struct, rename="camel", kw_only=True):
    """The vendor's tracking number. What else a client sent with it stands behind these fields."""

    id: str
    name: str | None
    phone_number: str | None
    tracking_phone_number: str
    owner: NumberOwner
    support: str | None


class CallTrackingList(msgspec.Struct, kw_only=True):
    items: list[CallTrackingResource]


class ActionResult(msgspec.Struct, rename="camel", kw_only=True):
    button_id: str
    status: str
    called: Phone
    caller: Phone


def button_settings(known: dict[str, Any], sent: ButtonChange) -> dict[str, Any]:
    """The settings that we act on: as sent, else as known, else their defaults."""
    default = {"countries": [], "openingHours": [], "openingHoursEnabled": False}
    now = {name: value for name, value in msgspec.to_builtins(sent).items() if name in _ACTED_ON and value is not None}
    return {name: now.get(name, known.get(name, default[name])) for name in default}


def extras(button: Button) -> dict[str, Any]:
    """What is only kept with a button."""
    return {name: value for name, value in button.settings.items() if name not in _ACTED_ON}


def button_resource(button: Button) -> ButtonResource:
    settings = button_settings(dict(button.settings), ButtonChange())
    return ButtonResource(
        id=button.hash,
        name=button.name,
        phone_number=button.target_e164,
        countries=settings["countries"],
        opening_hours=msgspec.convert(settings["openingHours"], list[OpeningDay]),
        opening_hours_enabled=settings["openingHoursEnabled"],
        max_duration=button.max_talk_s // 60 if button.max_talk_s is not None else None,
    )


def button_shown(button: Button) -> dict[str, Any]:
    return {**msgspec.to_builtins(button_resource(button)), **extras(button)}


def target_of(app: App | None) -> str | None:
    """The first number that an app sends its callers to."""
    targets = call_tracking_settings(app.params).targets if app else ()
    return targets[0].number_e164 if targets else None


def call_tracking_shown(did: DID, account: Account, target: str | None) -> dict[str, Any]:
    """target: where its callers are sent, if anywhere."""
    known = CallTrackingResource(
        id=did.hash,
        name=did.friendly_name,
        phone_number=target,
        tracking_phone_number=did.number_e164,
        owner=NumberOwner(id=account.sid, user_name=account.name),
        support=did.attribution.offline_description,
    )
    return {**msgspec.to_builtins(known), **did.settings.get(KEPT, {})}
