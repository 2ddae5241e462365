"""Click-to-call: buttons, and the calls that are ordered through them. The controller makes the calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ringtrail.model.account import Account
from ringtrail.model.button import Button, CallOrder
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import new_hash
from ringtrail.ports.clock import Clock
from ringtrail.services.money import check_may_spend
from ringtrail.services.numbers import diallable
from ringtrail.storage import buttons as store
from ringtrail.storage.database import Database

MAX_DELAY = timedelta(days=7)
MAX_WAITING = 1_000
"""Orders of one account that wait at the same time."""


class Buttons:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def list(self, account_id: int, *, property_id: int | None = None) -> list[Button]:
        """Oldest first; property_id None: of all properties."""
        async with self._database.reading() as connection:
            return await store.of_account(connection, account_id, property_id)

    async def by_hash(self, account_id: int, hash_: str) -> Button | None:
        async with self._database.reading() as connection:
            return await store.by_hash(connection, account_id, hash_)

    async def create(
        self,
        account: Account,
        property_id: int,
        *,
        name: str,
        target: str,
        max_talk_s: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Button:
        """DomainError with field 'target': not a number, or (FORBIDDEN) one that the account may not dial."""
        now = self._clock.now()
        button = Button(
            hash=new_hash(), account_id=account.id, property_id=property_id, name=name,
            target_e164=diallable(account, "target", target), max_talk_s=max_talk_s, settings=settings or {},
            created_at=now, updated_at=now,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            await store.put(connection, button)
        return button

    async def change(self, account: Account, button: Button) -> Button:
        """Write its name, target, talk limit and settings as they are in `button`. Errors as for `create`."""
        changed = replace(
            button, target_e164=diallable(account, "target", button.target_e164), updated_at=self._clock.now()
        )
        async with self._database.transaction() as connection:
            await store.put(connection, changed)
        return changed

    async def delete(self, account_id: int, hash_: str) -> None:
        """DomainError NOT_FOUND."""
        async with self._database.transaction() as connection:
            if not await store.delete(connection, account_id, hash_, self._clock.now()):
                raise DomainError(ErrorCode.NOT_FOUND, detail="no such button")

    async def press(
        self, account: Account, button: Button, visitor: str, *, delay: timedelta = timedelta()
    ) -> CallOrder:
        """Order a call: the visitor is called after `delay` (up to 7 days), then put through to the button's target.

        DomainError with field 'visitor' or 'delay'; FORBIDDEN for a number that the account may not dial, and without
        a field without credit; TOO_MANY.
        """
        if not timedelta() <= delay <= MAX_DELAY:
            raise DomainError(ErrorCode.OUT_OF_RANGE, "delay", "from now to 7 days ahead")
        now = self._clock.now()
        order = CallOrder(
            id=0, account_id=account.id, property_id=button.property_id, button_hash=button.hash,
            visitor_e164=diallable(account, "visitor", visitor), target_e164=button.target_e164,
            max_talk_s=button.max_talk_s, due_at=now + delay,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            await check_may_spend(connection, account.id)
            if await store.orders_waiting(connection, account.id) >= MAX_WAITING:
                raise DomainError(ErrorCode.TOO_MANY, detail=f"{MAX_WAITING} calls are waiting already")
            return replace(order, id=await store.add_order(connection, order, now))


class Orders:
    """The controller's side: which ordered call is to be made now, and what became of those claimed before."""

    def __init__(self, database: Database, node: str) -> None:
        self._database = database
        self._node = node

    async def claim(self, call_id: int, now: datetime) -> CallOrder | None:
        """The next due order; it is this call from now on, and nobody dials it again. None: nothing is due."""
        async with self._database.transaction() as connection:
            return await store.claim_order(connection, self._node, call_id, now)

    async def of_call(self, account_id: int, call_id: int) -> CallOrder | None:
        async with self._database.reading() as connection:
            return await store.order_of_call(connection, account_id, call_id)

    async def claimed_without_call(self, since: datetime) -> list[tuple[CallOrder, int]]:
        """[(order, call id)] that an earlier controller of this node claimed and died over."""
        async with self._database.reading() as connection:
            return await store.orders_without_call(connection, self._node, since)
