"""Who is let in, and how every error reads."""

from __future__ import annotations

import msgspec
import pytest
from httpx import AsyncClient

from ringtrail.dialects.fonedynamics.errors import WORDINGS, render_error
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode
from tests.dialects.fonedynamics.conftest import Ask
from tests.fixtures import FONE_TOKEN, TOKENS, World

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_has_a_wording(code: ErrorCode) -> None:
    response = render_error(None, DomainError(code, "field"), DialectOptions(base_url=""))  # type: ignore[arg-type]
    assert set(WORDINGS) == set(ErrorCode)
    body = msgspec.to_builtins(response.content)
    assert list(body) == ["ResponseStatus"]
    status = body["ResponseStatus"]
    assert list(status) == ["ErrorCode", "Message"]
    assert response.status_code >= 400
    assert status["ErrorCode"] == status["ErrorCode"].upper()
    assert status["Message"].startswith("field: ")


BAD = [
    ("Date_From=yesterday", "PARAMETER_INVALID", "Date_From"),
    ("date_from=-1", "PARAMETER_INVALID", "Date_From"),
    ("Date_To=1.5", "PARAMETER_INVALID", "Date_To"),
    ("Date_To=%D9%A1", "PARAMETER_INVALID", "Date_To"),
    ("Date_To=1784019910000", "PARAMETER_OUT_OF_RANGE", "Date_To"),
    ("Date_To=253402300800", "PARAMETER_OUT_OF_RANGE", "Date_To"),
    ("Date_From=" + "9" * 5_000, "PARAMETER_OUT_OF_RANGE", "Date_From"),
    ("Date_From=1&DATE_FROM=2", "PARAMETER_INVALID", "Date_From"),
    ("Disposition=Answered,Gone", "PARAMETER_INVALID", "Disposition"),
    ("To=abc", "PARAMETER_INVALID", "To"),
    ("To=%2B%2B33", "PARAMETER_INVALID", "To"),
    ("Endpoint=sip:a@b", "PARAMETER_INVALID", "Endpoint"),
    ("Prompts_keys=1,,2", "PARAMETER_INVALID", "Prompts_keys"),
    ("Prompts_keys=one", "PARAMETER_INVALID", "Prompts_keys"),
    ("Unique=yes", "PARAMETER_INVALID", "Unique"),
    ("Results_Count=0", "PARAMETER_OUT_OF_RANGE", "Results_Count"),
    ("Results_Count=5001", "PARAMETER_OUT_OF_RANGE", "Results_Count"),
    ("Results_Count=" + "9" * 9_000, "PARAMETER_OUT_OF_RANGE", "Results_Count"),
    ("Results_Count=-1", "PARAMETER_INVALID", "Results_Count"),
    ("Results_Count=ten", "PARAMETER_INVALID", "Results_Count"),
    ("Results_Skip=-1", "PARAMETER_INVALID", "Results_Skip"),
    ("Results_Skip=2147483648", "PARAMETER_OUT_OF_RANGE", "Results_Skip"),
    ("Results_Skip=" + "9" * 40, "PARAMETER_OUT_OF_RANGE", "Results_Skip"),
    ("To=%ff", "REQUEST_INVALID", ""),
    ("%c3%28=1", "REQUEST_INVALID", ""),
    ("Attribution_Source=%00", "REQUEST_INVALID", ""),
]


async def test_a_bad_parameter_is_a_400_that_names_it(ask: Ask) -> None:
    for query, code, field in BAD:
        response = await ask(raw=query)
        assert response.status_code == 400, query[:40]
        status = response.json()["ResponseStatus"]
        assert status["ErrorCode"] == code, query[:40]
        assert status["Message"].startswith(f"{field}: " if field else "the query"), query[:40]


async def test_empty_and_unknown_parameters_filter_nothing(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    query = "Date_From=&Date_To=&Token=&Disposition=,&To=&Unique=&Results_Count=&Prompts_keys=;&Page=2&&=&x"
    assert len((await ask(raw=query)).json()["Calls"]) == 1


async def test_a_query_that_is_too_long_is_a_413(ask: Ask) -> None:
    for query in ("To=" + "1" * 20_000, "&".join(["To=1"] * 300)):
        response = await ask(raw=query)
        assert (response.status_code, response.json()["ResponseStatus"]["ErrorCode"]) == (413, "REQUEST_TOO_LARGE")


async def test_without_the_accounts_sid_and_token_everything_is_a_401(world: World, client: AsyncClient) -> None:
    await world.save(world.golden())
    sid = world.account.sid
    paths = ["/v2/Calls/x", "/v2/Calls/x/Recording", f"/v2/Accounts/{sid}/Calls", f"/v2/Properties/{sid}/Calls"]
    headers = [
        {}, {"Authorization": "Basic"}, {"Authorization": "Basic !!!"}, {"Authorization": f"Bearer {FONE_TOKEN}"},
        {"Authorization": "Basic /////w=="}, {"X-API-Key": TOKENS["invox"]},
    ]  # fmt: skip
    pairs = [
        (sid, "wrong"),
        (sid, ""),
        ("", FONE_TOKEN),
        (FONE_TOKEN, sid),
        (sid, FONE_TOKEN.upper()),
        (sid, "é" * 900),
    ]
    answers = [await client.get(path, headers=header) for path in paths for header in headers]
    answers += [await client.get(path, auth=pair) for path in paths for pair in pairs]
    for answer in answers:
        assert (answer.status_code, answer.json()["ResponseStatus"]["ErrorCode"]) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith("Basic ")
    letter_case = await client.get(paths[2], auth=(sid.lower(), FONE_TOKEN))
    assert letter_case.status_code == 200


async def test_unknown_paths_and_methods_are_errors_of_the_vendors_shape(world: World, client: AsyncClient) -> None:
    unknown = await client.get("/v2/Messages/x", auth=(world.account.sid, FONE_TOKEN))
    assert (unknown.status_code, unknown.json()["ResponseStatus"]["ErrorCode"]) == (404, "NOT_FOUND")
    method = await client.post(f"/v2/Accounts/{world.account.sid}/Calls", auth=(world.account.sid, FONE_TOKEN))
    assert (method.status_code, method.headers["allow"]) == (405, "GET, OPTIONS")
    assert method.json()["ResponseStatus"]["ErrorCode"] == "METHOD_NOT_ALLOWED"


async def test_a_fault_of_ours_is_a_500_in_the_vendors_shape_that_tells_nothing(world: World, ask: Ask) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("ALTER TABLE calls RENAME TO calls_gone")
    response = await ask()
    status = response.json()["ResponseStatus"]
    assert (response.status_code, status["ErrorCode"]) == (500, "INTERNAL_ERROR")
    assert "calls_gone" not in status["Message"]
