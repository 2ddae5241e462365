"""The HLR port: whoever can ask the mobile networks where a number is at home. No provider's word is in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class HlrUnavailableError(Exception):
    """The provider cannot be reached, or does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeNetwork:
    """ITU-T E.212."""

    mcc: str  # 3 digits
    mnc: str  # 2 or 3 digits


class HlrProvider(Protocol):
    async def home_network(self, number_e164: str) -> HomeNetwork | None:
        """None: no network knows the number. Raises HlrUnavailableError."""
        ...
