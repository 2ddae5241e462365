"""Who gets gzip: RFC 9110 section 12.5.3."""

from __future__ import annotations

import pytest

from ringtrail.httpkit.compression import takes_gzip

TAKE_IT = (
    "gzip",
    "GZIP",
    "x-gzip",
    "gzip, deflate, br",
    "deflate, gzip;q=1.0, *;q=0.5",
    "gzip;q=0.001",
    "gzip ; q=0.5",
    "gzip;Q=0.5",
    "gzip;q=1, identity;q=0.5",
    "gzip;q=0.5, identity;q=0.5",
    "gzip, *;q=0",
    "identity;q=0, gzip;q=0.1",
    "*",
    "deflate;q=0.2, *;q=0.7",
    "identity;q=0, *;q=0.3",
    "compress;q=0.5, gzip;q=1.0",
)
DO_NOT = (
    "",
    "identity",
    "gzip;q=0",
    "gzip;q=0.0",
    "gzip;q=0.000, deflate",
    "x-gzip;q=0",
    "gzip;q=0, *",
    "deflate, br",
    "gzip2",
    "not-gzip",
    "identity, gzip;q=0.5",
    "identity;q=0.6, gzip;q=0.5",
    "*;q=0.9, gzip;q=0.5",
    "*;q=0",
    "gzip;q=",
    "gzip;q=many",
    "gzip;q=nan",
    ";;;,,,",
)


def test_whoever_names_it_and_does_not_like_the_plain_answer_better_takes_gzip() -> None:
    assert [header for header in TAKE_IT if not takes_gzip(header)] == []
    assert [header for header in DO_NOT if takes_gzip(header)] == []


@pytest.mark.parametrize("header", ["gzip," * 5_000, "," * 20_000, "a;q=1," * 5_000])
def test_a_long_header_is_no_trouble(header: str) -> None:
    assert takes_gzip(header) is ("gzip" in header)
