"""What things cost, as CALLR's clients are told: the credit, prices by destination, quotes, debits, levels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ringtrail.model.account import Bar
from ringtrail.model.money import BillingMode, Rate, RateKind
from ringtrail.ports.sms import MessageReceived
from ringtrail.services.money import Money
from tests.dialects.callr import shapes
from tests.dialects.callr.conftest import Rpc
from tests.dialects.callr.happenings import MOBILE, SMS_NUMBER, Post
from tests.dialects.delivering import delivering, settled
from tests.fixtures import World, build_world
from tests.receiver import Receiver

pytestmark = pytest.mark.postgres

DAY = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")
RATES = (
    Rate(kind=RateKind.CALL_IN, prefix="+33", price_micro=6_000, increment_s=60, label="France, inbound"),
    Rate(kind=RateKind.CALL_OUT, prefix="+33", price_micro=60_000, setup_micro=1_500, least_s=30, label="France"),
    Rate(kind=RateKind.MESSAGE_OUT, prefix="+33", price_micro=65_000, label="France"),
    Rate(kind=RateKind.MESSAGE_IN, prefix="+33", price_micro=10_000),
    Rate(kind=RateKind.NUMBER, prefix="FR", price_micro=2_000_000),
)
MONEY = 1_000_000


@pytest.fixture
async def money(world: World) -> Money:
    """The account has a tariff and pays later."""
    money = world.services.money
    await money.set_tariff("standard", RATES)
    await money.set_terms(world.account.id, tariff="standard")
    return money


async def prepaid(world: World, balance_micro: int, *, warning_micro: int | None = None) -> None:
    if balance_micro:
        await world.services.money.top_up(world.account.id, balance_micro)
    await world.services.money.set_terms(
        world.account.id, mode=BillingMode.PREPAID, warning_micro=warning_micro, shutdown_micro=0
    )


async def test_the_prepaid_credit_is_a_number_of_cents_as_it_is_now(rpc: Rpc, world: World, money: Money) -> None:
    assert await rpc("billing.get_prepaid_credit") == 0
    await money.top_up(world.account.id, 12 * MONEY)
    assert await rpc("billing.get_prepaid_credit") == 0, "who pays later has none"
    await prepaid(world, 345_678)
    assert await rpc("billing.get_prepaid_credit") == 1234.5678
    await world.save(world.golden())
    assert await rpc("billing.get_prepaid_credit") == 1234.5678 - 2.4 - 20.05


async def test_a_message_shows_how_its_account_paid_when_it_was_accepted(
    rpc: Rpc, world: World, money: Money, carrier_post: Post
) -> None:
    before = await rpc("sms.send", SMS_NUMBER, MOBILE, "Hello", None)
    await prepaid(world, 12 * MONEY)
    after = await rpc("sms.send", SMS_NUMBER, MOBILE, "Hello", None)
    await carrier_post.receive("Thanks")
    await money.set_terms(world.account.id, mode=BillingMode.POSTPAID)
    await carrier_post.hand_on()
    shown = (await rpc("sms.search", None, None))["hits"]
    assert [sms["b_customer_mode"] for sms in shown] == ["POSTPAID", "PREPAID", "PREPAID"]
    assert [sms["hash"] for sms in shown[:2]] == [before, after]
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE messages SET billing_mode = NULL")
    assert (await rpc("sms.get", after))["b_customer_mode"] == "POSTPAID"  # as it is now, where nobody noted it


async def test_destinations_are_the_rates_of_the_account(rpc: Rpc, world: World, money: Money) -> None:
    nothing: dict[str, Any] = {"increment": None, "min_duration": None, "minute": None, "part": None}
    call_in = nothing | {"increment": 60, "min_duration": 0, "minute": "0.6000"}
    call_out = nothing | {"increment": 1, "min_duration": 30, "minute": "6.0000"}
    expected = [
        call_in | {"type": "CALL_IN", "billing_label": "France, inbound", "setup": "0.0000"},
        call_out | {"type": "CALL_OUT", "billing_label": "France", "setup": "0.1500"},
        nothing | {"type": "SMS_IN", "billing_label": "", "part": "1.0000", "setup": "0.0000"},
        nothing | {"type": "SMS_OUT", "billing_label": "France", "part": "6.5000", "setup": "0.0000"},
    ]
    told = await rpc("list.destinations")
    assert told == [item | {"currency_code": "EUR", "prefix": "+33"} for item in expected]
    assert all(list(item) == sorted(item) for item in told)


async def test_an_account_without_a_tariff_has_no_destinations_and_pays_nothing(rpc: Rpc, carrier_post: Post) -> None:
    assert await rpc("list.destinations") == []
    assert (await rpc("sms.get_quote", SMS_NUMBER, MOBILE, "Hello", None))["amount"] == "0.00"


@pytest.mark.parametrize(
    ("body", "options", "quote"),
    [
        ("Hello", None, ("6.50", 1, "GSM", 5)),
        ("x" * 161, {}, ("13.00", 2, "GSM", 161)),
        ("Привет", None, ("6.50", 1, "UNICODE", 6)),
        ("Hello", {"force_encoding": "UNICODE"}, ("6.50", 1, "UNICODE", 5)),
        ("«€»", {"force_encoding": "GSM"}, ("6.50", 1, "GSM", 3)),
    ],
)
async def test_a_quote_is_what_the_message_is_charged_then(
    rpc: Rpc, world: World, money: Money, carrier_post: Post, body: str, options: Any, quote: tuple[Any, ...]
) -> None:
    told = await rpc("sms.get_quote", SMS_NUMBER, MOBILE, body, options)
    amount, count, encoding, length = quote
    assert list(told.items()) == [
        ("amount", amount), ("count", count), ("currency", "EUR"), ("encoding", encoding), ("length", length),
    ]  # fmt: skip
    assert (await money.balance(world.account.id)).balance_micro == 0, "asking costs nothing"
    sms = await rpc("sms.get", await rpc("sms.send", SMS_NUMBER, MOBILE, body, options))
    assert (sms["b_customer_debit"], sms["parts"], sms["b_customer_mode"]) == (amount, count, "POSTPAID")
    assert (await money.balance(world.account.id)).balance_micro == -65_000 * count


FAULTS: list[tuple[tuple[Any, ...], str]] = [
    ((None, None, None, None), "PROPERTY_TYPE_ERROR [from]"),
    (("+33123", MOBILE, "x", None), "PROPERTY_VALUE_ERROR [from]"),
    (("SMS", None, "x", None), "PROPERTY_TYPE_ERROR [to]"),
    (("SMS", "12", "x", None), "PROPERTY_VALUE_ERROR [to]"),
    (("SMS", MOBILE, None, None), "INVALID_PARAM_FORMAT [body]"),
    (("SMS", MOBILE, "x" * 1_531, None), "PROPERTY_VALUE_ERROR [body]"),
    (("SMS", MOBILE, "x", "y"), "INVALID_PARAM_FORMAT [options]"),
    (("SMS", MOBILE, "Привет", {"force_encoding": "GSM"}), "PROPERTY_VALUE_ERROR [options.force_encoding]"),
    (("SMS", MOBILE, "x"), "INVALID_PARAM_FORMAT [options]"),
]


async def test_a_quote_is_refused_in_the_words_of_sending(fault: Rpc, world: World) -> None:
    assert [(params, (await fault("sms.get_quote", *params))[1]) for params, _ in FAULTS] == FAULTS


async def test_both_legs_of_a_call_show_their_debit_and_the_label_of_their_rate(
    rpc: Rpc, world: World, money: Money
) -> None:
    await world.save(world.golden())
    (inbound,), (outbound,) = (
        await rpc("cdr.get", "IN", *DAY, None, None),
        await rpc("cdr.get", "OUT", *DAY, None, None),
    )
    shown = [
        (cdr["billing_customer_cost_label"], cdr["billing_customer_credit_eur"], cdr["billing_customer_debit_eur"])
        for cdr in (inbound, outbound)
    ]
    assert shown == [("France, inbound", "0.00", "2.40"), ("France", "0.00", "20.05")]


async def test_a_message_that_comes_in_is_charged_once_however_often_the_carrier_brings_it(
    rpc: Rpc, world: World, money: Money, carrier_post: Post
) -> None:
    fact = MessageReceived(at=datetime.now(UTC), transport_id="t1", sender=MOBILE, recipient=SMS_NUMBER, body="Hello")
    for _ in range(2):
        carrier_post.carrier.told.put_nowait(fact)
    await carrier_post.carrier.told.join()
    (sms,) = (await rpc("sms.search", {"type": "IN"}, None))["hits"]
    assert sms["b_customer_debit"] == "1.00"
    assert [entry.amount_micro for entry in await money.entries(world.account.id)] == [-10_000]


async def test_credit_that_does_not_cover_a_message_sends_none(
    rpc: Rpc, fault: Rpc, world: World, money: Money, carrier_post: Post
) -> None:
    await prepaid(world, 2 * 65_000)
    refused = (100, "FORBIDDEN: the account's credit does not cover it")
    assert await fault("sms.send", SMS_NUMBER, MOBILE, "x" * 400, None) == refused
    sms = await rpc("sms.get", await rpc("sms.send", SMS_NUMBER, MOBILE, "x" * 300, None))
    assert (sms["b_customer_debit"], sms["b_customer_mode"]) == ("13.00", "PREPAID")
    assert await rpc("billing.get_prepaid_credit") == 0
    used_up = (100, "FORBIDDEN: the account's credit is used up")
    assert await fault("sms.send", SMS_NUMBER, MOBILE, "x", None) == used_up
    await money.top_up(world.account.id, 65_000)
    assert await rpc("sms.send", SMS_NUMBER, MOBILE, "x", None)


async def test_an_account_that_is_barred_sends_nothing(fault: Rpc, world: World, carrier_post: Post) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE accounts SET barred = %s", ([Bar.SMS_OUT.value],))
    assert await fault("sms.send", SMS_NUMBER, MOBILE, "x", None) == (
        100, "FORBIDDEN: the account may not send messages",
    )  # fmt: skip


async def test_another_accounts_money_is_not_shown(rpc: Rpc, world: World, money: Money, tmp_path: Any) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    await prepaid(other, 5 * MONEY)
    await prepaid(world, MONEY)
    assert await rpc("billing.get_prepaid_credit") == 100


async def test_the_levels_are_told_with_the_balance_that_crossed_them(
    rpc: Rpc, world: World, money: Money, carrier_post: Post, receiver: Receiver
) -> None:
    for type_ in ("billing.credit", "billing.credit_warning", "billing.credit_shutdown"):
        await rpc("webhooks.subscribe", type_, receiver.url, None)
    await prepaid(world, 130_000, warning_micro=70_000)
    await rpc("sms.send", SMS_NUMBER, MOBILE, "x", None)
    await rpc("sms.send", SMS_NUMBER, MOBILE, "x", None)
    await money.top_up(world.account.id, MONEY)
    async with delivering(world):
        await receiver.wait_for(3)
        await settled(world)
    told = {request.json["type"]: request.json["data"] for request in receiver.received}
    levels = {"currency_code": "EUR", "shutdown_limit": "0.00", "warning_limit": "7.00"}
    assert told == {
        "billing.credit_warning": levels | {"balance": "6.50", "last_transaction_amount": "-6.50"},
        "billing.credit_shutdown": levels | {"balance": "0.00", "last_transaction_amount": "-6.50"},
        "billing.credit": levels | {"balance": "100.00", "last_transaction_amount": "100.00"},
    }
    assert all(list(data) == shapes.CREDIT for data in told.values())
