"""The rules that keep the code readable, held against the code itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ringtrail import cli
from ringtrail.config import Settings

REPOSITORY = Path(__file__).parents[2]
SOURCES = REPOSITORY / "src" / "ringtrail"
MAX_LINES = 500

DIALECT_FILES = {
    "__init__.py", "auth.py", "errors.py", "requests.py", "responses.py", "routes.py", "vocabulary.py", "README.md",
}  # fmt: skip
"""In every dialect's folder. A dialect may have more (`sync.py`), never less."""

INSTEAD = {"callr": {"requests.py": "parameters.py"}}
"""CALLR has a module per service behind one registry: its methods read positional parameters, not requests."""

FOREIGN_TO_THE_REPOSITORY = {
    "a package registry's host": r"python[h]osted|pypi[.]org|registry[.]npmjs|deb[.]debian[.]org|security[.]debian[.]org",
    "a path of somebody's machine": r"(?<![\w.])/wor[k]/|/hom[e]/[a-z]+/|/roo[t]/|/tmp/bas[h]_jobs",
}


def test_layers_are_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_files_stay_short() -> None:
    """Past 500 lines a file holds more than one thing: split it by noun."""
    lengths = {path: len(path.read_text().splitlines()) for path in SOURCES.rglob("*.py")}
    assert lengths
    assert {str(path.relative_to(REPOSITORY)): n for path, n in lengths.items() if n >= MAX_LINES} == {}


def test_the_configuration_page_is_the_printed_reference() -> None:
    page = (REPOSITORY / cli.REFERENCE_PAGE).read_text()
    assert page == cli.markdown(), "`make docs` prints it again"


@pytest.mark.parametrize("key", Settings.__struct_fields__)
def test_a_setting_is_documented_with_its_default(key: str) -> None:
    rows = re.findall(rf"^\| `{key}` \| (.+?) \| (.+) \|$", cli.markdown(), re.MULTILINE)
    assert len(rows) == 1
    default, meaning = rows[0]
    assert default == "empty" or default.startswith("`")
    assert len(meaning.split()) >= 4


def tracked() -> list[Path]:
    """Text files of the repository.

    Without the lock file: it is uv's, and it must name where each package is and what it hashes to, or `uv sync
    --frozen` could not install the very same ones.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    paths = [REPOSITORY / name for name in listed.split("\0") if name and name != "uv.lock"]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


@pytest.mark.parametrize("what", FOREIGN_TO_THE_REPOSITORY)
def test_no_tracked_file_names(what: str) -> None:
    pattern = re.compile(FOREIGN_TO_THE_REPOSITORY[what])
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_lock_file_is_the_only_one_that_is_left_out() -> None:
    assert (REPOSITORY / "uv.lock").is_file()
    assert REPOSITORY / "pyproject.toml" in tracked()


def dialects() -> list[Path]:
    return sorted(path for path in (SOURCES / "dialects").iterdir() if path.is_dir() and path.name != "__pycache__")


@pytest.mark.parametrize("folder", dialects(), ids=lambda folder: folder.name)
def test_a_dialect_has_the_files_that_every_dialect_has(folder: Path) -> None:
    instead = INSTEAD.get(folder.name, {})
    wanted = {instead.get(name, name) for name in DIALECT_FILES}
    assert wanted - {path.name for path in folder.iterdir()} == set()


def test_every_dialect_has_its_tests() -> None:
    tested = {path.name for path in (REPOSITORY / "tests/dialects").iterdir() if list(path.glob("test_*.py"))}
    assert {folder.name for folder in dialects()} - tested == set()


def test_no_code_calls_a_module_utils_or_the_like() -> None:
    """Such names say nothing about what is inside, so everything ends up there."""
    names = {path.stem for path in SOURCES.rglob("*") if path.suffix == ".py" or path.is_dir()}
    assert names & {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "tools"} == set()
