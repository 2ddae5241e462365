"""Voice apps: create, edit, find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ringtrail.model.app import App
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import new_hash
from ringtrail.model.message import SENDER_NAME
from ringtrail.model.number import DID
from ringtrail.ports.clock import Clock
from ringtrail.services.numbers import Numbers, is_e164
from ringtrail.storage import apps as store
from ringtrail.storage.database import Database

CLI_OF_CALLS, CLI_OF_MESSAGES = "CALL", "SMS"
"""What an authorised CLI is for."""


class Apps:
    def __init__(self, database: Database, clock: Clock, numbers: Numbers) -> None:
        self._database = database
        self._clock = clock
        self._numbers = numbers

    async def create(
        self,
        account_id: int,
        package: str,
        name: str,
        params: dict[str, Any],
        *,
        hash_: str | None = None,
        created_at: datetime | None = None,
        updated_at: datetime | None = None,
    ) -> App:
        """`params` is the complete, validated CALLR object. hash_ and times: of an app that moves in. DomainError CONFLICT
        'hash' for one that is taken."""
        now = self._clock.now()
        app = App(
            hash=hash_ or new_hash(), account_id=account_id, package=package, name=name, params=params,
            created_at=created_at or now, updated_at=updated_at or now,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            if not await store.add_app(connection, app):
                raise DomainError(ErrorCode.CONFLICT, "hash", f"{app.hash} is taken")
        return app

    async def edit(self, account_id: int, hash_: str, *, name: str | None, params: dict[str, Any] | None) -> App:
        """None: unchanged. DomainError UNKNOWN_VALUE with field 'app'."""
        async with self._database.transaction() as connection:
            app = await store.app_by_hash(connection, account_id, hash_)
            if app is None:
                raise DomainError(ErrorCode.UNKNOWN_VALUE, field="app")
            changed = replace(
                app,
                name=app.name if name is None else name,
                params=app.params if params is None else params,
                updated_at=self._clock.now(),
            )
            await store.update_app(connection, changed)
        return changed

    async def by_hash(self, account_id: int, hash_: str) -> App:
        """DomainError UNKNOWN_VALUE with field 'app'."""
        async with self._database.reading() as connection:
            app = await store.app_by_hash(connection, account_id, hash_)
        if app is None:
            raise DomainError(ErrorCode.UNKNOWN_VALUE, field="app")
        return app

    async def by_hashes(self, account_id: int, hashes: Sequence[str]) -> dict[str, App]:
        """{hash: app} of those that are there."""
        async with self._database.reading() as connection:
            found = await store.apps_by_hashes(connection, account_id, hashes)
        return {app.hash: app for app in found}

    async def search(
        self, account_id: int, *, name_contains: str | None, offset: int, limit: int
    ) -> tuple[Sequence[App], int]:
        """(page by creation, total)."""
        async with self._database.reading() as connection:
            return await store.search_apps(
                connection, account_id, None if name_contains is None else name_contains.replace("\0", ""), offset=offset,
                limit=limit,
            )  # fmt: skip

    async def delete(self, account_id: int, hash_: str) -> None:
        """Its numbers are released first, and answer nobody."""
        async with self._database.transaction() as connection:
            await store.release_dids(connection, account_id, hash_)
            await store.delete_app(connection, account_id, hash_)

    async def authorized_clis(self, account_id: int, kind: str) -> tuple[Sequence[DID], Sequence[str]]:
        """(own numbers, what else was authorised) that the account may show. kind: CALL or SMS."""
        dids, _ = await self._numbers.find(account_id)
        async with self._database.reading() as connection:
            authorized = await store.authorized_clis(connection, account_id, kind)
        return [did for did in dids if kind == "CALL" or "sms" in did.capabilities], authorized

    def check_cli(self, kind: str, number: str) -> None:
        """DomainError BAD_FORMAT 'number' for what nobody can be shown."""
        if not is_e164(number) and not (kind == CLI_OF_MESSAGES and SENDER_NAME.fullmatch(number)):
            raise DomainError(ErrorCode.BAD_FORMAT, "number", f"{number!r} cannot be shown to anybody")

    async def authorize_cli(self, account_id: int, kind: str, number: str) -> None:
        """Let the account show a number (of messages: or a name) that is not its own. Whether it may is for the operator to
        know. DomainError BAD_FORMAT 'number'."""
        self.check_cli(kind, number)
        async with self._database.transaction() as connection:
            await store.authorize_cli(connection, account_id, kind, number)

    async def withdraw_cli(self, account_id: int, kind: str, number: str) -> None:
        """DomainError NOT_FOUND."""
        async with self._database.transaction() as connection:
            if not await store.withdraw_cli(connection, account_id, kind, number):
                raise DomainError(ErrorCode.NOT_FOUND, "number", f"{number} is not authorised")

    async def may_show(self, account_id: int, number_e164: str) -> bool:
        """Whether the account may call with this number."""
        async with self._database.reading() as connection:
            return await store.may_show(connection, account_id, number_e164)

    async def list(
        self, account_id: int, *, shared_only: bool = False, offset: int = 0, limit: int | None = None
    ) -> list[App]:
        """By creation. shared_only: without those that serve one DID alone."""
        async with self._database.reading() as connection:
            return await store.apps_of(connection, account_id, shared_only=shared_only, offset=offset, limit=limit)
