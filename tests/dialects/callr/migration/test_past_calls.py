"""A call as its CDRs tell it: CDR to call to CDR changes nothing, whatever the call was like."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrail.dialects.callr.migration.past_calls import (
    LEG_DISPOSITIONS,
    Landing,
    UnusableError,
    inbound_call,
    placed_call,
)
from ringtrail.dialects.callr.responses import CdrIn, CdrOut, cdr_in_view, cdr_out_view
from ringtrail.dialects.callr.vocabulary import dial_status
from ringtrail.model.account import Account
from ringtrail.model.app import PACKAGE_CALL_TRACKING
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Call, Leg, LegRole, Trigger
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.history import IMPORTED_NODE, PastCall, imported_leg_id
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.view import fields_of

ACCOUNT = Account(
    id=7, sid="S" * 32, name="Ours", timezone="UTC", country="FR", currency="EUR", billing_increment_s=60,
    outbound_prefixes=(),
)  # fmt: skip
LANDING = Landing(account_id=7, property_id=3, billing_increment_s=60, dids={}, latest=datetime(2027, 1, 1, tzinfo=UTC))
START = datetime(2026, 7, 14, 9, 5, 10, tzinfo=UTC)


# --- a call as this API shows it, without a database ------------------------------------------------------------------


def shown_in(past: PastCall) -> CdrIn:
    call = past.call
    values = {
        "caller_answered_at": call.legs[0].answered_at, "revenue_minor": past.revenue_minor,
        "caller_number": call.caller_number_e164, "tracking_number": call.tracking_number_e164,
        "package": PACKAGE_CALL_TRACKING, "app_name": "Main line",
    }  # fmt: skip
    view = cdr_in_view(ACCOUNT, frozenset())
    return view(*(values[name] if name in values else getattr(call, name) for name in fields_of(view)))


def shown_out(past: PastCall, leg: Leg) -> CdrOut:
    call = past.call
    values = {
        "call_id": call.id, "number": leg.number_e164, "billed_s": past.billed_s[leg.id],
        "caller_number": call.caller_number_e164, "package": PACKAGE_CALL_TRACKING, "app_name": "Main line",
    }  # fmt: skip

    def value(name: str) -> Any:
        if name in values:
            return values[name]
        return getattr(leg, name) if hasattr(leg, name) else getattr(call, name)

    view = cdr_out_view(frozenset())
    return view(*map(value, fields_of(view)))


def told(past: PastCall) -> tuple[CdrIn | CdrOut, list[CdrOut]]:
    """(its own CDR, those of its targets)"""
    call = past.call
    own = shown_out(past, call.legs[0]) if call.placed_by_us else shown_in(past)
    return own, [shown_out(past, leg) for leg in call.legs[1:]]


def made(own: CdrIn | CdrOut, targets: list[CdrOut]) -> PastCall:
    return inbound_call(LANDING, own, targets) if isinstance(own, CdrIn) else placed_call(LANDING, own, targets)


# --- calls of any kind ------------------------------------------------------------------------------------------------

moments = st.integers(0, 400_000).map(lambda milliseconds: timedelta(milliseconds=milliseconds))
maybe = st.booleans()
ends = st.sampled_from([*HangupBy, None])
amounts = st.one_of(st.none(), st.integers(1, 10**9).map(lambda hundredths: 100 * hundredths))
labels = st.one_of(st.none(), st.sampled_from(["France mobile", "GB"]))


@st.composite
def legs(draw: Any, id_: int, position: int, not_before: datetime) -> Leg:
    started_at, label = not_before + draw(moments), draw(labels)
    answered_at = started_at + draw(moments) if draw(maybe) else None
    role = LegRole.TARGET if position else LegRole.CALLER
    return Leg(
        id=id_, engine_leg_id=imported_leg_id(7, id_), role=role, position=position,
        number_e164=f"+3398765432{position}", number_country="FR", number_line_type=draw(st.sampled_from(["FIXED", None])),
        started_at=started_at, answered_at=answered_at, ended_at=(answered_at or started_at) + draw(moments),
        cause=draw(st.sampled_from([1, 16, 17, 19, 21, 34, None])), hangup_by=draw(ends),
        disposition=draw(st.sampled_from(list(Disposition))), debit_micro=draw(amounts) or (0 if label else None),
        cost_label=label,
    )  # fmt: skip


@st.composite
def past_calls(draw: Any) -> PastCall:
    placed, withheld = draw(maybe), draw(maybe)
    own = draw(legs(100, 0, START + draw(moments)))
    targets = [draw(legs(101 + n, 1 + n, own.started_at)) for n in range(draw(st.integers(0, 3)))]
    targets = [
        replace(leg, position=position)
        for position, leg in enumerate(sorted(targets, key=lambda leg: leg.started_at.replace(microsecond=0)), 1)
    ]
    number = own.number_e164 if placed or not withheld else None
    call = Call(
        id=own.id, account_id=7, property_id=3, node=IMPORTED_NODE, started_at=own.started_at, state=State.ENDED,
        stage=Stage.NONE, tracking_number_e164="" if placed else "+33912340001", did_hash="" if placed else "DIDDIDDI",
        app_hash=draw(st.sampled_from(["APPAPPAP", None])), caller_number_e164=number, caller_withheld=withheld and not placed,
        caller_name=None if withheld or placed else draw(st.sampled_from(["Alice", None])),
        caller_country=None if withheld and not placed else own.number_country,
        caller_line_type=None if withheld and not placed else own.number_line_type, caller_region=None,
        attribution=StaticAttribution(), legs=(own, *targets), trigger=Trigger.API if placed else Trigger.NORMAL,
        ended_at=own.ended_at if placed else own.ended_at + draw(st.sampled_from([timedelta(), timedelta(milliseconds=2700)])),
        hangup_cause=own.cause, hangup_by=own.hangup_by, external_id=draw(st.sampled_from(["order42", None])),
    )  # fmt: skip
    billed_s = {leg.id: draw(st.integers(0, 600)) for leg in call.legs}
    return PastCall(call=call, billed_s=billed_s, revenue_minor=0 if placed else draw(st.integers(0, 10_000)))


@settings(deadline=None, max_examples=300)
@given(past_calls())
def test_cdrs_of_a_call_made_of_cdrs_are_the_same_cdrs(past: PastCall) -> None:
    own, targets = told(past)
    again = made(own, targets)
    assert told(again) == (own, targets)
    assert all(leg.started_at >= again.call.started_at for leg in again.call.legs)
    assert told(made(*told(again))) == (own, targets)


# --- how a call ended -------------------------------------------------------------------------------------------------


def cdr_in(**changes: Any) -> CdrIn:
    past = PastCall(call=_plain_call(), billed_s={100: 0})
    return msgspec.structs.replace(shown_in(past), **changes)


def cdr_out(n: int = 1, **changes: Any) -> CdrOut:
    call = _plain_call()
    leg = replace(
        call.legs[0], id=100 + n, role=LegRole.TARGET, position=n, disposition=Disposition.NO_ANSWER,
        hangup_by=HangupBy.PLATFORM,
    )  # fmt: skip
    past = PastCall(call=call, billed_s={leg.id: 0})
    return msgspec.structs.replace(shown_out(past, leg), **changes)


def _plain_call() -> Call:
    caller = Leg(
        id=100, engine_leg_id=imported_leg_id(7, 100), role=LegRole.CALLER, position=0, number_e164="+33612345678",
        started_at=START, ended_at=START + timedelta(seconds=30), cause=16, hangup_by=HangupBy.PLATFORM,
    )  # fmt: skip
    return Call(
        id=100, account_id=7, property_id=3, node=IMPORTED_NODE, started_at=START, state=State.ENDED, stage=Stage.NONE,
        tracking_number_e164="+33912340001", did_hash="DIDDIDDI", app_hash=None, caller_number_e164="+33612345678",
        caller_withheld=False, caller_name=None, caller_country="FR", caller_line_type="MOBILE", caller_region=None,
        attribution=StaticAttribution(), legs=(caller,), ended_at=caller.ended_at, hangup_cause=16,
        hangup_by=HangupBy.PLATFORM,
    )  # fmt: skip


UP = {"answer": "2026-07-14 09:05:20", "duration_answered": 20}
TALK: dict[str, Any] = {"dialstatus": "ANSWER", "answer": "2026-07-14 09:05:20", "duration_answered": 20}


@pytest.mark.parametrize(
    ("own", "targets", "disposition", "stage"),
    [
        (UP, [TALK], Disposition.ANSWERED, Stage.BRIDGED),
        (UP, [{"dialstatus": "BUSY"}, TALK], Disposition.ANSWERED, Stage.BRIDGED),
        ({}, [{"dialstatus": "BUSY", "hangupcause": 17}], Disposition.BUSY, Stage.RINGING),
        ({}, [{"dialstatus": "BUSY", "hangupcause": 21}], Disposition.REJECTED, Stage.RINGING),
        ({}, [{"dialstatus": "BUSY"}, {"dialstatus": "NOANSWER"}], Disposition.NO_ANSWER, Stage.RINGING),
        ({}, [{"dialstatus": "CHANUNAVAIL"}], Disposition.INVALID_NUMBER, Stage.RINGING),
        ({}, [{"dialstatus": "CONGESTION"}], Disposition.FAILED, Stage.RINGING),
        ({}, [{"dialstatus": "NODIAL"}], Disposition.FAILED, Stage.RINGING),
        ({"hangupsource": "CALLER"}, [{"dialstatus": "CANCEL"}], Disposition.ABANDONED, Stage.RINGING),
        ({"hangupsource": "CALLER"}, [{"dialstatus": "NOANSWER"}], Disposition.NO_ANSWER, Stage.RINGING),
        ({"hangupsource": "CALLER"}, [], Disposition.ABANDONED, Stage.NONE),
        ({"hangupsource": "CALLER", **UP}, [], Disposition.ABANDONED, Stage.MESSAGE),
        (UP, [], Disposition.IVR, Stage.MESSAGE),
        ({"hangupcause": 1}, [], Disposition.UNASSIGNED, Stage.NONE),
        ({"hangupcause": 22}, [], Disposition.EXPIRED, Stage.NONE),
        ({"hangupcause": 21}, [], Disposition.BLOCKED, Stage.NONE),
        ({"hangupcause": None}, [], Disposition.FAILED, Stage.NONE),
    ],
)
def test_how_a_call_ended_is_concluded(
    own: dict[str, Any], targets: list[dict[str, Any]], disposition: Disposition, stage: Stage
) -> None:
    call = inbound_call(LANDING, cdr_in(**own), [cdr_out(n, **item) for n, item in enumerate(targets, 1)]).call
    assert (call.disposition, call.stage) == (disposition, stage)
    assert (call.answered_at is not None) is (disposition is Disposition.ANSWERED)


def test_a_placed_call_whose_caller_did_not_answer_ended_as_that_leg() -> None:
    own = cdr_out(callid_in=None, dialstatus="BUSY", hangupcause=17)
    call = placed_call(LANDING, own, []).call
    assert (call.disposition, call.trigger, call.caller_number_e164) == (Disposition.BUSY, Trigger.API, own.number)


@pytest.mark.parametrize("word", LEG_DISPOSITIONS)
def test_each_dial_status_comes_back_as_itself(word: str) -> None:
    assert dial_status(LEG_DISPOSITIONS[word], answered=word == "ANSWER", hangup_by=None) == word


def test_a_record_that_contradicts_itself_keeps_its_instants() -> None:
    own = cdr_in(duration=300, **UP)
    again = shown_in(inbound_call(LANDING, own, []))
    assert (again.start, again.answer, again.hangup, again.duration) == (own.start, own.answer, own.hangup, 30)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"callid": 2**53}, "callid"),
        ({"callid": 0}, "callid"),
        ({"cli_pres": "shouted"}, "cli_pres"),
        ({"hangupsource": "GREMLIN"}, "hangupsource"),
        ({"hangupcause": 99_999}, "hangupcause"),
        ({"start": "yesterday"}, "date"),
        ({"start": "1999-12-31 23:59:59"}, "began"),
        ({"start": "2027-01-02 00:00:00"}, "began"),
        ({"hangup": "9999-12-31 23:59:59"}, "ended"),
        ({"answer": "0001-01-01 00:00:00"}, "answered"),
        ({"duration": 10**30}, "lasted"),
        ({"duration_answered": 10**15}, "lasted"),
        ({"duration_billed": 2**31}, "lasted"),
        ({"billing_customer_debit_eur": "dear"}, "amount"),
        ({"billing_customer_debit_eur": "NaN"}, "amount"),
        ({"billing_customer_debit_eur": "-1.00"}, "amount"),
        ({"billing_customer_debit_eur": "1e99"}, "amount"),
    ],
)
def test_what_cannot_be_read_is_said(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(UnusableError, match=why):
        inbound_call(LANDING, cdr_in(**changes), [])


def test_an_unknown_dial_status_of_a_target_is_said() -> None:
    with pytest.raises(UnusableError, match="dialstatus"):
        inbound_call(LANDING, cdr_in(), [cdr_out(dialstatus="VANISHED")])
