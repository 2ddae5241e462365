"""May this program act for your account? The page that OAuth 2.0's authorization endpoint leads to."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from ringtrail.dashboard.login import COOKIE, require_own_page
from ringtrail.dashboard.site import SECURITY_HEADERS, AnyRequest, Site, log
from ringtrail.httpkit.body import read_body
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services.oauth import Consent, SentBack

PATH = "/oauth/consent"
_MAX_FORM_BYTES = 1_024

MAY: Mapping[str, Sequence[str]] = {
    "agendize": (
        "See your calls and callers' numbers, and listen to recordings",
        "Enter, change and delete calls",
        "Set up call buttons, tracking numbers, and where calls are reported to",
        "Place calls from your buttons, at your cost",
    ),
}
"""What each scope means to the owner of an account."""


@get(PATH)
async def consent_page(
    request: AnyRequest, site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str] | Redirect:
    query = _query(request)
    try:
        asked = await site.services.oauth.ask(query)
    except DomainError as error:
        return _unusable(site, error)
    if isinstance(asked, SentBack):
        return _back(asked)
    return _page(site, principal, asked, seal=_seal(request, query), action=f"{PATH}?{urlencode(query, doseq=True)}")


@post(PATH, status_code=200)
async def consent(
    request: AnyRequest, site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str] | Redirect:
    """The answer. Refused unless it comes from the page that this session was shown for the very same request."""
    require_own_page(request, site.base_url)
    query, form = _query(request), parse_query(await read_body(request, _MAX_FORM_BYTES))
    seal, choice = (form.get(name, [""])[0] for name in ("seal", "choice"))
    if not hmac.compare_digest(seal.encode(), _seal(request, query).encode()):
        raise DomainError(ErrorCode.FORBIDDEN)
    try:
        sent_back = await site.services.oauth.decide(principal, query, allowed=choice == "allow")
    except DomainError as error:
        return _unusable(site, error)
    log.info("consent", program=query["client_id"][0][:100], account_id=principal.account.id, choice=choice[:10])
    return _back(sent_back)


async def _keep_headers(response: Response[str]) -> Response[str]:
    """`secure`, but for the one that the page sets itself."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


HANDLERS = (Router("/", route_handlers=[consent_page, consent], after_request=_keep_headers),)


def _page(site: Site, principal: Principal, asked: Consent, *, seal: str, action: str) -> Response[str]:
    response = site.page(
        "consent.html", program=asked.program, may=[line for scope in asked.scopes for line in MAY[scope]],
        account=principal.account, login=principal.login, way_back=_way_back(asked.redirect_uri), seal=seal, action=action,
    )  # fmt: skip
    # Browsers hold the form's target against this also after the redirect that follows.
    policy = SECURITY_HEADERS["content-security-policy"]
    policy = policy.replace("form-action 'self'", f"form-action 'self' {_source(asked.redirect_uri)}")
    response.headers["content-security-policy"] = policy
    return response


def _way_back(redirect_uri: str) -> str:
    """Where the browser goes afterwards, as people recognize it."""
    parts = urlsplit(redirect_uri)
    return parts.netloc if parts.scheme in ("http", "https") else f"{parts.scheme}: on this device"


def _source(redirect_uri: str) -> str:
    """The redirect's origin in a policy; only its scheme where the policy's grammar has no word for the host."""
    parts = urlsplit(redirect_uri)
    named = parts.scheme in ("http", "https") and "[" not in parts.netloc
    return f"{parts.scheme}://{parts.netloc}" if named else f"{parts.scheme}:"


def _query(request: AnyRequest) -> dict[str, list[str]]:
    return parse_query(request.scope["query_string"])


def _seal(request: AnyRequest, query: Mapping[str, Sequence[str]]) -> str:
    """Nobody without the session's cookie can make it, and it fits no other request."""
    key = request.cookies.get(COOKIE, "").encode()
    return hmac.digest(key, urlencode(query, doseq=True).encode(), "sha256").hex()


def _back(sent_back: SentBack) -> Redirect:
    return Redirect(sent_back.location, status_code=303, headers={"cache-control": "no-store"})


def _unusable(site: Site, error: DomainError) -> Response[str]:
    """Nobody is sent to an address that the program has not registered, and the program's developer may be looking."""
    if error.code is not ErrorCode.UNKNOWN_VALUE:
        raise error
    text = f"The program that sent you here asks in a way that we cannot answer. Tell its makers: {error.detail}"
    return site.page("message.html", 400, title="This link does not work", text=text)
