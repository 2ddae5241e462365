"""Properties and flows on the wire.

[inferred]: one property is wrapped as `Project`, like the list's `Projects`; a flow's `Revision` is the Unix second of its last
change, and its `Type` is always Voice; `NextPageToken` names the last property shown and comes back as `PageToken`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ringtrail.dialects.fonedynamics.vocabulary import iana_zone, unix_text, windows_zone
from ringtrail.model.account import Account, Property
from ringtrail.model.app import App

_Name = Annotated[str, Meta(min_length=1, max_length=255)]
_Domain = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"^[^\s/?#@\\]+$")]


class NewProperty(msgspec.Struct, kw_only=True):
    """A property to be made."""

    Name: _Name
    MainDomain: _Domain
    TimeZone: _Name
    SmsEnabled: bool = False
    CallRecordingEnabled: bool = False
    IntegrationsEnabled: bool = False
    Active: bool = True


class ChangeProperty(msgspec.Struct, kw_only=True):
    """What is absent stays as it is (RFC 7396); nothing can be removed, so null is refused."""

    Name: _Name | UnsetType = UNSET
    MainDomain: _Domain | UnsetType = UNSET
    TimeZone: _Name | UnsetType = UNSET
    SmsEnabled: bool | UnsetType = UNSET
    CallRecordingEnabled: bool | UnsetType = UNSET
    IntegrationsEnabled: bool | UnsetType = UNSET
    Active: bool | UnsetType = UNSET


class PropertyResource(msgspec.Struct, kw_only=True):
    """A property, which newer pages of the vendor call a project."""

    PropertySid: str
    AccountSid: str
    Name: str
    MainDomain: str | None
    TimeZone: str | None
    SmsEnabled: bool
    CallRecordingEnabled: bool
    IntegrationsEnabled: bool
    Active: bool


class OneProperty(msgspec.Struct, kw_only=True):
    Project: PropertyResource


class PropertyList(msgspec.Struct, kw_only=True):
    Projects: list[PropertyResource]
    TotalCount: int
    NextPageToken: str | None


class FlowResource(msgspec.Struct, kw_only=True):
    """A voice app of the account, which any of its numbers may be sent to."""

    PropertySid: str
    ConfigId: str
    Revision: int
    Name: str
    Type: str = "Voice"
    LastUpdated: int


class FlowList(msgspec.Struct, kw_only=True):
    Flows: list[FlowResource]


_NAMES = {
    "Name": "name", "MainDomain": "main_domain", "SmsEnabled": "sms_enabled",
    "CallRecordingEnabled": "call_recording_enabled", "IntegrationsEnabled": "integrations_enabled", "Active": "active",
}  # fmt: skip


def settings_of(asked: NewProperty | ChangeProperty) -> dict[str, Any]:
    """What is given, under our names. DomainError for an unknown zone."""
    given = {ours: getattr(asked, name) for name, ours in _NAMES.items() if getattr(asked, name) is not UNSET}
    zone = {"timezone": iana_zone("TimeZone", asked.TimeZone)} if asked.TimeZone is not UNSET else {}
    return given | zone


def change_of(asked: ChangeProperty) -> Callable[[Property], Property]:
    settings = settings_of(asked)
    return lambda item: replace(item, **settings)


def property_resource(account: Account, item: Property) -> PropertyResource:
    return PropertyResource(
        PropertySid=item.sid,
        AccountSid=account.sid,
        Name=item.name,
        MainDomain=item.main_domain,
        TimeZone=windows_zone(item.timezone or account.timezone),
        SmsEnabled=item.sms_enabled,
        CallRecordingEnabled=item.call_recording_enabled,
        IntegrationsEnabled=item.integrations_enabled,
        Active=item.active,
    )


def flow_resource(item: Property, app: App) -> FlowResource:
    changed = int(unix_text(app.updated_at))
    return FlowResource(PropertySid=item.sid, ConfigId=app.hash, Revision=changed, Name=app.name, LastUpdated=changed)
