"""Calls that API clients enter, correct and delete. What a call was on the wire stays in its legs and its story."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import available_timezones

from ringtrail.model.account import Principal
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import ENTERED_NODE, Call, Leg, LegRole, TraceEntry, Trigger
from ringtrail.model.cause import CAUSE_OF_DISPOSITION, Disposition, HangupBy
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import entered_call_id
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.number import DID
from ringtrail.ports.clock import Clock
from ringtrail.services.numbers import facts_of, to_e164
from ringtrail.storage import accounts as account_store
from ringtrail.storage import buttons as button_store
from ringtrail.storage import corrections as store
from ringtrail.storage import counters
from ringtrail.storage import numbers as number_store
from ringtrail.storage.calls import save_account
from ringtrail.storage.database import Connection, Database
from ringtrail.storage.live import ended_call
from ringtrail.storage.schema import ensure_partitions

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = timedelta(days=1)  # from now
MAX_DURATION_S = 86_400

_STAGE: dict[Disposition, Stage] = {
    Disposition.ANSWERED: Stage.BRIDGED,
    Disposition.VOICEMAIL: Stage.VOICEMAIL,
    Disposition.IVR: Stage.IVR,
    Disposition.BUSY: Stage.RINGING,
    Disposition.REJECTED: Stage.RINGING,
    Disposition.NO_ANSWER: Stage.RINGING,
    Disposition.ABANDONED: Stage.RINGING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEntry:
    """What a client says of a call. None: not said; in a correction: as it was.

    duration_s: of talk or message; of a call that nobody answered, how long it rang.
    disposition: not said of an entered call, it follows the duration: ANSWERED if there was any, else NO_ANSWER.
    trigger: only of an entered call, MANUAL if not said.
    """

    caller: str | None = None
    called: str | None = None
    tracking: str | None = None
    started_at: datetime | None = None
    timezone: str | None = None  # IANA
    duration_s: int | None = None
    disposition: Disposition | None = None
    disposition_raw: str | None = None  # the client's own word for it
    trigger: Trigger | None = None
    button_hash: str | None = None
    client_id: str | None = None
    external_id: str | None = None


class _Owner(NamedTuple):
    """Whose call it is, by the button or the tracking number that it names. did: of the tracking number, if it is ours."""

    property_id: int
    did: DID | None


class EnteredCalls:
    def __init__(self, database: Database, clock: Clock, recordings_folder: str) -> None:
        self._database = database
        self._clock = clock
        self._recordings_folder = Path(recordings_folder)

    async def enter(self, principal: Principal, entry: CallEntry) -> int:
        """Keep a call that did not go through us; its id. caller, called and started_at are required.

        DomainError MISSING, BAD_FORMAT, OUT_OF_RANGE or UNKNOWN_VALUE with the CallEntry's field.
        """
        for name in ("caller", "called", "started_at"):
            if getattr(entry, name) is None:
                raise DomainError(ErrorCode.MISSING, name)
        started_at = self._checked_start(entry.started_at)
        await ensure_partitions(self._database, [started_at])
        async with self._database.transaction() as connection:
            blank = await self._blank(connection, principal, entry, started_at)
            call = _told(_said(blank, principal.account.country, entry), entry)
            await save_account(connection, call.account_id, [call])
        return call.id

    async def correct(self, principal: Principal, call_id: int, entry: CallEntry) -> None:
        """Change what `entry` says. DomainError NOT_FOUND for a call that is not there, in progress, or another's;
        CONFLICT for what cannot be said of a call that went through us: 'trigger', and 'duration_s' of a message.
        """
        started_at = self._checked_start(entry.started_at) if entry.started_at else None
        if started_at:
            await ensure_partitions(self._database, [started_at, started_at + timedelta(seconds=MAX_DURATION_S)])
        async with self._database.transaction() as connection:
            before = await self._mine(connection, principal, call_id)
            country = principal.account.country
            after = _said(before, country, entry)
            if owner := await self._named(connection, principal, entry, country):
                after = replace(after, property_id=owner.property_id)
            if entry.tracking is not None:
                after = _tracked(after, owner.did if owner else None)
            if started_at is not None:
                after = _moved(after, started_at - before.started_at)
            if entry.duration_s is not None or entry.disposition is not None:
                after = _told(after, entry)
            await store.correct(connection, before, after)

    async def remove(self, principal: Principal, call_id: int) -> None:
        """Delete a call with its recordings. DomainError NOT_FOUND as for `correct`."""
        async with self._database.transaction() as connection:
            call = await self._mine(connection, principal, call_id)
            await store.remove(connection, call)
        for recording in call.recordings:
            for pattern in (f"{recording.path}.*", f"{recording.path}-*"):
                for path in self._recordings_folder.glob(pattern):
                    path.unlink(missing_ok=True)

    async def _mine(self, connection: Connection, principal: Principal, call_id: int) -> Call:
        await store.lock(connection, principal.account.id, call_id)
        call = await ended_call(connection, principal.account.id, call_id)
        if call is None or not principal.sees(call.property_id):
            raise DomainError(ErrorCode.NOT_FOUND, detail="no such call")
        return call

    def _checked_start(self, started_at: datetime | None) -> datetime:
        assert started_at is not None
        if not EARLIEST <= started_at <= self._clock.now() + LATEST:
            raise DomainError(ErrorCode.OUT_OF_RANGE, "started_at", "from the year 2000 to tomorrow")
        return started_at

    async def _blank(
        self, connection: Connection, principal: Principal, entry: CallEntry, started_at: datetime
    ) -> Call:
        now, account = self._clock.now(), principal.account
        owner = await self._named(connection, principal, entry, account.country)
        owner = owner or await self._default(connection, principal)
        creation, _ = await counters.lock(connection, account.id)
        call_id = entered_call_id(int(now.timestamp() * 1000), creation)
        caller = Leg(
            id=call_id, engine_leg_id=f"entered-{account.id}-{call_id}", role=LegRole.CALLER, position=0,
            number_e164=None, started_at=started_at,
        )  # fmt: skip
        blank = Call(
            id=call_id, account_id=account.id, property_id=owner.property_id, node=ENTERED_NODE, started_at=started_at,
            state=State.ENDED, stage=Stage.NONE, tracking_number_e164="", did_hash="", app_hash=None,
            caller_number_e164=None, caller_withheld=False, caller_name=None, caller_country=None,
            caller_line_type=None, caller_region=None, attribution=StaticAttribution(), legs=(caller,),
            trigger=Trigger.MANUAL, billing_increment_s=account.billing_increment_s,
            trace=(TraceEntry(at=now, what="entered"),),
        )  # fmt: skip
        return _tracked(blank, owner.did)

    async def _named(
        self, connection: Connection, principal: Principal, entry: CallEntry, country: str
    ) -> _Owner | None:
        """The owner of the button, or else of the tracking number, that the entry names; None if that is not ours."""
        bound = principal.property.id if principal.property else None
        did = await self._did(connection, principal, entry.tracking, country) if entry.tracking else None
        if entry.button_hash:
            button = await button_store.by_hash(connection, principal.account.id, entry.button_hash)
            if button is None or bound not in (None, button.property_id):
                raise DomainError(ErrorCode.UNKNOWN_VALUE, "button_hash", "no such button")
            return _Owner(button.property_id, did)
        return _Owner(did.property_id, did) if did else None

    async def _did(self, connection: Connection, principal: Principal, tracking: str, country: str) -> DID | None:
        """The tracking number, if it is one that the key may see."""
        did = await number_store.did_by_number(connection, _number("tracking", tracking, country))
        bound = principal.property.id if principal.property else None
        mine = did is not None and did.account_id == principal.account.id and bound in (None, did.property_id)
        return did if mine else None

    async def _default(self, connection: Connection, principal: Principal) -> _Owner:
        """The key's property, or the account's first."""
        bound = principal.property.id if principal.property else None
        first = bound or await account_store.first_property_id(connection, principal.account.id)
        if first is None:
            raise DomainError(ErrorCode.MISSING, "property", "the account has no property yet")
        return _Owner(first, None)


def _said(call: Call, country: str, entry: CallEntry) -> Call:
    """The call with the numbers and links that the entry names."""
    if entry.trigger is not None and call.node != ENTERED_NODE:
        raise DomainError(ErrorCode.CONFLICT, "trigger", "what made a call that went through us cannot be changed")
    changes: dict[str, object] = {
        name: value
        for name, value in (
            ("timezone", _zone(entry.timezone)),
            ("button_hash", entry.button_hash),
            ("client_id", entry.client_id),
            ("external_id", entry.external_id),
            ("trigger", entry.trigger),
        )
        if value is not None
    }
    if entry.caller is not None:
        number = _number("caller", entry.caller, country)
        facts = facts_of(number)
        changes |= {
            "caller_number_e164": number, "caller_withheld": False, "caller_country": facts.country,
            "caller_line_type": facts.line_type, "caller_region": facts.region,
        }  # fmt: skip
        if call.node == ENTERED_NODE:
            leg = replace(
                call.legs[0], number_e164=number, number_country=facts.country, number_line_type=facts.line_type
            )
            changes["legs"] = (leg,)
    if entry.called is not None:
        number = _number("called", entry.called, country)
        facts = facts_of(number)
        changes |= {
            "destination_number_e164": number, "destination_country": facts.country,
            "destination_line_type": facts.line_type,
        }  # fmt: skip
    if entry.tracking is not None:
        changes["tracking_number_e164"] = _number("tracking", entry.tracking, country)
    return replace(call, **changes)  # type: ignore[arg-type]


def _tracked(call: Call, did: DID | None) -> Call:
    """The call with what its tracking number stands for; None: a number of somebody else's, which stands for nothing."""
    return replace(
        call, did_hash=did.hash if did else "", app_hash=did.app_hash if did else None,
        attribution=did.attribution if did else StaticAttribution(),
    )  # fmt: skip


