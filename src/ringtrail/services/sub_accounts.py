"""Accounts below an account: their whole life, and who may act for them."""

from __future__ import annotations

import asyncio
import builtins
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from ringtrail.model.account import Account, Property
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import EventType
from ringtrail.model.ids import new_hash, new_sid
from ringtrail.ports.clock import Clock
from ringtrail.services.accounts import password_digest
from ringtrail.services.money import month_about
from ringtrail.services.numbers import tell_of
from ringtrail.storage import accounts as account_store
from ringtrail.storage import counters
from ringtrail.storage import money as money_store
from ringtrail.storage import numbers as number_store
from ringtrail.storage import stock as stock_store
from ringtrail.storage import sub_accounts as store
from ringtrail.storage.database import Connection, Database

_LETTERS = string.ascii_letters + string.digits
PASSWORD_LENGTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubAccount:
    """The password is in clear here, and nowhere else."""

    account: Account
    login: str
    password: str


class Standing(NamedTuple):
    """Of an account, in one dialect."""

    login: str  # empty: it has none
    credit_micro: int
    shut: bool  # paid work is stopped


class SubAccounts:
    """Every question is asked for a master account; what is not below it is not there."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self, parent: Account, dialect: str, profile: Mapping[str, Any], *, password: str | None = None
    ) -> NewSubAccount:
        """With a login for one dialect and a property of its own. password None: one is made.

        DomainError FORBIDDEN for an account that is itself below another; TOO_MANY beyond the quota.
        """
        secret, salt = password or new_password(), secrets.token_bytes(16)
        digest = await asyncio.to_thread(password_digest, secret, salt)
        async with self._database.transaction() as connection:
            account = await _added(connection, parent, new_hash(), profile)
            login = login_of_hash(account.hash)
            await account_store.add_credential(
                connection, account_id=account.id, property_id=None, dialect=dialect, login=login, scheme="scrypt",
                secret_hash=digest, salt=salt, label="",
            )  # fmt: skip
        return NewSubAccount(account=account, login=login, password=secret)

    async def move_in(
        self, parent: Account, hash_: str | None, profile: Mapping[str, Any], change: Callable[[Account], Account]
    ) -> Account:
        """One that was elsewhere, under its hash there, as `change` makes it; without a login. DomainErrors as of `create`, and
        CONFLICT 'hash' for one that is taken."""
        async with self._database.transaction() as connection:
            changed = change(await _added(connection, parent, hash_ or new_hash(), profile))
            await store.write(connection, changed, self._clock.now())
        return changed

    async def find(
        self, parent_id: int, *, archived: bool | None = False, offset: int = 0, limit: int | None = None
    ) -> tuple[builtins.list[Account], int]:
        """(page, total), oldest first. archived None: both."""
        async with self._database.reading() as connection:
            return await store.below(connection, parent_id, archived=archived, offset=offset, limit=limit)

    async def by_hash(self, parent_id: int, hash_: str) -> Account:
        """DomainError UNKNOWN_VALUE 'id'."""
        async with self._database.reading() as connection:
            return _there(await store.by_hash(connection, parent_id, hash_.upper()))

    async def standing(self, accounts: Sequence[Account], dialect: str) -> dict[int, Standing]:
        """{account id: what else there is to say of it}."""
        ids = [account.id for account in accounts]
        async with self._database.reading() as connection:
            logins = await store.logins_of(connection, ids, dialect)
            credits = await store.credits_of(connection, ids)
        return {id_: Standing(logins.get(id_, ""), *credits.get(id_, (0, False))) for id_ in ids}

    async def reached(
        self, master: Account, dialect: str, *, hash_: str | None = None, login: str | None = None
    ) -> Account | None:
        """The account of this hash (in any letter case) or login, if it is the master or one below it."""
        async with self._database.reading() as connection:
            if hash_ is not None:
                return await store.reached_by_hash(connection, master.id, hash_.upper())
            return await store.reached_by_login(connection, master.id, dialect, login or "")

    async def quota(self, parent_id: int) -> tuple[int, int]:
        """(accounts below it that are not archived, most; -1: without a limit)."""
        async with self._database.reading() as connection:
            return await store.quota(connection, parent_id)

    async def edit(self, parent_id: int, hash_: str, change: Callable[[Account], Account]) -> Account:
        """Write name, profile, bars, `disabled` and `archived` as `change` makes them. DomainError UNKNOWN_VALUE 'id', or what
        `change` raises."""
        async with self._database.transaction() as connection:
            return await self._edit_in(connection, parent_id, hash_, change)

    async def _edit_in(
        self, connection: Connection, parent_id: int, hash_: str, change: Callable[[Account], Account]
    ) -> Account:
        changed = change(_there(await store.by_hash(connection, parent_id, hash_.upper(), lock=True)))
        await store.write(connection, changed, self._clock.now())
        return changed

    async def disable(self, parent_id: int, hash_: str) -> Account:
        """Its keys and sessions stop at once, its numbers take no calls. DomainError CONFLICT if it is disabled."""
        return await self.edit(parent_id, hash_, lambda account: _switched(account, disabled=True))

    async def enable(self, parent_id: int, hash_: str) -> Account:
        """DomainError CONFLICT if it is enabled, or archived."""
        return await self.edit(parent_id, hash_, lambda account: _switched(account, disabled=False))

    async def archive_in(self, connection: Connection, parent_id: int, hash_: str) -> dict[str, Any]:
        """In the transaction of a job, whose result this is. DomainError CONFLICT unless it is disabled and not archived."""
        changed = await self._edit_in(connection, parent_id, hash_, lambda account: _archived(account, archived=True))
        return {"hash": changed.hash}

    async def unarchive(self, parent_id: int, hash_: str) -> Account:
        """It stays disabled. DomainError CONFLICT unless it is archived; TOO_MANY beyond the quota."""
        async with self._database.transaction() as connection:
            await _require_room(connection, parent_id)
            return await self._edit_in(connection, parent_id, hash_, lambda account: _archived(account, archived=False))

    async def move_dids(self, giver: Account, taker: Account, did_hashes: Sequence[str]) -> None:
        """Numbers from one account to another, all or none; their apps answer them no more, their calls stay where they were.
        A month that the giver has paid is not charged again. DomainError UNKNOWN_VALUE 'dids'; MISSING 'property' if the taker
        has none; FORBIDDEN if it would have more than its quota."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            for account_id in sorted({giver.id, taker.id}):
                await counters.lock(connection, account_id)  # before any other row, as whoever buys takes them
            await _require_room_for_dids(connection, taker.id, len(set(did_hashes)), now)
            for hash_ in sorted(set(did_hashes)):
                await number_store.assign_did(connection, giver.id, hash_, None, now)
            property_id = await account_store.first_property_id(connection, taker.id)
            if property_id is None:
                raise DomainError(ErrorCode.MISSING, "property", "the account has no property yet")
            before = await number_store.dids_by_hashes(connection, giver.id, did_hashes)
            moved = await store.move_dids(connection, giver.id, taker.id, property_id, did_hashes)
            if moved != len(set(did_hashes)) or len(before) != moved:
                raise DomainError(ErrorCode.UNKNOWN_VALUE, "dids")
            await money_store.carry_over(
                connection, giver.id, taker.id, [month_about(did.hash, now.date()) for did in before]
            )
            after = {did.hash: did for did in await number_store.dids_by_hashes(connection, taker.id, did_hashes)}
            for did in sorted(before, key=lambda item: item.hash):
                detail = {"hash": did.hash, "number": did.number_e164, "country": did.country,
                          "line_type": did.line_type, "region": did.region, "city": did.city, "class": did.class_, "assigned_at": None}  # fmt: skip
                told = ((giver.id, EventType.NUMBER_RELEASED, did, detail),
                        (taker.id, EventType.NUMBER_ASSIGNED, after[did.hash], None))  # fmt: skip
                for _, type_, item, about in sorted(told, key=lambda entry: entry[0]):
                    await tell_of(connection, type_, item, now, about)

    async def acting(
        self, master: Account, dialect: str, *, hash_: str | None = None, login: str | None = None
    ) -> Account:
        """The account that the master wants to act as: itself, or one below it, by hash or by a login. DomainError FORBIDDEN."""
        found = await self.reached(master, dialect, hash_=hash_, login=login)
        if found is None or found.disabled:
            raise DomainError(ErrorCode.FORBIDDEN, detail="no such account that you may act as")
        return found


