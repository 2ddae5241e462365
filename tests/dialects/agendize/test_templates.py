"""The `schema` of a watch, in both modes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ringtrail.dialects.agendize.templates import TemplateError, check, check_address, render, render_address

CALL: dict[str, Any] = {
    "id": "12",
    "clientId": None,
    "callerNumber": "+33612345678",
    "start": {"dateTime": "2026-07-14T05:05:10", "timeZone": "America/Toronto"},
    "duration": 199,
    "answered": True,
    "externalId": 'a"b\\c\n${$.id}é\u2028',
}

OBJECTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the vendor's form", {"who": "${$.callerNumber}", "at": {"t": "${$.start.dateTime}"}}, {"who": "+33612345678", "at": {"t": "2026-07-14T05:05:10"}}),
    ("placeholders and text mixed", {"t": "${$.start.dateTime} (${$.start.timeZone})!"}, {"t": "2026-07-14T05:05:10 (America/Toronto)!"}),
    ("every result is text", {"n": "${$.duration}", "b": "${$.answered}"}, {"n": "199", "b": "true"}),
    ("nothing found", {"x": "<${$.nothing}>", "y": "${$.start.nothing.more}"}, {"x": "<>", "y": ""}),
    ("null", {"x": "${$.clientId}"}, {"x": ""}),
    ("an object as its compact text", {"x": "${$.start}"}, {"x": '{"dateTime":"2026-07-14T05:05:10","timeZone":"America/Toronto"}'}),
    ("several values as an array", {"x": "${$.start.*}"}, {"x": '["2026-07-14T05:05:10","America/Toronto"]'}),
    ("inside arrays", {"x": ["${$.id}", 1, None]}, {"x": ["12", 1, None]}),
    ("what is no string stays", {"x": 1.5, "y": False, "z": None}, {"x": 1.5, "y": False, "z": None}),
    ("names are not filled", {"${$.id}": "x"}, {"${$.id}": "x"}),
    ("brackets and quotes", {"x": "${$['start']['dateTime']}"}, {"x": "2026-07-14T05:05:10"}),
    ("what was put in is not filled again", {"x": "${$.externalId}"}, {"x": CALL["externalId"]}),
    ("dollar signs and braces", {"x": "$5 {a} $.id"}, {"x": "$5 {a} $.id"}),
]  # fmt: skip

TEXTS: list[tuple[str, str, Any]] = [
    ("a number", '{"secs":${$.duration}}', {"secs": 199}),
    ("true", "[${$.answered}]", [True]),
    ("null", '{"c":${$.clientId}}', {"c": None}),
    ("an object", '{"at":${$.start}}', {"at": CALL["start"]}),
    ("a string gets its quotes", '{"who":${$.callerNumber}}', {"who": "+33612345678"}),
    ("several values", "${$.start.*}", ["2026-07-14T05:05:10", "America/Toronto"]),
    ("nothing found outside quotes", '{"x":${$.nothing}}', {"x": None}),
    ("nothing found inside quotes", '{"x":"<${$.nothing}>"}', {"x": "<>"}),
    ("a number inside quotes", '{"x":"${$.duration} s"}', {"x": "199 s"}),
    ("text of others inside quotes is escaped", '{"x":"${$.externalId}"}', {"x": CALL["externalId"]}),
    ("text of others outside quotes is escaped", '{"x":${$.externalId}}', {"x": CALL["externalId"]}),
    ("an escaped quote does not end a string", r'{"x":"\"${$.externalId}\\","y":${$.duration}}', {"x": f'"{CALL["externalId"]}\\', "y": 199}),
    ("quotes in a path", """{"x":${$["start"]['dateTime']},"y":"${$['id']}"}""", {"x": "2026-07-14T05:05:10", "y": "12"}),
    ("the whole call", "${$}", CALL),
    ("no placeholder", "[1]", [1]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "schema", "expected"), OBJECTS, ids=[row[0] for row in OBJECTS])
def test_an_object(name: str, schema: dict[str, Any], expected: dict[str, Any]) -> None:
    check(schema)
    assert json.loads(render(schema, CALL)) == expected


@pytest.mark.parametrize(("name", "schema", "expected"), TEXTS, ids=[row[0] for row in TEXTS])
def test_a_text(name: str, schema: str, expected: Any) -> None:
    check(schema)
    assert json.loads(render(schema, CALL)) == expected


@pytest.mark.parametrize("schema", ['{"a":${$.duration}', "{a:1}", '{"a":"${$.id}}', "", "${$.id} ${$.id}", "[NaN]"])
def test_what_is_no_json_is_not_sent(schema: str) -> None:
    with pytest.raises(TemplateError, match="not JSON"):
        render(schema, CALL)


@pytest.mark.parametrize(
    "schema",
    [
        {"a": "${$.id"}, {"a": "${}"}, {"a": "${id}"}, {"a": "${ $.id }"}, {"a": "${$.id | $.b}"}, '{"a":${$.}}',
        {"a": "${$[?@.a == 1]}"}, {"a": "${$..[?match(@, '(a+)+$')]}"}, {"a": "${$." + "a" * 300 + "}"},
        {"a": "${$.id}" * 201}, {"a": "\ud800"},
    ],
)  # fmt: skip
def test_a_template_that_can_never_be_filled_is_refused_when_it_is_given(schema: Any) -> None:
    with pytest.raises(TemplateError):
        check(schema)


def test_nesting_has_an_end() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": deep}
    with pytest.raises(TemplateError, match="deep"):
        check(deep)


def test_an_address_is_filled_behind_its_host_and_encoded() -> None:
    address = "https://crm.example/calls/${$.id}?at=${$.start.dateTime}&by=${$.externalId}"
    assert check_address(address) == "https://crm.example/calls/?at=&by="
    assert render_address(address, CALL).startswith(
        "https://crm.example/calls/12?at=2026-07-14T05%3A05%3A10&by=a%22b%5Cc%0A"
    )
    for host in ("https://${$.externalId}/x", "https://crm.example:${$.id}/", "https://a.${$.id}?x"):
        with pytest.raises(TemplateError):
            check_address(host)
