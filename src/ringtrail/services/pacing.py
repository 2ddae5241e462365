"""How much is under way at once: to one endpoint, for one account, in one worker. What is bounded here waits in the
database, so a slow or dead receiver costs the others nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

FIRST = 4
"""Attempts under way to an endpoint of which nothing is known yet."""
MOST_TO_ENDPOINT = 64
MOST_OF_ACCOUNT = 192
MOST = 768
"""In one worker. An attempt mostly waits: what this bounds is memory."""
MOST_UNPROVEN = MOST // 2
"""Of those, to endpoints that did not answer quickly and well the last time. Of an account's, likewise half."""
SLOW_S = 1.0
KNOWN = 10_000
"""Endpoints that are remembered while nothing is under way to them."""


@dataclass(slots=True)
class _Endpoint:
    account_id: int
    window: int
    busy: int = 0
    proven: bool = False  # it answered quickly and well the last time


class Pacing:
    """An endpoint's window grows by one with each quick success, shrinks with each slow one, and is one while it fails.

    Half of the room, of the worker and of each account, is kept for endpoints that are proven: however many are dead, they
    cannot take all of it.
    """

    def __init__(self) -> None:
        self._endpoints: dict[str, _Endpoint] = {}
        self._accounts: Counter[int] = Counter()

    @property
    def busy(self) -> int:
        return self._accounts.total()

    @property
    def free(self) -> int:
        return MOST - self.busy

    def began(self, account_id: int, endpoint_hash: str, *, failing: bool) -> None:
        """failing: what the database knows of it."""
        known = self._endpoints.get(endpoint_hash)
        if known is None:
            if len(self._endpoints) >= KNOWN:
                self.forget_idle()
            known = self._endpoints[endpoint_hash] = _Endpoint(account_id, 1 if failing else FIRST)
        known.busy += 1
        self._accounts[account_id] += 1

    def ended(self, account_id: int, endpoint_hash: str, *, good: bool, took_s: float) -> None:
        known = self._endpoints[endpoint_hash]
        known.busy -= 1
        known.proven = good and took_s <= SLOW_S
        if not good:
            known.window = 1
        elif took_s > SLOW_S:
            known.window = max(1, known.window - 1)
        else:
            known.window = min(MOST_TO_ENDPOINT, known.window + 1)
        self._accounts[account_id] -= 1
        if not self._accounts[account_id]:
            del self._accounts[account_id]

    def room(self) -> dict[str, int]:
        """{endpoint hash: deliveries} of those that are not simply allowed FIRST, or 1 where the database says failing."""
        return {hash_: max(0, item.window - item.busy) for hash_, item in self._endpoints.items()}

    def account_room(self) -> dict[int, int]:
        return {account_id: max(0, MOST_OF_ACCOUNT - busy) for account_id, busy in self._accounts.items()}

    def proven(self) -> list[str]:
        return [hash_ for hash_, item in self._endpoints.items() if item.proven]

    def unproven_room(self) -> tuple[int, dict[int, int]]:
        """(in all, {account id: deliveries} where it is not MOST_OF_ACCOUNT // 2) for endpoints that are not proven."""
        busy: Counter[int] = Counter()
        for item in self._endpoints.values():
            if item.busy and not item.proven:
                busy[item.account_id] += item.busy
        return max(0, MOST_UNPROVEN - busy.total()), {
            account_id: max(0, MOST_OF_ACCOUNT // 2 - count) for account_id, count in busy.items()
        }

    def forget_idle(self) -> None:
        """Endpoints without anything under way begin anew."""
        self._endpoints = {hash_: item for hash_, item in self._endpoints.items() if item.busy}
