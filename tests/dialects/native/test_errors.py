"""Bad requests get problem details that name every fault."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from ringtrail.dialects.native.errors import PROBLEMS, problem_of
from ringtrail.dialects.native.vocabulary import cursor_of, read_cursor, read_instant
from ringtrail.model.errors import DomainError, ErrorCode
from tests.dialects.native.conftest import Api
from tests.fixtures import GOLDEN_START


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_is_a_problem(code: ErrorCode) -> None:
    problem = problem_of(DomainError(code, field="x"))
    assert problem.type.startswith("urn:ringtrail:problem:")
    assert 400 <= problem.status <= 599
    assert problem.errors[0].code is code


def test_one_type_has_one_status_and_one_title() -> None:
    types = {kind.type: (kind.status, kind.title) for kind in PROBLEMS.values()}
    assert all(types[kind.type] == (kind.status, kind.title) for kind in PROBLEMS.values())


@pytest.mark.postgres
async def test_every_wrong_parameter_is_named_at_once(api: Api) -> None:
    answer = await api("/calls?limit=0&from=yesterday&disposition=lost&disposition=busy&cursor=%21&colour=red")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    body = answer.json()
    assert (body["type"], body["status"]) == ("urn:ringtrail:problem:invalid-request", 400)
    assert body["detail"] == "5 parameters are wrong"
    assert {(fault["field"], fault["code"]) for fault in body["errors"]} == {
        ("limit", "out_of_range"),
        ("from", "bad_format"),
        ("disposition", "unknown_value"),
        ("cursor", "bad_format"),
        ("colour", "unknown_value"),
    }


_CURSOR = cursor_of("newest", GOLDEN_START, 5)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("limit=1001", "limit", "out_of_range"),
        ("limit=ten", "limit", "wrong_type"),
        ("limit=-1", "limit", "wrong_type"),
        ("limit=%D9%A3", "limit", "wrong_type"),
        ("limit=9999999999999999999999", "limit", "out_of_range"),
        ("limit=1&limit=2", "limit", "out_of_range"),
        ("from=2026-07-14", "from", "bad_format"),
        ("from=2026-07-14T09:05:10", "from", "bad_format"),
        ("to=2026-13-14T09:05:10Z", "to", "bad_format"),
        ("to=0001-01-01T00:00:00%2B14:00", "to", "bad_format"),
        ("from=2026-07-15T00:00:00Z&to=2026-07-14T00:00:00Z", "to", "inverted_range"),
        ("tracking_number=0612345678", "tracking_number", "bad_format"),
        ("order=random", "order", "unknown_value"),
        ("include=all", "include", "unknown_value"),
        ("property=NOSUCH", "property", "unknown_value"),
        ("cursor=bm9wZQ", "cursor", "bad_format"),
        (f"cursor={_CURSOR}&order=oldest", "cursor", "unknown_value"),
    ],
)
async def test_a_wrong_parameter(api: Api, query: str, field: str, code: str) -> None:
    answer = await api(f"/calls?{query}")
    assert answer.status_code == 400
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [(field, code)]


@pytest.mark.postgres
@pytest.mark.parametrize("query", ["a=%FF", "source=%00"])
async def test_a_query_that_is_no_text_is_unreadable(api: Api, query: str) -> None:
    answer = await api(f"/calls?{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:ringtrail:problem:unreadable")


@pytest.mark.postgres
@pytest.mark.parametrize("call_id", ["0", "999", "abc", "-1", "9" * 18, "9" * 40, "%D9%A3", "1%00"])
async def test_an_id_that_nobody_has_is_not_found(api: Api, call_id: str) -> None:
    for path in (f"/calls/{call_id}", f"/calls/{call_id}/recordings"):
        answer = await api(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:ringtrail:problem:not-found")


@pytest.mark.postgres
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic ZGVtbzpkZW1v", "Bearer " + "x" * 9999])
async def test_without_a_known_token_nothing_is_shown(client: Any, header: str | None) -> None:
    headers = {"authorization": header} if header is not None else {}
    for path in ("/calls", "/calls/1", "/calls/1/recordings", "/recordings/X", "/recordings/X/audio"):
        answer = await client.get(f"/api/v1{path}", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="ringtrail"')
        assert answer.json()["type"] == "urn:ringtrail:problem:unauthenticated"


@pytest.mark.postgres
async def test_paths_and_methods_that_do_not_exist_are_problems_too(client: AsyncTestClient, api: Api) -> None:  # type: ignore[type-arg]
    assert (await api("/nothing")).json()["type"] == "urn:ringtrail:problem:not-found"
    answer = await client.delete("/api/v1/calls")
    assert (answer.status_code, answer.json()["type"]) == (405, "urn:ringtrail:problem:method-not-allowed")


def test_a_cursor_reads_back_and_nothing_else_does() -> None:
    assert read_cursor(_CURSOR) == ("newest", GOLDEN_START, 5)
    for text in ("", "=", _CURSOR + "=", _CURSOR[:-1], "é", "bi4xLjI\n", cursor_of("newest", GOLDEN_START, 1 << 63)):
        assert read_cursor(text) is None, text


@pytest.mark.parametrize("text", ["2026-07-14T09:05:10Z", "2026-07-14t09:05:10z", "2026-07-14T11:05:10.000+02:00"])
def test_the_same_instant_in_its_spellings(text: str) -> None:
    assert read_instant(text) == GOLDEN_START
