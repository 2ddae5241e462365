"""`did/areacode` and `did/store`: where numbers are for sale, what they cost, held, bought and given back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringtrail.model.money import BillingMode, Rate, RateKind
from ringtrail.model.number import OrderMode
from ringtrail.services.number_costs import after_months
from ringtrail.services.stock_file import items_of
from tests.dialects.callr.conftest import Rpc
from tests.fixtures import World, build_world

FILE = """number,type,class,area_label,month,setup,contract_months
+33140000001,,,Paris,2.50,1,12
+33140000002,,,,2.50,1,12
+33140000004,,,,2.50,1,12
+33140000005,,GOLD,,9,,
+33800000001,,,,,,
+442079460001,,,,,,
"""
NO_MONEY = {
    "amount_assignment": "0.00", "amount_first_month": "0.00", "amount_per_month": "0.00",
    "amount_prepaid_debit": "0.00", "amount_unit": "0.00", "discount_percent": 0,
}  # fmt: skip


@pytest.fixture(autouse=True)
async def _for_sale(world: World) -> None:
    await world.services.stock.take_in(items_of(FILE.splitlines()))


async def paris(rpc: Rpc) -> int:
    """Its area code's id."""
    (area,) = await rpc("did/areacode.get_list", "FR", "GEOGRAPHIC")
    found = area["id"]
    assert isinstance(found, int)
    return found


async def execute(world: World, statement: str, *values: Any) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode(), values)


def ahead(months: int) -> set[str]:
    """The day so many months from now; two of them around midnight."""
    now = datetime.now(UTC)
    return {after_months(at, months).date().isoformat() for at in (now, now - timedelta(minutes=1))}


# --- did/areacode ---------------------------------------------------------------------------------------------------


async def test_countries_types_and_areas_tell_what_nobody_holds(rpc: Rpc) -> None:
    assert await rpc("did/areacode.countries") == [
        {"available": {"CLASSIC": 4, "GOLD": 1}, "code": "FR", "label": "France"},
        {"available": {"CLASSIC": 1, "GOLD": 0}, "code": "GB", "label": "United Kingdom"},
    ]
    assert await rpc("did/areacode.types", "FR") == [
        {"available": {"CLASSIC": 3, "GOLD": 1}, "code": "GEOGRAPHIC", "label": "Geographic"},
        {"available": {"CLASSIC": 1, "GOLD": 0}, "code": "TOLLFREE", "label": "Toll-free"},
    ]
    area, _ = await rpc("did/areacode.get_list", "FR", None)
    assert area == {
        "available": {"CLASSIC": 3, "GOLD": 1}, "country_code": "FR", "id": area["id"], "intl_prefix": "331",
        "label": "Paris", "local_prefix": "01", "type": "GEOGRAPHIC",
    }  # fmt: skip
    await rpc("did/store.reserve", area["id"], "CLASSIC", 2, "RANDOM")
    assert (await rpc("did/areacode.countries"))[0]["available"] == {"CLASSIC": 2, "GOLD": 1}


async def test_a_country_without_numbers_has_empty_lists_and_one_that_is_none_is_refused(rpc: Rpc, fault: Rpc) -> None:
    assert await rpc("did/areacode.types", "DE") == []
    assert await rpc("did/areacode.get_list", "DE", "MOBILE") == []
    for method, rest in (("types", []), ("get_list", [None])):
        for country in ("INVALID", "fr", "ZZ", None, 33):
            wrong = (-32602, "INVALID_PARAM_FORMAT [country]")
            assert await fault(f"did/areacode.{method}", country, *rest) == wrong
    assert await fault("did/areacode.get_list", "FR", "SATELLITE") == (-32602, "INVALID_PARAM_FORMAT [type]")


# --- did/store ------------------------------------------------------------------------------------------------------


