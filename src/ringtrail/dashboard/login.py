"""Log in and out. A session is a random token in a cookie; only its digest is stored."""

from __future__ import annotations

import ipaddress
import math
import re
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.response import Redirect

from ringtrail.dashboard.site import AnyRequest, Site, log
from ringtrail.httpkit.body import read_body
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services.accounts import SESSION_LIFETIME

COOKIE = "ringtrail_session"
_MAX_FORM_BYTES = 16_384  # with a way in, encoded once more
_WAYS_IN = re.compile(
    r"/recordings/[A-Z0-9]{1,16}|/oauth/consent\?[!-~]{1,4000}|/webhooks(?:[/?][!-~]{1,2000})?"
)  # where a login may lead, besides the first page


async def principal_of(request: AnyRequest, site: NamedDependency[Site]) -> Principal:
    """Who the session belongs to. DomainError UNAUTHENTICATED without one."""
    principal = await site.services.accounts.by_session(request.cookies.get(COOKIE, ""))
    if principal is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED)
    return principal


@get("/login")
async def login_page(request: AnyRequest, site: NamedDependency[Site]) -> Response[str] | Redirect:
    way = _way_in(parse_query(request.scope["query_string"]).get("next", [""])[0])
    if await site.services.accounts.by_session(request.cookies.get(COOKIE, "")):
        return Redirect(way, status_code=303)
    return site.page("login.html", login="", way=way, error=None)


@post("/login", status_code=200)
async def log_in(request: AnyRequest, site: NamedDependency[Site]) -> Response[str] | Redirect:
    require_own_page(request, site.base_url)
    form = parse_query(await read_body(request, _MAX_FORM_BYTES))
    login, password, way = (form.get(name, [""])[0] for name in ("login", "password", "next"))
    address = client_address(request)
    wait_s = max(site.by_login.wait_s(login), site.by_address.wait_s(address))
    if wait_s > 0:
        log.warning("login_limited", login=login[:100], address=address)
        return _refused(site, 429, login, way, f"Too many attempts. Try again in {_minutes(wait_s)}.", wait_s)
    site.by_login.count(login)
    site.by_address.count(address)
    principal = await site.services.accounts.by_password("dashboard", login, password)
    if principal is None:
        log.warning("login_failed", login=login[:100], address=address)
        return _refused(site, 401, login, way, "Login or password is wrong.")
    site.by_login.forget(login)
    site.by_address.take_back(address)
    token = await site.services.accounts.open_session(principal)
    return Redirect(_way_in(way), status_code=303, cookies=[_cookie(site, token, SESSION_LIFETIME.total_seconds())])


@post("/logout", status_code=303)
async def log_out(request: AnyRequest, site: NamedDependency[Site]) -> Redirect:
    require_own_page(request, site.base_url)
    await site.services.accounts.close_session(request.cookies.get(COOKIE, ""))
    return Redirect("/login", status_code=303, cookies=[_cookie(site, "", 0)])


HANDLERS = (login_page, log_in, log_out)


def require_own_page(request: AnyRequest, base_url: str) -> None:
    """Refuse a form that another site posts. Every browser says so in one of two headers; without both it is none."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise DomainError(ErrorCode.FORBIDDEN)
        return
    origin = request.headers.get("origin")
    if origin is None:
        return
    own = {request.headers.get("host", "").lower(), urlsplit(base_url).netloc.lower()}
    if urlsplit(origin).netloc.lower() not in own - {""}:
        raise DomainError(ErrorCode.FORBIDDEN)


def client_address(request: AnyRequest) -> str:
    """Whose attempts are counted together: an IPv4 address, or the /64 that one IPv6 customer has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host


def _way_in(way: str) -> str:
    return way if _WAYS_IN.fullmatch(way) else "/"


def _minutes(wait_s: float) -> str:
    minutes = math.ceil(wait_s / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _refused(site: Site, status: int, login: str, way: str, error: str, wait_s: float = 0) -> Response[str]:
    response = site.page("login.html", status, login=login[:200], way=_way_in(way), error=error)
    if wait_s > 0:
        response.headers["retry-after"] = str(math.ceil(wait_s))
    return response


def _cookie(site: Site, token: str, max_age_s: float) -> Cookie:
    return Cookie(
        key=COOKIE, value=token, max_age=int(max_age_s), path="/", httponly=True, samesite="lax",
        secure=site.base_url.startswith("https:"),
    )  # fmt: skip
