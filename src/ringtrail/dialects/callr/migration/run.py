"""A whole move: the plan, and its being done, account by account and kind by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from ringtrail.dialects.callr.migration import (
    apps,
    calls,
    clis,
    dids,
    media,
    messages,
    recordings,
    sub_accounts,
    webhooks,
)
from ringtrail.dialects.callr.migration.plan import Kind, Moving, Step, Verdict
from ringtrail.dialects.callr.migration.remote import RemoteError, RemoteRefusedError
from ringtrail.model.errors import DomainError

KINDS: tuple[Kind, ...] = (
    Kind(media.KIND, media.steps),
    Kind(apps.KIND, apps.steps),
    Kind(dids.KIND, dids.steps),
    Kind(clis.KIND, clis.steps),
    Kind(webhooks.KIND, webhooks.steps),
    Kind(calls.KIND, calls.steps),
    Kind(messages.KIND, messages.steps),
    Kind(recordings.KIND, recordings.steps),
)
"""In the order in which they need each other: an app plays media, a number is answered by an app, a call came in over a number."""

NAMES = (sub_accounts.KIND, *(kind.name for kind in KINDS), sub_accounts.LOGINS)
"""What can be wished for alone."""


MOST_NOTES = 1_000
"""More are counted only: a history may have millions."""


class Watch(Protocol):
    """Whoever looks on."""

    def listed(self, kind: str, account: str) -> None:
        """The old account is being asked for this."""

    def doing(self, step: Step, done: int, of: int | None) -> None:
        """So much of a step is done."""


class Note(NamedTuple):
    step: Step
    text: str


class Login(NamedTuple):
    login: str
    password: str


@dataclass(slots=True)
class Report:
    """What came of it. quantities: {kind: things that are here now and were not before}; more_notes: those that are not kept."""

    quantities: dict[str, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    more_notes: int = 0
    failures: list[Note] = field(default_factory=list)
    logins: list[Login] = field(default_factory=list)


async def plan(moving: Moving, watch: Watch) -> list[Step]:
    """What the account has, then the accounts below, each with what it has, then their logins. RemoteRefusedError for credentials
    that are none."""
    steps, logins, wishes = await _of_account(moving, watch), [], moving.wishes
    watch.listed(sub_accounts.KIND, moving.name)
    try:
        async for item in sub_accounts.below(moving):
            steps += await _of_one_below(item, watch)
            if item.moving and wishes.logins and wishes.wants(sub_accounts.LOGINS):
                logins.append(await sub_accounts.login_step(item.moving))
    except RemoteRefusedError:
        raise
    except RemoteError as exc:
        steps += [_untold(sub_accounts.KIND, moving, exc)] if wishes.wants(sub_accounts.KIND) else []
    return steps + [step for step in logins if step]


async def _of_account(moving: Moving, watch: Watch) -> list[Step]:
    return [step for kind in KINDS if moving.wishes.wants(kind.name) for step in await _listed(kind, moving, watch)]


async def _of_one_below(item: sub_accounts.Below, watch: Watch) -> list[Step]:
    """What an account has that is neither here nor to come is nothing that can come."""
    sub = item.moving
    if sub is None:
        return [item.step]
    comes = sub.wishes.wants(sub_accounts.KIND)
    things = await _of_account(sub, watch) if item.open and (comes or sub.account) else []
    return [item.step, *things] if comes else things


async def _listed(kind: Kind, moving: Moving, watch: Watch) -> list[Step]:
    """What the old account does not tell is a step of its own that cannot be done."""
    watch.listed(kind.name, moving.name)
    steps: list[Step] = []
    try:
        async for step in kind.steps(moving):
            steps.append(step)
    except RemoteError as exc:
        if isinstance(exc, RemoteRefusedError) and not moving.name:
            raise
        steps.append(_untold(kind.name, moving, exc))
    return await _unless_taken(kind.name, moving, steps)


async def _unless_taken(kind: str, moving: Moving, steps: list[Step]) -> list[Step]:
    """What another account here has already cannot come."""
    taken = await moving.services.history.taken(kind, [step.hash for step in steps if step.hash])
    return [
        replace(step, verdict=Verdict.CANNOT, notes=("another account here has it",), do=None)
        if step.hash in taken
        else step
        for step in steps
    ]


def _untold(kind: str, moving: Moving, exc: RemoteError) -> Step:
    why = f"there is no such method there: {exc.message}" if exc.unknown_method else exc.message
    return Step(kind=kind, name=moving.called("all"), verdict=Verdict.CANNOT, quantity=None, notes=(why,))


@dataclass(slots=True)
class _Telling:
    """The Progress of one step."""

    step: Step
    report: Report
    watch: Watch
    done: int | None = None  # until the step says something

    def advance(self, done: int, of: int | None = None) -> None:
        self.done = done
        self.watch.doing(self.step, done, self.step.quantity if of is None else of)

    def note(self, text: str) -> None:
        if len(self.report.notes) < MOST_NOTES:
            self.report.notes.append(Note(self.step, text))
        else:
            self.report.more_notes += 1

    def login(self, login: str, password: str) -> None:
        self.report.logins.append(Login(login, password))


async def apply(steps: Sequence[Step], watch: Watch, report: Report | None = None) -> Report:
    """report: where it is told as it comes, for whoever wants to know before the end."""
    report = report or Report()
    for step in steps:
        if step.do is not None:
            await _done(step, _Telling(step, report, watch))
    return report


async def _done(step: Step, telling: _Telling) -> None:
    report = telling.report
    try:
        assert step.do is not None
        await step.do(telling)
    except (RemoteError, DomainError, OSError) as exc:
        report.failures.append(Note(step, str(exc)))
    else:
        if step.quantity == 1 and telling.done is None:
            telling.advance(1)
    finally:
        report.quantities[step.kind] = report.quantities.get(step.kind, 0) + (telling.done or 0)
