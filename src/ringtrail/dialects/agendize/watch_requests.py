"""Watches as clients write them, and what of them is a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ringtrail.dialects.agendize.bodies import Identifier, Text, parse
from ringtrail.dialects.agendize.tools_requests import Name
from ringtrail.model.errors import DomainError, ErrorCode

HIDDEN = "********"
"""In the place of every secret that is shown; sent back, it means: as it was."""

OBJECT_TYPE = "call"
"""What is watched here. The vendor lists no word for it [inferred]; its filter knows the two kinds of calls."""
OBJECT_TYPES = {OBJECT_TYPE: True, "callTracking": True, "clickToCall": True, "schedulingCompany": False}
"""{word of the filter: whether watches of calls are among them}"""

_SECRETS: dict[str, frozenset[str] | None] = {
    "basicAuth": frozenset({"password"}),
    "oauth2Auth": frozenset({"clientSecret", "refreshToken"}),
    "httpRequestHeader": None,  # all
}
_OWN = frozenset({"address", "name", "status", "events", "objectOwner"})  # fields of an endpoint, not settings

Address = Annotated[str, Meta(max_length=2_000)]
Secret = Annotated[str, Meta(max_length=4_000)]


class BasicAuth(msgspec.Struct, rename="camel", kw_only=True):
    username: Text
    password: Secret


class OAuth2Auth(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    grant_type: Literal["refresh_token", "client_credentials"] | None = None
    client_id: Text | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    auth_url: Address | None = None
    access_token_url: Address | None = None
    redirect_uri: Address | None = None
    scope: Annotated[str, Meta(max_length=1_000)] | None = None


class Signature(msgspec.Struct, rename="camel", kw_only=True):
    """`keys` is the newer pages' name of `cryptoKeyIds`."""

    enabled: bool = False
    crypto_key_ids: list[Identifier] | UnsetType = UNSET
    keys: list[Identifier] | UnsetType = UNSET


class ObjectOwner(msgspec.Struct, kw_only=True):
    type: Identifier | None = None
    id: Identifier


class WatchChange(msgspec.Struct, rename="camel", kw_only=True):
    """The body of PUT /watchers/{id}. Absent: as it was; null: none any more."""

    address: Address | UnsetType = UNSET
    name: Name | UnsetType | None = UNSET
    basic_auth: BasicAuth | UnsetType | None = UNSET
    http_request_header: dict[str, Secret] | UnsetType | None = UNSET
    schema: dict[str, Any] | str | UnsetType | None = UNSET
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] | UnsetType | None = UNSET
    status: Literal["enabled", "disabled"] | UnsetType | None = UNSET
    oauth2_auth: OAuth2Auth | UnsetType | None = msgspec.field(name="oauth2Auth", default=UNSET)
    signature: Signature | UnsetType | None = UNSET
    object_owner: ObjectOwner | UnsetType | None = UNSET
    add_previous_data: bool | UnsetType | None = UNSET
    level_details: Literal["full", "extraFull"] | UnsetType | None = UNSET
    events: list[Literal["created", "updated", "deleted"]] | UnsetType | None = UNSET


class NewWatch(WatchChange, kw_only=True):
    """The body of POST /calls/watch."""

    address: Address


def parse_watch(body: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """What was sent, by the vendor's names. DomainError UNKNOWN_VALUE for what the vendor has and we have not."""
    sent = parse(body, NewWatch if new else WatchChange)
    if sent.add_previous_data is True:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "addPreviousData", "previous data is not sent here")
    if sent.level_details == "extraFull":
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "levelDetails", "only full is sent here")
    if isinstance(sent.signature, Signature):
        sent.signature = _one_name(sent.signature)
    found: dict[str, Any] = msgspec.to_builtins(sent)
    return {name: value for name, value in found.items() if name not in ("addPreviousData", "levelDetails")}


def _one_name(signature: Signature) -> Signature:
    keys = signature.crypto_key_ids if signature.crypto_key_ids is not UNSET else signature.keys
    if signature.enabled and not keys:
        raise DomainError(ErrorCode.MISSING, "signature.cryptoKeyIds")
    return Signature(enabled=signature.enabled, crypto_key_ids=keys or [])


def overlaid(
    settings: Mapping[str, Any], secrets: Mapping[str, Any], sent: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings, secrets) with what was sent now: null takes away, HIDDEN leaves a secret as it was. Secrets that are not the
    client's stay."""
    ours = {name: value for name, value in secrets.items() if name not in _SECRETS}
    known = {name: _joined(value, secrets.get(name, {})) for name, value in settings.items()}
    now = {name: _unhidden(value, known.get(name)) for name, value in sent.items() if name not in _OWN}
    whole = {name: value for name, value in {**known, **now}.items() if value is not None}
    return {name: _hidden(name, value) for name, value in whole.items()}, ours | {
        name: kept for name, value in whole.items() if (kept := _secrets_of(name, value))
    }


def _joined(shown: Any, secrets: Mapping[str, Any]) -> Any:
    return {**shown, **secrets} if secrets else shown


def _unhidden(value: Any, known: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(known, dict):
        return value
    return {name: known.get(name, item) if item == HIDDEN else item for name, item in value.items()}


def _hidden(name: str, value: Any) -> Any:
    if name not in _SECRETS:
        return value
    secret = _SECRETS[name]
    return {key: HIDDEN if secret is None or key in secret else item for key, item in value.items()}


def _secrets_of(name: str, value: Any) -> dict[str, Any]:
    """What is encrypted. A username goes with its password: the renderer wants both."""
    if name not in _SECRETS:
        return {}
    secret = _SECRETS[name]
    return {key: item for key, item in value.items() if secret is None or name == "basicAuth" or key in secret}
