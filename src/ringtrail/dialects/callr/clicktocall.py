"""Service `clicktocall/calls`: one of A is called, then one of B, and the two are joined.

Each try of an A target is a call of its own in the CDRs. [inferred]: the order of the tries (all A targets in turn, then the
next attempt after the pause); `try` is the attempt at A, and 1 at B; a side that nobody dialled yet has nulls and `try` 0; a
call that was cancelled, or that waited so long that no phone rang, is ABORTED; `get_list` goes by the date of creation and
stops at 10,000; `schedule` reaches 366 days ahead; what began already cannot be cancelled: PROPERTY_VALUE_ERROR [call].
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ringtrail.dialects.callr import calling
from ringtrail.dialects.callr.errors import another_package, limit_reached
from ringtrail.dialects.callr.packages import complete_params
from ringtrail.dialects.callr.parameters import Asking, Properties, bad_format, bad_value, plain_object
from ringtrail.dialects.callr.parameters import app as any_app
from ringtrail.dialects.callr.responses import VoiceApp, app_object
from ringtrail.dialects.callr.vocabulary import HASH, datetime_of, datetime_text
from ringtrail.model.app import PACKAGE_CLICK_TO_CALL, App, Target
from ringtrail.model.button import TryLeg
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError
from ringtrail.services.clicks import MAX_AHEAD, Progress


class Status(msgspec.Struct):
    """CLICKTOCALL.Call.Status."""

    callid: int | None
    number: str | None
    status: str | None
    try_: int = msgspec.field(name="try")


class Call(msgspec.Struct):
    """CLICKTOCALL.Call."""

    a_status: Status
    a_targets: list[dict[str, Any]]
    app: VoiceApp | None  # null: it was deleted
    b_status: Status
    b_targets: list[dict[str, Any]]
    cdr_field: str | None
    cli: str
    date_creation: str
    date_scheduled: str | None
    date_started: str | None
    date_update: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """CLICKTOCALL.Start.Options."""

    cdr_field: str | None = None
    cli: str | None = None
    schedule: datetime | None = None


# --- parameters -----------------------------------------------------------------------------------------------------


async def app(asking: Asking, path: str, value: Any) -> App:
    """The hash of an app of the package CLICKTOCALL10."""
    found = await any_app(asking, path, value)
    if found.package != PACKAGE_CLICK_TO_CALL:
        raise another_package()
    return found


async def options(asking: Asking, path: str, value: Any) -> Options:
    """CLICKTOCALL.Start.Options."""
    given = Properties(path, await plain_object(asking, path, value), {"cdr_field", "cli", "schedule"})
    field, cli = calling.cdr_field(given), await calling.cli(asking, given)
    text = given.text("schedule")
    schedule = datetime_of(text) if text else None
    if text and (schedule is None or schedule - datetime.now(schedule.tzinfo) > MAX_AHEAD):
        raise bad_value(given.path("schedule"))
    return Options(cdr_field=field, cli=cli, schedule=schedule)


async def call(asking: Asking, path: str, value: Any) -> Progress:
    """The hash of a click-to-call."""
    if not isinstance(value, str):
        raise bad_format(path)
    found = await asking.services.clicks.by_hash(asking.account.id, value) if HASH.fullmatch(value) else None
    if found is None:
        raise bad_value(path)
    return found


# --- methods --------------------------------------------------------------------------------------------------------


async def start_2(
    asking: Asking, app: App, a_targets: tuple[Target, ...], b_targets: tuple[Target, ...], given: Options | None
) -> str:
    wanted = given or Options()
    try:
        click = await asking.services.clicks.start(
            asking.account,
            app,
            a_targets=a_targets,
            b_targets=b_targets,
            cli=wanted.cli,
            cdr_field=wanted.cdr_field,
            at=wanted.schedule,
            params=complete_params(asking.account, app.package, app.params),
        )
    except DomainError as error:
        raise limit_reached(error) from None
    return click.hash


async def get_status(asking: Asking, progress: Progress) -> Call:
    return (await _shown(asking, [progress]))[0]


async def cancel(asking: Asking, progress: Progress) -> bool:
    await asking.services.clicks.cancel(asking.account.id, progress.click.hash)
    return True


async def get_list(asking: Asking, app: App, start: datetime, end: datetime) -> list[Call]:
    return await _shown(asking, await asking.services.clicks.of_app(asking.account.id, app.hash, start, end))


# --- results --------------------------------------------------------------------------------------------------------


async def _shown(asking: Asking, items: list[Progress]) -> list[Call]:
    apps = await asking.services.apps.by_hashes(asking.account.id, list({item.click.app_hash for item in items}))
    shown = {hash_: app_object(asking.account, app, []) for hash_, app in apps.items()}
    return [_call(item, shown.get(item.click.app_hash)) for item in items]


def _call(item: Progress, app: VoiceApp | None) -> Call:
    click = item.click
    _, attempt = click.tried(item.position)
    begun = item.started_at is not None
    return Call(
        a_status=_status(item.a, attempt if begun else 0, aborted=click.cancelled_at is not None or item.late),
        a_targets=_targets(click.a_targets),
        app=app,
        b_status=_status(item.b, 1 if item.b else 0),
        b_targets=_targets(click.b_targets),
        cdr_field=click.cdr_field,
        cli=click.cli or calling.BLOCKED,
        date_creation=datetime_text(click.created_at),
        date_scheduled=datetime_text(click.scheduled_at) if click.scheduled_at else None,
        date_started=datetime_text(item.started_at) if item.started_at else None,
        date_update=datetime_text(item.updated_at),
        hash=click.hash,
    )


def _targets(targets: tuple[Target, ...]) -> list[dict[str, Any]]:
    return [{"number": target.number_e164, "timeout": target.ring_timeout_s} for target in targets]


def _status(leg: TryLeg | None, number_of_try: int, *, aborted: bool = False) -> Status:
    if leg is None:
        word = "ABORTED" if aborted else "DIALING" if number_of_try else None
        return Status(callid=None, number=None, status=word, try_=number_of_try)
    return Status(callid=leg.id, number=leg.number, status="ABORTED" if aborted else _word(leg), try_=number_of_try)


def _word(leg: TryLeg) -> str:
    if leg.ended_at is None:
        return "ANSWER" if leg.answered_at else "DIALING"
    if leg.answered_at:
        return "HANGUP"
    return "ABORTED" if leg.disposition == Disposition.ABANDONED else "NOANSWER"
