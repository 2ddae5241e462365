"""Clock times from tables are those that `strftime` writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrail.httpkit.times import clock, european_day, iso_day, iso_ms_z, rfc3339_day

ZONES = sorted(available_timezones())
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(st.sampled_from(ZONES), st.lists(INSTANTS, min_size=1))
def test_any_instant_on_any_clock(zone: str, instants: list[datetime]) -> None:
    text = clock(ZoneInfo(zone), iso_day)
    for at in instants:
        assert text(at) == f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Toronto", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_every_quarter_of_an_hour_of_a_year_with_its_changes_of_the_clock(zone: str) -> None:
    text, at = clock(ZoneInfo(zone), rfc3339_day), datetime(2026, 1, 1, tzinfo=UTC)
    while at.year == 2026:
        assert text(at) == f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S}"
        at += timedelta(minutes=15)


def test_seconds_are_cut_and_milliseconds_too() -> None:
    at = datetime(2026, 7, 14, 23, 59, 59, 999_999, tzinfo=UTC)
    assert clock(ZoneInfo("Europe/Paris"), european_day)(at) == "15/07/2026 01:59:59"
    assert iso_ms_z(at) == "2026-07-14T23:59:59.999Z"