def login_of_hash(hash_: str) -> str:
    """A sub account's own login tells its hash, which an API that shows no hash can be asked for."""
    return f"sub-{hash_.lower()}"


def new_password() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(PASSWORD_LENGTH))


async def _added(connection: Connection, parent: Account, hash_: str, profile: Mapping[str, Any]) -> Account:
    """With a property of its own. DomainErrors as of `SubAccounts.move_in`."""
    if parent.parent_id is not None:
        raise DomainError(ErrorCode.FORBIDDEN, detail="a sub account has no sub accounts")
    await _require_room(connection, parent.id)
    name = str(profile.get("company") or "Sub account")
    account = await store.add(connection, parent, new_sid(), hash_, name, profile)
    if account is None:
        raise DomainError(ErrorCode.CONFLICT, "hash", f"{hash_} is taken")
    item = Property(
        id=0, account_id=account.id, sid=new_sid(), name=name, timezone=None, active=True, masks_callers=False
    )  # fmt: skip
    await account_store.add_property(connection, item)
    return account


async def _require_room_for_dids(connection: Connection, account_id: int, more: int, now: datetime) -> None:
    owned, most, *_ = await stock_store.quota(connection, account_id, now, lock=True)
    if 0 <= most < owned + more:
        raise DomainError(ErrorCode.FORBIDDEN, detail=f"the account may have {most} numbers at most")


async def _require_room(connection: Connection, parent_id: int) -> None:
    used, most = await store.quota(connection, parent_id, lock=True)
    if 0 <= most <= used:
        raise DomainError(ErrorCode.TOO_MANY, detail=f"the account has {most} sub accounts at most")


def _there(account: Account | None) -> Account:
    if account is None:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "id", "no such sub account")
    return account


def _switched(account: Account, *, disabled: bool) -> Account:
    if account.disabled is disabled or account.archived:
        raise DomainError(ErrorCode.CONFLICT, "id", "it is archived, or so already")
    return replace(account, disabled=disabled)


def _archived(account: Account, *, archived: bool) -> Account:
    if account.archived is archived or not account.disabled:
        raise DomainError(ErrorCode.CONFLICT, "id", "it is not disabled, or so already")
    return replace(account, archived=archived)
