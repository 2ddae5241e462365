"""What events say to a person who reads mail: a subject and a few plain lines. No I/O."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ringtrail.model.account import Account
from ringtrail.model.call import CallRecord, LegRecord, RecordingRecord
from ringtrail.model.cause import Disposition
from ringtrail.model.events import MEANING, Event, EventType
from ringtrail.model.message import Message, MessageStatus
from ringtrail.model.webhook import Endpoint
from ringtrail.services.numbers import masked
from ringtrail.services.webhooks import Attachment

OUTCOMES: dict[Disposition, str] = {
    Disposition.IN_PROGRESS: "in progress",
    Disposition.ANSWERED: "answered",
    Disposition.VOICEMAIL: "left a voicemail",
    Disposition.IVR: "heard the menu, reached nobody",
    Disposition.ABANDONED: "the caller gave up",
    Disposition.BUSY: "busy",
    Disposition.REJECTED: "rejected",
    Disposition.NO_ANSWER: "nobody answered",
    Disposition.INVALID_NUMBER: "the target's number is wrong",
    Disposition.UNASSIGNED: "the number leads nowhere",
    Disposition.EXPIRED: "the number has expired",
    Disposition.BLOCKED: "the caller is blocked",
    Disposition.FAILED: "failed",
}

STATUSES: dict[MessageStatus, str] = {
    MessageStatus.QUEUED: "waiting to be sent",
    MessageStatus.PROCESSING: "being handed to the carrier",
    MessageStatus.SENT: "taken by the carrier",
    MessageStatus.DELIVERED: "delivered",
    MessageStatus.FAILED: "could not be delivered",
    MessageStatus.EXPIRED: "expired before it could be delivered",
    MessageStatus.RECEIVED: "received",
}

_MOST_OF_SUBJECT = 150
_ACTED_UPON = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"  # parts of words in several scripts, and of emoji
_CHANGED = {EventType.CALL_CHANGED: "Changed: ", EventType.CALL_STARTED: "", EventType.CALL_ENDED: ""}


class Letter(NamedTuple):
    subject: str
    lines: Sequence[str]
    attachments: Sequence[Attachment] = ()

    @property
    def text(self) -> str:
        return "\n".join(printable(line) for line in self.lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whose mail it is, and what may be shown in it."""

    account: Account
    base_url: str
    masking: frozenset[int]  # properties that hide their callers' last digits

    def at(self, instant: datetime) -> str:
        zone = ZoneInfo(self.account.timezone)
        return f"{instant.astimezone(zone):%A %d %B %Y, %H:%M} ({self.account.timezone})"

    def caller(self, number: str | None, property_id: int | None) -> str:
        if number is None:
            return "a withheld number"
        return masked(number) if property_id in self.masking else number


# --- calls ------------------------------------------------------------------------------------------------------------


def call(event: Event, record: CallRecord, reader: Reader) -> Letter:
    outcome = OUTCOMES[Disposition(record.disposition)]
    if record.talk_s:
        outcome += f", {duration(record.talk_s)}"
    lines = [
        f"{_caller(record, reader)} called {_called(record)} on {reader.at(record.started_at)}.",
        f"Outcome: {outcome}." + (f" The caller waited {duration(record.ring_s)}." if record.ended_at else ""),
    ]
    if record.destination_number:
        lines.append(f"It went on to {record.destination_number}.")
    source = " / ".join(filter(None, (record.source, record.medium, record.campaign, record.offline_description)))
    if source:
        lines.append(f"The number stands for: {source}.")
    return Letter(f"{_CHANGED[event.type]}{_title(record, reader)}: {outcome}", lines)


def leg(record: CallRecord, one: LegRecord, reader: Reader) -> Letter:
    title = _title(record, reader)
    if one.ended_at is None:
        return Letter(f"{title}: dialling {one.number}", [f"{one.number} is being dialled for this call."])
    outcome = OUTCOMES[Disposition(one.disposition)] + (f", {duration(one.talk_s)}" if one.talk_s else "")
    return Letter(f"{title}: {one.number} {outcome}", [f"{one.number} was dialled: {outcome}."])


def recording(record: CallRecord, one: RecordingRecord, reader: Reader) -> Letter:
    title = _title(record, reader)
    match one.status:
        case "ready":
            lines = [
                f"The recording ({duration(_length_s(one))}) can be heard:",
                f"    {reader.base_url}/recordings/{one.hash}",
            ]
            return Letter(f"{title}: the recording can be heard", lines)
        case "error":
            return Letter(f"{title}: the recording is unusable", ["There is no usable sound of this call."])
        case _:
            return Letter(f"{title}: a recording began", ["It can be heard after the end of the call."])


def voicemail(record: CallRecord, one: RecordingRecord, reader: Reader, *, when: str, attached: str) -> Letter:
    caller, length = reader.caller(record.caller_number, record.property_id), duration(_length_s(one))
    lines = [
        f"{_caller(record, reader)} called {_called(record)} and left a voicemail.",
        "",
        f"    When:      {when}",
        f"    Length:    {length}",
        f"    App:       {one.app_name or 'was deleted since'}",
        f"    Attached:  {attached}",
        f"    Online:    {reader.base_url}/recordings/{one.hash}",
    ]
    return Letter(f"Voicemail from {caller} to {_called(record, short=True)}: {length}", lines)


def _length_s(one: RecordingRecord) -> int:
    return round((one.duration_ms or 0) / 1000)


def _title(record: CallRecord, reader: Reader) -> str:
    return f"Call from {reader.caller(record.caller_number, record.property_id)} to {_called(record, short=True)}"


