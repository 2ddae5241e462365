"""Attribution: which marketing caused a call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticAttribution:
    """What a DID stands for by itself: the advertisement, page or leaflet that it is printed on."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    offline_description: str | None = None
