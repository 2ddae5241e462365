"""Endpoints: the URLs that an account wants its events sent to. What became of those: webhook_ledger.py.

What is sent is each dialect's, `webhooks.py` there; the deliverer sends it.
"""

from __future__ import annotations

import asyncio
import builtins
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import UNASKED, Event, EventType
from ringtrail.model.ids import new_hash, number_of_hash
from ringtrail.model.webhook import DisabledBy, Endpoint, LogQuery
from ringtrail.ports.clock import Clock
from ringtrail.services.egress import EgressRefusedError, Policy
from ringtrail.services.vault import Vault, VaultError
from ringtrail.services.webhook_ledger import WebhookLedger
from ringtrail.storage import counters, dynamic_endpoints
from ringtrail.storage import events as event_store
from ringtrail.storage import webhooks as store
from ringtrail.storage.database import Connection, Database

MOST_ENDPOINTS = 100
"""Of one account, dynamic ones not counted."""
MOST_DYNAMIC = 100_000
"""Of one account and dialect: a month of messages that name a URL each. Those that nobody names any more are forgotten, see
retention.py. Each new one is counted among them while the account's counters are held: a tenth of a second at the worst."""
MAIL = "mailto:"
_MAIL_ADDRESS = re.compile(r"mailto:[^@\s<>,;:?&\"]{1,64}@[A-Za-z0-9.-]{1,255}")


class Attempt(NamedTuple):
    """One try: what happened, who is to be told, and with which secrets."""

    event: Event
    endpoint: Endpoint
    secrets: Mapping[str, Any]
    last_status: int | None  # what the try before was answered
    number: int  # 0: the first of this delivery, or of its replay


class Attachment(NamedTuple):
    """A file that goes with an e-mail. It is read when the mail is sent, in a thread: `read` may block, and raises what
    `Egress.fetch` raises, UnsendableError or DomainError. The ledger does not keep it: the body says what is attached."""

    name: str
    content_type: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """What is to be sent. body None: none. private_headers hold secrets: they are sent, but blacked out in the ledger."""

    method: str
    address: str
    headers: Mapping[str, str]
    private_headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None
    attachments: Sequence[Attachment] = ()  # of e-mails only


class UnsendableError(Exception):
    """This event cannot be put into the endpoint's words, now or later; the message is for its owner's log."""


Rendered: TypeAlias = WebhookRequest | Exception | None
"""None: there is nothing (any more) to tell. UnsendableError, or what `Egress.fetch` raises where somebody had to be asked
first: then it is tried again."""

Render: TypeAlias = Callable[[Sequence[Attempt]], Awaitable[Sequence[Rendered]]]
"""A dialect's `webhooks.py`: the attempts of one endpoint, all due now, as their requests, in the same order."""


def singly(render: Callable[[Attempt], Awaitable[WebhookRequest | None]]) -> Render:
    """A Render of one that makes a single request, or raises what cannot be made."""

    async def each(attempts: Sequence[Attempt]) -> Sequence[Rendered]:
        found = await asyncio.gather(*(render(attempt) for attempt in attempts), return_exceptions=True)
        for item in found:
            if isinstance(item, BaseException) and not isinstance(item, Exception):
                raise item
        return found  # type: ignore[return-value]

    return each


