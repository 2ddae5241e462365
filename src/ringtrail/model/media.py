"""Media: the sounds of an account that its calls can play, and those that are built in and everybody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

BUILT_IN = 0
"""The account id of what is everybody's."""
CATEGORY, LANGUAGE = "CATEGORY", "LANGUAGE"
"""Tags that mean something to searches."""


class MediumStatus(StrEnum):
    PENDING_CONTENT = "pending_content"  # it is only a name yet
    PENDING_CONVERSION = "pending_conversion"
    PROCESSING = "processing"
    READY = "ready"
    ERROR = "error"  # nothing can be played


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    account_id: int
    id: int
    hash: str | None  # None: it is built in
    name: str
    tags: Mapping[str, list[str]]
    content: str | None  # what is said in it
    voice: str | None  # whatever the dialect calls the voice that speaks it
    rate: int | None  # 1 to 100
    status: MediumStatus
    duration_ms: int | None
    size_bytes: int | None  # of all its files
    path: str  # relative to the media folder, without extension; empty: there is no sound
    created_at: datetime
    updated_at: datetime

    @property
    def built_in(self) -> bool:
        return self.account_id == BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaQuery:
    """Of an account's media and those built in. None: any. Every end of a range but to_at is inclusive."""

    account_id: int
    ids: tuple[int, ...] | None = None
    hash: str | None = None
    name: str | None = None  # part of it, whatever the case
    status: MediumStatus | None = None
    voice: str | None = None
    categories: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    tag: str | None = None
    tag_value: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    offset: int = 0
    limit: int | None = None


class MediaTally(NamedTuple):
    """The account's own media of one status."""

    status: MediumStatus
    quantity: int
    size_bytes: int


class Sound(NamedTuple):
    """A sound that was made for a medium."""

    path: str  # as Medium.path
    duration_ms: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaQuota:
    """Seconds of sound that an account keeps, and may keep. A free of -1 is without end."""

    media: int
    media_s: int
    recordings: int
    recordings_s: int
    free_s: int
    paid_s: int

    @property
    def used_s(self) -> int:
        return self.media_s + self.recordings_s

    @property
    def unused_s(self) -> int | None:
        """None: there is no end."""
        return None if self.free_s < 0 else max(self.free_s + self.paid_s - self.used_s, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was sent and is not yet used."""

    account_id: int
    name: str  # what the account knows it by
    path: str  # relative to the media folder
    size_bytes: int
    created_at: datetime
