"""What a called peer does, chosen by the dialled number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Provisional at once, final after `after_s`, BYE `hangup_after_s` after the answer."""

    provisional: int | None = 180  # None: straight to the final status
    final: int | None = 200  # None: no final status until the caller gives up or the test says so
    after_s: float = 0.0
    hangup_after_s: float | None = None  # None: the peer never hangs up first
    reason: str | None = None  # Reason header (RFC 3326) of the BYE or of the refusal: 'Q.850;cause=31'
    deaf: bool = False  # not one byte back, as from a dead host


Dialplan = Callable[[str], Behaviour]


def answers(
    after_s: float = 0.0,
    *,
    hangup_after_s: float | None = None,
    provisional: int | None = 180,
    reason: str | None = None,
) -> Behaviour:
    return Behaviour(after_s=after_s, hangup_after_s=hangup_after_s, provisional=provisional, reason=reason)


def rings(provisional: int = 180) -> Behaviour:
    """For ever; provisional 183 carries SDP, as early media does."""
    return Behaviour(provisional=provisional, final=None)


def refuses(
    status: int, after_s: float = 0.0, *, provisional: int | None = None, reason: str | None = None
) -> Behaviour:
    """`provisional=180` rings first; without it the refusal is the first thing that the caller hears."""
    return Behaviour(final=status, after_s=after_s, provisional=provisional, reason=reason)


def ignores() -> Behaviour:
    return Behaviour(deaf=True)


def table(entries: Mapping[str, Behaviour], otherwise: Behaviour | None = None) -> Dialplan:
    """A dialplan from a table of dialled numbers; a number outside it is refused with 404 unless `otherwise` says more."""
    fallback = otherwise or refuses(404)
    return lambda number: entries.get(number, fallback)
