"""How far a method goes: one word for each, kept beside it in the registry and printed on the page of methods."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    WORKS = "works"
    STORED = "stored"
    REFUSED = "refused"


MEANING: dict[State, str] = {
    State.WORKS: "does what it says",
    State.STORED: "checks, keeps and shows what it is given; nothing acts on it yet",
    State.REFUSED: "checks all that it is given, then answers with an error: it cannot do its work yet",
}
