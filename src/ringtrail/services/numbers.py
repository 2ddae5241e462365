"""Numbers: how they are read and written, DIDs, who may be dialled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from ringtrail.model.account import Account
from ringtrail.model.app import DEFAULT_RING_TIMEOUT_S, PACKAGE_CALL_TRACKING, App
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import Event, EventType
from ringtrail.model.ids import new_hash, number_of_hash
from ringtrail.model.number import DID
from ringtrail.ports.clock import Clock
from ringtrail.storage import apps as app_store
from ringtrail.storage import counters
from ringtrail.storage import numbers as store
from ringtrail.storage.database import Connection, Database
from ringtrail.storage.events import tell

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_LINE_TYPES = {
    PhoneNumberType.FIXED_LINE: "FIXED",
    PhoneNumberType.MOBILE: "MOBILE",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "FIXED_OR_MOBILE",
    PhoneNumberType.TOLL_FREE: "TOLLFREE",
    PhoneNumberType.PREMIUM_RATE: "PREMIUM",
    PhoneNumberType.SHARED_COST: "SHARED_COST",
    PhoneNumberType.VOIP: "VOIP",
    PhoneNumberType.PERSONAL_NUMBER: "PERSONAL",
}


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What the number plan says. All None for a number that no plan knows."""

    country: str | None = None  # ISO 3166-1 alpha-2
    line_type: str | None = None  # FIXED, MOBILE, TOLLFREE, ...
    region: str | None = None  # in English, of fixed lines


@lru_cache(maxsize=20_000)
def to_e164(text: str | None, default_country: str) -> str | None:
    """E.164 of a number as somebody wrote it (national, 00 or + form), or None if it cannot be one.

    Numbers that no plan has assigned yet are kept if they have the shape of E.164: a carrier knows better.
    """
    if not text:
        return None
    stripped = text.strip()
    if stripped.startswith("00"):
        stripped = "+" + stripped[2:]
    try:
        parsed = phonenumbers.parse(stripped, default_country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed) and not stripped.startswith("+"):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def is_e164(text: str) -> bool:
    """'+' and 7 to 15 digits (ITU-T E.164 section 6; no plan has shorter ones)."""
    return _E164.fullmatch(text) is not None


@lru_cache(maxsize=20_000)
def facts_of(number_e164: str | None) -> NumberFacts:
    """Country, line type and region of an E.164 number."""
    from phonenumbers import geocoder  # 100 MB of places: only for processes that ask

    if number_e164 is None:
        return NumberFacts()
    try:
        parsed = phonenumbers.parse(number_e164, None)
    except phonenumbers.NumberParseException:
        return NumberFacts()
    country = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    line_type = _LINE_TYPES.get(phonenumbers.number_type(parsed))
    region = geocoder.description_for_valid_number(parsed, "en") or None
    if region == geocoder.country_name_for_number(parsed, "en"):
        region = None  # mobiles, and plans that do not follow the map
    known = country if country and country.isalpha() and country != "ZZ" else None
    return NumberFacts(country=known, line_type=line_type, region=region)