def _caller(record: CallRecord, reader: Reader) -> str:
    number = reader.caller(record.caller_number, record.property_id)
    number = number[0].upper() + number[1:]
    return f"{number} ({record.caller_name})" if record.caller_name else number


def _called(record: CallRecord, *, short: bool = False) -> str:
    number = record.tracking_number or record.destination_number or "nobody"
    if not record.did_name:
        return number
    return record.did_name if short else f"{record.did_name} ({number})"


# --- messages and numbers ---------------------------------------------------------------------------------------------


def message(one: Message, reader: Reader) -> Letter:
    if one.received_at is not None:
        sender = reader.caller(one.sender, one.property_id)
        return Letter(
            f"Message from {sender} to {one.recipient_e164}",
            [f"{sender} wrote to {one.recipient_e164} on {reader.at(one.received_at)}:", "", *_quoted(one.body)],
        )
    status = STATUSES[one.status] + (f" (error {one.error_code})" if one.error_code else "")
    return Letter(
        f"Message to {one.recipient_e164}: {status}",
        [f"The message from {one.sender} to {one.recipient_e164} is {status}:", "", *_quoted(one.body)],
    )


def _quoted(text: str) -> list[str]:
    """Somebody else's words cannot be taken for ours."""
    return [f"> {line}" for line in text.splitlines()]


def number(event: Event, number_e164: str, reader: Reader) -> Letter:
    came = event.type is EventType.NUMBER_ASSIGNED
    what = "came to" if came else "left"
    return Letter(
        f"{number_e164} {what} {reader.account.name}",
        [f"The number {number_e164} {what} the account {reader.account.name} on {reader.at(event.at)}."],
    )


# --- endpoints --------------------------------------------------------------------------------------------------------


def endpoint_disabled(event: Event, now: Endpoint | None, reader: Reader) -> Letter:
    """now: the endpoint as it is; None: it was removed meanwhile."""
    detail = event.detail
    called = f'"{detail["name"]}"' if detail["name"] else detail["hash"]
    address = detail["address"].partition("?")[0]  # what follows is often a password
    lines = [
        f"The endpoint {called} of {reader.account.name} was disabled on {reader.at(event.at)}:",
        f"{detail['why']}.",
        "",
        f"    Address:  {address}",
        f"    Form:     {detail['dialect']}",
        f"    Hash:     {detail['hash']}",
    ]
    return Letter(f"Webhooks to {called} have stopped", [*lines, "", *_what_to_do(detail["hash"], now, reader)])


def _what_to_do(hash_: str, now: Endpoint | None, reader: Reader) -> list[str]:
    if now is None:
        return ["It was removed since. There is nothing to do."]
    if now.enabled:
        return ["It was enabled again since. There is nothing to do."]
    since = f"It had been failing since {reader.at(now.failing_since)}. " if now.failing_since else ""
    account = f"--account {reader.account.sid}"
    return [
        f"{since}Nothing is sent there any more.",
        "Once it works, enable it: it is then told what it missed.",
        "",
        f"    ringtrail webhooks enable {hash_} {account}",
        "",
        "What was sent, and what was answered:",
        "",
        f"    ringtrail webhooks log --endpoint {hash_} {account}",
        "",
        f"Or look at {reader.base_url}/webhooks",
    ]


def endpoint_test(event: Event, endpoint: Endpoint, reader: Reader) -> Letter:
    return Letter(
        "A test from ringtrail",
        [
            f"Somebody tried out the endpoint {endpoint.hash} of {reader.account.name} on {reader.at(event.at)}.",
            "Mails of this endpoint arrive. There is nothing to do.",
        ],
    )


def fact(event: Event, reader: Reader) -> Letter:
    """An event that has no sentences of its own: what its type means, and what it says besides."""
    meaning = MEANING[event.type]
    details = [f"    {name}: {value}" for name, value in event.detail.items() if value is not None]
    return Letter(
        f"{reader.account.name}: {meaning.rstrip('.')}", [f"{meaning} It was on {reader.at(event.at)}.", *details]
    )


# --- words ------------------------------------------------------------------------------------------------------------


def signature(event: Event, endpoint: Endpoint, reader: Reader) -> list[str]:
    """Why this mail came, and how to have no more of them; behind the line that mail programs know."""
    if event.type is EventType.VOICEMAIL_LEFT:
        return [
            "-- ",
            f"ringtrail, event {event.id}. An app of {reader.account.name} mails its voicemails to this address.",
            "To end it: take the address out of the app's voicemail settings.",
        ]
    if endpoint.dynamic:
        return ["-- ", f"ringtrail, event {event.id}. The operator's setting notice_email sends you this."]
    return [
        "-- ",
        f"ringtrail, event {event.id}. The endpoint {endpoint.hash} of {reader.account.name} asks for {event.type}.",
        f"To end it: ringtrail webhooks remove {endpoint.hash} --account {reader.account.sid}",
    ]


def duration(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds % 60, "s"))
    return " ".join(f"{value} {unit}" for value, unit in parts if value) or "0 s"


def size(count_bytes: int) -> str:
    return f"{count_bytes / 1_000_000:.1f} MB" if count_bytes >= 1_000_000 else f"{math.ceil(count_bytes / 1_000)} kB"


def printable(text: str) -> str:
    """One line without what terminals and mail programs would act upon: controls, and marks that turn text around."""
    return "".join(" " if unicodedata.category(c) in _ACTED_UPON and c not in _JOINERS else c for c in text)


def subject(text: str) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= _MOST_OF_SUBJECT else line[: _MOST_OF_SUBJECT - 1] + "…"