def _told(call: Call, entry: CallEntry) -> Call:
    """The call with the end and the duration that the entry names. Only an entered call's leg follows them: a real one's
    is what happened on the wire."""
    ended, entered = call.ended_at is not None, call.node == ENTERED_NODE
    duration_s = entry.duration_s if entry.duration_s is not None else (call.handled_s or call.ring_s if ended else 0)
    if not 0 <= duration_s <= MAX_DURATION_S:
        raise DomainError(ErrorCode.OUT_OF_RANGE, "duration_s", f"from 0 to {MAX_DURATION_S} seconds")
    disposition = _disposition(call, entry, duration_s)
    by_platform = disposition in (Disposition.VOICEMAIL, Disposition.IVR)
    if by_platform and not entered and entry.duration_s is not None:
        raise DomainError(ErrorCode.CONFLICT, "duration_s", "how long a caller of ours was heard cannot be changed")
    answered_at = (call.answered_at or call.started_at) if disposition is Disposition.ANSWERED else None
    ended_at = (answered_at or call.started_at) + timedelta(seconds=duration_s)
    legs = call.legs
    if entered:
        up_at = answered_at or (call.started_at if by_platform else None)
        legs = (replace(legs[0], answered_at=up_at, ended_at=ended_at, disposition=disposition),)
    return replace(
        call, answered_at=answered_at, bridged_at=answered_at, ended_at=ended_at, disposition=disposition,
        stage=_STAGE.get(disposition, Stage.NONE), disposition_raw=_raw(entry) or call.disposition_raw,
        hangup_by=call.hangup_by or HangupBy.CALLER, hangup_cause=CAUSE_OF_DISPOSITION[disposition], legs=legs,
    )  # fmt: skip


