"""Sending what is due: each delivery at least once, those of one call in order, each endpoint at its own pace.

A try is leased: it is due again when its lease ends, so that one whose worker dies is made by another. Several workers
may run.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog

from ringtrail.model.errors import DomainError
from ringtrail.model.push import DueDelivery
from ringtrail.ports.clock import Clock
from ringtrail.services.egress import Answer, Egress, EgressRefusedError
from ringtrail.services.pushes import Push, Pushes, Render, UnsendableError
from ringtrail.services.vault import VaultError
from ringtrail.storage import pushes as store
from ringtrail.storage.database import Database
from ringtrail.storage.events import DELIVERY_CHANNEL

log = structlog.get_logger("ringtrail.deliverer")

EACH = 4
"""Tries under way to one endpoint; one, while its tries fail."""
TOTAL = 512
"""Tries under way in one worker. A try mostly waits: what this bounds is memory."""
POLL_S = 1.0
MOST_TRIES = 14
KEPT = timedelta(days=10)
"""How long events and what became of them can be looked up."""

_FIRST_PAUSE_S = 10.0
_PAUSES_GROW = 3.0
_LONGEST_PAUSE_S = 12 * 3600.0
_LONGEST_REST = timedelta(days=1)  # that a Retry-After is believed
_ANSWER_KEPT = 2_000  # characters
_RESTS = frozenset({429, 503})  # RFC 9110 section 10.2.3 and RFC 6585: the whole endpoint wants a rest


def pause_s(tries: int, chance: float) -> float:
    """Seconds from this try to the next: ten, then three times as long each time, to half a day; together about three
    days. chance, 0 to 1, spreads them by a fifth either way, so that what failed together is not tried together."""
    return min(_FIRST_PAUSE_S * _PAUSES_GROW ** (tries - 1), _LONGEST_PAUSE_S) * (0.8 + 0.4 * chance)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a try came to. `wanted` False: there was nothing to tell."""

    status: int | None = None
    error: str | None = None
    answer: str | None = None
    retry_after: datetime | None = None
    hopeless: bool = False
    wanted: bool = True

    @property
    def delivered(self) -> bool:
        return self.error is None


