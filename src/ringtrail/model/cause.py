"""The one table: how a leg's end reads on the wire (SIP status, Q.850 cause) and for the business (Disposition).

Sources: RFC 3398 section 7.2.4 (SIP status to ISDN cause), ITU-T Q.850, and what Asterisk 22 was seen to report for
each status. `disposition_of_leg` is total: every status and cause gives a Disposition.
"""

from __future__ import annotations

from enum import StrEnum


class Disposition(StrEnum):
    """How a call ended for the business. `in_progress` until it ended."""

    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    IVR = "ivr"  # the platform answered and finished the call itself: prompt or menu, no target
    ABANDONED = "abandoned"  # the caller gave up; Stage says where
    BUSY = "busy"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"
    INVALID_NUMBER = "invalid_number"
    UNASSIGNED = "unassigned"  # the DID is ours but leads nowhere
    EXPIRED = "expired"  # the DID's assignment had ended
    BLOCKED = "blocked"  # the caller is on the block list
    FAILED = "failed"


class HangupBy(StrEnum):
    """Who ended it."""

    CALLER = "caller"
    CALLEE = "callee"
    PLATFORM = "platform"


class Cause:
    """Q.850 values that the code names. Any 1..127 may appear on a leg."""

    UNALLOCATED = 1
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONSE = 18
    NO_ANSWER = 19
    CALL_REJECTED = 21
    NUMBER_CHANGED = 22
    DESTINATION_OUT_OF_ORDER = 27
    INVALID_NUMBER_FORMAT = 28
    CONGESTION = 34
    NETWORK_OUT_OF_ORDER = 38
    TEMPORARY_FAILURE = 41
    OUTGOING_BARRED = 52
    INTERWORKING = 127


SIP_TO_CAUSE: dict[int, int] = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 18, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 19, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    487: 16, 488: 58, 500: 38, 501: 79, 502: 38, 503: 34, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
    606: 58, 607: 21, 608: 21,
}  # fmt: skip

_DISPOSITION_BY_SIP: dict[int, Disposition] = {
    401: Disposition.FAILED, 403: Disposition.REJECTED, 404: Disposition.INVALID_NUMBER, 407: Disposition.FAILED,
    408: Disposition.NO_ANSWER, 410: Disposition.INVALID_NUMBER, 480: Disposition.NO_ANSWER,
    484: Disposition.INVALID_NUMBER, 486: Disposition.BUSY, 487: Disposition.NO_ANSWER, 600: Disposition.BUSY,
    603: Disposition.REJECTED, 604: Disposition.INVALID_NUMBER, 607: Disposition.REJECTED, 608: Disposition.REJECTED,
}  # fmt: skip

_DISPOSITION_BY_CAUSE: dict[int, Disposition] = {
    1: Disposition.INVALID_NUMBER, 16: Disposition.NO_ANSWER, 17: Disposition.BUSY, 18: Disposition.NO_ANSWER,
    19: Disposition.NO_ANSWER, 20: Disposition.NO_ANSWER, 21: Disposition.REJECTED, 22: Disposition.INVALID_NUMBER,
    28: Disposition.INVALID_NUMBER, 31: Disposition.NO_ANSWER,
}  # fmt: skip


def cause_of_sip(sip_status: int) -> int:
    """Q.850 cause for a final SIP status; a status outside the table takes the cause of its class (RFC 3398)."""
    if sip_status in SIP_TO_CAUSE:
        return SIP_TO_CAUSE[sip_status]
    return {4: 41, 5: 38, 6: 21}.get(sip_status // 100, Cause.INTERWORKING)


def disposition_of_leg(*, cause: int | None, sip_status: int | None, timed_out: bool) -> Disposition:
    """What a target leg that never answered says about the call: ring timeout first, then SIP status, then Q.850."""
    if timed_out:
        return Disposition.NO_ANSWER
    if sip_status is not None and sip_status >= 300:
        by_status = _DISPOSITION_BY_SIP.get(sip_status)
        return by_status if by_status is not None else Disposition.FAILED
    return _DISPOSITION_BY_CAUSE.get(cause or 0, Disposition.FAILED)


CAUSE_OF_DISPOSITION: dict[Disposition, int] = {
    Disposition.ANSWERED: Cause.NORMAL_CLEARING,
    Disposition.VOICEMAIL: Cause.NORMAL_CLEARING,
    Disposition.IVR: Cause.NORMAL_CLEARING,
    Disposition.ABANDONED: Cause.NORMAL_CLEARING,
    Disposition.BUSY: Cause.USER_BUSY,
    Disposition.REJECTED: Cause.CALL_REJECTED,
    Disposition.NO_ANSWER: Cause.NO_ANSWER,
    Disposition.INVALID_NUMBER: Cause.UNALLOCATED,
    Disposition.UNASSIGNED: Cause.UNALLOCATED,
    Disposition.EXPIRED: Cause.NUMBER_CHANGED,
    Disposition.BLOCKED: Cause.CALL_REJECTED,
    Disposition.FAILED: Cause.TEMPORARY_FAILURE,
}
"""The cause that we send to the caller when the call ends with this Disposition before anybody spoke."""
