"""The clients of the dialects are written from the vendors' documents alone: they must not know the server."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CLIENTS = sorted((TESTS / "dialects").glob("*/client*.py"))
ALLOWED = sys.stdlib_module_names | {"httpx"}


def imported(source: str) -> set[str]:
    """Top-level names of every import, relative ones as `.`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").partition(".")[0])
    return found


def test_there_is_a_client_for_each_dialect_that_reports_calls() -> None:
    assert {path.parent.name for path in CLIENTS} >= {"optico", "invox", "agendize", "fonedynamics"}


@pytest.mark.parametrize("path", CLIENTS, ids=lambda path: str(path.relative_to(TESTS)))
def test_a_client_shares_no_code_with_the_server(path: Path) -> None:
    source = path.read_text()
    assert imported(source) - ALLOWED - {"__future__"} == set()
    assert "importlib" not in source
    assert "__import__" not in source
