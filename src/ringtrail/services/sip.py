"""SIP subscribers, whose phones call through us, and trunks, which are kept for whoever moves here with them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import replace

import structlog

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.sip import Subscriber, TrunkKind
from ringtrail.ports.clock import Clock
from ringtrail.ports.engine import Capability, Engine, Phone
from ringtrail.services.vault import Vault, VaultError
from ringtrail.storage import live
from ringtrail.storage import sip as store
from ringtrail.storage.database import Database

log = structlog.get_logger("ringtrail.sip")

MOST_SUBSCRIBERS = 1_000
MOST_TRUNKS = 100
PASSWORD_LENGTH = 20
_LETTERS = string.ascii_letters + string.digits
_USERNAME = string.ascii_lowercase + string.digits


class Sip:
    def __init__(self, database: Database, clock: Clock, vault: Vault) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault

    async def create(self, subscriber: Subscriber) -> Subscriber:
        """id, password and created_at are made, and the username if it is empty.

        DomainError CONFLICT with field 'username': it is taken. TOO_MANY. FORBIDDEN where no phone could use it.
        """
        new = replace(
            subscriber,
            username=subscriber.username or _random(_USERNAME, 12),
            password=_random(_LETTERS, PASSWORD_LENGTH),
            created_at=self._clock.now(),
        )
        async with self._database.transaction() as connection:
            if await live.registrars(connection) is False:
                raise DomainError(ErrorCode.FORBIDDEN, detail="who may register with this Asterisk is not ours to say")
            _, total = await store.find(connection, new.account_id, None, offset=0, limit=0)
            if total >= MOST_SUBSCRIBERS:
                raise DomainError(ErrorCode.TOO_MANY, detail=f"{MOST_SUBSCRIBERS} subscribers are there already")
            id_ = await store.add(connection, new, self._vault.seal({"password": new.password}))
        if id_ is None:
            raise DomainError(ErrorCode.CONFLICT, field="username")
        return replace(new, id=id_)

    async def change(self, subscriber: Subscriber) -> None:
        """Write everything but the password. DomainError CONFLICT with field 'username'."""
        async with self._database.transaction() as connection:
            if not await store.update(connection, subscriber):
                raise DomainError(ErrorCode.CONFLICT, field="username")

    async def by_id(self, account_id: int, id_: int) -> Subscriber | None:
        async with self._database.reading() as connection:
            row = await store.by_id(connection, account_id, id_)
        return self._opened(row) if row else None

    async def find(
        self, account_id: int, *, username_contains: str | None, offset: int, limit: int
    ) -> tuple[Sequence[Subscriber], int]:
        """(page by id, total)."""
        async with self._database.reading() as connection:
            rows, total = await store.find(connection, account_id, username_contains, offset=offset, limit=limit)
        return [self._opened(row) for row in rows], total

    async def delete(self, account_id: int, id_: int) -> None:
        async with self._database.transaction() as connection:
            await store.delete(connection, account_id, id_)

    def _opened(self, row: store.SubscriberRow) -> Subscriber:
        return Subscriber(
            id=row.id, account_id=row.account_id, username=row.username,
            password=self._vault.open(row.secrets)["password"], cli=row.cli, codecs=tuple(row.codecs),
            privacy=row.privacy, ring_timeout_s=row.ring_timeout_s, srtp=row.srtp, vms=row.vms,
            created_at=row.created_at,
        )  # fmt: skip

    # --- trunks -------------------------------------------------------------------------------------------------------

    async def create_trunk(self, account_id: int, kind: TrunkKind) -> int:
        """DomainError TOO_MANY."""
        async with self._database.transaction() as connection:
            if len(await store.trunks(connection, account_id, kind)) >= MOST_TRUNKS:
                raise DomainError(ErrorCode.TOO_MANY, detail=f"{MOST_TRUNKS} trunks are there already")
            return await store.add_trunk(connection, account_id, kind, self._clock.now())

    async def trunks(self, account_id: int, kind: TrunkKind) -> Sequence[int]:
        """Ids, oldest first."""
        async with self._database.reading() as connection:
            return await store.trunks(connection, account_id, kind)

    async def delete_trunk(self, account_id: int, kind: TrunkKind, id_: int) -> None:
        async with self._database.transaction() as connection:
            await store.delete_trunk(connection, account_id, kind, id_)


# --- the controller's side --------------------------------------------------------------------------------------------


class PhoneBook:
    """Lets the engine know whose phones to let in, whenever that has changed."""

    def __init__(self, database: Database, engine: Engine, vault: Vault) -> None:
        self._database = database
        self._engine = engine
        self._vault = vault
        self._told: str | None = None  # fingerprint

    async def tell(self) -> None:
        """To be repeated: a look that costs little when nothing has changed. Raises DomainError, EngineError."""
        if Capability.REGISTRAR not in self._engine.capabilities:
            return
        async with self._database.reading() as connection:
            now = await store.fingerprint(connection)
            if now == self._told:
                return
            rows = await store.enabled(connection)
        await self._engine.set_phones([phone for row in rows if (phone := self._phone(row)) is not None])
        if rows or self._told is not None:
            log.info("phones_told", phones=len(rows))
        self._told = now

    def _phone(self, row: store.SubscriberRow) -> Phone | None:
        try:
            password = self._vault.open(row.secrets)["password"]
        except VaultError as exc:
            log.error("phone_left_out", account_id=row.account_id, subscriber=row.id, reason=str(exc))
            return None
        return Phone(
            subscriber_id=row.id, username=row.username, password=password, codecs=tuple(row.codecs), srtp=row.srtp
        )


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))
