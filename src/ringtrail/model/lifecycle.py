"""The one table: state x event -> state of a call, and what an end in each state means.

`docs/explanation/call-lifecycle.md` is printed from this table (`python -m ringtrail.model.lifecycle`).
"""

from __future__ import annotations

from enum import StrEnum

from ringtrail.model.cause import Disposition


class Stage(StrEnum):
    """How far a call got."""

    NONE = "none"
    MESSAGE = "message"
    IVR = "ivr"
    RINGING = "ringing"
    BRIDGED = "bridged"
    VOICEMAIL = "voicemail"


class State(StrEnum):
    """Where a live call is now."""

    OFFERED = "offered"
    MESSAGE = "message"  # the caller hears a prompt of ours
    RINGING = "ringing"  # a target is being called
    SCREENING = "screening"  # a target answered and hears the whisper or the bridge prompt
    BRIDGED = "bridged"
    VOICEMAIL = "voicemail"  # the caller hears the voicemail prompt or leaves a message
    ENDED = "ended"


class Happening(StrEnum):
    """What moves a call from state to state."""

    PROMPT_STARTED = "prompt_started"
    TARGET_DIALLED = "target_dialled"
    TARGET_ANSWERED = "target_answered"
    TARGET_LOST = "target_lost"  # busy, no answer, failed, or left before the bridge
    BRIDGED = "bridged"
    VOICEMAIL_STARTED = "voicemail_started"
    HUNG_UP = "hung_up"


_S, _H = State, Happening

TRANSITIONS: dict[tuple[State, Happening], State] = {
    (_S.OFFERED, _H.PROMPT_STARTED): _S.MESSAGE,
    (_S.OFFERED, _H.TARGET_DIALLED): _S.RINGING,
    (_S.OFFERED, _H.VOICEMAIL_STARTED): _S.VOICEMAIL,
    (_S.OFFERED, _H.HUNG_UP): _S.ENDED,
    (_S.MESSAGE, _H.PROMPT_STARTED): _S.MESSAGE,
    (_S.MESSAGE, _H.TARGET_DIALLED): _S.RINGING,
    (_S.MESSAGE, _H.VOICEMAIL_STARTED): _S.VOICEMAIL,
    (_S.MESSAGE, _H.HUNG_UP): _S.ENDED,
    (_S.RINGING, _H.TARGET_DIALLED): _S.RINGING,
    (_S.RINGING, _H.TARGET_LOST): _S.RINGING,
    (_S.RINGING, _H.TARGET_ANSWERED): _S.SCREENING,
    (_S.RINGING, _H.VOICEMAIL_STARTED): _S.VOICEMAIL,
    (_S.RINGING, _H.HUNG_UP): _S.ENDED,
    (_S.SCREENING, _H.TARGET_LOST): _S.RINGING,
    (_S.SCREENING, _H.BRIDGED): _S.BRIDGED,
    (_S.SCREENING, _H.HUNG_UP): _S.ENDED,
    (_S.BRIDGED, _H.HUNG_UP): _S.ENDED,
    (_S.VOICEMAIL, _H.HUNG_UP): _S.ENDED,
}

STAGE_OF_STATE: dict[State, Stage] = {
    _S.OFFERED: Stage.NONE,
    _S.MESSAGE: Stage.MESSAGE,
    _S.RINGING: Stage.RINGING,
    _S.SCREENING: Stage.RINGING,
    _S.BRIDGED: Stage.BRIDGED,
    _S.VOICEMAIL: Stage.VOICEMAIL,
}


class LifecycleError(Exception):
    """A happening that the table does not know in this state: a bug of ours or an engine's fact out of order."""


def next_state(state: State, happening: Happening) -> State:
    """The state after `happening`. Raises LifecycleError where the table has no entry."""
    try:
        return TRANSITIONS[state, happening]
    except KeyError:
        raise LifecycleError(f"{happening} cannot happen to a call that is {state}") from None


