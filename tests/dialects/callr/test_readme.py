"""The dialect's own page names what the dialect has: every method, every type of webhook, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import ringtrail.dialects.callr
from ringtrail.dialects.callr.registry import METHODS
from ringtrail.dialects.callr.webhook_types import TYPES

PAGE = Path(ringtrail.dialects.callr.__file__).with_name("README.md").read_text()


def _first_column(heading: str) -> list[str]:
    """The words in backticks of the first column of a section's table; `.x` goes with the word before it."""
    section = PAGE.split(f"## {heading}", 1)[1].split("\n## ", 1)[0]
    names: list[str] = []
    for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", row):
            names.append(names[-1].rpartition(".")[0] + name if name.startswith(".") else name)
    return names


def test_the_page_lists_every_method_that_is_answered() -> None:
    assert sorted(_first_column("Supported methods")) == sorted(METHODS)


def test_the_page_lists_every_type_of_webhook() -> None:
    assert sorted(_first_column("Webhooks")) == sorted(TYPES)
