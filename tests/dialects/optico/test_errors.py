"""Every error to the letter, several at once, and never a 500."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Request

from ringtrail.dialects.optico import DIALECT
from ringtrail.dialects.optico.requests import faults, read_request
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode
from tests.dialects.conftest import BASE_URL, Serve
from tests.dialects.optico.conftest import GOOD, Ask
from tests.fixtures import World

pytestmark = pytest.mark.postgres

KEY = "Invalid api key"
LIMIT = "Limit must be between 10 and 5000"
TYPE = "Invalid parameter type"
PAGE = "Invalid parameter page"


def missing(*names: str) -> list[str]:
    return [f"Missing parameter `{name}`" for name in names]


ERRORS: list[tuple[dict[str, str | None], list[str]]] = [
    ({"api_key": None}, [KEY]),
    ({"api_key": ""}, [KEY]),
    ({"api_key": "wrong"}, [KEY]),
    ({"api_key": "x" * 5000}, [KEY]),
    ({"type": None}, missing("type")),
    ({"type": ""}, missing("type")),
    ({"start_date": None}, missing("start_date")),
    ({"end_date": None}, missing("end_date")),
    ({"page": None}, missing("page")),
    ({"limit": None}, missing("limit")),
    ({"api_key": None, "type": None}, [KEY, *missing("type")]),
    (dict.fromkeys(GOOD), [KEY, *missing("type", "start_date", "end_date", "page", "limit")]),
    ({"start_date": "2026-02-29"}, ["Invalid date 2026-02-29"]),
    ({"start_date": "2026-13-01"}, ["Invalid date 2026-13-01"]),
    ({"start_date": "0000-01-01"}, ["Invalid date 0000-01-01"]),
    ({"start_date": "20260101"}, ["Invalid date 20260101"]),
    ({"start_date": "2026-W01-1"}, ["Invalid date 2026-W01-1"]),
    ({"start_date": "2026-1-1"}, ["Invalid date 2026-1-1"]),
    ({"start_date": "01/01/2026"}, ["Invalid date 01/01/2026"]),
    ({"start_date": "2026-01-01 "}, ["Invalid date 2026-01-01 "]),
    ({"start_date": "2026-01-01\n"}, ["Invalid date 2026-01-01\n"]),
    ({"start_date": "٢٠٢٦-٠١-٠١"}, ["Invalid date ٢٠٢٦-٠١-٠١"]),
    ({"end_date": "{field}"}, ["Invalid date {field}"]),
    ({"start_date": "a", "end_date": "b"}, ["Invalid date a", "Invalid date b"]),
    ({"limit": "9"}, [LIMIT]),
    ({"limit": "5001"}, [LIMIT]),
    ({"limit": "-10"}, [LIMIT]),
    ({"limit": "ten"}, [LIMIT]),
    ({"limit": "10.0"}, [LIMIT]),
    ({"limit": "1" * 5000}, [LIMIT]),
    ({"limit": "²⁰"}, [LIMIT]),
    ({"type": "call"}, [TYPE]),
    ({"type": "CALLS"}, [TYPE]),
    ({"page": "0"}, [PAGE]),
    ({"page": "-1"}, [PAGE]),
    ({"page": "one"}, [PAGE]),
    ({"page": "9" * 19}, [PAGE]),
    (
        {"api_key": "x", "type": "fax", "start_date": "x", "end_date": "y", "page": "0", "limit": "0"},
        [KEY, "Invalid date x", "Invalid date y", LIMIT, TYPE, PAGE],
    ),
    ({"api_key": "x", "start_date": None, "end_date": "y", "limit": "0"}, [KEY, *missing("start_date"), "Invalid date y", LIMIT]),
]  # fmt: skip


async def test_errors_to_the_letter_all_at_once_in_order(ask: Ask) -> None:
    for changes, errors in ERRORS:
        assert await ask(**changes) == {"status": "ERROR", "errors": errors}, changes


BAD = {
    "api_key": ("wrong", KEY),
    "type": ("fax", TYPE),
    "start_date": ("2026-02-30", "Invalid date 2026-02-30"),
    "end_date": ("31/01/2026", "Invalid date 31/01/2026"),
    "page": ("0", PAGE),
    "limit": ("5001", LIMIT),
}
REPORTED = ("start_date", "end_date", "limit", "type", "page")
"""The order of what is there but wrong: dates, limit, type, page; before it come the key and what is missing."""


async def test_every_combination_of_good_missing_and_bad_parameters_is_reported_whole_and_in_order(ask: Ask) -> None:
    for states in product(("good", "missing", "bad"), repeat=len(BAD)):
        state = dict(zip(BAD, states, strict=True))
        sent = {name: None if how == "missing" else BAD[name][0] for name, how in state.items() if how != "good"}
        errors = [KEY] if state["api_key"] != "good" else []
        errors += missing(*[name for name in BAD if state[name] == "missing" and name != "api_key"])
        errors += [BAD[name][1] for name in REPORTED if state[name] == "bad"]
        answer = await ask(**sent)
        assert answer.get("errors", []) == errors, state
        assert answer["status"] == ("ERROR" if errors else "OK")


async def test_an_optional_parameter_is_never_an_error(ask: Ask) -> None:
    for name in ("phone", "tracking_phone", "caller_phone", "status", "offline_phone_description", "group_by_day"):
        for value in ("", " ", "x", "%", ",", "-1", "é", "x" * 500):
            assert (await ask(**{name: value}))["status"] == "OK", (name, value)


async def test_both_ends_of_the_limit_are_allowed(ask: Ask) -> None:
    for limit in ("10", "5000", "010"):
        assert (await ask(limit=limit))["status"] == "OK", limit


async def test_a_key_of_an_inactive_domain_or_of_no_domain_is_invalid(world: World, ask: Ask) -> None:
    await world.services.accounts.add_token(world.account.id, "optico", "no-domain")
    assert (await ask(api_key="no-domain"))["errors"] == [KEY]
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET active = false")
    assert (await ask())["errors"] == [KEY]


async def test_the_key_of_another_api_is_invalid(world: World, ask: Ask) -> None:
    await world.services.accounts.add_token(world.account.id, "invox", "not-optico", property_id=world.property.id)
    assert (await ask(api_key="not-optico"))["errors"] == [KEY]


async def test_the_status_of_errors_can_be_chosen(serve: Serve) -> None:
    client = await serve(DIALECT, optico_error_status=400)
    for path in ("/data-api", "/data-api?" + "x" * 20_000, "/data-api/nothing"):
        assert (await client.get(path)).status_code == 400
    assert (await client.get("/data-api", params=GOOD)).status_code == 200


async def test_a_query_that_cannot_be_read_is_refused_in_the_vendors_shape(serve: Serve) -> None:
    client = await serve(DIALECT)
    for query in ["api_key=%FF", "%C3=1", "type=%00", "a=" + "x" * 20_000, "&".join(["a=1"] * 201)]:
        response = await client.get(f"/data-api?{query}")
        assert (response.status_code, response.json()) == (
            200,
            {"status": "ERROR", "errors": ["Cannot handle request"]},
        )


async def test_other_methods_are_refused_in_the_vendors_shape(serve: Serve) -> None:
    client = await serve(DIALECT)
    for method in ["POST", "PUT", "PATCH", "DELETE"]:
        response = await client.request(method, "/data-api", params=GOOD)
        assert (response.status_code, response.json()) == (
            200,
            {"status": "ERROR", "errors": ["Cannot handle request"]},
        )
        assert response.headers["allow"] == "GET"


async def test_paths_below_ours_are_answered_in_the_vendors_shape(serve: Serve) -> None:
    client = await serve(DIALECT)
    for path in ["/data-api/calls", "/data-api/1/2", "/data-api/%00", "/data-api/%FF"]:
        response = await client.get(path)
        assert response.json() == {"status": "ERROR", "errors": ["Cannot handle request"]}


async def test_a_repeated_parameter_counts_with_its_last_value(serve: Serve) -> None:
    base = "&".join(f"{name}={value}" for name, value in GOOD.items())
    client = await serve(DIALECT)
    assert (await client.get(f"/data-api?type=fax&{base}")).json()["status"] == "OK"
    assert (await client.get(f"/data-api?{base}&type=fax")).json()["errors"] == [TYPE]


async def test_a_database_that_is_away_is_a_request_that_cannot_be_handled(world: World, ask: Ask) -> None:
    await world.database.close()
    assert await ask() == {"status": "ERROR", "errors": ["Cannot handle request"]}


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_has_words(code: ErrorCode) -> None:
    request: Request[Any, Any, Any] = Request({"type": "http"})  # type: ignore[arg-type]
    options = DialectOptions(base_url=BASE_URL, optico_error_status=418)
    for error in (DomainError(code), DomainError(code, "type", "value")):
        response = DIALECT.render_error(request, error, options)
        assert response.status_code == 418
        body = msgspec.json.decode(response.content)
        assert body["status"] == "ERROR"
        assert len(body["errors"]) == 1


WORDS = st.sampled_from(["calls", "sms", "2026-01-31", "2026-02-30", "1", "10", "true"])
SCRAPS = st.text(alphabet="0123456789-+. \n²٣a", min_size=1, max_size=25)


@given(st.dictionaries(st.sampled_from([*GOOD, "group_by_day"]), WORDS | SCRAPS | st.integers().map(str)))
def test_whatever_has_no_fault_can_be_read(given_parameters: dict[str, str]) -> None:
    if not list(faults(given_parameters)):
        asked = read_request(given_parameters)
        assert 10 <= asked.limit <= 5000
        assert 0 <= asked.offset < 2**63
