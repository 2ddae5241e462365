"""Makes seed_objects.json from the vendor's page of objects: names, types, formats and lists of values, no word of its prose.

    python -m tests.dialects.callr.seed_table < PAGE.txt > tests/dialects/callr/seed_objects.json

The page lists all objects first, then shows each in the same order: its description, an example in braces, a table of its
properties. A cell may go on in the next line. The example gives the order of the properties, the table all else.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

TYPES = ("array", "bool", "int", "mixed", "object", "string")
_HEAD = "Property | Type | Description |"
_RULE = re.compile(r"(---\|)+")
_ROW = re.compile(rf"(\w+) \| ({'|'.join(TYPES)}) \|(.*)")
_FORMAT = re.compile(r"\bFormat: (\w+)")
_VALUES = re.compile(r'\bValues: ("[^"]*"(?:, "[^"]*")*)')
_OBJECTS = re.compile(r"\b(?:Array of objects|Objects?): ([\w.]+(?:, [\w.]+)*)")


def objects(page: str) -> dict[str, dict[str, Any]]:
    """{object: {property: {type, format?, values?, objects?}}}, properties in the vendor's order."""
    lines = page.splitlines()
    listed = lines.index("Object | Description |") + 2
    names = [line.split(" | ")[0] for line in _until_no_row(lines[listed:])]
    shown = list(_shown(lines[listed + len(names) :]))
    if len(names) != len(shown):
        raise ValueError(f"{len(names)} objects are listed, {len(shown)} shown")
    return dict(zip(names, shown, strict=True))


def _until_no_row(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.endswith(" |"):
            return
        yield line


def _shown(lines: list[str]) -> Iterator[dict[str, Any]]:
    starts = [index for index, line in enumerate(lines) if line == "{"]
    for start, end in zip(starts, [*starts[1:], len(lines) + 1], strict=True):
        close = lines.index("}", start)
        example = json.loads("\n".join(lines[start : close + 1]))
        table = _table(lines[close + 2 : end - 1])
        if set(example) != set(table):
            raise ValueError(f"example and table differ: {set(example) ^ set(table)}")
        yield {name: table[name] for name in example}


def _table(lines: Iterable[str]) -> dict[str, Any]:
    cells: dict[str, tuple[str, str]] = {}
    name = None
    for line in lines:
        if row := _ROW.match(line):
            name = row[1]
            cells[name] = (row[2], row[3])
        elif name and not _RULE.fullmatch(line):
            cells[name] = (cells[name][0], f"{cells[name][1]} {line}")
    return {name: _facts(*cell) for name, cell in cells.items()}


def _facts(type_: str, text: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"type": type_}
    if found := _FORMAT.search(text):
        facts["format"] = found[1]
    if found := _VALUES.search(text):
        facts["values"] = json.loads(f"[{found[1]}]")
    if found := _OBJECTS.search(text):
        facts["objects"] = found[1].split(", ")
    return facts


def compact(found: dict[str, dict[str, Any]]) -> str:
    """JSON with a line for each property."""
    shown = (
        f"{json.dumps(name)}: {{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(facts)}" for key, facts in properties.items()) + "\n}"
        for name, properties in found.items()
    )  # fmt: skip
    return "{\n" + ",\n".join(shown) + "\n}\n"


if __name__ == "__main__":
    sys.stdout.write(compact(objects(sys.stdin.read())))