class Deliverer:
    """renders: {dialect: its renderer}. tried: told (dialect, 'delivered', 'failed' or 'given_up') of every try."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        pushes: Pushes,
        egress: Egress,
        renders: Mapping[str, Render],
        *,
        tried: Callable[[str, str], None] = lambda _dialect, _outcome: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._pushes = pushes
        self._egress = egress
        self._renders = renders
        self._tried = tried
        self._lease = timedelta(seconds=3 * egress.limit_s)  # a renderer may ask for a token first
        self._tries: set[asyncio.Task[None]] = set()
        self._busy: Counter[str] = Counter()
        self._failing: set[str] = set()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Deliver until cancelled. The egress must be open."""
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                self._wake.clear()
                if not await self._start_due():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(POLL_S):  # wait_for of Python 3.11 can swallow a cancellation
                            await self._wake.wait()
        finally:
            tasks = [listening, *self._tries]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def forget_old(self) -> None:
        async with self._database.transaction() as connection:
            await store.forget(connection, self._clock.now() - KEPT)

    async def _listen(self) -> None:
        """Hear of new deliveries at once; without the listener the poll finds them."""
        while True:
            with contextlib.suppress(DomainError):
                async with self._database.notifications(DELIVERY_CHANNEL) as payloads:
                    async for _ in payloads:
                        self._wake.set()
            await asyncio.sleep(POLL_S)

    async def _start_due(self) -> int:
        """Begin what is due and has room. Returns how many tries began."""
        free = TOTAL - len(self._tries)
        if free <= 0:
            return 0
        now = self._clock.now()
        room = {hash_: max(0, self._most(hash_) - self._busy[hash_]) for hash_ in {*self._busy, *self._failing}}
        try:
            async with self._database.transaction() as connection:
                due = await store.claim(connection, now, now + self._lease, each=EACH, room=room, total=free)
        except DomainError as exc:
            log.warning("pushes_wait_for_database", reason=exc.detail)
            return 0
        for delivery in due:
            self._busy[delivery.endpoint.hash] += 1
            task = asyncio.create_task(self._try(delivery))
            self._tries.add(task)
            task.add_done_callback(self._tries.discard)
        return len(due)

    def _most(self, endpoint_hash: str) -> int:
        return 1 if endpoint_hash in self._failing else EACH

    async def _try(self, delivery: DueDelivery) -> None:
        hash_, began = delivery.endpoint.hash, time.monotonic()
        try:
            outcome = await self._outcome(delivery)
            (self._failing.discard if outcome.delivered else self._failing.add)(hash_)
            await self._keep(delivery, outcome, round((time.monotonic() - began) * 1000))
        finally:
            self._busy -= Counter({hash_: 1})  # and forgets those at zero
            self._wake.set()

    async def _outcome(self, delivery: DueDelivery) -> _Outcome:
        try:
            async with asyncio.timeout(2.5 * self._egress.limit_s):  # before the lease ends
                return await self._sent(delivery)
        except UnsendableError as exc:
            return _Outcome(error=str(exc), hopeless=True)
        except TimeoutError:
            return _Outcome(error=f"no answer within {self._egress.limit_s:g} seconds")
        except (EgressRefusedError, VaultError, OSError, DomainError) as exc:
            return _Outcome(error=str(exc))
        except Exception:  # one delivery that cannot be made must not end the others
            log.exception("push_failed", account_id=delivery.endpoint.account_id, endpoint=delivery.endpoint.hash)
            return _Outcome(error="an error of ours")

    async def _sent(self, delivery: DueDelivery) -> _Outcome:
        secrets = self._pushes.unsealed(delivery.sealed)
        render = self._renders.get(delivery.endpoint.dialect)
        if render is None:
            raise UnsendableError(f"nothing renders pushes of {delivery.endpoint.dialect!r}")
        request = await render(Push(delivery.event, delivery.endpoint, secrets, delivery.last_status))
        if request is None:
            return _Outcome(wanted=False)
        headers = {"User-Agent": "ringtrail", "X-Ringtrail-Event-Id": str(delivery.event.id), **request.headers}
        answer = await self._egress.fetch(request.method, request.address, headers=headers, body=request.body)
        return self._judged(answer)

    def _judged(self, answer: Answer) -> _Outcome:
        text = answer.body.decode("utf-8", "replace").replace("\0", "\ufffd")[:_ANSWER_KEPT]
        if 200 <= answer.status < 300:
            return _Outcome(status=answer.status, answer=text)
        return _Outcome(
            status=answer.status, error=f"HTTP status {answer.status}", answer=text, hopeless=answer.status == 410,
            retry_after=retry_after(answer.headers.get("Retry-After"), self._clock.now()),
        )  # fmt: skip

    async def _keep(self, delivery: DueDelivery, outcome: _Outcome, took_ms: int) -> None:
        """Note the outcome. While the database is away it is tried again, until the lease has ended anyway."""
        deadline = time.monotonic() + self._lease.total_seconds()
        while True:
            try:
                return await self._settle(delivery, outcome, took_ms)
            except DomainError:
                if time.monotonic() > deadline:
                    return None
                await asyncio.sleep(POLL_S)

    async def _settle(self, delivery: DueDelivery, outcome: _Outcome, took_ms: int) -> None:
        now, endpoint = self._clock.now(), delivery.endpoint
        again_at = None if outcome.delivered else self._again_at(delivery, outcome, now)
        async with self._database.transaction() as connection:
            if not outcome.wanted:
                return await store.drop(connection, delivery)
            await store.settle(
                connection, delivery, due_at=again_at, delivered_at=now if outcome.delivered else None, took_ms=took_ms,
                status=outcome.status, error=outcome.error, answer=outcome.answer,
            )  # fmt: skip
            if outcome.status == 410:
                await store.disable(connection, endpoint.account_id, endpoint.hash, "it answered 410 Gone", now)
            elif outcome.retry_after and outcome.status in _RESTS:
                await store.pause(connection, endpoint.account_id, endpoint.hash, outcome.retry_after)
        word = "delivered" if outcome.delivered else "failed" if again_at else "given_up"
        self._tried(endpoint.dialect, word)
        if not outcome.delivered:
            log.warning(
                f"push_{word}", account_id=endpoint.account_id, endpoint=endpoint.hash, event_id=delivery.event.id,
                tries=delivery.tries, reason=outcome.error,
            )  # fmt: skip
        return None

    def _again_at(self, delivery: DueDelivery, outcome: _Outcome, now: datetime) -> datetime | None:
        if outcome.hopeless or delivery.tries >= MOST_TRIES:
            return None
        again_at = now + timedelta(seconds=pause_s(delivery.tries, random.random()))  # noqa: S311 - only spreads load
        return max(again_at, outcome.retry_after) if outcome.retry_after else again_at


def retry_after(header: str | None, now: datetime) -> datetime | None:
    """RFC 9110 section 10.2.3: seconds or a date; at most a day ahead. None: not said, or not understood."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return now + min(timedelta(seconds=int(text[:9])), _LONGEST_REST)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return min(at if at.tzinfo else at.replace(tzinfo=UTC), now + _LONGEST_REST)
