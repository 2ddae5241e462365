"""Service `did`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ringtrail.dialects.callr.parameters import Asking, Properties, Slice, plain_object
from ringtrail.dialects.callr.responses import Did, SearchResults, app_of_did, did_object, search_results
from ringtrail.dialects.callr.vocabulary import DID_CLASSES, DID_TYPES
from ringtrail.services.numbers import to_e164

ORDER = "intl_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """DID.SearchFilters."""

    class_: str | None = None
    hash_: str | None = None
    line_type: str | None = None
    number_contains: str | None = None


async def filters(asking: Asking, path: str, value: Any) -> Filters:
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


async def search(asking: Asking, wanted: Filters | None, piece: Slice | None) -> SearchResults[Did]:
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
    apps = {app.hash: app_of_did(app) for app in await asking.services.apps.list(asking.account.id)}
    hits = [did_object(did, apps.get(did.app_hash) if did.app_hash else None) for did in dids]
    return search_results(hits, offset=piece.offset, total=total)