@lru_cache(maxsize=20_000)
def national_format(number_e164: str) -> str:
    """As people of that country write it: '+33612345678' is '06 12 34 56 78'. The input itself if it is no number."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number_e164, None), PhoneNumberFormat.NATIONAL)
    except phonenumbers.NumberParseException:
        return number_e164


def masked(number_e164: str) -> str:
    """The last four digits hidden: '+33612345678' is '+3361234XXXX'."""
    return number_e164[:-4] + "XXXX" if len(number_e164) > 4 else "X" * len(number_e164)


def diallable(account: Account, field: str, text: str, to: str = "call") -> str:
    """E.164 of a number that the account may `to` (call, send to).

    DomainError with that field: BAD_FORMAT for what is no number, FORBIDDEN for one that the account's allow-list leaves out.
    """
    number = to_e164(text, account.country)
    if number is None or not is_e164(number):
        raise DomainError(ErrorCode.BAD_FORMAT, field, "not a phone number")
    if not may_dial(account.outbound_prefixes, number):
        raise DomainError(ErrorCode.FORBIDDEN, field, f"the account may not {to} this number")
    return number


def may_dial(outbound_prefixes: tuple[str, ...], number_e164: str) -> bool:
    """Whether an account's allow-list covers the number. An empty list allows nothing."""
    return any(number_e164.startswith(prefix) for prefix in outbound_prefixes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One number that all callers of a DID are sent to."""

    number_e164: str
    records: bool
    ring_timeout_s: int = DEFAULT_RING_TIMEOUT_S


Change: TypeAlias = Callable[[DID, App | None], tuple[DID, Endpoint | str | None]]
"""(the DID, the app that answers it) -> (its new name, marketing and settings; where callers go: an endpoint, an app by its
hash, or None: where they went before)."""


class Numbers:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self,
        *,
        account_id: int,
        property_id: int,
        number_e164: str,
        friendly_name: str | None = None,
        attribution: StaticAttribution | None = None,
        app_hash: str | None = None,
        expires_at: datetime | None = None,
        expired_redirect_e164: str | None = None,
        capabilities: tuple[str, ...] = ("voice",),
        hash_: str | None = None,
        line_type: str | None = None,
        class_: str = "CLASSIC",
        assigned_at: datetime | None = None,
    ) -> DID:
        """hash_, line_type and assigned_at: of a number that moves in. DomainError CONFLICT 'number' for one that is taken,
        or its hash."""
        facts, assigned = facts_of(number_e164), assigned_at or self._clock.now()
        did = DID(
            hash=hash_ or new_hash(), account_id=account_id, property_id=property_id, number_e164=number_e164,
            country=facts.country or "", line_type=line_type or did_type(facts.line_type), friendly_name=friendly_name,
            app_hash=app_hash, assigned_at=assigned if app_hash else None, expires_at=expires_at,
            expired_redirect_e164=expired_redirect_e164, attribution=attribution or StaticAttribution(),
            region=facts.region, capabilities=capabilities, class_=class_,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            if not await store.add_did(connection, did):
                raise DomainError(ErrorCode.CONFLICT, field="number", detail=f"{number_e164} is taken")
            await tell_of(connection, EventType.NUMBER_ASSIGNED, did, self._clock.now())
        return did

    async def find(
        self,
        account_id: int,
        *,
        hash_: str | None = None,
        property_id: int | None = None,
        app_hash: str | None = None,
        line_type: str | None = None,
        line_types: Sequence[str] = (),
        class_: str | None = None,
        capabilities: Sequence[str] = (),
        number_contains: str | None = None,
        unassigned_only: bool = False,
        offset: int = 0,
        limit: int | None = None,
    ) -> tuple[list[DID], int]:
        """(page, total), by number. line_types: any of these; capabilities: all of these."""
        async with self._database.reading() as connection:
            return await store.find_dids(
                connection, account_id, hash_=hash_, property_id=property_id, app_hash=app_hash, line_type=line_type,
                line_types=line_types, class_=class_, capabilities=capabilities, number_contains=number_contains,
                unassigned_only=unassigned_only, offset=offset, limit=limit,
            )  # fmt: skip

    async def by_hash(self, account_id: int, hash_: str) -> DID | None:
        async with self._database.reading() as connection:
            return await store.did_by_hash(connection, account_id, hash_)

    async def by_hashes(self, account_id: int, hashes: Sequence[str]) -> list[DID]:
        """Those of them that there are, in any order."""
        async with self._database.reading() as connection:
            return await store.dids_by_hashes(connection, account_id, hashes)

    async def by_number(self, account_id: int, number_e164: str) -> DID | None:
        async with self._database.reading() as connection:
            did = await store.did_by_number(connection, number_e164)
        return did if did is not None and did.account_id == account_id else None

    async def anywhere(self, number_e164: str) -> DID | None:
        """Whoever's it is: not for the eyes of an account."""
        async with self._database.reading() as connection:
            return await store.did_by_number(connection, number_e164)

    # --- routing without an app of one's own ---

    async def route_to(
        self, did: DID, target_e164: str, *, record: bool, ring_timeout_s: int = DEFAULT_RING_TIMEOUT_S
    ) -> None:
        """Send the DID's callers to one number, by an app that belongs to this DID alone. What else was set in that app
        stays. DomainError UNKNOWN_VALUE with field 'did'."""
        endpoint = Endpoint(number_e164=target_e164, records=record, ring_timeout_s=ring_timeout_s)
        async with self._database.transaction() as connection:
            found = await store.locked_did(connection, did.account_id, did.hash)
            if found is None:
                raise DomainError(ErrorCode.UNKNOWN_VALUE, field="did")
            await self._send_to(connection, found, endpoint)

    async def configure(self, account_id: int, hash_: str, change: Change) -> DID:
        """Write what `change` makes of a number as it is now: all of it or, if that raises, nothing.

        DomainError UNKNOWN_VALUE with field 'did' or 'app'.
        """
        async with self._database.transaction() as connection:
            did = await store.locked_did(connection, account_id, hash_)
            if did is None:
                raise DomainError(ErrorCode.UNKNOWN_VALUE, field="did")
            return await self.changed_in(connection, did, change)

    async def changed_in(self, connection: Connection, did: DID, change: Change) -> DID:
        """What became of a number that this transaction has locked."""
        app = await app_store.app_by_hash(connection, did.account_id, did.app_hash) if did.app_hash else None
        changed, goes_to = change(did, app)
        await store.update_did(connection, changed)
        if isinstance(goes_to, Endpoint):
            await self._send_to(connection, changed, goes_to)
        elif goes_to is not None:
            await self._assign(connection, did.account_id, did.hash, goes_to)
        found = await store.did_by_hash(connection, did.account_id, did.hash)
        assert found is not None
        return found

    async def _send_to(self, connection: Connection, did: DID, endpoint: Endpoint) -> None:
        app, now = await app_store.app_of_did(connection, did.account_id, did.hash), self._clock.now()
        known = app.params if app else {}
        params = known | {
            "targets": [{"number": endpoint.number_e164, "timeout": endpoint.ring_timeout_s}],
            "options": known.get("options", {}) | {"record_calls": endpoint.records},
        }
        name = did.friendly_name or did.number_e164
        if app is None:
            app = App(
                hash=new_hash(), account_id=did.account_id, package=PACKAGE_CALL_TRACKING, name=name, params=params,
                created_at=now, updated_at=now, did_hash=did.hash,
            )  # fmt: skip
            await app_store.add_app(connection, app)
        else:
            await app_store.update_app(connection, replace(app, name=name, params=params, updated_at=now))
        await store.assign_did(connection, did.account_id, did.hash, app.hash, now)

    async def assign(self, account_id: int, did_hash: str, app_hash: str | None) -> None:
        """Let an app answer a DID (None: nobody). DomainError UNKNOWN_VALUE with field 'did' or 'app'."""
        async with self._database.transaction() as connection:
            await self._assign(connection, account_id, did_hash, app_hash)

    async def _assign(self, connection: Connection, account_id: int, did_hash: str, app_hash: str | None) -> None:
        if app_hash is not None and await app_store.app_by_hash(connection, account_id, app_hash) is None:
            raise DomainError(ErrorCode.UNKNOWN_VALUE, field="app")
        if not await store.assign_did(connection, account_id, did_hash, app_hash, self._clock.now()):
            raise DomainError(ErrorCode.UNKNOWN_VALUE, field="did")

    async def block(self, account_id: int, number_e164: str) -> None:
        async with self._database.transaction() as connection:
            await store.block(connection, account_id, number_e164)

    async def add_built_in_media(self, items: list[tuple[int, str, str, str]]) -> None:
        async with self._database.transaction() as connection:
            await store.add_built_in_media(connection, items)


def did_type(line_type: str | None) -> str:
    """CALLR's DID.type word for a line type."""
    return {"MOBILE": "MOBILE", "TOLLFREE": "TOLLFREE", "SHARED_COST": "SHAREDREVENUE", "PREMIUM": "SHAREDREVENUE",
            "PERSONAL": "PERSONAL", "VOIP": "NON-GEOGRAPHIC"}.get(line_type or "", "GEOGRAPHIC")  # fmt: skip


async def tell_of(
    connection: Connection, type_: EventType, did: DID, at: datetime, detail: Mapping[str, Any] | None = None
) -> None:
    """Tell what became of a number, last in its transaction but for money."""
    event = Event(
        account_id=did.account_id, type=type_, property_id=did.property_id, about=number_of_hash(did.hash), at=at,
        detail=detail or {},
    )  # fmt: skip
    await counters.lock(connection, did.account_id)
    await tell(connection, did.account_id, [event])