def disposition_at_end(
    state: State, *, by_caller: bool, message_left: bool, last_target: Disposition | None, failed: bool = False
) -> Disposition:
    """What the call was when it ended in `state` (the state before `hung_up`).

    last_target: Disposition of the last target that was tried and lost, if any.
    message_left: the caller was recorded, in voicemail or for a medium.
    failed: the platform or the engine broke, nobody chose to hang up.
    """
    if state is State.BRIDGED:
        return Disposition.ANSWERED
    if message_left and state in (State.VOICEMAIL, State.MESSAGE):
        return Disposition.VOICEMAIL if state is State.VOICEMAIL else Disposition.IVR
    if failed:
        return Disposition.FAILED
    if by_caller and state in (State.OFFERED, State.MESSAGE, State.RINGING, State.SCREENING):
        return Disposition.ABANDONED
    if last_target is not None:
        return last_target
    if state is State.MESSAGE:
        return Disposition.IVR
    return Disposition.NO_ANSWER if state is State.VOICEMAIL else Disposition.FAILED


def as_mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.OFFERED}"]
    lines += [f"    {src} --> {dst}: {what}" for (src, what), dst in TRANSITIONS.items()]
    return "\n".join([*lines, f"    {State.ENDED} --> [*]"])


def as_page() -> str:
    """docs/explanation/call-lifecycle.md."""
    parts = [_PAGE_HEAD, f"```mermaid\n{as_mermaid()}\n```", _MOVES_HEAD, _moves(), _ENDS_HEAD, _ends(), _PAGE_FOOT]
    return "\n\n".join(parts) + "\n"


def _moves() -> str:
    rows = [f"| `{state}` | {_row_of(state)} | `{STAGE_OF_STATE[state]}` |" for state in STAGE_OF_STATE]
    return "\n".join(["| in | what may happen → then it is | stage |", "|---|---|---|", *rows])


def _row_of(state: State) -> str:
    return ", ".join(f"{what} → `{dst}`" for (src, what), dst in TRANSITIONS.items() if src is state)


def _ends() -> str:
    rows = [_end_row(state, f"`{state}`", message_left=False) for state in STAGE_OF_STATE]
    for state in (State.VOICEMAIL, State.MESSAGE):
        rows.append(_end_row(state, f"`{state}`, recording", message_left=True))
    head = "| ended in | the caller hung up | we did, no target lost before | we did, a target lost before | something broke |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def _end_row(state: State, name: str, *, message_left: bool) -> str:
    def word(*, by_caller: bool = False, lost: Disposition | None = None, failed: bool = False) -> str:
        outcome = disposition_at_end(
            state, by_caller=by_caller, message_left=message_left, last_target=lost, failed=failed
        )
        return "that target's" if lost is not None and outcome is lost else f"`{outcome}`"

    cells = (word(by_caller=True), word(), word(lost=Disposition.BUSY), word(failed=True))
    return f"| {name} | {' | '.join(cells)} |"


_PAGE_HEAD = """\
# The life of a call

Printed by `python -m ringtrail.model.lifecycle` from the one table in `src/ringtrail/model/lifecycle.py`; a test
compares the two.

A **state** says where a live call is now, a **stage** how far an ended one got. Nothing else moves a call: what the
table does not know in a state is an error and not a guess."""

_MOVES_HEAD = """\
## State × happening → state

`target_lost` is a target that was busy, did not answer, could not be reached, or left before it was joined with the
caller; the call then rings the next one, goes to voicemail, or ends. `screening` is the time in which the target has
answered and hears its whisper, or both hear the bridge prompt: for the caller it still rings."""

_ENDS_HEAD = """\
## What an end means

The disposition follows from the state that the call was in, who ended it, and how the last target was lost. The same
function (`disposition_at_end`) gives it to live calls, to those that recovery closes, and to this page."""

_PAGE_FOOT = """\
A caller who hangs up in `voicemail` before the recording began did not abandon the call: the targets had their chance,
so how the last one was lost is the answer. A recording in `message` is a medium's, which the caller speaks by phone.
Calls that are refused before anything happens (`unassigned`, `expired`, `blocked`) end in `offered`, with the reason as
their disposition. [Outcomes](outcomes.md) has every disposition with its causes on the wire and the word that each API
has for it."""


if __name__ == "__main__":
    print(as_page(), end="")
