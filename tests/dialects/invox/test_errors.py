"""Errors: 401, 400, 405 and the rest, always {"error": text}."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Request

from ringtrail.dialects.invox import DIALECT
from ringtrail.dialects.invox.requests import call_query
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.account import Account, Principal, Property
from ringtrail.model.errors import DomainError, ErrorCode
from tests.dialects.conftest import BASE_URL, Serve
from tests.dialects.invox.conftest import KEY, PATH
from tests.fixtures import World

pytestmark = pytest.mark.postgres


KEYLESS: list[dict[str, Any]] = [{}, {"X-API-Key": ""}, {"X-API-Key": "wrong"}, {"X-API-Key": "x" * 3000}, {"X-API-Key": b"\xff\xfe"}, {"Authorization": "Bearer x"}]  # fmt: skip


async def test_without_a_valid_key_nothing_is_told(serve: Serve) -> None:
    client = await serve(DIALECT)
    for headers, query in product(KEYLESS, ("", "?from_date=rubbish")):
        response = await client.get(PATH + query, headers=headers)
        assert (response.status_code, response.json()) == (401, {"error": "the API key is missing or not valid"})


async def test_the_key_of_an_inactive_property_or_of_another_api_is_not_valid(world: World, serve: Serve) -> None:
    accounts, client = world.services.accounts, await serve(DIALECT)
    await accounts.add_token(world.account.id, "invox", "of-property", property_id=world.property.id)
    await accounts.add_token(world.account.id, "optico", "of-optico")
    assert (await client.get(PATH, headers={"X-API-Key": "of-property"})).status_code == 200
    assert (await client.get(PATH, headers={"X-API-Key": "of-optico"})).status_code == 401
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET active = false")
    assert (await client.get(PATH, headers={"X-API-Key": "of-property"})).status_code == 401


NO_DATES = (
    "today", "2026-02-30", "2026-13-01", "0000-01-01", "20260714", "2026-07-14 24:00:00", "2026-07-14 12:60:00",
    "2026-07-14 12:05", "14/07/2026", "2026-07-14Z", "2026-07-14T12:05:10+02:00", "٢٠٢٦-٠٧-١٤", "1784019910",
)  # fmt: skip


async def test_what_is_no_date_is_refused_by_name(serve: Serve) -> None:
    client = await serve(DIALECT)
    for name, value in product(("from_date", "to_date"), NO_DATES):
        response = await client.get(PATH, params={name: value}, headers=KEY)
        expected = f"{name}: not a date, use YYYY-MM-DD or YYYY-MM-DD HH:MM:SS"
        assert (response.status_code, response.json()) == (400, {"error": expected}), value


async def test_what_is_no_call_id_is_refused(serve: Serve) -> None:
    client = await serve(DIALECT)
    for value in ["-1", "1.5", "abc", "9" * 19, "²", "0x10", "1 OR 1=1"]:
        response = await client.get(PATH, params={"last_call_id": value}, headers=KEY)
        assert (response.status_code, response.json()) == (400, {"error": "last_call_id: not a call id"})


async def test_a_query_that_is_not_text_is_a_bad_request(serve: Serve) -> None:
    client = await serve(DIALECT)
    for query in ["from_date=%FF", "%C3=1", "last_call_id=%00"]:
        response = await client.get(f"{PATH}?{query}", headers=KEY)
        assert response.status_code == 400
        assert list(response.json()) == ["error"]


async def test_an_oversized_query_is_refused(serve: Serve) -> None:
    client = await serve(DIALECT)
    for query in ["a=" + "x" * 20_000, "&".join(["a=1"] * 201)]:
        response = await client.get(f"{PATH}?{query}", headers=KEY)
        assert (response.status_code, response.json()) == (414, {"error": "the query string is too long"})


async def test_only_get_is_accepted(serve: Serve) -> None:
    client = await serve(DIALECT)
    for method in ["POST", "PUT", "PATCH", "DELETE"]:
        response = await client.request(method, PATH, headers=KEY)
        assert (response.status_code, response.json()) == (405, {"error": "only GET is accepted"})
        assert response.headers["allow"] == "GET"


async def test_paths_that_do_not_exist_are_answered_in_the_same_shape(serve: Serve) -> None:
    client = await serve(DIALECT)
    for path in ["/api/v2", "/api/v2/call", "/api/v2/calls/1", "/api/v2/%FF"]:
        response = await client.get(path, headers=KEY)
        assert (response.status_code, response.json()) == (404, {"error": "there is nothing at this address"})


async def test_a_database_that_is_away_is_unavailable(world: World, serve: Serve) -> None:
    client = await serve(DIALECT)
    await world.database.close()
    response = await client.get(PATH, headers=KEY)
    assert (response.status_code, response.json()) == (503, {"error": "try again later"})


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_has_a_status_and_words(code: ErrorCode) -> None:
    request: Request[Any, Any, Any] = Request({"type": "http"})  # type: ignore[arg-type]
    for error in (DomainError(code), DomainError(code, "from_date", "why")):
        response = DIALECT.render_error(request, error, DialectOptions(base_url=BASE_URL))
        assert response.status_code is not None
        assert 400 <= response.status_code < 600
        assert list(msgspec.json.decode(response.content)) == ["error"]


ACCOUNT = Account(
    id=1, sid="A" * 32, name="a", timezone="UTC", country="FR", currency="EUR", billing_increment_s=60, outbound_prefixes=()
)  # fmt: skip
ZONES = st.sampled_from([None, "Europe/Bucharest", "Pacific/Kiritimati", "America/St_Johns", "Africa/Cairo", "UTC"])


def principal_in(zone: str | None) -> Principal:
    owner = Property(id=1, account_id=1, sid="B" * 32, name="p", timezone=zone, active=True, masks_callers=False)
    return Principal(account=ACCOUNT, property=owner, credential_id=1, login=None)


@given(st.dates(), ZONES)
def test_a_day_lasts_from_its_first_instant_to_the_next_days_first(day: object, zone: str | None) -> None:
    query = call_query(f"from_date={day}&to_date={day}".encode(), principal_in(zone))
    if query.from_at and query.to_at:
        assert 22 * 3600 <= (query.to_at - query.from_at).total_seconds() <= 49 * 3600


@given(st.text(alphabet="0123456789-: T%+&=_abcdefgx", max_size=60), ZONES)
def test_any_query_string_is_read_or_refused(query_string: str, zone: str | None) -> None:
    for prefix in (b"", b"from_date=", b"to_date=", b"last_call_id="):
        with suppress(DomainError):
            assert call_query(prefix + query_string.encode(), principal_in(zone)).account_id == ACCOUNT.id
