"""Which programs may act for the account, and taking that back."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from ringtrail.dashboard.login import require_own_page
from ringtrail.dashboard.site import AnyRequest, Site, log
from ringtrail.httpkit.body import read_body
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal

PATH = "/programs"
_MAX_FORM_BYTES = 1_024


@get(PATH)
async def programs_page(site: NamedDependency[Site], principal: NamedDependency[Principal]) -> Response[str]:
    programs = await site.services.oauth.with_access(principal)
    return site.page("programs.html", account=principal.account, programs=programs)


@post(f"{PATH}/withdraw", status_code=303)
async def withdraw(request: AnyRequest, site: NamedDependency[Site], principal: NamedDependency[Principal]) -> Redirect:
    require_own_page(request, site.base_url)
    form = parse_query(await read_body(request, _MAX_FORM_BYTES))
    client_id = form.get("client_id", [""])[0]
    await site.services.oauth.withdraw(principal, client_id)
    log.info("consent_withdrawn", program=client_id[:100], account_id=principal.account.id)
    return Redirect(PATH, status_code=303)


HANDLERS = (programs_page, withdraw)
