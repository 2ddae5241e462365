"""A Fone Dynamics client: `await ask("/Accounts/{account}/Calls", Date_From=...)` and `await tell("POST", path, body)` with the
world's sid and token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response

from ringtrail.dialects.fonedynamics import DIALECT
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from tests.dialects.conftest import BASE_URL
from tests.fixtures import FONE_TOKEN, World, add_credentials, build_world

Ask = Callable[..., Awaitable[Response]]
Tell = Callable[..., Awaitable[Response]]

BOUND_TOKEN = "fone-token-of-one-property-0123456789ab"
SMS_NUMBER = "+33199001001"


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    """Runs on the test's own event loop, so that requests and writers share one pool and really interleave."""
    app = build_server(world.services, [DIALECT], DialectOptions(base_url=BASE_URL))
    async with AsyncClient(transport=ASGITransport(app=app), base_url=BASE_URL) as client:
        yield client


@pytest.fixture
def ask(world: World, client: AsyncClient) -> Ask:
    """GET a path below /v2, the account's calls by default. Keywords are query parameters; `raw` is sent as it is."""

    async def get(path: str = "/Accounts/{account}/Calls", raw: str | None = None, **params: str | int) -> Response:
        url = "/v2" + path.replace("{account}", world.account.sid) + (f"?{raw}" if raw is not None else "")
        return await client.get(url, auth=(world.account.sid, FONE_TOKEN), params=params or None)

    return get


@pytest.fixture
def tell(world: World, client: AsyncClient) -> Tell:
    """A request with a body to a path below /v2, {property} being the world's. token: another one than the account's."""

    async def send(method: str, path: str, body: Any = None, *, token: str = FONE_TOKEN, **request: Any) -> Response:
        url = "/v2" + path.replace("{account}", world.account.sid).replace("{property}", world.property.sid)
        content = {"content": body} if isinstance(body, str | bytes) else {} if body is None else {"json": body}
        return await client.request(method, url, auth=(world.account.sid, token), **content, **request)

    return send


@pytest.fixture
async def bound(world: World) -> str:
    """The token of a key that belongs to the world's property alone."""
    await world.services.accounts.add_token(
        world.account.id, "fonedynamics", f"{world.account.sid}\n{BOUND_TOKEN}", property_id=world.property.id
    )
    return BOUND_TOKEN


@pytest.fixture
async def sms_number(world: World) -> str:
    """A number of the property's that can send messages."""
    await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164=SMS_NUMBER,
        friendly_name="Text line", capabilities=("voice", "sms"),
    )  # fmt: skip
    return SMS_NUMBER


def fault(response: Response) -> tuple[int, str, str]:
    """(HTTP status, ErrorCode, Message) of an error, which has nothing else."""
    body = response.json()
    assert list(body) == ["ResponseStatus"]
    assert list(body["ResponseStatus"]) == ["ErrorCode", "Message"]
    return response.status_code, body["ResponseStatus"]["ErrorCode"], body["ResponseStatus"]["Message"]


@pytest.fixture
async def other(world: World, tmp_path: Path) -> World:
    """A second account in the same database, with keys of its own."""
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await add_credentials(other, "-other")
    return other
