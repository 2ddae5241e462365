"""`ringtrail rates`, `credit` and `billing` as an operator types them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ringtrail.storage.database import Database
from tests.cli.operator import Operator, operating
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres
RATES = """\
kind,prefix,price,setup,increment_s,least_s,label
call_in,+33,0.006,0.00,60,0,"France, inbound"
call_out,+33,0.06,0.0015,1,30,France
message_out,,0.065,0.00,1,0,
number,FR/MOBILE,2.00,5.00,1,0,
"""


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


@pytest.fixture
def operator(database_url: str, tmp_path: Path) -> Operator:
    return operating(database_url, tmp_path)


async def told(operator: Operator, *arguments: str) -> Any:
    code, out, err = await operator(*arguments)
    assert code == 0, err
    return json.loads(out)


def write(file: Path, text: str | None) -> None:
    """None: no such file. Lone surrogates become bytes that are not UTF-8."""
    file.unlink()
    if text is not None:
        file.write_bytes(text.encode("utf-8", "surrogateescape"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rates.csv"
    path.write_text("\ufeff" + RATES)  # as spreadsheets write it
    return path


async def test_rates_are_printed_as_the_file_that_they_came_from(world: World, operator: Operator, file: Path) -> None:
    assert await told(operator, "rates", "import", str(file), "--tariff", "retail") == {"tariff": "retail", "rates": 4}
    assert await told(operator, "rates", "list") == [{"tariff": "retail", "rates": 4}]
    assert (await operator("rates", "list", "--tariff", "retail"))[1] == RATES
    write(file, "kind,prefix,price\ncall_out,+1,0.01\n")
    await told(operator, "rates", "import", str(file), "--tariff", "retail")
    assert await told(operator, "rates", "list") == [{"tariff": "retail", "rates": 1}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind,prefix\n", "no column price"),
        ("kind,prefix,price\ncall_out,+33,free\n", "line 2"),
        ("kind,prefix,price\ncall_out,33,1\n", "line 2"),
        ("kind,prefix,price,label\ncall_out,+33,1,a\0b\n", "line 2"),
        ("\udcff", "utf-8"),
        (None, "No such file"),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing(
    world: World, operator: Operator, file: Path, text: str | None, words: str
) -> None:
    await told(operator, "rates", "import", str(file))
    write(file, text)
    code, _, err = await operator("rates", "import", str(file))
    assert (code, words in err) == (1, True), err
    assert await told(operator, "rates", "list") == [{"tariff": "standard", "rates": 4}]


async def test_an_account_is_given_a_tariff_a_mode_and_credit(world: World, operator: Operator, file: Path) -> None:
    sid = world.account.sid
    await told(operator, "rates", "import", str(file))
    shown = await told(operator, "billing", sid)
    assert shown == {
        "account": sid, "name": "Optimists Ltd", "mode": "postpaid", "currency": "EUR", "balance": "0.00",
        "warning": None, "shutdown": None, "used_up": False, "tariff": None, "entries": [],
    }  # fmt: skip
    shown = await told(operator, "billing", sid, "--tariff", "standard", "--mode", "prepaid", "--warning", "2.5")
    assert shown | {"entries": []} == shown | {
        "mode": "prepaid", "warning": "2.50", "shutdown": "0.00", "used_up": True, "tariff": "standard",
    }  # fmt: skip
    for _ in range(2):
        shown = await told(operator, "credit", sid, "20", "--reference", "invoice 7", "--note", "thanks")
    assert (shown["balance"], shown["used_up"]) == ("20.00", False)
    await world.save(world.golden())
    assert (await told(operator, "credit", sid, "-0.5"))["balance"] == "19.2755"
    shown = await told(operator, "billing", sid, "--entries", "4")
    assert shown["entries"][0]["kind"] == "correction"
    assert shown["entries"][0]["balance"] == shown["balance"] == "19.2755"
    assert {item["kind"]: item["amount"] for item in shown["entries"]} == {
        "correction": "-0.50", "call_in": "-0.024", "call_out": "-0.2005", "top_up": "20.00",
    }  # fmt: skip
    shown = await told(operator, "billing", sid, "--no-tariff", "--mode", "postpaid", "--shutdown", "none")
    assert (shown["tariff"], shown["mode"], shown["shutdown"]) == (None, "postpaid", None)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("credit", "SID", "0"), 1, "nothing is to be booked"),
        (("credit", "SID", "1,50"), 2, "not a number"),
        (("credit", "SID", "0.0000001"), 2, "six decimals"),
        (("credit", "NOBODY", "5"), 1, "no account 'NOBODY'"),
        (("billing", "SID", "--tariff", "typo"), 1, "no rates 'typo'"),
        (("billing", "SID", "--mode", "barter"), 2, "prepaid"),
        (("rates", "list", "--tariff", "typo"), 1, "no rates 'typo'"),
    ],
)
async def test_what_cannot_be_done_is_said_in_words(
    world: World, operator: Operator, arguments: tuple[str, ...], code: int, words: str
) -> None:
    typed = [world.account.sid if item == "SID" else item for item in arguments]
    found, _, err = await operator(*typed)
    assert (found, words in err) == (code, True), err
    assert await world.services.money.entries(world.account.id) == []


async def test_the_worker_books_the_months_of_numbers(world: World, operator: Operator) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(
            "UPDATE dids SET month_micro = 2000000,"
            " bought_at = date_trunc('month', now(), 'UTC') - interval '2 months' + interval '9 days' WHERE hash = %s",
            (world.did.hash,),
        )

    async def booked() -> None:
        async with asyncio.timeout(20):
            while len(await world.services.money.entries(world.account.id)) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    assert (await operator("work", stopped_after=booked))[0] == 0
    last, before = await world.services.money.entries(world.account.id)
    assert before.about < last.about
    for entry in (before, last):
        assert (entry.kind, entry.amount_micro, entry.note) == ("number", -2_000_000, world.did.number_e164)
