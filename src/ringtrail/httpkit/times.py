"""Clock times as text, for answers with thousands of them: from tables, several times as fast as `strftime` or `isoformat`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S = 86_400
_NO_SHIFT = 2 * _DAY_S  # leaves every day
_MOST_DAYS = 4_096
_CLOCK = tuple(f"{h:02d}:{m:02d}:{s:02d}" for h in range(24) for m in range(60) for s in range(60))
_MILLISECONDS_Z = tuple(f".{n:03d}Z" for n in range(1000))

DayText = Callable[[date], str]


def iso_day(day: date) -> str:
    """`YYYY-MM-DD `"""
    return f"{day.isoformat()} "


def rfc3339_day(day: date) -> str:
    """`YYYY-MM-DDT`"""
    return f"{day.isoformat()}T"


def european_day(day: date) -> str:
    """`DD/MM/YYYY `"""
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d} "


@lru_cache(maxsize=64)
def clock(zone: tzinfo, day_text: DayText) -> Callable[[datetime], str]:
    """What turns an instant into a day's text and HH:MM:SS on the clock of `zone`, cut to the second."""
    days = _Days(zone, day_text)

    def text(at: datetime) -> str:
        since = at - _EPOCH
        day, shift_s = days[since.days]
        second = since.seconds + shift_s
        if 0 <= second < _DAY_S:
            return day + _CLOCK[second]
        local = at.astimezone(zone)
        return f"{day_text(local.date())}{local.hour:02d}:{local.minute:02d}:{local.second:02d}"

    return text


def iso_ms_z(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-07-14T09:05:10.000Z`."""
    return _utc(at) + _MILLISECONDS_Z[at.microsecond // 1000]


class _Days(dict[int, tuple[str, int]]):
    """{days since 1970, UTC: its text, and how many seconds the zone's clock is ahead all day}."""

    def __init__(self, zone: tzinfo, day_text: DayText) -> None:
        super().__init__()
        self._zone = zone
        self._day_text = day_text

    def __missing__(self, number: int) -> tuple[str, int]:
        if len(self) >= _MOST_DAYS:
            self.clear()
        start = _EPOCH + timedelta(days=number)
        shifts = {self._shift(start + timedelta(hours=hour)) for hour in (0, 24)}
        self[number] = self._day_text(start.date()), shifts.pop() if len(shifts) == 1 else _NO_SHIFT
        return self[number]

    def _shift(self, at: datetime) -> int:
        offset = at.astimezone(self._zone).utcoffset()
        assert offset is not None
        return offset // timedelta(seconds=1)


_utc = clock(UTC, rfc3339_day)
