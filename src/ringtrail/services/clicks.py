"""Click-to-calls of apps: asked for, looked up, called off; and the controller's side, which orders the next try."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringtrail.model.account import Account
from ringtrail.model.app import App, Target
from ringtrail.model.button import ORDER_LATE, CallOrder, ClickToCall, TryLeg
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import new_hash
from ringtrail.ports.clock import Clock
from ringtrail.services.buttons import MAX_WAITING
from ringtrail.services.money import check_may_spend
from ringtrail.services.numbers import diallable
from ringtrail.storage import buttons as orders
from ringtrail.storage import clicks as store
from ringtrail.storage.database import Connection, Database

MAX_TARGETS = 50
MAX_AHEAD = timedelta(days=366)
MAX_LISTED = 10_000
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one is. a, b: the legs dialled last; b and `late` are of the last try."""

    click: ClickToCall
    started_at: datetime | None = None
    updated_at: datetime
    position: int = 0  # of the try that was made last
    late: bool = False
    a: TryLeg | None = None
    b: TryLeg | None = None


class Clicks:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def start(
        self,
        account: Account,
        app: App,
        *,
        a_targets: Sequence[Target],
        b_targets: Sequence[Target],
        cli: str | None,
        cdr_field: str | None,
        at: datetime | None,
        params: dict[str, object],
    ) -> ClickToCall:
        """params: the app's, complete. at: None or past means now.

        DomainError FORBIDDEN for a number that the account may not dial and without credit or a property; TOO_MANY.
        """
        for field, targets in (("a_targets", a_targets), ("b_targets", b_targets)):
            for target in targets:
                diallable(account, field, target.number_e164)
        now = self._clock.now()
        click = ClickToCall(
            hash=new_hash(), account_id=account.id, app_hash=app.hash, a_targets=tuple(a_targets),
            b_targets=tuple(b_targets), params=params, cli=cli, cdr_field=cdr_field, created_at=now, scheduled_at=at,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            await check_may_spend(connection, account.id)
            if await orders.orders_waiting(connection, account.id) >= MAX_WAITING:
                raise DomainError(ErrorCode.TOO_MANY, detail=f"{MAX_WAITING} calls are waiting already")
            property_id = await store.first_property(connection, account.id)
            if property_id is None:
                raise DomainError(ErrorCode.FORBIDDEN, detail="the account has no active property")
            await store.add(connection, click)
            await _order(connection, click, property_id, 0, max(now, at or now), now)
        return click

    async def cancel(self, account_id: int, hash_: str) -> None:
        """DomainError CONFLICT with field 'call' once it has begun or was called off."""
        async with self._database.transaction() as connection:
            if not await store.cancel(connection, account_id, hash_, self._clock.now()):
                raise DomainError(ErrorCode.CONFLICT, field="call")

    async def by_hash(self, account_id: int, hash_: str) -> Progress | None:
        async with self._database.reading() as connection:
            click = await store.by_hash(connection, account_id, hash_)
            return (await _progress(connection, account_id, [click]))[0] if click else None

    async def of_app(self, account_id: int, app_hash: str, start: datetime, end: datetime) -> list[Progress]:
        """Asked for in [start, end), oldest first, at most 10,000."""
        async with self._database.reading() as connection:
            found = await store.of_app(connection, account_id, app_hash, start, end, MAX_LISTED)
            return await _progress(connection, account_id, found)


async def order_next_tries(database: Database, now: datetime) -> None:
    """After each try that ended without A: the next target, the next attempt, or the end of it."""
    async with database.transaction() as connection:
        for over in await store.ended(connection, ORDER_LATE.total_seconds(), _AT_ONCE):
            click = over.click
            if over.reached or over.late or click.position >= click.last_position:
                await store.finish(connection, click, now)
                continue
            position = click.position + 1
            await store.go_on(connection, click, position)
            due_at = max(now, over.ended_at + click.pause_before(position))
            await _order(connection, click, over.property_id, position, due_at, now)


async def _order(
    connection: Connection, click: ClickToCall, property_id: int, position: int, due_at: datetime, now: datetime
) -> None:
    order = CallOrder(
        id=0, account_id=click.account_id, property_id=property_id, button_hash="",
        visitor_e164=click.tried(position)[0].number_e164, target_e164=click.b_targets[0].number_e164, max_talk_s=None,
        due_at=due_at, click=click, position=position,
    )  # fmt: skip
    await orders.add_order(connection, order, now)


async def _progress(connection: Connection, account_id: int, clicks: Sequence[ClickToCall]) -> list[Progress]:
    made: defaultdict[str, list[store.Try]] = defaultdict(list)
    for item in await store.tries(connection, account_id, [click.hash for click in clicks]):
        made[item.click_hash].append(item)
    legs: defaultdict[int, list[TryLeg]] = defaultdict(list)
    last_calls = [tries[-1].call_id for tries in made.values()]
    for leg in await store.legs(connection, account_id, last_calls):
        legs[leg.call_id].append(leg)
    return [_progress_of(click, made[click.hash], legs) for click in clicks]


def _progress_of(click: ClickToCall, made: Sequence[store.Try], legs: dict[int, list[TryLeg]]) -> Progress:
    if not made:
        return Progress(click=click, updated_at=click.cancelled_at or click.created_at)
    last = made[-1]
    dialled = legs.get(last.call_id, [])
    instants = [moment for leg in dialled for moment in (leg.started_at, leg.answered_at, leg.ended_at) if moment]
    return Progress(
        click=click,
        started_at=made[0].claimed_at,
        updated_at=max([last.claimed_at, *instants]),
        position=last.position,
        late=last.claimed_at - last.due_at > ORDER_LATE,
        a=dialled[0] if dialled else None,
        b=dialled[-1] if len(dialled) > 1 else None,
    )
