"""Voices that speak what calls play."""

from __future__ import annotations

from dataclasses import dataclass

USUAL_RATE = 50
"""Of 1 to 100: how fast somebody speaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """language: as `fr-FR`. number tells voices of one language and sex apart, from 1."""

    language: str
    female: bool
    number: int = 1
