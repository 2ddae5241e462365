"""What others know of a number: its home network, where there is a provider to ask."""

from __future__ import annotations

from ringtrail.ports.hlr import HlrProvider, HlrUnavailableError, HomeNetwork


class Lookups:
    def __init__(self, hlr: HlrProvider | None = None) -> None:
        self._hlr = hlr

    async def home_network(self, number_e164: str) -> HomeNetwork | None:
        """None: nobody knows, or there is nobody to ask."""
        if self._hlr is None:
            return None
        try:
            return await self._hlr.home_network(number_e164)
        except HlrUnavailableError:
            return None
