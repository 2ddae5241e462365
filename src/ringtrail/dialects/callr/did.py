"""Service `did`. What `did.search` shows beyond the object reference, as the vendor's own programs read it.

[inferred]: `assigned_at` is when an app got the number; amounts are in cents, of minutes and their setup with four decimals;
`nrc` is charged once, `mrc` each month. Numbers here need no papers: they are compliant, and nothing is said of a third party.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from ringtrail.dialects.callr.parameters import Asking, Properties, Slice, plain_object
from ringtrail.dialects.callr.responses import AppOfDid, Did, SearchResults, app_of_did, did_object, search_results
from ringtrail.dialects.callr.vocabulary import DID_CLASSES, DID_TYPES, cents, cents_4, datetime_text
from ringtrail.model.money import Rate, RateKind
from ringtrail.model.number import DID
from ringtrail.services.numbers import to_e164

ORDER = "intl_number"


class Compliance(msgspec.Struct):
    state: str | None = None
    switch_at: str | None = None
    switch_remaining_days: int | None = None


class Pricing(msgspec.Struct):
    increment: int
    min_duration: int
    minute: str
    mrc: str
    nrc: str
    setup: str


class DidOfAccount(Did, kw_only=True):
    assigned_at: str | None
    compliance: Compliance
    contract_auto_renew: bool
    date_end_contract: str | None
    is_compliant: bool
    is_used: bool
    not_compliant_after: str | None
    pricing: Pricing
    third_party: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """DID.SearchFilters."""

    class_: str | None = None
    hash_: str | None = None
    line_type: str | None = None
    number_contains: str | None = None


async def filters(asking: Asking, path: str, value: Any) -> Filters:
    """DID.SearchFilters."""
    given = Properties(path, await plain_object(asking, path, value), {"class", "hash", "KEYWORDS", "type"})
    return Filters(
        class_=given.word("class", DID_CLASSES),
        hash_=given.hash("hash"),
        number_contains=_number_part(given.text("KEYWORDS"), asking.account.country),
        line_type=given.word("type", DID_TYPES),
    )


def _number_part(keywords: str | None, country: str) -> str | None:
    """What to look for in an E.164 number: a whole number in any form, or some of its digits."""
    if keywords is None:
        return None
    digits = re.sub(r"[\s().-]", "", keywords)
    part = to_e164(digits, country) or digits
    return part.replace("\0", "") or None


async def search(asking: Asking, wanted: Filters | None, piece: Slice | None) -> SearchResults[DidOfAccount]:
    wanted, piece = wanted or Filters(), piece or Slice()
    dids, total = await asking.services.numbers.find(
        asking.account.id,
        class_=wanted.class_,
        hash_=wanted.hash_,
        line_type=wanted.line_type,
        number_contains=wanted.number_contains,
        offset=piece.offset,
        limit=piece.quantity,
    )
    named = await asking.services.apps.by_hashes(
        asking.account.id, list({did.app_hash for did in dids if did.app_hash})
    )
    apps = {hash_: app_of_did(app) for hash_, app in named.items()}
    rates = await asking.services.money.tariff(asking.account.id, RateKind.CALL_IN, [did.number_e164 for did in dids])
    hits = [
        _shown(did, apps.get(did.app_hash or ""), rates.rate(RateKind.CALL_IN, did.number_e164) or _FREE)
        for did in dids
    ]
    return search_results(hits, offset=piece.offset, total=total)


_FREE = Rate(kind=RateKind.CALL_IN, prefix="", price_micro=0)


def _shown(did: DID, app: AppOfDid | None, rate: Rate) -> DidOfAccount:
    known = did_object(did, app)
    return DidOfAccount(
        known.app, known.class_, known.country_code, known.hash, known.intl_number, known.local_number,
        known.local_number_f, known.type,
        assigned_at=datetime_text(did.assigned_at) if did.assigned_at else None, compliance=Compliance(),
        contract_auto_renew=did.contract_end_at is not None,
        date_end_contract=datetime_text(did.contract_end_at) if did.contract_end_at else None, is_compliant=True,
        is_used=did.app_hash is not None, not_compliant_after=None,
        pricing=Pricing(
            increment=rate.increment_s, min_duration=rate.least_s, minute=cents_4(rate.price_micro),
            mrc=cents(did.month_micro or 0), nrc=cents(did.setup_micro or 0), setup=cents_4(rate.setup_micro),
        ),
    )  # fmt: skip
