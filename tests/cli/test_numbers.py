"""`ringtrail numbers` as an operator types it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from ringtrail.model.number import OrderMode
from ringtrail.storage.database import Database
from ringtrail.voice.phone_in import PROMPTS
from tests.cli.operator import Operator, operating
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres
FILE = """\
number,country,type,class,area_prefix,area_label,month,setup,contract_months,capabilities
+33140000001,FR,GEOGRAPHIC,CLASSIC,331,Paris,2.50,1.00,12,voice
+33140000002,FR,GEOGRAPHIC,GOLD,331,Paris,,,1,voice sms
+442079460001,GB,GEOGRAPHIC,CLASSIC,4420,London,0.123456,0.00,24,voice
"""


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


@pytest.fixture
def operator(database_url: str, tmp_path: Path) -> Operator:
    """Of `ringtrail numbers ...`."""
    return partial(operating(database_url, tmp_path), "numbers")


async def test_a_file_that_is_imported_is_printed_again_whole_or_by_country(
    operator: Operator, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("\ufeff" + FILE)  # as spreadsheets write it
    for _ in range(2):
        code, out, err = await operator("import", str(file))
        assert (code, err, json.loads(out)) == (0, "", {"numbers": 3, "for_sale": 3, "passed_over": 0})
    assert await operator("list") == (0, FILE, "")
    head, *_, london = FILE.splitlines(keepends=True)
    assert await operator("list", "--country", "gb") == (0, head + london, "")


async def test_what_is_owned_or_held_is_passed_over_and_keeps_its_price(
    operator: Operator, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text(FILE)
    await operator("import", str(file))
    stock, account_id = world.services.stock, world.account.id
    await stock.buy(account_id, world.property.id, number_e164="+33140000002")
    area = (await stock.areas("GB"))[0][0].id
    order = (await stock.reserve(account_id, area, "CLASSIC", 1, OrderMode.RANDOM)).order
    file.write_text(FILE.replace("0.123456", "9"))
    _, out, _ = await operator("import", str(file))
    assert json.loads(out) == {"numbers": 3, "for_sale": 1, "passed_over": 2}
    assert (await stock.order(account_id, order.token)).cost.month_micro == 123_456


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (FILE + "33140000003,,,,,,,,,\n", "line 5"),
        (FILE.replace("GOLD", "SILVER"), "line 3"),
        ("a,b\n", "no column number"),
        ("number\n+3314000000\udcff1\n", "numbers.csv"),
        (None, "numbers.csv"),
    ],
)
async def test_of_a_file_with_a_mistake_nothing_is_taken(
    operator: Operator, world: World, tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "numbers.csv"
    if content is not None:
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
    code, out, err = await operator("import", str(file))
    assert (code, out) == (1, "")
    assert said in err
    assert await world.services.stock.find() == []


async def test_a_quota_is_set_shown_and_taken_away(operator: Operator, world: World) -> None:
    async def quota(*options: str) -> dict[str, int]:
        code, out, err = await operator("quota", world.account.sid, *options)
        assert code == 0, err
        shown: dict[str, int] = json.loads(out)
        return shown

    assert await quota() == {"owned": 1, "most_owned": -1, "bought": 0, "most_bought": -1, "days": 30}
    given = {"owned": 1, "most_owned": 1, "bought": 0, "most_bought": 0, "days": 7}
    assert await quota("--owned", "1", "--bought", "0", "--days", "7") == given
    assert await quota() == given
    assert await quota("--owned", "none") == given | {"most_owned": -1}


@pytest.mark.parametrize("option", [("--owned", "-1"), ("--bought", "many"), ("--days", "0"), ("--days", "367")])
async def test_a_quota_that_is_none_is_refused(operator: Operator, world: World, option: tuple[str, str]) -> None:
    code, out, err = await operator("quota", world.account.sid, *option)
    assert (code, out) == (2, "")
    assert option[0] in err


async def test_a_number_takes_recordings_by_phone_until_it_is_removed(
    operator: Operator, world: World, tmp_path: Path
) -> None:
    number = "+33140000009"
    await world.services.numbers.add(account_id=world.account.id, property_id=world.property.id, number_e164=number)
    listed = [{"number_e164": number, "country": "FR", "account_sid": world.account.sid}]
    for action, expected in (("add", listed), ("add", listed), ("list", listed), ("remove", []), ("list", [])):
        code, out, err = await operator("phone-in", action, *([number] if action != "list" else []))
        assert (code, err, json.loads(out)) == (0, "", expected)
    assert {path.name for path in (tmp_path / "var" / "media").iterdir()} >= {f"{id_}.wav" for id_ in PROMPTS}


async def test_a_number_that_cannot_take_recordings_is_refused(operator: Operator, world: World) -> None:
    for action, number, exit_code, said in (
        ("add", "33140000009", 2, "is not '+' and 7 to 15 digits"),
        ("add", "+33140000009", 1, "no account has the number +33140000009"),
        ("add", world.did.number_e164, 1, "an app answers its calls"),
        ("remove", world.did.number_e164, 1, "does not take recordings"),
    ):
        code, out, err = await operator("phone-in", action, number)
        assert (code, out) == (exit_code, "")
        assert said in err


async def test_an_account_may_show_what_the_operator_authorises_until_that_is_withdrawn(
    operator: Operator, world: World
) -> None:
    number, sid = "+33199000000", world.account.sid
    for arguments, expected in (
        (("add", sid, number), [number]),
        (("add", sid, number), [number]),
        (("add", sid, "Example", "--for", "SMS"), ["Example"]),
        (("list", sid), [number]),
        (("remove", sid, number), []),
        (("list", sid, "--for", "SMS"), ["Example"]),
    ):
        code, out, err = await operator("cli", *arguments)
        assert (code, err, json.loads(out)) == (0, "", expected)
    for arguments, said in (
        (("add", sid, "Example"), "cannot be shown to anybody"),
        (("remove", sid, number), "is not authorised"),
    ):
        code, out, err = await operator("cli", *arguments)
        assert (code, out) == (1, "")
        assert said in err
