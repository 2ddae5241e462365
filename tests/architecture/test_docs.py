"""The documentation is true: what is printed from the code equals it, and what it names is there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import printed
from ringtrail import cli, simulate
from ringtrail.config import ENV_PREFIX, Settings
from ringtrail.engines.simulator import scenario
from ringtrail.model.cause import Disposition

REPOSITORY = Path(__file__).parents[2]
NOT_SETTINGS = {"CONFIG", "CONNECT"}
"""RINGTRAIL_CONFIG names the file of settings, RINGTRAIL_CONNECT is a variable of Asterisk's dialplan."""


def _pages() -> list[Path]:
    """Markdown files that are, or are about to be, in the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := REPOSITORY / name).is_file()]


PAGES = _pages()
OURS = [
    page for page in PAGES if page.name in ("README.md", "CONTRIBUTING.md") or page.is_relative_to(REPOSITORY / "docs")
]


def _name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def _prose(page: Path) -> str:
    """The text without its code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", printed.pages(), ids=_name)
def test_a_printed_page_equals_the_code(page: Path) -> None:
    assert page.read_text() == printed.pages()[page], "`python -m docs.printed` prints it again"


def test_every_outcome_has_its_row() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", printed.words(), re.MULTILINE)
    assert set(rows) == set(Disposition)


@pytest.mark.parametrize("page", OURS, ids=_name)
def test_every_make_command_is_a_target(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", page.read_text(), re.MULTILINE))
    assert named - targets == set()


def test_the_readme_names_the_two_commands() -> None:
    assert {"make run", "make demo"} <= set(re.findall(r"make [a-z]+", (REPOSITORY / "README.md").read_text()))


@pytest.mark.parametrize("page", OURS, ids=_name)
def test_every_ringtrail_command_exists(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    commands = set(re.findall(r"^    ([a-z]+) ", capsys.readouterr().out, re.MULTILINE))
    named = set(re.findall(r"(?:`|^\$ |^ {4}|\.venv/bin/)ringtrail ([a-z]+)", page.read_text(), re.MULTILINE))
    assert named - commands == set()


@pytest.mark.parametrize("page", OURS, ids=_name)
def test_every_setting_exists(page: Path) -> None:
    named = set(re.findall(rf"{ENV_PREFIX}([A-Z_]*[A-Z])", page.read_text()))
    assert {name.lower() for name in named - NOT_SETTINGS} - set(Settings.__struct_fields__) == set()


@pytest.mark.parametrize("page", OURS, ids=_name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|docs|demo|bench|web)/[\w./-]+)`", page.read_text())
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_the_example_in_the_page_about_scenarios_holds() -> None:
    text = (REPOSITORY / "docs/explanation/scenarios.md").read_text()
    examples = [
        block for block in re.findall(r"^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if "\ndid" in block
    ]
    scenarios = [item for block in examples for item in scenario.parse(block)]
    assert scenarios
    assert [simulate.run_scenario(item).differences for item in scenarios] == [()] * len(scenarios)


def test_every_word_of_the_scenario_table_is_read_by_the_code() -> None:
    lines = (REPOSITORY / "docs/explanation/scenarios.md").read_text().splitlines()
    cells = [line.split("|")[2] for line in lines if line.startswith("|")]
    words = {word for cell in cells for word in re.findall(r"`([a-z_]+)(?:=yes)?`", cell)}
    code = "".join(Path(module.__file__ or "").read_text() for module in (scenario, simulate))
    assert {"welcome", "talks", "presses"} <= words
    assert {word for word in words if f'"{word}"' not in code} == set()


DECISIONS = sorted((REPOSITORY / "docs/decisions").glob("[0-9]*.md"))


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_a_decision_has_its_parts_and_is_listed(page: Path) -> None:
    titles = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    assert titles[:3] == ["Context", "Decision", "Consequences"]
    assert f"({page.name})" in (REPOSITORY / "docs/decisions/README.md").read_text()
