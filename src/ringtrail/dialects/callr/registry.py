"""Every method that this dialect answers, with its positional parameters. All others are -32601."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ringtrail.dialects.callr import analytics, apps, cdr, did, media_recording, system
from ringtrail.dialects.callr import parameters as check
from ringtrail.dialects.callr.call_tracking import new_params
from ringtrail.dialects.callr.envelope import RpcCall
from ringtrail.dialects.callr.errors import METHOD_NOT_FOUND, RpcError
from ringtrail.dialects.callr.parameters import Asking, Param
from ringtrail.dialects.callr.vocabulary import CDR_TYPES
from ringtrail.model.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Method:
    """The handler takes the Asking, then one checked argument for each parameter."""

    handler: Callable[..., Awaitable[Any]]
    params: tuple[Param, ...] = ()


_APP = Param("app", check.app)
_DID = Param("did", check.did)
_RANGE = (Param("from", check.instant), Param("to", check.range_end))

METHODS: dict[str, Method] = {
    "system.get_timestamp": Method(system.get_timestamp),
    "apps.create": Method(
        apps.create,
        (Param("package", apps.package), Param("name", check.name), Param("params", new_params, nullable=True)),
    ),
    "apps.edit": Method(
        apps.edit,
        (_APP, Param("name", check.name, nullable=True), Param("params", apps.served_app_params, nullable=True)),
    ),
    "apps.get": Method(apps.get, (_APP,)),
    "apps.get_list": Method(apps.get_list, (Param("with_numbers", check.boolean),)),
    "apps.assign_did": Method(apps.assign_did, (_APP, _DID)),
    "apps.remove_did": Method(apps.remove_did, (_DID,)),
    "apps.get_dids": Method(apps.get_dids, (Param("only_available", check.boolean),)),
    "did.search": Method(
        did.search,
        (
            Param("filters", did.filters, nullable=True),
            Param("options", check.search_options(did.ORDER), nullable=True),
        ),
    ),
    "cdr.get": Method(
        cdr.get,
        (
            Param("type", check.one_of(CDR_TYPES)),
            *_RANGE,
            Param("app", check.app, nullable=True),
            Param("number", cdr.number, nullable=True),
        ),
    ),
    "cdr.search": Method(
        cdr.search,
        (Param("filters", cdr.filters), Param("options", check.search_options(cdr.ORDER), nullable=True)),
    ),
    "analytics/calls.summary": Method(analytics.summary, _RANGE),
    "analytics/calls.history": Method(analytics.history, _RANGE),
    "media/recording.search": Method(
        media_recording.search,
        (
            Param("filters", media_recording.filters, nullable=True),
            Param("options", check.search_options(media_recording.ORDER), nullable=True),
        ),
    ),
    "media/recording.get": Method(media_recording.get, (Param("hash", media_recording.recording),)),
    "media/recording.overview": Method(media_recording.overview),
    "media/recording.read_status": Method(media_recording.read_status),
}


async def answer(asking: Asking, call: RpcCall) -> Any:
    """The result of one call. DomainError for everything that the asker can be told."""
    method = METHODS.get(call.method)
    if method is None:
        raise RpcError(ErrorCode.NOT_FOUND, rpc_code=METHOD_NOT_FOUND, message="Method not found")
    arguments = await check.checked(asking, method.params, call.params)
    return await method.handler(asking, *arguments)
