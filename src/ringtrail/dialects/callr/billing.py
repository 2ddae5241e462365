"""Services `billing` and what else says a price: `list.destinations`, `sms.get_quote`.

[inferred]: `billing.get_prepaid_credit` is a JSON number of cents, nothing for an account that pays later;
`list.destinations` without parameters, its result and that it shows what calls and messages cost by the beginning of their
number, not what numbers cost; `sms.get_quote` by name and parameters, which are those of `sms.send`. Prices are in cents
with four decimals: of a minute, of a part of a message, and once for each answered call.
"""

from __future__ import annotations

import msgspec

from ringtrail.dialects.callr.parameters import Asking, bad_value
from ringtrail.dialects.callr.sms import Options, Sender, encoded
from ringtrail.dialects.callr.sms_object import ENCODING_WORDS
from ringtrail.dialects.callr.vocabulary import NOTHING, cents, cents_4
from ringtrail.model.message import MAX_SEGMENTS, parts_of
from ringtrail.model.money import CENT, BillingMode, Rate, RateKind

_TYPES = {
    RateKind.CALL_IN: "CALL_IN",
    RateKind.CALL_OUT: "CALL_OUT",
    RateKind.MESSAGE_IN: "SMS_IN",
    RateKind.MESSAGE_OUT: "SMS_OUT",
}
_CALLS = (RateKind.CALL_IN, RateKind.CALL_OUT)


class Destination(msgspec.Struct):
    """What begins with `prefix` costs this, if nothing longer does. increment and min_duration in seconds. What is not of this
    type is null."""

    billing_label: str
    currency_code: str
    increment: int | None
    min_duration: int | None
    minute: str | None
    part: str | None
    prefix: str
    setup: str
    type: str


class SmsQuote(msgspec.Struct):
    """SMS.Quote."""

    amount: str
    count: int
    currency: str
    encoding: str
    length: int


async def get_prepaid_credit(asking: Asking) -> float:
    balance = await asking.services.money.balance(asking.account.id)
    return balance.balance_micro / CENT if balance.mode is BillingMode.PREPAID else 0.0


async def destinations(asking: Asking) -> list[Destination]:
    rates = await asking.services.money.rates(asking.account.id, list(_TYPES))
    return [_destination(rate, asking.account.currency) for rate in rates]


def _destination(rate: Rate, currency: str) -> Destination:
    call, price = rate.kind in _CALLS, cents_4(rate.price_micro)
    return Destination(
        billing_label=rate.label, currency_code=currency, increment=rate.increment_s if call else None,
        min_duration=rate.least_s if call else None, minute=price if call else None, part=None if call else price,
        prefix=rate.prefix, setup=cents_4(rate.setup_micro), type=_TYPES[rate.kind],
    )  # fmt: skip


async def get_quote(asking: Asking, sender: Sender, recipient: str, body: str, options: Options | None) -> SmsQuote:
    """What `sms.send` would cost now; nothing is sent."""
    text, encoding = encoded(body, options or Options())
    count = len(parts_of(text, encoding))
    if count > MAX_SEGMENTS:
        raise bad_value("body")
    rate = await asking.services.money.price(asking.account.id, RateKind.MESSAGE_OUT, recipient)
    return SmsQuote(
        amount=cents(rate.of_segments(count)) if rate else NOTHING, count=count, currency=asking.account.currency,
        encoding=ENCODING_WORDS[encoding], length=len(text),
    )  # fmt: skip
