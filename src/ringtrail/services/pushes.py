"""Endpoints: the URLs that an account wants its events sent to. What is sent is each dialect's, `webhooks.py` there."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import Event, EventType
from ringtrail.model.ids import new_hash
from ringtrail.model.push import DeliveryRecord, Endpoint
from ringtrail.ports.clock import Clock
from ringtrail.services.egress import EgressRefusedError, Policy
from ringtrail.services.vault import Vault, VaultError
from ringtrail.storage import pushes as store
from ringtrail.storage.database import Database

MOST_ENDPOINTS = 100
"""Of one account."""


class Push(NamedTuple):
    """One try: what happened, who is to be told, and with which secrets."""

    event: Event
    endpoint: Endpoint
    secrets: Mapping[str, Any]
    last_status: int | None  # what the try before was answered


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """What is to be sent. body None: none."""

    method: str
    address: str
    headers: Mapping[str, str]
    body: bytes | None


class UnsendableError(Exception):
    """This event cannot be put into the endpoint's words, now or later; the message is for its owner's log."""


Render = Callable[[Push], Awaitable[PushRequest | None]]
"""A dialect's `webhooks.py`: an event as its request. None: there is nothing (any more) to tell. Raises UnsendableError, or
what `Egress.fetch` raises where it has to ask somebody first; then it is tried again."""


class Pushes:
    def __init__(self, database: Database, clock: Clock, vault: Vault, policy: Policy) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._policy = policy

    def check_address(self, address: str) -> None:
        """DomainError BAD_FORMAT 'address', which says why, for one that we do not send to. Names are not looked up."""
        try:
            self._policy.check_url(address)
        except EgressRefusedError as exc:
            raise DomainError(ErrorCode.BAD_FORMAT, "address", str(exc)) from exc

    async def add(
        self,
        account_id: int,
        dialect: str,
        *,
        address: str,
        event_types: Sequence[EventType],
        name: str = "",
        property_id: int | None = None,
        enabled: bool = True,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
    ) -> Endpoint:
        """A new endpoint; it is told what happens from now on. property_id None: of the whole account.

        settings and secrets are JSON objects in the dialect's own words; secrets are encrypted and given to its
        renderer only. DomainError BAD_FORMAT 'address' for one that we do not send to; TOO_MANY.
        """
        self.check_address(address)
        now = self._clock.now()
        endpoint = Endpoint(
            hash=new_hash(), account_id=account_id, dialect=dialect, property_id=property_id, name=name,
            address=address, event_types=tuple(event_types), enabled=enabled, disabled_why=None,
            settings=settings or {}, created_at=now, updated_at=now,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            if len(await store.of_account(connection, account_id, None)) >= MOST_ENDPOINTS:
                raise DomainError(ErrorCode.TOO_MANY, detail=f"an account has {MOST_ENDPOINTS} endpoints at most")
            await store.put(connection, endpoint)
            if secrets:
                await store.set_secrets(connection, account_id, endpoint.hash, self._vault.seal(secrets))
        return endpoint

    async def list(self, account_id: int, *, dialect: str | None = None) -> builtins.list[Endpoint]:
        """Oldest first; dialect None: of all."""
        async with self._database.reading() as connection:
            return await store.of_account(connection, account_id, dialect)

    async def by_hash(self, account_id: int, hash_: str, *, dialect: str | None = None) -> Endpoint | None:
        async with self._database.reading() as connection:
            found = await store.by_hash(connection, account_id, hash_)
        return found if found is not None and dialect in (None, found.dialect) else None

    async def change(self, endpoint: Endpoint, *, secrets: Mapping[str, Any] | None = None) -> Endpoint:
        """Write property, name, address, event types, `enabled` and settings as they are in `endpoint`.

        secrets None: as they were; else all of them anew ({}: none). Enabling clears why it was disabled. DomainError
        as for `add`; NOT_FOUND.
        """
        self.check_address(endpoint.address)
        changed = replace(
            endpoint, disabled_why=None if endpoint.enabled else endpoint.disabled_why, updated_at=self._clock.now()
        )
        async with self._database.transaction() as connection:
            if await store.by_hash(connection, endpoint.account_id, endpoint.hash) is None:
                raise DomainError(ErrorCode.NOT_FOUND, detail="no such endpoint")
            await store.put(connection, changed)
            if secrets is not None:
                sealed = self._vault.seal(secrets) if secrets else None
                await store.set_secrets(connection, endpoint.account_id, endpoint.hash, sealed)
        return changed

    async def delete(self, account_id: int, hash_: str) -> None:
        """With what still waits for it, and its log. DomainError NOT_FOUND."""
        async with self._database.transaction() as connection:
            if not await store.delete(connection, account_id, hash_):
                raise DomainError(ErrorCode.NOT_FOUND, detail="no such endpoint")

    async def log(
        self, account_id: int, endpoint_hashes: Sequence[str], *, before: int | None = None, limit: int = 100
    ) -> builtins.list[DeliveryRecord]:
        """What was, or is to be, sent to these endpoints, newest event first. before: the last event id of the page
        before. Kept for deliverer.KEPT."""
        async with self._database.reading() as connection:
            return await store.log(connection, account_id, endpoint_hashes, before=before, limit=limit)

    async def forget(self, endpoint: Endpoint, event_id: int) -> None:
        """Never send this event there (again), and take it out of the log."""
        async with self._database.transaction() as connection:
            await store.forget_one(connection, endpoint.account_id, event_id, endpoint.hash)

    def unsealed(self, sealed: bytes | None) -> dict[str, Any]:
        """An endpoint's secrets, for its renderer. Raises VaultError."""
        return self._vault.open(sealed) if sealed is not None else {}

    async def secrets(self, endpoint: Endpoint) -> dict[str, Any]:
        """Its secrets, for whoever changes some of them; not to be shown. DomainError CONFLICT if our key has changed."""
        async with self._database.reading() as connection:
            sealed = await store.secrets_of(connection, endpoint.account_id, endpoint.hash)
        try:
            return self.unsealed(sealed)
        except VaultError as exc:
            raise DomainError(ErrorCode.CONFLICT, detail="its secrets are lost: make it anew") from exc

    async def keep_secret(self, endpoint: Endpoint, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the endpoint's secrets in place: for a token that its issuer has replaced."""
        async with self._database.transaction() as connection:
            sealed = await store.secrets_of(connection, endpoint.account_id, endpoint.hash)
            if sealed is None:
                return
            secrets = self._vault.open(sealed)
            change(secrets)
            await store.set_secrets(connection, endpoint.account_id, endpoint.hash, self._vault.seal(secrets))

    def signing_key(self, account_sid: str, key_id: str) -> bytes:
        """32 bytes: the account's key of that name for signing what it is sent. Derived, so nothing is kept."""
        return self._vault.signature("push key", f"{account_sid}/{key_id}")
