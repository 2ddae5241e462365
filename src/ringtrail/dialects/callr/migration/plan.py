"""What is to become of everything that the old account has.

A kind (apps, numbers, calls ...) is a module with `steps`: it reads the old account, looks here, and yields a Step for each
thing, or one for a whole history. Yielding changes nothing; what a Step's `do` changes, it changes whole or not at all, and
a second time it changes nothing. So a move that was interrupted is begun again, and goes on.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from ringtrail.dialects.callr.migration.remote import Remote, RemoteError
from ringtrail.dialects.callr.parameters import Asking
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.account import Account, Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

T = TypeVar("T")

_MOST_NAME = 100

Hash = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{8}\Z")]


class Verdict(StrEnum):
    NEW = "new"  # it is to be made here, or finished
    HERE = "here"  # and is as it is there
    DIFFERS = "differs"  # it stays as it is here, unless theirs is wished for
    CANNOT = "cannot"  # the notes say why


class Progress(Protocol):
    """What a step that is being done tells of itself."""

    def advance(self, done: int, of: int | None = None) -> None:
        """So many things are there by now, of so many; None: of as many as the step said, or nobody knows."""

    def note(self, text: str) -> None:
        """One thing that could not be taken over, and why. The rest goes on."""

    def login(self, login: str, password: str) -> None:
        """A login that was made, to be shown once."""


Do: TypeAlias = Callable[[Progress], Awaitable[None]]
"""RemoteError or DomainError: the step has failed, the next one is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """name: what people know it by. quantity: how many things it is; None: not known before. notes: why it cannot be, or what
    of it is lost. hash: under which it is to be here, and nobody else may have something; empty: it needs none. do None:
    nothing is to be done."""

    kind: str
    name: str
    verdict: Verdict
    quantity: int | None = 1
    notes: tuple[str, ...] = ()
    hash: str = ""
    do: Do | None = None


class Kind(NamedTuple):
    """steps raises RemoteError for what the old account does not tell; what it yielded before stands."""

    name: str
    steps: Callable[[Moving], AsyncIterator[Step]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the operator asked for. from_at: history from then on; None: all. webhook_secrets: {hash: secret}."""

    only: frozenset[str] = frozenset()  # kinds; none: all
    update: bool = False
    from_at: datetime | None = None
    again: bool = False  # history, also what an earlier run has read
    logins: bool = True
    webhook_secrets: Mapping[str, str] = field(default_factory=dict)

    def wants(self, kind: str) -> bool:
        return not self.only or kind in self.only


@dataclass(slots=True, kw_only=True)
class Moving:
    """One account on its way. account: where it goes; None while it is not here yet, a step makes it."""

    services: Services
    remote: Remote
    wishes: Wishes
    master: Account  # whose country and the like hold for an account that is not here yet
    account: Account | None
    name: str = ""  # of the account, if it is one below
    media: dict[int, str] = field(default_factory=dict)  # {id there: hash} of the media that are planned to be here

    @property
    def here(self) -> Account:
        """For a step that is being done. DomainError."""
        if self.account is None:
            raise DomainError(ErrorCode.CONFLICT, "account", f"the account {self.name} could not be made")
        return self.account

    @property
    def asking(self) -> Asking:
        """Whoever moves in, for the checks of this dialect's parameters."""
        account = self.account or self.master
        principal = Principal(account=account, property=None, credential_id=0, login=None)
        return Asking(
            services=self.services, options=DialectOptions(base_url=""), account=account, principal=principal
        )  # fmt: skip

    def called(self, *names: object) -> str:
        """The name of a thing: its account's, if that is one below, its own, and what people call it."""
        return " ".join(str(name)[:_MOST_NAME] for name in (self.name, *names) if name)


def items_of(value: Any, method: str) -> list[Any]:
    """What is in an array, or in a dictionary by id. RemoteError."""
    if isinstance(value, dict):
        return list(value.values())
    if not isinstance(value, list):
        raise RemoteError(0, f"the answer to {method} is no list")
    return value


def unreadable(moving: Moving, kind: str, item: Any, exc: msgspec.ValidationError) -> Step:
    """A thing that is not as the vendor's reference has it."""
    known = item if isinstance(item, dict) else {}
    name = moving.called(known.get("hash") or known.get("id") or "?", known.get("name"))
    return Step(kind=kind, name=name, verdict=Verdict.CANNOT, notes=(f"it cannot be read: {exc}",))


async def readable(given: Any, path: str, check: Callable[[Any], Awaitable[T]]) -> tuple[T, list[str]]:
    """What `check` makes of an object as soon as everything is left out that it refuses, and the paths of that. DomainError for
    what cannot be left out."""
    left = copy.deepcopy(given)
    lost: list[str] = []
    while True:
        try:
            return await check(left), lost
        except DomainError as exc:
            if exc.field is None or not _left_out(left, exc.field.split(".")[len(path.split(".")) :]):
                raise
            lost.append(exc.field)


def _left_out(inside: Any, keys: Sequence[str]) -> bool:
    """Take out what is at the end of these keys, or the list that it is in. False: there is nothing."""
    for number, key in enumerate(keys, 1):
        if not isinstance(inside, dict) or key not in inside:
            return False
        if number == len(keys) or not isinstance(inside[key], dict):
            del inside[key]
            return True
        inside = inside[key]
    return False
