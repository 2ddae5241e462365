"""Endpoints: made, changed, switched on and off, tried out and told again."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from ringtrail.dialects.native.answers import HEADERS, json_answer
from ringtrail.dialects.native.bodies import read_struct
from ringtrail.dialects.native.requests import refuse_parameters
from ringtrail.dialects.native.signatures import SCHEMES, add_key, check_secret, new_secret
from ringtrail.dialects.native.webhook_requests import event_of, instant_in
from ringtrail.dialects.native.webhook_responses import DIALECT, endpoint_out, endpoint_with_secret
from ringtrail.dialects.native.webhook_structs import (
    Due,
    Enabled,
    Enabling,
    EndpointChange,
    EndpointList,
    NewEndpoint,
    Range,
    Rotation,
)
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import UNASKED, EventType
from ringtrail.model.webhook import DisabledBy, Endpoint
from ringtrail.services import Services
from ringtrail.services.vault import VaultError

AnyRequest = Request[Any, Any, Any]
_ENDPOINT = "/endpoints/{endpoint:str}"


@get("/endpoints")
async def list_endpoints(
    request: AnyRequest, services: NamedDependency[Services], principal: NamedDependency[Principal]
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    found = await services.webhooks.list(principal.account.id)
    shown = [await endpoint_out(services, item) for item in found if principal.sees(item.property_id)]
    return json_answer(EndpointList(endpoints=shown))


@post("/endpoints")
async def add_endpoint(
    request: AnyRequest, services: NamedDependency[Services], principal: NamedDependency[Principal]
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    given = await read_struct(request, NewEndpoint)
    property_id = await _property_id(services, principal, given.property)
    secret = new_secret() if given.secret is UNSET else check_secret(given.secret)
    secrets: dict[str, Any] = {}
    for scheme, key in (("v1", secret), ("v1a", SCHEMES["v1a"][0]()))[: 1 + given.ed25519]:
        add_key(secrets, scheme, key, _now(), _now())
    endpoint = await services.webhooks.add(
        principal.account.id, DIALECT, address=given.address, event_types=_types(given.event_types), name=given.name,
        property_id=property_id, enabled=given.enabled, settings={"ed25519": given.ed25519}, secrets=secrets,
    )  # fmt: skip
    return json_answer(await endpoint_with_secret(services, endpoint, secret), 201)


@get(_ENDPOINT)
async def one_endpoint(
    request: AnyRequest,
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    return json_answer(await endpoint_out(services, await seen_endpoint(services, principal, endpoint)))


@patch(_ENDPOINT)
async def change_endpoint(
    request: AnyRequest,
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    found = await _own(services, principal, endpoint)
    given = await read_struct(request, EndpointChange)
    changes: dict[str, Any] = {
        name: value for name in ("address", "name") if (value := getattr(given, name)) is not UNSET
    }
    if given.event_types is not UNSET:
        changes["event_types"] = _types(given.event_types)
    if given.property is not UNSET:
        changes["property_id"] = await _property_id(services, principal, given.property)
    if given.ed25519 is not UNSET:
        changes["settings"] = {**found.settings, "ed25519": given.ed25519}
    changed = await services.webhooks.change(replace(found, **changes))
    if given.ed25519 is not UNSET:
        await _pair(services, changed, wanted=given.ed25519)
    return json_answer(await endpoint_out(services, changed))


@delete(_ENDPOINT, status_code=204)
async def delete_endpoint(
    request: AnyRequest,
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[None]:
    refuse_parameters(request.scope["query_string"])
    found = await _own(services, principal, endpoint)
    await services.webhooks.delete(found.account_id, found.hash)
    return Response(None, status_code=204, headers=HEADERS)


@post(f"{_ENDPOINT}/enable")
async def enable_endpoint(
    request: AnyRequest,
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    found = await _own(services, principal, endpoint)
    given = await read_struct(request, Enabling, optional=True)
    changed, due = await services.webhooks.enable(found, replay=given.replay)
    return json_answer(Enabled(endpoint=await endpoint_out(services, changed), due=due))


@post(f"{_ENDPOINT}/disable")
async def disable_endpoint(
    request: AnyRequest,
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    found = await _own(services, principal, endpoint)
    if found.enabled:  # else it keeps whose doing it was, and since when
        found = await services.webhooks.disable(found, DisabledBy.OWNER)
    return json_answer(await endpoint_out(services, found))


@post(f"{_ENDPOINT}/rotate-secret")
async def rotate_secret(
    request: AnyRequest,
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    found = await _own(services, principal, endpoint)
    given = await read_struct(request, Rotation, optional=True)
    if given.signature == "v1a" and (given.secret is not UNSET or not found.settings.get("ed25519")):
        field = "signature" if given.secret is UNSET else "secret"
        raise DomainError(ErrorCode.UNKNOWN_VALUE, field, "an ed25519 key is made by us, for an endpoint that has one")
    make_key, _ = SCHEMES[given.signature]
    key = make_key() if given.secret is UNSET else check_secret(given.secret)
    await _add_key(services, found, given.signature, key, timedelta(seconds=given.overlap_s))
    shown = key if given.signature == "v1" else None
    return json_answer(await endpoint_with_secret(services, found, shown))


@post(f"{_ENDPOINT}/test")
async def test_endpoint(
    request: AnyRequest,
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    await services.webhooks.test(await _own(services, principal, endpoint))
    return json_answer(Due(due=1), 202)


@post(f"{_ENDPOINT}/replay")
async def replay_range(
    request: AnyRequest,
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    found = await seen_endpoint(services, principal, endpoint)
    given = await read_struct(request, Range, optional=True)
    after, until = await _range(services, found.account_id, given)
    due = await services.webhooks.replay(found, after=after, until=until, delivered_too=given.delivered_too)
    return json_answer(Due(due=due), 202)


ROUTES = (
    list_endpoints, add_endpoint, one_endpoint, change_endpoint, delete_endpoint, enable_endpoint, disable_endpoint,
    rotate_secret, test_endpoint, replay_range,
)  # fmt: skip


async def seen_endpoint(services: Services, principal: Principal, hash_: str) -> Endpoint:
    """An endpoint of any dialect that the asker may see. DomainError NOT_FOUND."""
    sound = re.fullmatch("[A-Z0-9]{8}", hash_)  # the database refuses some of what a path can hold
    found = await services.webhooks.by_hash(principal.account.id, hash_) if sound else None
    if found is None or not principal.sees(found.property_id):
        raise DomainError(ErrorCode.NOT_FOUND, detail="there is no endpoint with this hash")
    return found


async def _own(services: Services, principal: Principal, hash_: str) -> Endpoint:
    """An endpoint that may be changed here. DomainError NOT_FOUND or FORBIDDEN."""
    found = await seen_endpoint(services, principal, hash_)
    if found.dialect != DIALECT:
        raise DomainError(ErrorCode.FORBIDDEN, detail=f"an endpoint of {found.dialect}: change it where it was made")
    return found


async def check_kept(services: Services, account_id: int, after: int) -> None:
    """DomainError GONE if what came after this event is not all there."""
    oldest, newest = await services.webhook_ledger.kept_events(account_id)
    if 0 < after < oldest or after > newest:
        raise DomainError(
            ErrorCode.GONE,
            detail="events after this one are no longer kept, or it is none of yours: what you have read has a gap;"
            " leave `after` out to go on from the oldest event that is kept",
        )


async def _range(services: Services, account_id: int, given: Range) -> tuple[int, int | None]:
    """(after, until) as `Webhooks.replay` takes them."""
    if given.after is not UNSET and given.from_ is not UNSET:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "from", "is used instead of `after`, not with it")
    if given.until is not UNSET and given.to is not UNSET:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "to", "is used instead of `until`, not with it")
    after, until = 0, None
    if given.after is not UNSET:
        after = event_of(given.after)
        await check_kept(services, account_id, after)
    if given.until is not UNSET:
        until = event_of(given.until)
    from_at, to_at = instant_in("from", given.from_), instant_in("to", given.to)
    if from_at is not None:
        after = await services.webhook_ledger.newest_event(account_id, before=from_at)
    if to_at is not None:
        until = await services.webhook_ledger.newest_event(account_id, before=to_at)
    return after, until


def _types(given: list[EventType] | UnsetType) -> tuple[EventType, ...]:
    if given is UNSET:
        return tuple(item for item in EventType if item not in UNASKED)
    return tuple(dict.fromkeys(given))


async def _property_id(services: Services, principal: Principal, sid: str | UnsetType | None) -> int | None:
    """Whose events an endpoint is told; a token of one property makes endpoints of that property only."""
    own = principal.property
    if sid is UNSET:
        return own.id if own else None
    found = await services.accounts.property_by_sid(principal.account.id, sid) if sid is not None else None
    if own is not None and (found is None or found.id != own.id):
        raise DomainError(
            ErrorCode.UNKNOWN_VALUE, "property", "your token sees one property: name that, or none at all"
        )
    if sid is not None and found is None:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "property", "there is no property with this sid")
    return found.id if found else None


async def _pair(services: Services, endpoint: Endpoint, *, wanted: bool) -> None:
    """See to it that an endpoint has a key pair, or none."""

    def change(secrets: dict[str, Any]) -> None:
        if not wanted:
            secrets.pop("v1a", None)
        elif not secrets.get("v1a"):
            add_key(secrets, "v1a", SCHEMES["v1a"][0](), _now(), _now())

    await services.webhooks.keep_secret(endpoint, change)


async def _add_key(services: Services, endpoint: Endpoint, scheme: str, key: str, overlap: timedelta) -> None:
    now = _now()
    try:
        await services.webhooks.keep_secret(
            endpoint, lambda secrets: add_key(secrets, scheme, key, now, now + overlap)
        )  # fmt: skip
    except VaultError:  # the old keys are lost with the operator's: only a new one can sign
        anew: dict[str, Any] = {}
        add_key(anew, scheme, key, now, now)
        await services.webhooks.change(endpoint, secrets=anew)


def _now() -> datetime:
    return datetime.now(UTC)
