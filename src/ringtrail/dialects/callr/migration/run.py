"""A whole move: the plan, and its being done, account by account and kind by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ringtrail.dialects.callr.migration.plan import Kind, Moving, Step, Verdict
from ringtrail.dialects.callr.migration.remote import RemoteError, RemoteRefusedError
from ringtrail.model.errors import DomainError

KINDS: tuple[Kind, ...] = ()
"""In the order in which they need each other: an app plays media, a number is answered by an app, a call came in over a number."""


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
    """What came of it. quantities: {kind: things that are here now and were not before}."""

    quantities: dict[str, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    failures: list[Note] = field(default_factory=list)
    logins: list[Login] = field(default_factory=list)


async def plan(moving: Moving, watch: Watch) -> list[Step]:
    """RemoteRefusedError for credentials that are none."""
    return [step for kind in KINDS if moving.wishes.wants(kind.name) for step in await _listed(kind, moving, watch)]


async def _listed(kind: Kind, moving: Moving, watch: Watch) -> list[Step]:
    """What the old account does not tell is a step of its own that cannot be done."""
    watch.listed(kind.name, moving.name)
    steps: list[Step] = []
    try:
        async for step in kind.steps(moving):
            steps.append(step)
    except RemoteRefusedError:
        raise
    except RemoteError as exc:
        why = f"there is no such method there: {exc.message}" if exc.unknown_method else exc.message
        steps.append(Step(kind=kind.name, name=moving.name, verdict=Verdict.CANNOT, quantity=None, notes=(why,)))
    return steps


@dataclass(slots=True)
class _Telling:
    """The Progress of one step."""

    step: Step
    report: Report
    watch: Watch
    done: int = 0

    def advance(self, done: int, of: int | None = None) -> None:
        self.done = done
        self.watch.doing(self.step, done, self.step.quantity if of is None else of)

    def note(self, text: str) -> None:
        self.report.notes.append(Note(self.step, text))

    def login(self, login: str, password: str) -> None:
        self.report.logins.append(Login(login, password))


async def apply(steps: Sequence[Step], watch: Watch) -> Report:
    report = Report()
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
        if step.quantity == 1:
            telling.advance(1)
    report.quantities[step.kind] = report.quantities.get(step.kind, 0) + telling.done
