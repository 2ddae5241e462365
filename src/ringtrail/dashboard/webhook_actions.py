"""What can be done to an endpoint, and to what it was told: forms that lead back to the page they came from."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TypeAlias
from zoneinfo import ZoneInfo

from litestar import Response, Router, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from litestar.response import Redirect

from ringtrail.dashboard import ledger
from ringtrail.dashboard.ledger_filters import instant
from ringtrail.dashboard.login import require_own_page
from ringtrail.dashboard.site import AnyRequest, Site, log
from ringtrail.dashboard.webhook_scope import PATH, endpoint_of
from ringtrail.dashboard.webhooks import shown
from ringtrail.httpkit.body import read_body
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.webhook import DisabledBy, Endpoint

_MAX_FORM_BYTES = 1_024
_STATUS = {
    ErrorCode.CONFLICT: 409, ErrorCode.FORBIDDEN: 403, ErrorCode.NOT_FOUND: 404, ErrorCode.BAD_FORMAT: 400,
    ErrorCode.INVERTED_RANGE: 400,
}  # fmt: skip

Shown: TypeAlias = Response[str] | Redirect


async def form_of(request: AnyRequest, site: NamedDependency[Site]) -> dict[str, str]:
    """The fields of a form that our own page posts."""
    require_own_page(request, site.base_url)
    return {name: values[0] for name, values in parse_query(await read_body(request, _MAX_FORM_BYTES)).items()}


async def endpoint_to_change(
    hash_: FromPath[str],
    site: NamedDependency[Site],
    principal: NamedDependency[Principal],
    form: NamedDependency[dict[str, str]],
) -> Endpoint:
    """Only once the form is known to be ours."""
    return await endpoint_of(site, principal, hash_)


@post(f"{PATH}/{{hash_:str}}/test", status_code=200)
async def test(
    endpoint: NamedDependency[Endpoint], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Shown:
    try:
        await site.services.webhooks.test(endpoint)
    except DomainError as error:
        return await _refused(site, principal, endpoint, error)
    return _back(principal, endpoint, "test")


@post(f"{PATH}/{{hash_:str}}/disable", status_code=200)
async def disable(
    endpoint: NamedDependency[Endpoint], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Shown:
    try:
        await site.services.webhooks.disable(endpoint, DisabledBy.OWNER)
    except DomainError as error:
        return await _refused(site, principal, endpoint, error)
    return _back(principal, endpoint, "disable")


@post(f"{PATH}/{{hash_:str}}/enable", status_code=200)
async def enable(
    endpoint: NamedDependency[Endpoint],
    site: NamedDependency[Site],
    principal: NamedDependency[Principal],
    form: NamedDependency[dict[str, str]],
) -> Shown:
    """missed: 'send' or 'skip'."""
    missed = form.get("missed") == "send"
    try:
        _, count = await site.services.webhooks.enable(endpoint, replay=missed)
    except DomainError as error:
        return await _refused(site, principal, endpoint, error)
    return _back(principal, endpoint, "enable", count) if missed else _back(principal, endpoint, "anew")


@post(f"{PATH}/{{hash_:str}}/remove", status_code=200)
async def remove(
    endpoint: NamedDependency[Endpoint], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Shown:
    await site.services.webhooks.delete(principal.account.id, endpoint.hash)
    _note(principal, endpoint, "remove")
    return Redirect(f"{PATH}?done=remove", status_code=303)


@post(f"{PATH}/{{hash_:str}}/replay", status_code=200)
async def replay(
    endpoint: NamedDependency[Endpoint],
    site: NamedDependency[Site],
    principal: NamedDependency[Principal],
    form: NamedDependency[dict[str, str]],
) -> Shown:
    """from, to: as browsers send them, in the account's zone; to may be empty. which: 'all', or what was not delivered."""
    webhooks = site.services.webhooks
    try:
        from_at, to_at = _range(form, ZoneInfo(principal.account.timezone))
        after = await site.services.webhook_ledger.newest_event(principal.account.id, before=from_at)
        until = await site.services.webhook_ledger.newest_event(principal.account.id, before=to_at) if to_at else None
        count = await webhooks.replay(endpoint, after=after, until=until, delivered_too=form.get("which") == "all")
    except DomainError as error:
        return await _refused(site, principal, endpoint, error)
    return _back(principal, endpoint, "replay", count)


@post(f"{PATH}/{{hash_:str}}/events/{{event_id:int}}/again", status_code=200)
async def again(
    event_id: FromPath[int],
    endpoint: NamedDependency[Endpoint],
    site: NamedDependency[Site],
    principal: NamedDependency[Principal],
) -> Shown:
    record = await ledger.delivery_of(site, principal, endpoint, event_id)
    try:
        await site.services.webhooks.replay_one(endpoint, event_id)
    except DomainError as error:
        return await ledger.shown(
            site, principal, endpoint, record, problem=_worded(error), status=_STATUS.get(error.code, 400)
        )
    _note(principal, endpoint, "again", event_id=event_id)
    return Redirect(f"{PATH}/{endpoint.hash}/events/{event_id}?done=again", status_code=303)


HANDLERS = (
    Router(
        "/",
        route_handlers=[test, disable, enable, remove, replay, again],
        dependencies={"form": Provide(form_of), "endpoint": Provide(endpoint_to_change)},
    ),
)


def _range(form: dict[str, str], zone: tzinfo) -> tuple[datetime, datetime | None]:
    """DomainError BAD_FORMAT or INVERTED_RANGE."""
    try:
        from_at = instant(form.get("from", ""), zone)
        to_at = instant(form["to"], zone) if form.get("to") else None
    except ValueError as exc:
        raise DomainError(ErrorCode.BAD_FORMAT, detail=f"what you entered as From or To {exc}") from exc
    if to_at is not None and to_at <= from_at:
        raise DomainError(ErrorCode.INVERTED_RANGE, detail="the end is not after the beginning")
    return from_at, to_at


async def _refused(site: Site, principal: Principal, endpoint: Endpoint, error: DomainError) -> Response[str]:
    """The endpoint's page as it is now, and why not."""
    if error.code not in _STATUS:
        raise error
    endpoint = await endpoint_of(site, principal, endpoint.hash)
    return await shown(site, principal, endpoint, problem=_worded(error), status=_STATUS[error.code])


def _worded(error: DomainError) -> str:
    detail = error.detail or str(error)
    return f"{detail[0].upper()}{detail[1:]}."


def _back(principal: Principal, endpoint: Endpoint, done: str, count: int | None = None) -> Redirect:
    _note(principal, endpoint, done)
    counted = "" if count is None else f"&count={count}"
    return Redirect(f"{PATH}/{endpoint.hash}?done={done}{counted}", status_code=303)


def _note(principal: Principal, endpoint: Endpoint, done: str, **more: object) -> None:
    log.info(f"endpoint_{done}", account_id=principal.account.id, endpoint=endpoint.hash, login=principal.login, **more)