async def test_an_order_from_quote_to_the_end_of_its_subscription(rpc: Rpc, fault: Rpc, world: World) -> None:
    area = await paris(rpc)
    quote = await rpc("did/store.get_quote", area, "CLASSIC", 2)
    assert (quote["available"], quote["contract"]["billing_mode"], quote["contract"]["duration_month"]) == (
        3, "POSTPAID", 12,
    )  # fmt: skip
    assert quote["contract"]["end_date"][:10] in ahead(12)
    cost = quote["cost"]
    assert 0 < float(cost["amount_first_month"]) <= 500
    assert 1 <= cost["first_month_remaining_days"] <= 31
    assert cost == {
        "amount_assignment": "200.00", "amount_first_month": cost["amount_first_month"], "amount_per_month": "500.00",
        "amount_prepaid_debit": "0.00", "amount_unit": "250.00", "discount_percent": 0,
        "first_month_remaining_days": cost["first_month_remaining_days"], "quantity": 2, "quantity_paying": 2,
    }  # fmt: skip
    reserved = await rpc("did/store.reserve", str(area), "CLASSIC", 2, "SEQUENTIAL")
    assert list(reserved) == ["contract", "cost", "expire", "items", "token"]
    assert [item["intl_number"] for item in reserved["items"]] == ["+33140000001", "+33140000002"]
    assert reserved["items"][0]["local_number"] == "0140000001"
    assert reserved["cost"] == cost
    expire = datetime.strptime(reserved["expire"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert timedelta(minutes=4) < expire - datetime.now(UTC) <= timedelta(minutes=5)
    assert await rpc("did/store.view_order", reserved["token"]) == reserved
    bought = await rpc("did/store.buy_order", reserved["token"])
    due = f"{200 + float(cost['amount_first_month']):.2f}"
    assert (bought["customer_debit"], bought["errors"], bought["success"]) == (due, [], reserved["items"])
    assert bought["cost"] == cost
    assert (await world.services.money.balance(world.account.id)).balance_micro == -round(float(due) * 10_000)
    number = reserved["items"][0]["hash"]
    assert await rpc("apps.assign_did", world.app.hash, number) is True
    (mine,) = (await rpc("did.search", {"hash": number}, {}))["hits"]
    assert (mine["app"]["hash"], mine["date_end_contract"][:10]) == (
        world.app.hash, bought["contract"]["end_date"][:10],
    )  # fmt: skip
    assert await rpc("did/store.cancel_subscription", number) is True
    assert (await rpc("did.search", {"hash": number}, {}))["total"] == 0
    assert await fault("did/store.cancel_subscription", number) == (151, "PROPERTY_VALUE_ERROR [hash]")
    again = await rpc("did/store.get_quote", area, "CLASSIC", 1)
    assert (again["available"], again["cost"]["amount_per_month"], again["contract"]["duration_month"]) == (
        2, "250.00", 12,
    )  # fmt: skip


async def test_a_number_without_a_price_of_its_own_costs_what_the_tariff_says_now_and_again(
    rpc: Rpc, world: World
) -> None:
    rates = [Rate(kind=RateKind.NUMBER, prefix="GB", price_micro=2_000_000)]
    await world.services.money.set_tariff("standard", rates)
    await world.services.money.set_terms(world.account.id, tariff="standard")
    (area,) = await rpc("did/areacode.get_list", "GB", None)
    order = await rpc("did/store.reserve", area["id"], "CLASSIC", 1, "RANDOM")
    assert order["cost"]["amount_per_month"] == "200.00"
    await rpc("did/store.buy_order", order["token"])
    await rpc("did/store.cancel_subscription", order["items"][0]["hash"])
    await world.services.money.set_tariff("standard", [Rate(kind=RateKind.NUMBER, prefix="GB", price_micro=3_000_000)])
    quote = await rpc("did/store.get_quote", area["id"], "CLASSIC", 1)
    assert quote["cost"]["amount_per_month"] == "300.00"


async def test_an_account_without_a_tariff_pays_nothing_for_numbers_without_prices(rpc: Rpc) -> None:
    (area,) = await rpc("did/areacode.get_list", "FR", "TOLLFREE")
    quote = await rpc("did/store.get_quote", area["id"], "GOLD", 3)
    assert quote["available"] == 0
    assert quote["cost"].items() >= (NO_MONEY | {"quantity": 3, "quantity_paying": 0}).items()
    bought = await rpc(
        "did/store.buy_order", (await rpc("did/store.reserve", area["id"], "CLASSIC", 1, "RANDOM"))["token"]
    )
    assert (len(bought["success"]), bought["customer_debit"]) == (1, "0.00")


async def test_prepaid_credit_buys_as_many_as_it_covers_and_the_rest_is_free_again(rpc: Rpc, world: World) -> None:
    area = await paris(rpc)
    money = world.services.money
    await money.set_terms(world.account.id, mode=BillingMode.PREPAID, shutdown_micro=0)
    one = await rpc("did/store.get_quote", area, "CLASSIC", 1)
    due_cents = float(one["cost"]["amount_prepaid_debit"])
    assert due_cents == 100 + float(one["cost"]["amount_first_month"])
    await money.top_up(world.account.id, round(due_cents * 10_000) + 20_000)
    order = await rpc("did/store.reserve", area, "CLASSIC", 2, "RANDOM")
    bought = await rpc("did/store.buy_order", order["token"])
    assert bought["contract"]["billing_mode"] == "PREPAID"
    assert (bought["success"], bought["cost"]["quantity"]) == (order["items"][:1], 1)
    assert bought["errors"] == [
        {"code": 100, "DID": order["items"][1], "message": "the account's credit does not cover it"}
    ]
    assert (await money.balance(world.account.id)).balance_micro == 20_000
    assert (await rpc("did/store.get_quote", area, "CLASSIC", 1))["available"] == 2


async def test_numbers_in_a_row_that_there_are_not_are_not_held(rpc: Rpc, fault: Rpc) -> None:
    area = await paris(rpc)
    too_many = (151, "PROPERTY_VALUE_ERROR [quantity]")
    assert await fault("did/store.reserve", area, "CLASSIC", 3, "SEQUENTIAL") == too_many
    assert await fault("did/store.reserve", area, "CLASSIC", 4, "RANDOM") == too_many
    assert len((await rpc("did/store.reserve", area, "CLASSIC", 3, "RANDOM"))["items"]) == 3


async def test_an_order_that_is_over_or_anothers_or_none_is_no_order(
    rpc: Rpc, fault: Rpc, world: World, tmp_path: Any
) -> None:
    area = await paris(rpc)
    cancelled = await rpc("did/store.reserve", area, "CLASSIC", 1, "RANDOM")
    assert await rpc("did/store.cancel_order", cancelled["token"]) is True
    over = await rpc("did/store.reserve", area, "CLASSIC", 1, "RANDOM")
    await execute(world, "UPDATE number_orders SET expires_at = now() WHERE token = %s", over["token"])
    other = await build_world(world.database, tmp_path, name="Other")
    others = await world.services.stock.reserve(other.account.id, area, "CLASSIC", 1, OrderMode.RANDOM)
    for token in (cancelled["token"], over["token"], others.order.token, "x" * 40, "no token", "\0" * 40):
        for method in ("view_order", "buy_order", "cancel_order"):
            assert await fault(f"did/store.{method}", token) == (151, "PROPERTY_VALUE_ERROR [token]"), token
    for token in (None, 7, ["x"]):
        assert await fault("did/store.buy_order", token) == (-32602, "INVALID_PARAM_FORMAT [token]")
    assert (await rpc("did/store.get_quota_status"))["assigned_count"] == 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ([None, None, None, None], "INVALID_PARAM_FORMAT [area_code_id]"),
        ([True, "CLASSIC", 1, "RANDOM"], "INVALID_PARAM_FORMAT [area_code_id]"),
        (["one", None, None, None], "INVALID_PARAM_FORMAT [area_code_id]"),
        ([0, None, None, None], "PROPERTY_VALUE_ERROR [area_code_id]"),
        (["999999999", "SILVER", 0, "x"], "PROPERTY_VALUE_ERROR [area_code_id]"),
        ([2**64, "CLASSIC", 1, "RANDOM"], "PROPERTY_VALUE_ERROR [area_code_id]"),
        ([-1, "CLASSIC", 1, "RANDOM"], "PROPERTY_VALUE_ERROR [area_code_id]"),
        (["AREA", "SILVER", 0, "x"], "INVALID_PARAM_FORMAT [class]"),
        (["AREA", None, 1, "RANDOM"], "INVALID_PARAM_FORMAT [class]"),
        (["AREA", "CLASSIC", "2", "RANDOM"], "INVALID_PARAM_FORMAT [quantity]"),
        (["AREA", "CLASSIC", 0, "x"], "PROPERTY_VALUE_ERROR [quantity]"),
        (["AREA", "CLASSIC", 101, "x"], "PROPERTY_VALUE_ERROR [quantity]"),
        (["AREA", "CLASSIC", 1, "FIRST"], "INVALID_PARAM_FORMAT [mode]"),
        (["AREA", "CLASSIC", 1, None], "INVALID_PARAM_FORMAT [mode]"),
    ],
)
async def test_the_first_parameter_that_is_wrong_is_named(
    rpc: Rpc, fault: Rpc, params: list[Any], message: str
) -> None:
    area = await paris(rpc)
    given = [area if value == "AREA" else value for value in params]
    assert (await fault("did/store.reserve", *given))[1] == message
    if "mode" not in message:
        assert (await fault("did/store.get_quote", *given[:3]))[1] == message


