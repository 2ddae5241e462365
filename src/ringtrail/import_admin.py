"""An account moves in from elsewhere: what `ringtrail import` does, and how it is told."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import msgspec

from ringtrail.admin import account_of
from ringtrail.config import Settings
from ringtrail.dialects.callr.migration.plan import Moving, Step, Verdict, Wishes
from ringtrail.dialects.callr.migration.remote import (
    PER_SECOND,
    Remote,
    RemoteError,
    RemoteRefusedError,
    api_key,
    connected,
    login,
)
from ringtrail.dialects.callr.migration.run import NAMES, Note, Report, apply, plan
from ringtrail.mail.wording import printable
from ringtrail.model.account import Account
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services
from ringtrail.services.egress import networks_of

NOT_DONE = 2
_MOST_LINES = 50


async def moved(services: Services, settings: Settings, arguments: argparse.Namespace) -> int:
    account = await _account(services, arguments.account)
    try:
        async with _connected(settings, arguments) as remote:
            moving = Moving(
                services=services, remote=remote, wishes=_wishes(arguments), master=account, account=account
            )  # fmt: skip
            return await _planned_and_done(moving, arguments)
    except RemoteRefusedError as exc:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail=f"the old account says {printable(exc.message)}") from exc
    except RemoteError as exc:
        raise DomainError(ErrorCode.UNAVAILABLE, detail=f"the old account: {printable(exc.message)}") from exc


async def _check_answers(remote: Remote) -> None:
    """Nobody is to wait for each kind to be told that there is nobody. RemoteError."""
    try:
        await remote.call("system.get_timestamp")
    except RemoteError as exc:
        if not exc.unknown_method:
            raise


async def _account(services: Services, named: str | None) -> Account:
    """None: the only one that is below no other."""
    everyone = await services.accounts.all()
    found = [item for item in everyone if (named in (item.sid, item.hash, item.name) if named else not item.parent_id)]
    if named and len(found) > 1:
        raise DomainError(ErrorCode.CONFLICT, "account", f"{len(found)} accounts are called {named!r}: say a hash")
    return found[0] if len(found) == 1 else await account_of(services, named)


def _connected(settings: Settings, arguments: argparse.Namespace) -> AbstractAsyncContextManager[Remote]:
    key, name, password = (arguments.api_key or "").strip(), arguments.login, arguments.password
    if not key and not name:
        raise DomainError(ErrorCode.MISSING, "api-key", "say who you are there: with a key, or a login and a password")
    if key and not (key.isascii() and key.isprintable()):
        raise DomainError(ErrorCode.BAD_FORMAT, "api-key", "it has a character that no key has")
    authorization = api_key(key) if key else login(name, password or "")
    return connected(
        arguments.url, authorization, per_second=arguments.per_second or PER_SECOND,
        allowed_networks=networks_of(settings.egress_allowed_networks),
    )  # fmt: skip


def _wishes(arguments: argparse.Namespace) -> Wishes:
    return Wishes(
        only=arguments.only, update=arguments.update, from_at=arguments.from_at, again=arguments.again, logins=not arguments.no_logins,
        webhook_secrets=dict(arguments.webhook_secret),
    )  # fmt: skip


# --- planning and doing ---------------------------------------------------------------------------------------------


async def _planned_and_done(moving: Moving, arguments: argparse.Namespace) -> int:
    report = Report()
    watch = _Watch(report, aloud=not arguments.json)
    try:
        watch.asked()
        await _check_answers(moving.remote)
        steps = await plan(moving, watch)
    finally:
        watch.clear()
    if not arguments.json:
        _print_plan(steps)
    doing = _is_wanted(steps, arguments)
    try:
        if doing:
            await apply(steps, watch, report)
    finally:
        watch.clear()
        if arguments.json:
            print(msgspec.json.format(msgspec.json.encode(_told(steps, report, done=doing))).decode())
        elif doing:
            _print_report(report)
    return 1 if report.failures else NOT_DONE if not doing and _todo(steps) else 0


def _todo(steps: Iterable[Step]) -> bool:
    return any(step.do for step in steps)


def _is_wanted(steps: Sequence[Step], arguments: argparse.Namespace) -> bool:
    if not _todo(steps):
        return False
    if arguments.yes or arguments.json or not sys.stdin.isatty():
        return bool(arguments.yes)
    return _is_said()


def _is_said() -> bool:
    """Ctrl-D is a no. Ctrl-C ends everything at once: the event loop would wait for an answer first."""
    loops_own = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input("Do it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False
    finally:
        signal.signal(signal.SIGINT, loops_own)


@dataclass
class _Watch:
    """How far it is, on a terminal; logins at once, because nobody can see them again."""

    report: Report
    aloud: bool
    logins_shown: int = 0

    def asked(self) -> None:
        self._say("asking whether it answers")

    def listed(self, kind: str, account: str) -> None:
        self._say(f"reading {kind} {account}")

    def doing(self, step: Step, done: int, of: int | None) -> None:
        self._say(f"{step.kind} {step.name}: {done:,}" + (f" of {of:,}" if of is not None and done <= of else ""))
        new = self.report.logins[self.logins_shown :] if self.aloud else []
        for name, password in new:
            self.clear()
            print(f"login {printable(name)} password {password}", flush=True)
        self.logins_shown += len(new)

    def clear(self) -> None:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _say(self, text: str) -> None:
        if sys.stderr.isatty():
            print(
                f"\r\x1b[K{printable(text)[: shutil.get_terminal_size().columns - 1]}",
                end="",
                file=sys.stderr,
                flush=True,
            )


# --- how it is told -------------------------------------------------------------------------------------------------


def _print_plan(steps: Sequence[Step]) -> None:
    print(f"{'':<14}" + "".join(f"{verdict:>10}" for verdict in Verdict))
    for kind in NAMES:
        of_kind = [step for step in steps if step.kind == kind]
        if of_kind:
            print(f"{kind:<14}" + "".join(f"{_quantity(of_kind, verdict):>10}" for verdict in Verdict))
    _print_notes("", [Note(step, text) for step in steps for text in step.notes])
    if any(step.verdict is Verdict.DIFFERS and not step.do for step in steps):
        print("What differs stays as it is here; --update takes what is there.")
    if not _todo(steps):
        print("There is nothing to do.")


def _quantity(steps: Iterable[Step], verdict: Verdict) -> str:
    """A question mark where the old account does not tell how many."""
    found = [step.quantity for step in steps if step.verdict is verdict]
    return "?" if None in found else f"{sum(item or 0 for item in found):,}"


def _print_report(report: Report) -> None:
    for kind, quantity in report.quantities.items():
        print(f"{kind:<14}{quantity:>10,} came")
    _print_notes("note: ", report.notes, report.more_notes)
    _print_notes("failed: ", report.failures)


def _print_notes(head: str, notes: Sequence[Note], more: int = 0) -> None:
    for step, text in notes[:_MOST_LINES]:
        print(f"{head}{step.kind} {printable(step.name)}: {printable(text)}")
    if left := len(notes[_MOST_LINES:]) + more:
        print(f"{head}... and {left:,} more; --json shows " + ("most" if more else "all"))


def _told(steps: Iterable[Step], report: Report, *, done: bool) -> dict[str, Any]:
    return {
        "plan": [
            {
                "kind": step.kind,
                "name": step.name,
                "verdict": step.verdict,
                "quantity": step.quantity,
                "notes": step.notes,
            }
            for step in steps
        ],
        "done": done,
        "came": report.quantities,
        "notes": _worded(report.notes),
        "more_notes": report.more_notes,
        "failures": _worded(report.failures),
        "logins": [{"login": name, "password": password} for name, password in report.logins],
    }


def _worded(notes: Iterable[Note]) -> list[dict[str, str]]:
    return [{"kind": step.kind, "name": step.name, "text": text} for step, text in notes]
