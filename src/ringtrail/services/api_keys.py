"""Keys and sessions that an API's own methods make, list and end."""

from __future__ import annotations

import builtins
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringtrail.model.account import ApiKey, Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.ports.clock import Clock
from ringtrail.services.accounts import principal_of, token_digest
from ringtrail.services.vault import Vault, VaultError
from ringtrail.storage import accounts as account_store
from ringtrail.storage import counters
from ringtrail.storage import sub_accounts as store
from ringtrail.storage.database import Connection, Database

VALID = timedelta(hours=1)
REFRESHABLE = timedelta(days=30)
_USE_NOTED_EVERY = timedelta(minutes=1)
_MOST_NOTED = 10_000
MOST_KEYS = 100
MOST_SESSIONS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The tokens are in clear here, and nowhere else. None: sealed with a key that the operator has no more."""

    token: str | None  # 40 hexadecimal digits
    refresh_token: str | None  # likewise
    valid_until: datetime
    refreshable_until: datetime


class ApiKeys:
    """Of one dialect at a time."""

    def __init__(self, database: Database, clock: Clock, vault: Vault) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._noted: dict[int, datetime] = {}

    async def create(self, account_id: int, dialect: str, name: str) -> tuple[ApiKey, str]:
        """(its record, the key: 100 hexadecimal digits, shown this once). DomainError TOO_MANY."""
        token = secrets.token_hex(50)
        async with self._database.transaction() as connection:
            await counters.lock(connection, account_id)  # of two requests at once, one counts the other's
            if len(await store.keys(connection, account_id, dialect)) >= MOST_KEYS:
                raise DomainError(ErrorCode.TOO_MANY, detail=f"an account has {MOST_KEYS} keys at most")
            key_id = await account_store.add_credential(
                connection, account_id=account_id, property_id=None, dialect=dialect, login=None, scheme="sha256",
                secret_hash=token_digest(token), salt=None, label=name,
            )  # fmt: skip
            made = next(key for key in await store.keys(connection, account_id, dialect) if key.id == key_id)
        return made, token

    async def list(self, account_id: int, dialect: str) -> builtins.list[ApiKey]:
        async with self._database.reading() as connection:
            return await store.keys(connection, account_id, dialect)

    async def delete(self, account_id: int, dialect: str, key_id: int) -> None:
        """It stops working at once. DomainError UNKNOWN_VALUE 'id'."""
        async with self._database.transaction() as connection:
            if not await store.revoke_key(connection, account_id, dialect, key_id, self._clock.now()):
                raise DomainError(ErrorCode.UNKNOWN_VALUE, "id", "no such key")

    async def used(self, principal: Principal) -> None:
        """Note that a key was used, once a minute at most."""
        now = self._clock.now()
        if now - self._noted.get(principal.credential_id, now - 2 * _USE_NOTED_EVERY) < _USE_NOTED_EVERY:
            return
        if len(self._noted) >= _MOST_NOTED:
            self._noted.clear()
        self._noted[principal.credential_id] = now
        async with self._database.transaction() as connection:
            await store.note_use(connection, principal.account.id, principal.credential_id, now)

    # --- sessions ---

    async def open_session(self, principal: Principal) -> Session:
        """It speaks for whoever opened it, for an hour, and can be refreshed for 30 days. The oldest ends beyond a thousand."""
        async with self._database.transaction() as connection:
            return await self._opened(connection, principal)

    async def _opened(self, connection: Connection, principal: Principal) -> Session:
        account_id, credential_id, now = principal.account.id, principal.credential_id, self._clock.now()
        token, refresh_token = secrets.token_hex(20), secrets.token_hex(20)
        session = Session(
            token=token, refresh_token=refresh_token, valid_until=now + VALID, refreshable_until=now + REFRESHABLE
        )
        await store.add_session(
            connection, account_id, credential_id, token_digest(token), token_digest(refresh_token),
            secrets=self._vault.seal({"token": token, "refresh_token": refresh_token}), valid_until=session.valid_until,
            refreshable_until=session.refreshable_until, now=now, keep=MOST_SESSIONS - 1,
        )  # fmt: skip
        return session

    async def by_session(self, dialect: str, token: str, *, expired: bool = False) -> Principal | None:
        """Who opened the session. expired: also one that can only be refreshed."""
        if not 1 <= len(token) <= 100:
            return None
        digest, now = token_digest(token), self._clock.now()
        async with self._database.reading() as connection:
            found = await store.credential_by_session(connection, dialect, digest, now, expired=expired)
        return principal_of(found) if found else None

    async def sessions(self, principal: Principal) -> builtins.list[Session]:
        """Those that the same credential opened and that can still be used or refreshed, oldest first."""
        account_id, credential_id = principal.account.id, principal.credential_id
        async with self._database.reading() as connection:
            found = await store.sessions(connection, account_id, credential_id, self._clock.now())
        return [self._opened_before(item) for item in found]

    def _opened_before(self, item: store.ApiSession) -> Session:
        try:
            tokens = self._vault.open(item.secrets)
        except VaultError:
            tokens = {}
        return Session(
            token=tokens.get("token"), refresh_token=tokens.get("refresh_token"), valid_until=item.valid_until,
            refreshable_until=item.refreshable_until,
        )  # fmt: skip

    async def refresh_session(self, principal: Principal, refresh_token: str) -> Session:
        """New tokens for those of a session, which end. DomainError UNKNOWN_VALUE 'refresh_token'."""
        account_id, credential_id = principal.account.id, principal.credential_id
        async with self._database.transaction() as connection:
            digest = token_digest(refresh_token)
            if not await store.end_session(
                connection, account_id, credential_id, self._clock.now(), refresh_hash=digest
            ):
                raise DomainError(ErrorCode.UNKNOWN_VALUE, "refresh_token", "no such session, or it is over")
            return await self._opened(connection, principal)

    async def close_session(self, principal: Principal, token: str) -> None:
        account_id, credential_id = principal.account.id, principal.credential_id
        async with self._database.transaction() as connection:
            await store.end_session(
                connection, account_id, credential_id, self._clock.now(), token_hash=token_digest(token)
            )
