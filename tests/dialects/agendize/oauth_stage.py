"""OAuth 2.0 with all who take part: our server, a program, and an owner in a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.integrations.httpx_client import AsyncOAuth2Client
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar

from ringtrail import dashboard
from ringtrail.dialects.agendize import DIALECT
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.model.account import Principal
from ringtrail.model.oauth import Program
from ringtrail.services.oauth import OAuth
from tests.fixtures import World

SITE = "https://calls.example.org"
BACK = "https://client.example/back?from=ringtrail"
TOKEN, REVOKE, CALLS = f"{SITE}/o/oauth2/token", f"{SITE}/o/oauth2/revoke", f"{SITE}/api/2.0/calls"


@dataclass
class Clock:
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.at


@dataclass
class Stage:
    """The server, a program registered with it, and the browser of an account's owner who is logged in."""

    world: World
    app: Litestar
    clock: Clock
    program: Program
    secret: str
    browser: AsyncClient

    @property
    def oauth(self) -> OAuth:
        return self.world.services.oauth

    def client(self, **options: Any) -> AsyncOAuth2Client:
        """Somebody else's OAuth client."""
        settings = {
            "client_id": self.program.client_id,
            "client_secret": self.secret,
            "redirect_uri": BACK,
            "scope": "agendize",
        }
        return AsyncOAuth2Client(**settings | options, transport=ASGITransport(app=self.app))  # type: ignore[arg-type]

    def asked(self, **changes: str | None) -> str:
        """The path that asks for consent; None leaves a parameter out."""
        parameters = {
            "response_type": "code", "client_id": self.program.client_id, "redirect_uri": BACK, "scope": "agendize", "state": "s t&te",
        } | changes  # fmt: skip
        return "/oauth/consent?" + urlencode({name: value for name, value in parameters.items() if value is not None})

    async def answered(self, path: str, choice: str = "allow") -> dict[str, str]:
        """Press a button of the consent page; what the program's own page is then given."""
        page = await self.browser.get(path)
        assert page.status_code == 200, page.text
        answer = await self.browser.post(action_of(page), data={"seal": seal_of(page), "choice": choice})
        assert answer.status_code == 303
        return given(answer)

    async def code(self, **changes: str | None) -> str:
        return (await self.answered(self.asked(**changes)))["code"]

    async def ask_token(self, **changes: str | None) -> Response:
        """A request to the token endpoint with the secret in its body; None leaves a parameter out."""
        parameters = {
            "grant_type": "authorization_code", "redirect_uri": BACK, "client_id": self.program.client_id,
            "client_secret": self.secret,
        } | changes  # fmt: skip
        return await self.post(TOKEN, {name: value for name, value in parameters.items() if value is not None})

    async def tokens(self) -> dict[str, Any]:
        answer = await self.ask_token(code=await self.code())
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def refresh(self, token: str, **changes: str | None) -> Response:
        return await self.ask_token(grant_type="refresh_token", redirect_uri=None, refresh_token=token, **changes)

    async def post(self, url: str, data: dict[str, str], **headers: str) -> Response:
        async with AsyncClient(transport=ASGITransport(app=self.app)) as client:  # type: ignore[arg-type]
            return await client.post(url, data=data, headers=headers)

    async def calls(self, token: str) -> Response:
        async with AsyncClient(transport=ASGITransport(app=self.app)) as client:  # type: ignore[arg-type]
            return await client.get(CALLS, headers={"Authorization": f"Bearer {token}"})

    async def works(self, token: str) -> bool:
        return (await self.calls(token)).status_code == 200


def action_of(page: Response) -> str:
    found = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert found
    return unescape(found[1])


def seal_of(page: Response) -> str:
    found = re.search(r'name="seal" value="([^"]+)"', page.text)
    assert found
    return found[1]


def given(answer: Response) -> dict[str, str]:
    """What a redirect to the program's page says, the page's own query left out."""
    location = answer.headers["location"]
    assert location.startswith(BACK)
    said = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert said.pop("from") == "ringtrail"
    return said


async def logged_in(world: World, app: Litestar, login: str = "demo") -> AsyncClient:
    """A browser with a session, without the slow way over the password."""
    async with world.database.reading() as connection:
        query = b"SELECT id FROM credentials WHERE dialect = 'dashboard' AND login = %s"
        row = await (await connection.execute(query, (login,))).fetchone()
    assert row
    principal = Principal(account=world.account, property=None, credential_id=row[0], login=login)
    session = await world.services.accounts.open_session(principal)
    browser = AsyncClient(transport=ASGITransport(app=app), base_url=SITE)  # type: ignore[arg-type]
    browser.cookies.set("ringtrail_session", session)
    return browser


@asynccontextmanager
async def staged(world: World) -> AsyncIterator[Stage]:
    clock = Clock()
    world = replace(world, services=replace(world.services, oauth=OAuth(world.database, clock)))
    options = DialectOptions(base_url=SITE)
    app = build_server(
        world.services, [DIALECT], options, pages=dashboard.pages(world.services, SITE),
        hosts={"app.agendize.example": "agendize"},
    )  # fmt: skip
    program, secret = await world.services.oauth.register("Léa's CRM", [BACK])
    async with await logged_in(world, app) as browser:
        yield Stage(world, app, clock, program, secret, browser)


def refusal(answer: Response) -> tuple[int, str]:
    """Status and error of RFC 6749 section 5.2, whose rules for the rest are checked."""
    body = answer.json()
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert body.keys() <= {"error", "error_description"}
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", body.get("error_description", ""))
    return answer.status_code, body["error"]