async def test_quotas_are_shown_and_hold(rpc: Rpc, fault: Rpc, world: World) -> None:
    area = await paris(rpc)
    unlimited = {
        "assigned_count": 1, "assigned_max": -1, "quota_current_count": 0, "quota_current_remaining": -1,
        "quota_max_over_period": -1, "quota_period_days": 30,
    }  # fmt: skip
    assert await rpc("did/store.get_quota_status") == unlimited
    orders = [await rpc("did/store.reserve", area, "CLASSIC", 1, "RANDOM") for _ in range(2)]
    await execute(world, "UPDATE accounts SET most_dids = 3, most_dids_bought = 1, dids_bought_days = 7")
    await rpc("did/store.buy_order", orders[0]["token"])
    assert await rpc("did/store.get_quota_status") == {
        "assigned_count": 2, "assigned_max": 3, "quota_current_count": 1, "quota_current_remaining": 0,
        "quota_max_over_period": 1, "quota_period_days": 7,
    }  # fmt: skip
    refused = (100, "FORBIDDEN: more than the account's quota leaves")
    assert await fault("did/store.buy_order", orders[1]["token"]) == refused
    assert await fault("did/store.reserve", area, "CLASSIC", 1, "RANDOM") == (151, "PROPERTY_VALUE_ERROR [quantity]")


async def test_nothing_is_bought_when_the_credit_is_used_up(rpc: Rpc, fault: Rpc, world: World) -> None:
    order = await rpc("did/store.reserve", await paris(rpc), "GOLD", 1, "RANDOM")
    await execute(world, "INSERT INTO balances (account_id, shut_at) VALUES (%s, now())", world.account.id)
    refused = (100, "FORBIDDEN: the account's credit is used up")
    assert await fault("did/store.buy_order", order["token"]) == refused
    assert (await rpc("did/store.view_order", order["token"]))["items"] == order["items"]


@pytest.mark.parametrize("hash_", ["ZZZZZZZZ", "no hash"])
async def test_only_a_number_of_ones_own_can_be_given_back(fault: Rpc, hash_: str) -> None:
    assert await fault("did/store.cancel_subscription", hash_) == (151, "PROPERTY_VALUE_ERROR [hash]")