class Webhooks:
    def __init__(self, database: Database, clock: Clock, vault: Vault, policy: Policy, ledger: WebhookLedger) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._vault = vault
        self._policy = policy

    # --- endpoints ---

    def check_address(self, address: str) -> None:
        """DomainError BAD_FORMAT 'address', which says why, for one that we do not send to. Names are not looked up."""
        if address.startswith(MAIL):
            if not _MAIL_ADDRESS.fullmatch(address):
                raise DomainError(ErrorCode.BAD_FORMAT, "address", "not mailto: and one e-mail address")
            return
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
        hash_: str | None = None,
        disabled_why: str | None = None,
        created_at: datetime | None = None,
        updated_at: datetime | None = None,
    ) -> Endpoint:
        """A new endpoint; it is told what happens from now on. property_id None: of the whole account. hash_ and times: of one
        that moves in.

        settings and secrets are JSON objects in the dialect's own words; secrets are encrypted and given to its
        renderer only. DomainError BAD_FORMAT 'address' for one that we do not send to; TOO_MANY; UNKNOWN_VALUE
        'event_types' for a type that cannot be subscribed to; CONFLICT 'hash' for one that is taken.
        """
        self._check(address, event_types)
        now = self._clock.now()
        endpoint = Endpoint(
            hash=hash_ or new_hash(), account_id=account_id, dialect=dialect, property_id=property_id, name=name,
            address=address, event_types=tuple(event_types), disabled_by=None if enabled else DisabledBy.OWNER,
            disabled_at=None if enabled else now, disabled_why=disabled_why, settings=settings or {},
            created_at=created_at or now, updated_at=updated_at or now,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            await counters.lock(connection, account_id)  # of two requests at once, one counts the other's
            if hash_ and await store.exists(connection, hash_):
                raise DomainError(ErrorCode.CONFLICT, "hash", f"{hash_} is taken")
            if len(await store.of_account(connection, account_id, None)) >= MOST_ENDPOINTS:
                raise DomainError(ErrorCode.TOO_MANY, detail=f"an account has {MOST_ENDPOINTS} endpoints at most")
            await self._put(connection, endpoint, secrets)
        return endpoint

    async def dynamic(
        self,
        account_id: int,
        dialect: str,
        address: str,
        *,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
    ) -> Endpoint:
        """The endpoint for a URL that a request names for one thing, whose events name it by `Event.endpoint_hash`. Made at
        its first use, used again for the same address, settings and secrets. DomainError BAD_FORMAT 'address'; TOO_MANY,
        but not for an e-mail address, which only we name.

        One that the system has disabled is enabled by that, and told what it missed: it is in no list where somebody
        could do so.
        """
        self._check(address, ())
        endpoint = await self._dynamic(account_id, dialect, address, settings, secrets)
        if endpoint.disabled_by is DisabledBy.SYSTEM:
            endpoint, _ = await self.enable(endpoint)
        return endpoint

    async def _dynamic(
        self,
        account_id: int,
        dialect: str,
        address: str,
        settings: Mapping[str, Any] | None,
        secrets: Mapping[str, Any] | None,
    ) -> Endpoint:
        async with self._database.transaction() as connection:
            # Endpoints before counters, as the deliverer locks them.
            await dynamic_endpoints.note_named(connection, account_id, dialect, [address], self._clock.now())
            most = None if address.startswith(MAIL) else MOST_DYNAMIC
            return await self._found_or_made(connection, account_id, dialect, address, settings, secrets, most=most)

    async def mailboxes(
        self, connection: Connection, account_id: int, addresses: Sequence[str]
    ) -> builtins.list[Endpoint]:
        """The dynamic endpoints for e-mail addresses, in a transaction that then holds them and the account's counters: what
        it tells them is told. An address that no mail can be sent to is not refused: its deliveries say so.

        Those that the system has disabled are enabled, and have missed nothing: nobody names them without asking for them.
        """
        wanted = [MAIL + address for address in addresses]
        # Endpoints before counters, as the deliverer locks them.
        await dynamic_endpoints.note_named(connection, account_id, "mail", wanted, self._clock.now())
        known = {item.address: item for item in await dynamic_endpoints.held(connection, account_id, "mail", wanted)}
        for address, item in known.items():
            if item.disabled_by is DisabledBy.SYSTEM:
                known[address] = _enabled(item, self._clock.now())
                await store.put(connection, known[address])
        await counters.lock(connection, account_id)
        return [
            known.get(address) or await self._found_or_made(connection, account_id, "mail", address, None, None)
            for address in wanted
        ]

    async def _found_or_made(
        self,
        connection: Connection,
        account_id: int,
        dialect: str,
        address: str,
        settings: Mapping[str, Any] | None,
        secrets: Mapping[str, Any] | None,
        *,
        most: int | None = None,
    ) -> Endpoint:
        now = self._clock.now()
        await counters.lock(connection, account_id)  # two requests do not both make it
        for found, sealed in await dynamic_endpoints.of_address(connection, account_id, dialect, address):
            if found.settings == _as_kept(settings) and self._opens_to(sealed, _as_kept(secrets)):
                return found
        if most is not None and await dynamic_endpoints.count(connection, account_id, dialect) >= most:
            raise DomainError(
                ErrorCode.TOO_MANY, detail=f"{most} webhooks were named lately, an account can have no more"
            )
        endpoint = Endpoint(
            hash=new_hash(), account_id=account_id, dialect=dialect, property_id=None, name="", address=address,
            event_types=(), dynamic=True, settings=settings or {}, created_at=now, updated_at=now,
        )  # fmt: skip
        await self._put(connection, endpoint, secrets)
        return endpoint

    def _opens_to(self, sealed: bytes | None, secrets: Mapping[str, Any]) -> bool:
        try:
            return self.unsealed(sealed) == secrets
        except VaultError:
            return False

    async def list(self, account_id: int, *, dialect: str | None = None) -> builtins.list[Endpoint]:
        """Oldest first, without dynamic ones; dialect None: of all."""
        async with self._database.reading() as connection:
            return await store.of_account(connection, account_id, dialect)

    async def by_hash(self, account_id: int, hash_: str, *, dialect: str | None = None) -> Endpoint | None:
        async with self._database.reading() as connection:
            found = await store.by_hash(connection, account_id, hash_)
        return found if found is not None and dialect in (None, found.dialect) else None

    async def change(
        self,
        endpoint: Endpoint,
        *,
        enabled: bool | None = None,
        secrets: Mapping[str, Any] | Callable[[dict[str, Any]], Mapping[str, Any]] | None = None,
    ) -> Endpoint:
        """Write property, name, address, event types and settings as they are in `endpoint`.

        enabled: what its owner wants; None: as it is. An endpoint that the system had disabled is told what it missed, see
        `enable`. secrets None: as they were; else all of them anew ({}: none), or what a function makes of them as they are
        by then, see `keep_secret`. DomainError as for `add`; NOT_FOUND; FORBIDDEN to enable what the operator has disabled.
        """
        self._check(endpoint.address, endpoint.event_types)
        async with self._database.transaction() as connection:
            stored = await self._locked(connection, endpoint.account_id, endpoint.hash)
            if enabled:
                _check_not_barred(stored, DisabledBy.OWNER)
            changed = replace(
                stored, property_id=endpoint.property_id, name=endpoint.name, address=endpoint.address,
                event_types=endpoint.event_types, settings=endpoint.settings, updated_at=self._clock.now(),
            )  # fmt: skip
            if enabled is False and stored.enabled:
                changed = replace(changed, disabled_by=DisabledBy.OWNER, disabled_at=changed.updated_at)
            if callable(secrets):
                sealed = await store.secrets_of(connection, endpoint.account_id, endpoint.hash)
                secrets = secrets(self.unsealed(sealed))
            await self._put(connection, changed, secrets)
        if enabled and not stored.enabled:
            changed, _ = await self.enable(changed, replay=stored.disabled_by is DisabledBy.SYSTEM)
        return changed

    async def disable(self, endpoint: Endpoint, by: DisabledBy, why: str | None = None) -> Endpoint:
        """Tell it nothing until it is enabled. What waits for it is kept. FORBIDDEN for what the operator has disabled,
        unless it is the operator: it would become its owner's to enable."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            stored = await self._locked(connection, endpoint.account_id, endpoint.hash)
            _check_not_barred(stored, by)
            since = stored.disabled_at or now  # what it missed before, it missed
            changed = replace(stored, disabled_by=by, disabled_why=why, disabled_at=since, updated_at=now)
            await store.put(connection, changed)
        return changed

    async def enable(
        self, endpoint: Endpoint, *, replay: bool = True, by: DisabledBy = DisabledBy.OWNER
    ) -> tuple[Endpoint, int]:
        """Tell it again what happens. (the endpoint, how many events are due to it now).

        replay: with everything since it began to fail, or was disabled, that it was not delivered; else nothing that was
        before now, what waits for it neither, if it was disabled. FORBIDDEN for what the operator has disabled, unless it is the operator.
        """
        due, after = await self._catch_up(endpoint, by) if replay else (0, 0)
        async with self._database.transaction() as connection:
            stored = await self._locked(connection, endpoint.account_id, endpoint.hash)
            _check_not_barred(stored, by)
            if stored.enabled and not replay:
                return stored, 0
            changed = _enabled(stored, self._clock.now())
            await store.put(connection, changed)
            # What is being written now sees it disabled, and is not written before we see it: that is the rest of the gap.
            await counters.lock(connection, changed.account_id)
            if replay:
                rest = await store.replay(connection, changed, after=after, until=None, delivered_too=False)
                due += rest.due
            else:
                await store.give_up_waiting(connection, changed)
        return changed, due

    async def _catch_up(self, endpoint: Endpoint, by: DisabledBy) -> tuple[int, int]:
        """Make due what the endpoint missed, in portions: a gap may be millions of events long, and whoever writes the
        account's calls would wait while its counters are held. (how many, the event up to which that was)"""
        due, after = 0, None
        while True:
            async with self._database.transaction() as connection:
                stored = await self._locked(connection, endpoint.account_id, endpoint.hash)
                _check_not_barred(stored, by)
                if after is None:
                    after = await _before_gap(connection, stored)
                portion = await store.replay(connection, stored, after=after, until=None, delivered_too=False)
            due, after = due + portion.due, portion.last
            if not portion.more:
                return due, after

    async def delete(self, account_id: int, hash_: str) -> None:
        """With what still waits for it, and its log. DomainError NOT_FOUND.

        The log goes first, in portions, and the endpoint is disabled meanwhile: whoever writes the account's calls would
        wait for it otherwise. If that is interrupted it is there still, disabled.
        """
        async with self._database.transaction() as connection:
            stored = await self._locked(connection, account_id, hash_)
            if stored.enabled:
                await store.put(
                    connection, replace(stored, disabled_by=DisabledBy.OWNER, disabled_at=self._clock.now())
                )
        gone = store.PORTION
        while gone == store.PORTION:
            async with self._database.transaction() as connection:
                gone = await store.forget_some(connection, account_id, hash_)
        async with self._database.transaction() as connection:
            if not await store.delete(connection, account_id, hash_):
                raise DomainError(ErrorCode.NOT_FOUND, detail="no such endpoint")

    def _check(self, address: str, event_types: Sequence[EventType]) -> None:
        self.check_address(address)
        if UNASKED.intersection(event_types):
            raise DomainError(ErrorCode.UNKNOWN_VALUE, "event_types", "this one cannot be subscribed to")

    async def _put(self, connection: Connection, endpoint: Endpoint, secrets: Mapping[str, Any] | None) -> None:
        await store.put(connection, endpoint)
        if secrets is not None:
            sealed = self._vault.seal(secrets) if secrets else None
            await store.set_secrets(connection, endpoint.account_id, endpoint.hash, sealed)

    async def _locked(self, connection: Connection, account_id: int, hash_: str) -> Endpoint:
        """The endpoint as it is now, nobody else's to change until the transaction ends. DomainError NOT_FOUND."""
        await store.secrets_of(connection, account_id, hash_)
        stored = await store.by_hash(connection, account_id, hash_)
        if stored is None:
            raise DomainError(ErrorCode.NOT_FOUND, detail="no such endpoint")
        return stored

    # --- telling again ---

    async def replay(
        self, endpoint: Endpoint, *, after: int = 0, until: int | None = None, delivered_too: bool = True
    ) -> int:
        """Send the kept events with ids above `after`, up to `until` inclusive, once more: those of its types and property,
        those that happened before it was made too. Returns how many; one that is under way is not counted, nor told twice.
        DomainError NOT_FOUND; CONFLICT for a disabled endpoint."""
        due, more = 0, True
        if until is None:
            until = await self._ledger.newest_event(
                endpoint.account_id
            )  # what comes while this goes on is told as it comes
        while more:
            async with self._database.transaction() as connection:
                stored = await self._locked(connection, endpoint.account_id, endpoint.hash)
                _check_enabled(stored)
                portion = await store.replay(
                    connection, stored, after=after, until=until, delivered_too=delivered_too
                )  # fmt: skip
            due, after, more = due + portion.due, portion.last, portion.more
        return due

    async def replay_one(self, endpoint: Endpoint, event_id: int) -> None:
        """DomainError NOT_FOUND for an event that is not kept, or not of its types; CONFLICT for a disabled endpoint and for
        an event that is under way to it."""
        if not await self.replay(endpoint, after=event_id - 1, until=event_id):
            found, _ = await self._ledger.deliveries(
                LogQuery(account_id=endpoint.account_id, endpoint_hashes=[endpoint.hash], event_id=event_id)
            )
            if found:
                raise DomainError(ErrorCode.CONFLICT, detail="it is being sent there now")
            raise DomainError(ErrorCode.NOT_FOUND, detail="no such event for this endpoint")

    async def test(self, endpoint: Endpoint) -> None:
        """Send it an event that says no more than that it is a test. DomainError NOT_FOUND; CONFLICT if it is disabled."""
        async with self._database.transaction() as connection:
            stored = await self._locked(connection, endpoint.account_id, endpoint.hash)
            _check_enabled(stored)
            test = Event(
                account_id=stored.account_id, type=EventType.ENDPOINT_TEST, property_id=stored.property_id,
                about=number_of_hash(stored.hash), at=self._clock.now(), endpoint_hash=stored.hash,
            )  # fmt: skip
            await counters.lock(connection, stored.account_id)
            await event_store.tell(connection, stored.account_id, [test])

    async def forget(self, endpoint: Endpoint, event_id: int) -> None:
        """Never send this event there (again), and take it out of the log."""
        async with self._database.transaction() as connection:
            await store.forget_one(connection, endpoint.account_id, event_id, endpoint.hash)

    # --- secrets ---

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


def _as_kept(content: Mapping[str, Any] | None) -> Any:
    """As it is when it is read again: JSON knows no tuples."""
    return json.loads(json.dumps(dict(content or {})))


def _enabled(endpoint: Endpoint, now: datetime) -> Endpoint:
    return replace(
        endpoint, disabled_by=None, disabled_why=None, disabled_at=None, failing_since=None, updated_at=now
    )  # fmt: skip


def _check_enabled(endpoint: Endpoint) -> None:
    if not endpoint.enabled:
        raise DomainError(ErrorCode.CONFLICT, detail="the endpoint is disabled: enable it first")


async def _before_gap(connection: Connection, endpoint: Endpoint) -> int:
    """The last event before it began to fail, or was disabled; before the first that it was not delivered since then."""
    gap_at = min(filter(None, (endpoint.failing_since, endpoint.disabled_at)), default=endpoint.updated_at)
    newest = await event_store.newest(connection, endpoint.account_id, before=gap_at)
    failed = await store.first_failed(connection, endpoint, gap_at)
    return newest if failed is None else min(newest, failed - 1)


def _check_not_barred(endpoint: Endpoint, by: DisabledBy) -> None:
    if endpoint.disabled_by is DisabledBy.ADMIN and by is not DisabledBy.ADMIN:
        raise DomainError(ErrorCode.FORBIDDEN, detail="the operator has disabled this endpoint")
