"""A call made of its CDRs: a CDR.In, or the CDR.Out of a call that was placed, with the CDR.Out of the targets it was put
through to.

A CDR shows instants cut to the second and durations that are rounded; the call is given instants from which the same are made.
[inferred]: a CDR has no word for how a call ended, it is concluded: from a target that answered; else from the caller who
hung up, while a target was called or a prompt was heard; else from the last target; else from the cause, see `_UNANSWERED`.
A voicemail shows itself by its recording only, which comes later. Of a contradiction between instants and durations the
instants are kept. Of a placed call the caller is whom the platform called first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any, NamedTuple

from ringtrail.dialects.callr.responses import CdrIn, CdrOut
from ringtrail.dialects.callr.vocabulary import CLI_ALLOWED, CLI_WITHHELD, HANGUP_SOURCES, datetime_of
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Call, Leg, LegRole, Trigger, whole_seconds
from ringtrail.model.cause import Cause, Disposition, HangupBy
from ringtrail.model.history import IMPORTED_NODE, PastCall, imported_leg_id
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.money import CENT
from ringtrail.model.number import DID
from ringtrail.services.history import EARLIEST
from ringtrail.services.numbers import facts_of, is_e164

_MOST_ID = 2**53
_MOST_MICRO = 10**15
_LONGEST = timedelta(days=366)  # no call is longer, and seconds are kept in 32 bits
_TENTHS = tuple(timedelta(milliseconds=100 * n) for n in (0, 2, 4, 6, 8))

LEG_DISPOSITIONS: dict[str, Disposition] = {
    "ANSWER": Disposition.ANSWERED,
    "BUSY": Disposition.BUSY,
    "CANCEL": Disposition.ABANDONED,
    "CHANUNAVAIL": Disposition.INVALID_NUMBER,
    "CONGESTION": Disposition.FAILED,
    "NOANSWER": Disposition.NO_ANSWER,
    "NODIAL": Disposition.IN_PROGRESS,
}
"""Of a leg that has ended, by `dialstatus`; the other way round `vocabulary.dial_status`."""

_UNANSWERED: dict[int | None, Disposition] = {
    Cause.UNALLOCATED: Disposition.UNASSIGNED,
    Cause.NUMBER_CHANGED: Disposition.EXPIRED,
    Cause.CALL_REJECTED: Disposition.BLOCKED,
}
"""What the platform did not put through to anybody, by `hangupcause`."""

_HANGUP_BY = {word: who for who, word in HANGUP_SOURCES.items()}
_OTHER_END = {HangupBy.CALLER: HangupBy.CALLEE, HangupBy.CALLEE: HangupBy.CALLER}


class UnusableError(Exception):
    """No call can be made of it; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Where calls come to. property_id: of those whose number is not here. latest: no call began after it."""

    account_id: int
    property_id: int
    billing_increment_s: int
    dids: Mapping[str, DID]
    latest: datetime


class _Instants(NamedTuple):
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime


class _End(NamedTuple):
    disposition: Disposition
    stage: Stage


def inbound_call(landing: Landing, own: CdrIn, targets: Sequence[CdrOut]) -> PastCall:
    """UnusableError."""
    at = _instants(own, landing.latest, talk_s=None)
    withheld, by = _withheld(own), _hangup_by(own)
    number = None if withheld else own.cli_number or None
    up_until = at.answered_at + timedelta(seconds=own.duration_answered) if at.answered_at else at.ended_at
    caller = Leg(
        id=_id(own), engine_leg_id=imported_leg_id(landing.account_id, own.callid), role=LegRole.CALLER, position=0,
        number_e164=number, number_country=own.cli_country_code, number_line_type=own.cli_number_type,
        started_at=at.started_at, answered_at=at.answered_at, ended_at=up_until, cause=_cause(own), hangup_by=by,
    )  # fmt: skip
    blank = _blank(landing, own, _costing(caller, own), did_hash=own.did_hash or "")
    call = replace(
        blank, ended_at=at.ended_at, caller_number_e164=number, caller_withheld=withheld,
        tracking_number_e164=own.did_intl_number or "", caller_name=None if withheld else own.cli_name or None,
        caller_country=None if withheld else own.cli_country_code,
        caller_line_type=None if withheld else own.cli_number_type, caller_region=_region(number),
    )  # fmt: skip
    revenue = micro_of(own.billing_customer_credit_eur) // CENT
    return _whole(landing, call, own, targets, revenue_minor=revenue)


def placed_call(landing: Landing, own: CdrOut, targets: Sequence[CdrOut]) -> PastCall:
    """UnusableError."""
    leg = replace(_dialled(landing, own, 0, _start(own, landing.latest)), role=LegRole.CALLER)
    leg = replace(leg, hangup_by=_OTHER_END.get(leg.hangup_by, leg.hangup_by) if leg.hangup_by else None)
    call = replace(
        _blank(landing, own, leg, did_hash=""), trigger=Trigger.API, ended_at=leg.ended_at,
        caller_number_e164=leg.number_e164, caller_withheld=_withheld(own), caller_country=leg.number_country,
        caller_line_type=leg.number_line_type, caller_region=_region(leg.number_e164),
    )  # fmt: skip
    return _whole(landing, call, own, targets)


def _blank(landing: Landing, own: CdrIn | CdrOut, caller: Leg, *, did_hash: str) -> Call:
    did = landing.dids.get(did_hash)
    return Call(
        id=caller.id, account_id=landing.account_id, property_id=did.property_id if did else landing.property_id,
        node=IMPORTED_NODE, started_at=caller.started_at, state=State.ENDED, stage=Stage.NONE, tracking_number_e164="",
        did_hash=did_hash, app_hash=own.scenario_hash or None, caller_number_e164=None, caller_withheld=False,
        caller_name=None, caller_country=None, caller_line_type=None, caller_region=None,
        attribution=did.attribution if did else StaticAttribution(), legs=(caller,), hangup_cause=caller.cause,
        hangup_by=caller.hangup_by, external_id=own.customer_field or None,
        billing_increment_s=landing.billing_increment_s,
    )  # fmt: skip


def _whole(
    landing: Landing, call: Call, own: CdrIn | CdrOut, targets: Sequence[CdrOut], *, revenue_minor: int = 0
) -> PastCall:
    """The call with its targets, and how it ended."""
    ordered = sorted(targets, key=lambda record: (record.start, record.callid))
    legs = tuple(_dialled(landing, record, place, call.started_at) for place, record in enumerate(ordered, 1))
    talked = next((leg for leg in legs if leg.disposition is Disposition.ANSWERED and leg.answered_at), None)
    met = talked or (legs[-1] if legs else None)
    end = _end(call, legs, talked)
    own_disposition = call.legs[0].disposition if call.placed_by_us else end.disposition
    whole = replace(
        call, legs=(replace(call.legs[0], disposition=own_disposition), *legs), disposition=end.disposition,
        stage=end.stage, answered_at=talked.answered_at if talked else None,
        bridged_at=talked.answered_at if talked else None, disposition_raw=ordered[-1].dialstatus if ordered else None,
        destination_number_e164=met.number_e164 if met else None, destination_country=met.number_country if met else None,
        destination_line_type=met.number_line_type if met else None,
        external_id=call.external_id or next((record.customer_field for record in ordered if record.customer_field), None),
    )  # fmt: skip
    billed_s = {record.callid: record.duration_billed for record in (own, *ordered)}
    return PastCall(call=whole, billed_s=billed_s, revenue_minor=revenue_minor)


def _end(call: Call, legs: Sequence[Leg], talked: Leg | None) -> _End:
    caller = call.legs[0]
    if talked is not None:
        return _End(Disposition.ANSWERED, Stage.BRIDGED)
    if call.placed_by_us and caller.answered_at is None:
        return _End(caller.disposition, Stage.NONE)
    if call.hangup_by is HangupBy.CALLER and (not legs or legs[-1].disposition is Disposition.ABANDONED):
        return _End(
            Disposition.ABANDONED, Stage.RINGING if legs else Stage.MESSAGE if caller.answered_at else Stage.NONE
        )
    if legs:
        last = legs[-1].disposition
        return _End(Disposition.FAILED if last is Disposition.IN_PROGRESS else last, Stage.RINGING)
    if caller.answered_at is not None:
        return _End(Disposition.IVR, Stage.MESSAGE)
    return _End(_UNANSWERED.get(call.hangup_cause, Disposition.FAILED), Stage.NONE)


def _dialled(landing: Landing, record: CdrOut, position: int, not_before: datetime) -> Leg:
    """not_before: a leg begins no earlier than its call, even within the same second."""
    at = _instants(record, landing.latest, talk_s=record.duration_answered, not_before=not_before)
    cause, disposition = _cause(record), LEG_DISPOSITIONS.get(record.dialstatus)
    if disposition is None:
        raise UnusableError(f"its dialstatus is {record.dialstatus[:40]!r}")
    if disposition is Disposition.BUSY and cause == Cause.CALL_REJECTED:
        disposition = Disposition.REJECTED
    leg = Leg(
        id=_id(record), engine_leg_id=imported_leg_id(landing.account_id, record.callid), role=LegRole.TARGET,
        position=position, number_e164=record.number or None, number_country=record.number_country_code,
        number_line_type=record.number_type, started_at=at.started_at, answered_at=at.answered_at, ended_at=at.ended_at,
        cause=cause, hangup_by=_hangup_by(record), disposition=disposition, raw=record.dialstatus,
    )  # fmt: skip
    return _costing(leg, record)


def _costing(leg: Leg, record: CdrIn | CdrOut) -> Leg:
    """What nobody rated and what cost nothing is told by the label."""
    micro, label = micro_of(record.billing_customer_debit_eur), record.billing_customer_cost_label or None
    return replace(leg, debit_micro=micro or (0 if label else None), cost_label=label)


# --- instants ---------------------------------------------------------------------------------------------------------


def _start(record: CdrIn | CdrOut, latest: datetime) -> datetime:
    start = instant_of(record.start)
    if not EARLIEST <= start <= latest:
        raise UnusableError(f"it began on {record.start}")
    return start


def _instants(
    record: CdrIn | CdrOut, latest: datetime, *, talk_s: int | None, not_before: datetime | None = None
) -> _Instants:
    """talk_s None: when the talk ended is told by nothing else."""
    start = _start(record, latest)
    _check_seconds(record)
    answer = instant_of(record.answer) if record.answer else None
    end = instant_of(record.hangup) if record.hangup else start + timedelta(seconds=record.duration)
    if any(at is not None and abs(at - start) > _LONGEST for at in (answer, end)):
        raise UnusableError(f"it was answered on {record.answer} and ended on {record.hangup}")
    floor = not_before or start
    for late in _parts(start, floor):
        for answered, ended in product(_TENTHS if answer and talk_s is not None else _TENTHS[:1], _TENTHS):
            at = _Instants(start + late, answer + answered if answer else None, end + ended)
            if _fits(at, record.duration, talk_s):
                return at
    return _Instants(max(start, floor), answer, max(end, floor))


def _check_seconds(record: CdrIn | CdrOut) -> None:
    for seconds in (record.duration, record.duration_answered, record.duration_billed):
        if abs(seconds) > _LONGEST.total_seconds():
            raise UnusableError(f"it lasted {seconds} seconds")


def _parts(start: datetime, floor: datetime) -> Iterator[timedelta]:
    """Within the second, or after the call began in it."""
    return (part for part in _TENTHS if start + part >= floor)


def _fits(at: _Instants, total_s: int, talk_s: int | None) -> bool:
    talked = talk_s is None or at.answered_at is None or whole_seconds(at.answered_at, at.ended_at) == talk_s
    return talked and whole_seconds(at.started_at, at.ended_at) == total_s


def instant_of(text: str) -> datetime:
    at = datetime_of(text)
    if at is None:
        raise UnusableError(f"{text[:40]!r} is not a date and time")
    return at


# --- other values -----------------------------------------------------------------------------------------------------


def _id(record: CdrIn | CdrOut) -> int:
    if not 0 < record.callid < _MOST_ID:
        raise UnusableError("its callid is none that can be kept: from 1 to 2^53 - 1")
    return record.callid


def _withheld(record: CdrIn | CdrOut) -> bool:
    if record.cli_pres not in (CLI_ALLOWED, CLI_WITHHELD):
        raise UnusableError(f"its cli_pres is {record.cli_pres[:40]!r}")
    return record.cli_pres == CLI_WITHHELD


def _hangup_by(record: CdrIn | CdrOut) -> HangupBy | None:
    word = record.hangupsource
    if not word:
        return None
    if word not in _HANGUP_BY:
        raise UnusableError(f"its hangupsource is {word[:40]!r}")
    return HangupBy(_HANGUP_BY[word])


def _cause(record: CdrIn | CdrOut) -> int | None:
    if record.hangupcause is not None and not 0 <= record.hangupcause <= 255:
        raise UnusableError(f"its hangupcause is {record.hangupcause}")
    return record.hangupcause


def micro_of(amount: str) -> int:
    """Of an `amount` in cents."""
    try:
        micro = int(Decimal(amount) * CENT)
    except (InvalidOperation, ValueError, OverflowError):
        raise UnusableError(f"{amount[:40]!r} is no amount") from None
    if not 0 <= micro <= _MOST_MICRO:
        raise UnusableError(f"{amount[:40]!r} is no amount that can be")
    return micro


def _region(number: str | None) -> str | None:
    return facts_of(number).region if number and is_e164(number) else None


def named(record: Any) -> str:
    """What people know it by, whatever it is."""
    return f"CDR {record.get('callid', '?')}" if isinstance(record, dict) else "a CDR"
