"""The tables and formats, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrail.dialects.agendize.requests import parse_list
from ringtrail.dialects.agendize.vocabulary import STATUS, TYPE, local_time, parse_instant
from ringtrail.model.call import Trigger
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError
from tests.fixtures import GOLDEN_START

VENDOR_STATUSES = {"completed", "noAnswered", "message", "wrongNumber", "busy", "abandoned"}


def test_every_end_has_a_status_and_every_status_of_the_vendor_is_used() -> None:
    assert set(STATUS) == set(Disposition) - {Disposition.IN_PROGRESS}
    assert set(STATUS.values()) == VENDOR_STATUSES
    assert set(TYPE) == set(Trigger)


offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)).map(lambda d: d.replace(microsecond=0)), offsets)
def test_an_instant_written_with_any_offset_reads_as_the_same_instant(clock: datetime, offset: timezone) -> None:
    instant = clock.replace(tzinfo=UTC)
    text = instant.astimezone(offset).isoformat()
    for spelling in (text, text.replace("+", " "), text.replace("T", "t")):
        assert parse_instant("startDate", spelling) == (instant, False)


@given(st.text(max_size=40))
def test_text_that_is_no_instant_is_a_domain_error_that_names_the_parameter(text: str) -> None:
    with pytest.raises(DomainError, match="startDate"):
        parse_list({"startDate": ["x" + text]})


@given(
    st.dictionaries(
        st.sampled_from(["startDate", "endDate", "search", "toolId"]), st.sampled_from(["2026-01-01T00:00:00Z"])
    ),
    st.dictionaries(
        st.sampled_from(["startDate", "endDate", "search", "toolId"]), st.sampled_from(["2026-01-01T00:00:00Z"])
    ),
)
def test_filters_have_the_same_digest_exactly_when_they_are_the_same(one: dict[str, str], two: dict[str, str]) -> None:
    first, second = (parse_list({name: [text] for name, text in given_.items()}).filters for given_ in (one, two))
    assert (first.digest() == second.digest()) == (one == two)


@pytest.mark.parametrize(
    "instant", [GOLDEN_START, GOLDEN_START.replace(month=1), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)]
)
def test_every_iana_name_and_link_tells_a_time_that_reads_back(instant: datetime) -> None:
    """`US/Eastern`, the vendor's own sample, is a link."""
    names = available_timezones()
    assert names >= {"US/Eastern", "America/New_York", "Asia/Calcutta", "Europe/Kiev", "GB", "Etc/GMT+12"}
    for name in names:
        local = datetime.fromisoformat(local_time(instant, name))
        zone = ZoneInfo(name)
        assert instant in {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}, name


def test_local_time_has_no_offset_and_drops_the_fraction() -> None:
    instant = datetime(2026, 11, 1, 5, 30, 0, 999_000, tzinfo=UTC)
    assert local_time(instant, "America/Toronto") == "2026-11-01T01:30:00"
    assert local_time(instant + timedelta(hours=1), "America/Toronto") == "2026-11-01T01:30:00"
