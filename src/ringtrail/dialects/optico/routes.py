"""GET /data-api: one path for calls, day sums and SMS; `type` and `group_by_day` say which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, Router, get
from litestar.response import Stream

from ringtrail.dialects.optico.auth import Domain, domain_of
from ringtrail.dialects.optico.errors import refuse
from ringtrail.dialects.optico.reference import reference
from ringtrail.dialects.optico.requests import (
    DataRequest,
    call_query,
    faults,
    read_parameters,
    read_request,
    sms_query,
    zone_of,
)
from ringtrail.dialects.optico.responses import call_listing, call_view, day_listing, sms_item, sms_listing
from ringtrail.httpkit.compression import GZIP
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.reference import document_route
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

PATH = "/data-api"
_JSON = "application/json"


def build(services: Services, options: DialectOptions) -> Router:
    @get("/")
    async def data_api(request: Request[Any, Any, Any]) -> Response[Any]:
        given = read_parameters(request.scope["query_string"])
        domain = await domain_of(services, given.get("api_key"))
        wrong = list(faults(given))
        if domain is None:
            wrong.insert(0, DomainError(ErrorCode.UNAUTHENTICATED, "api_key"))
        if domain is None or wrong:
            return refuse(wrong, options)
        return await _answer(services, read_request(given), given, domain)

    document = document_route(reference(options.optico_error_status), options.base_url)
    return Router(path=PATH, route_handlers=[data_api, document], middleware=[GZIP])


async def _answer(services: Services, asked: DataRequest, given: Mapping[str, str], domain: Domain) -> Response[Any]:
    if asked.kind == "sms":
        return await _sms(services, asked, given, domain)
    if asked.group_by_day:
        return await _days(services, asked, given, domain)
    return await _calls(services, asked, given, domain)


async def _calls(services: Services, asked: DataRequest, given: Mapping[str, str], domain: Domain) -> Response[Any]:
    found = await services.calls.page(
        call_query(asked, given, domain), offset=asked.offset, limit=asked.limit, with_total=True,
        show=call_view(zone_of(domain), masks_callers=domain.property.masks_callers),
    )  # fmt: skip
    body = call_listing(found.shown, total=found.total or 0, page=asked.page, limit=asked.limit)
    return Response(body, media_type=_JSON)


async def _days(services: Services, asked: DataRequest, given: Mapping[str, str], domain: Domain) -> Response[Any]:
    totals = await services.calls.day_totals(call_query(asked, given, domain), zone_of(domain).key)
    return Stream(day_listing(asked.days(), totals), media_type=_JSON)


async def _sms(services: Services, asked: DataRequest, given: Mapping[str, str], domain: Domain) -> Response[Any]:
    query, zone, masks = sms_query(asked, given, domain), zone_of(domain), domain.property.masks_callers
    found, total = [], 0
    if query is not None:
        page, counted = await services.messages.page(query, offset=asked.offset, limit=asked.limit, with_total=True)
        found, total = [sms_item(message, zone, masks_callers=masks) for message in page], counted or 0
    return Response(sms_listing(found, total=total, page=asked.page, limit=asked.limit), media_type=_JSON)
