"""Sending what is due: each delivery at least once, those of one call in order, each endpoint at its own pace.

An attempt is leased: it is due again when its lease ends, so that one whose worker dies is made by another. Several workers
may run. Claiming, rendering and settling go in batches; each attempt is sent on its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import groupby
from typing import Any, TypeAlias

import structlog

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import Event, EventType
from ringtrail.model.ids import number_of_hash
from ringtrail.model.webhook import DueDelivery, Endpoint
from ringtrail.ports.clock import Clock
from ringtrail.services.egress import Answer, Egress, EgressRefusedError
from ringtrail.services.pacing import FIRST, MOST_OF_ACCOUNT, Pacing
from ringtrail.services.transcripts import ANSWER_KEPT, BLACKED_OUT, SENT_KEPT, Blackout, storable, texts_in
from ringtrail.services.vault import VaultError
from ringtrail.services.webhooks import MAIL, Attempt, Render, Rendered, UnsendableError, WebhookRequest, Webhooks
from ringtrail.storage import counters, events
from ringtrail.storage import webhooks as store
from ringtrail.storage.database import Connection, Database
from ringtrail.storage.events import DELIVERY_CHANNEL
from ringtrail.storage.webhooks import Place, Settled

log = structlog.get_logger("ringtrail.deliverer")

POLL_S = 1.0
AGAIN_S = 0.01
"""After something began, unless something ends before: an endpoint's share of a claim may have been less than its room."""
PAUSES_S = (10, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds from each failed attempt to the next: about three days in all."""
MOST_TRIES = len(PAUSES_S) + 1
ENDPOINTS = 200
"""Endpoints that one claim looks at; the next claim goes on after them."""

_LONGEST_REST = timedelta(days=1)  # that a Retry-After is believed
_OUR_ERROR = "an error of ours"
_RESTS = frozenset({429, 503})  # RFC 9110 section 10.2.3 and RFC 6585: the whole endpoint wants a rest
_FORGOTTEN_AT_ONCE = 2_000

Send: TypeAlias = Callable[[WebhookRequest], Awaitable[Answer]]


def pause_s(tries: int, chance: float) -> float:
    """Seconds from this try to the next. chance, 0 to 1, spreads them by a fifth either way, so that what failed together is
    not tried together."""
    return PAUSES_S[min(tries, len(PAUSES_S)) - 1] * (0.8 + 0.4 * chance)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What an attempt came to. `wanted` False: there was nothing to tell. `blames` False: it says nothing of the endpoint."""

    request: WebhookRequest | None = None
    answer: Answer | None = None
    error: str | None = None
    retry_after: datetime | None = None
    hopeless: bool = False
    wanted: bool = True
    blames: bool = True
    took_s: float = 0.0
    at: datetime | None = None  # when it was over
    secrets: Sequence[str] = ()  # the endpoint's

    @property
    def delivered(self) -> bool:
        return self.error is None

    @property
    def status(self) -> int | None:
        return self.answer.status if self.answer else None


_Ended: TypeAlias = tuple[DueDelivery, _Outcome]


class Deliverer:
    """renders: {dialect: its renderer}. mail: sends what is for a mailto: address. tried: told (dialect, 'delivered',
    'failed' or 'given_up') of every attempt. disabled_after: how long an endpoint may do nothing but fail. kept: how long
    events and what became of them can be looked up. notice: (account id) -> the endpoint that is told of a disabled one
    besides those that ask for it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        webhooks: Webhooks,
        egress: Egress,
        renders: Mapping[str, Render],
        *,
        mail: Send | None = None,
        notice: Callable[[int], Awaitable[Endpoint | None]] | None = None,
        tried: Callable[[str, str], None] = lambda _dialect, _outcome: None,
        disabled_after: timedelta = timedelta(days=5),
        kept: timedelta = timedelta(days=30),
    ) -> None:
        self._database = database
        self._clock = clock
        self._webhooks = webhooks
        self._egress = egress
        self._renders = renders
        self._mail = mail
        self._notice = notice
        self._tried = tried
        self._disabled_after = disabled_after
        self._kept = kept
        self._lease = timedelta(seconds=3 * egress.limit_s)  # a renderer may ask for a token first
        self._pacing = Pacing()
        self._place = Place()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: list[_Ended] = []
        self._wake = asyncio.Event()
        self._something_ended = asyncio.Event()

    # --- what is due ---

    async def run(self) -> None:
        """Deliver until cancelled. The egress must be open."""
        listening, settling = asyncio.create_task(self._listen()), asyncio.create_task(self._settle())
        try:
            while True:
                self._wake.clear()
                began = await self._start_due()
                if not self._pacing.busy:
                    self._pacing.forget_idle()
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: Python 3.11's can swallow a cancellation.
                    async with asyncio.timeout(AGAIN_S if began else POLL_S):
                        await self._wake.wait()
        finally:
            tasks = [listening, settling, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(TimeoutError):  # what was answered need not be sent again
                async with asyncio.timeout(POLL_S):
                    await self._note(self._ended)

    async def forget_old(self) -> None:
        while True:
            async with self._database.transaction() as connection:
                gone = await events.forget(connection, self._clock.now() - self._kept, _FORGOTTEN_AT_ONCE)
            if gone < _FORGOTTEN_AT_ONCE:
                return

    async def _listen(self) -> None:
        """Hear of new deliveries at once; without the listener the poll finds them."""
        while True:
            with contextlib.suppress(DomainError):
                async with self._database.notifications(DELIVERY_CHANNEL) as payloads:
                    async for _ in payloads:
                        self._wake.set()
            await asyncio.sleep(POLL_S)

    async def _start_due(self) -> int:
        """Begin what is due and has room, beginning with the endpoints after those of the last time. Returns how many."""
        rounds = 1 if self._place == Place() else 2  # the rest of this one, and the next
        due: list[DueDelivery] = []
        while rounds and not due and self._pacing.free > 0:
            due, self._place = await self._claimed()
            rounds -= self._place == Place()
        for _, group in groupby(sorted(due, key=_by_endpoint), key=_by_endpoint):
            self._start(self._send_all(list(group)))
        return len(due)

    async def _claimed(self) -> tuple[list[DueDelivery], Place]:
        now = self._clock.now()
        unproven, unproven_room = self._pacing.unproven_room()
        try:
            async with self._database.transaction() as connection:
                due, place = await store.claim(
                    connection, now, now + self._lease, place=self._place, endpoints=ENDPOINTS, each=FIRST,
                    room=self._pacing.room(), account=MOST_OF_ACCOUNT, account_room=self._pacing.account_room(),
                    total=self._pacing.free, proven=self._pacing.proven(), unproven=unproven,
                    unproven_room=unproven_room,
                )  # fmt: skip
        except DomainError as exc:
            log.warning("webhooks_wait_for_database", reason=exc.detail)
            return [], Place()
        for delivery in due:
            endpoint = delivery.endpoint
            self._pacing.began(endpoint.account_id, endpoint.hash, failing=endpoint.failing_since is not None)
        return due, place

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- sending ---

    async def _send_all(self, due: Sequence[DueDelivery]) -> None:
        """Render one endpoint's deliveries together, then send each."""
        began = time.monotonic()
        secrets: Mapping[str, Any] = {}
        rendered: Sequence[Rendered]
        try:
            secrets = self._webhooks.unsealed(due[0].sealed)
            async with asyncio.timeout(1.4 * self._egress.limit_s):  # so that it can be sent before the lease ends
                rendered = await self._rendered(due, secrets)
        except (TimeoutError, VaultError) as exc:
            rendered = [exc] * len(due)
        hidden = tuple(texts_in(secrets))
        for delivery, request in zip(due, rendered, strict=True):
            self._start(self._send(delivery, request, began, hidden))

    async def _rendered(self, due: Sequence[DueDelivery], secrets: Mapping[str, Any]) -> Sequence[Rendered]:
        endpoint = due[0].endpoint
        render = self._renders.get(endpoint.dialect)
        if render is None:
            return [UnsendableError(f"nothing renders webhooks of {endpoint.dialect!r}")] * len(due)
        try:
            rendered = await render(
                [Attempt(item.event, item.endpoint, secrets, item.last_status, item.tries - 1) for item in due]
            )
            if len(rendered) != len(due):
                raise RuntimeError(f"{endpoint.dialect} rendered {len(rendered)} of {len(due)}")
            return rendered
        except TimeoutError:
            raise
        except (UnsendableError, EgressRefusedError, OSError, DomainError) as exc:
            return [exc] * len(due)
        except Exception as exc:  # the boundary of a delivery attempt: one endpoint's must not end the others
            log.exception("webhook_unrendered", account_id=endpoint.account_id, endpoint=endpoint.hash)
            return [exc] * len(due)

    async def _send(self, delivery: DueDelivery, rendered: Rendered, began: float, secrets: Sequence[str]) -> None:
        outcome = await self._outcome(delivery, rendered, began)
        outcome = replace(outcome, at=self._clock.now(), secrets=secrets)
        self._ended.append((delivery, outcome))
        self._something_ended.set()

    async def _outcome(self, delivery: DueDelivery, rendered: Rendered, began: float) -> _Outcome:
        if rendered is None:
            return _Outcome(wanted=False)
        request = rendered if isinstance(rendered, WebhookRequest) else None
        try:
            if request is None:
                raise rendered  # type: ignore[misc]
            answer = await self._answer(delivery, request)
            return self._judged(request, answer, time.monotonic() - began)
        except (UnsendableError, VaultError) as exc:
            return _Outcome(error=str(exc), hopeless=isinstance(exc, UnsendableError), blames=False)
        except TimeoutError:
            error = f"no answer within {self._egress.limit_s:g} seconds"
        except (EgressRefusedError, OSError) as exc:
            error = str(exc)
        except DomainError as exc:  # something of ours is away: the database, the mail server
            return _Outcome(request=request, error=str(exc), blames=False, took_s=time.monotonic() - began)
        except Exception:  # the boundary of a delivery attempt, as above
            endpoint = delivery.endpoint
            log.exception("webhook_failed", account_id=endpoint.account_id, endpoint=endpoint.hash)
            return _Outcome(request=request, error=_OUR_ERROR, blames=False)
        return _Outcome(request=request, error=error, took_s=time.monotonic() - began)

    async def _answer(self, delivery: DueDelivery, request: WebhookRequest) -> Answer:
        if request.address.startswith(MAIL):
            if self._mail is None:
                raise UnsendableError("no mail server is set up")
            return await self._mail(request)
        ours = {"User-Agent": "ringtrail", "X-Ringtrail-Event-Id": str(delivery.event.id)}
        headers = {**ours, **request.headers, **request.private_headers}
        return await self._egress.fetch(request.method, request.address, headers=headers, body=request.body)

    def _judged(self, request: WebhookRequest, answer: Answer, took_s: float) -> _Outcome:
        if 200 <= answer.status < 300:
            return _Outcome(request=request, answer=answer, took_s=took_s)
        return _Outcome(
            request=request, answer=answer, took_s=took_s, error=f"HTTP status {answer.status}",
            hopeless=answer.status == 410,
            retry_after=retry_after(answer.headers.get("Retry-After"), self._clock.now()),
        )  # fmt: skip

    # --- settling ---

    async def _settle(self) -> None:
        """Note what has ended, all of it at once. While the database is away it waits; its leases run out meanwhile."""
        while True:
            await self._something_ended.wait()
            self._something_ended.clear()
            batch = self._ended[:]
            await self._note(batch)
            del self._ended[: len(batch)]
            for delivery, outcome in batch:
                endpoint = delivery.endpoint
                good = outcome.delivered or not outcome.blames
                self._pacing.ended(endpoint.account_id, endpoint.hash, good=good, took_s=outcome.took_s)
            self._wake.set()

    async def _note(self, batch: Sequence[_Ended]) -> None:
        """One by one if something among them cannot be noted: it must not keep the others from it."""
        try:
            while batch and not await self._settled(batch):  # noqa: ASYNC110 - only the database knows when it is back
                await asyncio.sleep(POLL_S)
        except Exception:  # the boundary of a delivery attempt, as above
            log.exception("webhooks_unnoted", attempts=len(batch))
            for delivery, outcome in batch:
                if len(batch) > 1:
                    await self._note([(delivery, outcome)])
                elif outcome != (bare := _bare(outcome)):
                    await self._note([(delivery, bare)])

    async def _settled(self, batch: Sequence[_Ended]) -> bool:
        now = self._clock.now()
        told = [(delivery, outcome) for delivery, outcome in batch if outcome.wanted]
        rows = [self._row(delivery, outcome, now) for delivery, outcome in told]
        try:
            notices = await self._notices(told, now)
            async with self._database.transaction() as connection:
                # Endpoints before deliveries, as replay locks them.
                # Not after any of the attempts: what an endpoint missed begins with those that failed.
                first = min((outcome.at or now for _, outcome in told), default=now)
                await self._note_health(connection, told, notices, first)
                if rows:
                    await store.settle(connection, rows)
                for delivery, outcome in batch:
                    if not outcome.wanted:
                        await store.drop(connection, delivery)
        except DomainError as exc:
            if exc.code is not ErrorCode.UNAVAILABLE:
                raise
            log.warning("webhooks_wait_for_database", reason=exc.detail)
            return False
        for (delivery, _), row in zip(told, rows, strict=True):
            self._tell(delivery, row)
        return True

    def _row(self, delivery: DueDelivery, outcome: _Outcome, now: datetime) -> Settled:
        endpoint, request, answer = delivery.endpoint, outcome.request, outcome.answer
        kept = Blackout(outcome.secrets, request)
        return Settled(
            account_id=endpoint.account_id, endpoint_hash=endpoint.hash, event_id=delivery.event.id,
            about=delivery.event.about, tries=delivery.tries, at=outcome.at or now, took_ms=round(outcome.took_s * 1000),
            due_at=None if outcome.delivered else self._again_at(delivery, outcome, now),
            delivered_at=now if outcome.delivered else None, method=request.method if request else None,
            address=storable(request.address if request else endpoint.address),
            request_headers=kept.headers({**request.headers, **dict.fromkeys(request.private_headers, BLACKED_OUT)})
            if request else {},
            request_body=kept.body(request.body, SENT_KEPT) if request else None,
            status=outcome.status, response_headers=kept.headers(answer.headers) if answer else {},
            response_body=kept.body(answer.body, ANSWER_KEPT) if answer else None,
            error=None if outcome.error is None else kept.text(outcome.error),
        )  # fmt: skip

    def _again_at(self, delivery: DueDelivery, outcome: _Outcome, now: datetime) -> datetime | None:
        if outcome.hopeless or delivery.tries >= MOST_TRIES:
            return None
        again_at = now + timedelta(seconds=pause_s(delivery.tries, random.random()))  # noqa: S311 - only spreads load
        return max(again_at, outcome.retry_after) if outcome.retry_after else again_at

    async def _notices(self, told: Iterable[_Ended], now: datetime) -> dict[int, Endpoint | None]:
        """{account id: who is told besides} where an endpoint may be disabled now. Asked before the transaction: making such an
        endpoint takes a lock that the transaction may hold."""
        if self._notice is None:
            return {}
        since = now - self._disabled_after
        accounts = {
            delivery.endpoint.account_id
            for delivery, outcome in told
            if outcome.status == 410
            or (not outcome.delivered and outcome.blames and (delivery.endpoint.failing_since or now) <= since)
        }
        return {account_id: await self._notice(account_id) for account_id in sorted(accounts)}

    async def _note_health(
        self,
        connection: Connection,
        told: Iterable[_Ended],
        notices: Mapping[int, Endpoint | None],
        now: datetime,
    ) -> None:
        answering, failing, gone = set[str](), set[str](), set[str]()
        rests: dict[str, datetime] = {}
        for delivery, outcome in told:
            hash_ = delivery.endpoint.hash
            if outcome.delivered:
                answering.add(hash_)
            elif outcome.blames:
                failing.add(hash_)
            if outcome.status == 410:
                gone.add(hash_)
            if outcome.retry_after and outcome.status in _RESTS:
                rests[hash_] = max(rests.get(hash_, outcome.retry_after), outcome.retry_after)
        await store.note_health(connection, answering=answering, failing=failing - answering, now=now)
        for hash_, until in sorted(rests.items()):
            await store.pause(connection, hash_, until)
        disabled = await store.disable(connection, sorted(gone), "it answered 410 Gone", now)
        days = self._disabled_after / timedelta(days=1)
        disabled += await store.disable(
            connection, sorted(failing - answering), f"it has done nothing but fail for {days:g} days", now,
            failing_before=now - self._disabled_after,
        )  # fmt: skip
        for endpoint in sorted(disabled, key=lambda endpoint: endpoint.account_id):
            await self._tell_disabled(connection, endpoint, notices.get(endpoint.account_id), now)

    async def _tell_disabled(
        self, connection: Connection, endpoint: Endpoint, notice: Endpoint | None, now: datetime
    ) -> None:
        log.error(
            "endpoint_disabled", account_id=endpoint.account_id, endpoint=endpoint.hash, reason=endpoint.disabled_why
        )
        event = Event(
            account_id=endpoint.account_id, type=EventType.ENDPOINT_DISABLED, property_id=endpoint.property_id,
            about=number_of_hash(endpoint.hash), at=now, endpoint_hash=notice.hash if notice else None,
            detail={
                "hash": endpoint.hash, "name": endpoint.name, "address": endpoint.address,
                "dialect": endpoint.dialect, "why": endpoint.disabled_why,
            },
        )  # fmt: skip
        await counters.lock(connection, endpoint.account_id)
        await events.tell(connection, endpoint.account_id, [event])

    def _tell(self, delivery: DueDelivery, row: Settled) -> None:
        word = "delivered" if row.error is None else "failed" if row.due_at else "given_up"
        self._tried(delivery.endpoint.dialect, word)
        if row.error is not None:
            log.warning(
                f"webhook_{word}", account_id=row.account_id, endpoint=row.endpoint_hash, event_id=row.event_id,
                tries=row.tries, reason=row.error,
            )  # fmt: skip


def _bare(outcome: _Outcome) -> _Outcome:
    """Without anything that came from outside."""
    return replace(outcome, request=None, answer=None, error=outcome.error and _OUR_ERROR)


def _by_endpoint(delivery: DueDelivery) -> str:
    return delivery.endpoint.hash


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