def _disposition(call: Call, entry: CallEntry, duration_s: int) -> Disposition:
    """As said now, as said or seen before, or as the duration has it."""
    if entry.disposition is not None:
        return entry.disposition
    if call.ended_at is not None and (call.node != ENTERED_NODE or call.disposition_raw):
        return call.disposition
    return Disposition.ANSWERED if duration_s else Disposition.NO_ANSWER


def _raw(entry: CallEntry) -> str | None:
    """What shows later that the end was said, and not guessed."""
    return (entry.disposition_raw or str(entry.disposition)) if entry.disposition is not None else None


def _moved(call: Call, later: timedelta) -> Call:
    """The same call, with its legs, at another time."""

    def at(instant: datetime | None) -> datetime | None:
        return instant + later if instant is not None else None

    legs = tuple(
        replace(
            leg, started_at=leg.started_at + later, ringing_at=at(leg.ringing_at), answered_at=at(leg.answered_at),
            ended_at=at(leg.ended_at),
        )
        for leg in call.legs
    )  # fmt: skip
    return replace(
        call, started_at=call.started_at + later, answered_at=at(call.answered_at), bridged_at=at(call.bridged_at),
        ended_at=at(call.ended_at), legs=legs,
    )  # fmt: skip


def _number(field: str, text: str, country: str) -> str:
    number = to_e164(text, country)
    if number is None:
        raise DomainError(ErrorCode.BAD_FORMAT, field, "not a phone number")
    return number


def _zone(timezone: str | None) -> str | None:
    if timezone is not None and timezone not in iana_zones():
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "timezone", "not a time zone of the IANA database")
    return timezone


@cache
def iana_zones() -> frozenset[str]:
    """Names and links of time zones. Read once: it takes 45 ms. `localtime` is this machine's own setting."""
    return frozenset(available_timezones() - {"localtime"})
