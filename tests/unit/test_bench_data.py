"""The benchmarks' data set obeys the laws of real data: kept sums, counters, first calls, whole timelines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from bench.data import differences, fill, hours_of
from bench.rows import OUTCOMES
from ringtrail.supervisor.postgres import EmbeddedPostgres

CALLS = 2_000


@pytest.fixture(scope="module")
def filled(cluster: EmbeddedPostgres) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """A database with the data set, and a connection to it. Nothing here writes, so one serves all."""
    url = cluster.url("bench_data")
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench_data TEMPLATE template_ringtrail")
    assert fill(url, CALLS)
    with psycopg.connect(url, autocommit=True) as connection:
        yield url, connection


def _one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.postgres
def test_the_kept_sums_counters_and_first_calls_are_those_of_the_calls(
    filled: tuple[str, psycopg.Connection[Any]],
) -> None:
    url, connection = filled
    assert _one(connection, "SELECT count(*) FROM calls") == CALLS
    assert differences(url) == 0
    assert _one(connection, "SELECT count(*) FROM call_counters") == 5
    assert not _one(
        connection,
        "SELECT count(*) FROM call_counters k WHERE (creation, change) <> (SELECT max(creation_seq), max(change_seq)"
        " FROM calls c WHERE c.account_id = k.account_id)",
    )
    wrongly_new = """
        SELECT count(*) FROM (SELECT caller_is_new, caller_withheld OR row_number() OVER (
            PARTITION BY account_id, property_id, caller_number ORDER BY started_at) = 1 AS first FROM calls) c
        WHERE caller_is_new <> first"""
    assert _one(connection, wrongly_new) == 0
    assert _one(connection, "SELECT count(*) FROM first_calls") == _one(
        connection, "SELECT count(*) FROM calls WHERE caller_is_new AND NOT caller_withheld"
    )


@pytest.mark.postgres
def test_every_outcome_occurs_and_every_timeline_is_in_order(filled: tuple[str, psycopg.Connection[Any]]) -> None:
    _, connection = filled
    found = set(connection.execute("SELECT DISTINCT disposition, stage FROM calls").fetchall())
    assert found == {(disposition, stage) for _, disposition, stage, *_ in OUTCOMES}
    late_legs = """
        SELECT count(*) FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id
        WHERE l.started_at < c.started_at OR l.ended_at > c.ended_at OR l.ended_at < l.started_at"""
    assert _one(connection, late_legs) == 0
    assert _one(connection, "SELECT count(*) - count(DISTINCT id) FROM legs") == 0
    assert _one(connection, "SELECT count(*) FROM legs WHERE role = 'caller'") == CALLS
    assert _one(connection, "SELECT count(*) FROM recordings") == _one(
        connection, "SELECT count(*) FROM calls WHERE recording_hash IS NOT NULL"
    )


@pytest.mark.postgres
def test_a_complete_data_set_is_left_alone_and_its_indexes_are_back(
    filled: tuple[str, psycopg.Connection[Any]],
) -> None:
    url, connection = filled
    assert not fill(url, CALLS)
    assert _one(connection, "SELECT count(*) FROM calls") == CALLS
    assert _one(connection, "SELECT count(*) FROM bench.indexes WHERE definition LIKE '% public.calls %'") == _one(
        connection, "SELECT count(*) FROM pg_index WHERE indrelid = 'calls'::regclass AND NOT indisprimary"
    )


def test_hours_hold_all_calls_in_order_without_a_gap() -> None:
    hours = hours_of(10_007)
    assert sum(hour.calls for hour in hours) == 10_007
    assert [hour.first_n for hour in hours[1:]] == [hour.first_n + hour.calls for hour in hours[:-1]]
    assert all(earlier.hour_at < later.hour_at for earlier, later in pairwise(hours))
