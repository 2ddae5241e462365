"""`did.search`: filters, pages, and the object that the live service shows."""

from __future__ import annotations

import re

from ringtrail.model.money import Rate, RateKind
from ringtrail.services.stock_file import items_of
from tests.dialects.callr.conftest import Rpc
from tests.fixtures import World

FREE = {"increment": 1, "min_duration": 0, "minute": "0.0000", "mrc": "0.00", "nrc": "0.00", "setup": "0.0000"}


async def test_a_number_is_shown_with_its_app_as_an_object(rpc: Rpc, world: World) -> None:
    result = await rpc("did.search", {}, {})
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", result["hits"][0].pop("assigned_at"))
    national = f"091234{world.account.id:04d}"
    assert list(result) == ["has_more", "hits", "offset", "total"]
    assert result == {
        "has_more": False,
        "hits": [
            {
                "app": {
                    "hash": world.app.hash,
                    "name": "Main line",
                    "package": {"name": "CALLTRACKING10", "type": "CALLTRACKING"},
                },
                "class": "CLASSIC",
                "country_code": "FR",
                "hash": world.did.hash,
                "intl_number": world.did.number_e164,
                "local_number": national,
                "local_number_f": " ".join(national[i : i + 2] for i in range(0, 10, 2)),
                "type": "NON-GEOGRAPHIC",
                "compliance": {"state": None, "switch_at": None, "switch_remaining_days": None},
                "contract_auto_renew": False,
                "date_end_contract": None,
                "is_compliant": True,
                "is_used": True,
                "not_compliant_after": None,
                "pricing": FREE,
                "third_party": None,
            }
        ],
        "offset": 0,
        "total": 1,
    }
    assert list(result["hits"][0])[:8] == [
        "app", "class", "country_code", "hash", "intl_number", "local_number", "local_number_f", "type",
    ]  # fmt: skip


async def test_pages_follow_one_another_and_the_last_says_so(rpc: Rpc, world: World) -> None:
    for suffix in range(4):
        await world.services.numbers.add(
            account_id=world.account.id, property_id=world.property.id, number_e164=f"+3317000000{suffix}"
        )
    pages = [await rpc("did.search", None, {"offset": offset, "quantity": 2}) for offset in (0, 2, 4, 6)]
    assert [(page["offset"], len(page["hits"]), page["has_more"], page["total"]) for page in pages] == [
        (0, 2, True, 5), (2, 2, True, 5), (4, 1, False, 5), (6, 0, False, 5),
    ]  # fmt: skip
    assert len({did["hash"] for page in pages for did in page["hits"]}) == 5
    nothing = await rpc("did.search", None, {"quantity": 0, "order": "intl_number"})
    assert (nothing["hits"], nothing["total"], nothing["has_more"]) == ([], 5, True)


async def test_each_filter_narrows_the_search(rpc: Rpc, world: World) -> None:
    other = await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164="+33170000001"
    )
    mine, both = [world.did.hash], sorted([world.did.hash, other.hash])
    for filters, expected in (
        ({}, both),
        ([], both),
        ({"hash": world.did.hash}, mine),
        ({"hash": "ZZZZZZZZ"}, []),
        ({"class": "CLASSIC"}, both),
        ({"class": "GOLD"}, []),
        ({"type": "GEOGRAPHIC"}, [other.hash]),
        ({"type": "VERIFIED"}, []),
        ({"KEYWORDS": "01 70 00 00 01"}, [other.hash]),
        ({"KEYWORDS": "+33170"}, [other.hash]),
        ({"KEYWORDS": "91234"}, mine),
        ({"KEYWORDS": "%"}, []),
        ({"KEYWORDS": "\0"}, both),
        ({"KEYWORDS": None, "hash": None}, both),
    ):
        found = await rpc("did.search", filters, None)
        assert sorted(did["hash"] for did in found["hits"]) == expected, filters
        assert found["total"] == len(expected)


async def test_an_unassigned_number_has_no_app(rpc: Rpc, world: World) -> None:
    await rpc("apps.remove_did", world.did.hash)
    assert [did["app"] for did in (await rpc("did.search", {}, {}))["hits"]] == [None]


async def test_a_bought_number_shows_its_class_what_it_costs_and_how_long(rpc: Rpc, world: World) -> None:
    lines = ["number,class,month,setup,contract_months", "+33170000001,GOLD,2.5,1,12"]
    await world.services.stock.take_in(items_of(lines))
    did = await world.services.stock.buy(world.account.id, world.property.id, number_e164="+33170000001")
    rate = Rate(kind=RateKind.CALL_IN, prefix="+331", price_micro=12_345, setup_micro=500, increment_s=30, least_s=60)
    await world.services.money.set_tariff("standard", [rate])
    await world.services.money.set_terms(world.account.id, tariff="standard")
    (found,) = (await rpc("did.search", {"class": "GOLD"}, None))["hits"]
    assert (found["hash"], found["class"], found["is_used"], found["assigned_at"]) == (did.hash, "GOLD", False, None)
    assert (found["contract_auto_renew"], found["date_end_contract"] > "2026") == (True, True)
    assert found["pricing"] == {
        "increment": 30, "min_duration": 60, "minute": "1.2345", "mrc": "250.00", "nrc": "100.00", "setup": "0.0500",
    }  # fmt: skip
