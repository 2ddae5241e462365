"""The `schema` of a watch, in both modes."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest

from ringtrail.dialects.agendize.templates import (
    MOST_BYTES,
    TemplateError,
    check,
    check_address,
    render,
    render_address,
)

CALL: dict[str, Any] = {
    "id": "12",
    "clientId": None,
    "callerNumber": "+33612345678",
    "start": {"dateTime": "2026-07-14T05:05:10", "timeZone": "America/Toronto"},
    "duration": 199,
    "answered": True,
    "ratio": -0.5,
    "tags": ["a", 1, None],
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
    ("an array as its compact text", {"x": "${$.tags}"}, {"x": '["a",1,null]'}),
    ("one value of an array", {"x": "${$.tags[-1]}", "y": "${$.tags[0]}", "z": "${$.tags[9]}"}, {"x": "", "y": "a", "z": ""}),
    ("a fraction", {"x": "${$.ratio}"}, {"x": "-0.5"}),
    ("nested in objects and arrays", {"a": [{"b": [["${$.id}"]]}]}, {"a": [{"b": [["12"]]}]}),
    ("placeholders side by side", {"x": "${$.id}${$.id}$${$.id}"}, {"x": "1212$12"}),
    ("a brace inside a quoted name", {"x": "<${$['}']}>"}, {"x": "<>"}),
    ("the start of a placeholder inside a quoted name", {"x": "<${$['${']}>"}, {"x": "<>"}),
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
    ("a fraction", "[${$.ratio}]", [-0.5]),
    ("an array", '{"t":${$.tags}}', {"t": ["a", 1, None]}),
    ("an array inside quotes", '{"t":"${$.tags}"}', {"t": '["a",1,null]'}),
    ("an object inside quotes", '{"t":"at ${$.start}"}', {"t": 'at {"dateTime":"2026-07-14T05:05:10","timeZone":"America/Toronto"}'}),
    ("true and null inside quotes", '["${$.answered}","${$.clientId}"]', ["true", ""]),
    ("typed values and text mixed", '{"a":${$.duration},"b":"${$.id}/${$.duration}","c":[${$.answered},{"d":${$.nothing}}]}', {"a": 199, "b": "12/199", "c": [True, {"d": None}]}),
    ("a name from a value", '{"${$.externalId}":1}', {CALL["externalId"]: 1}),
    ("spaces and lines", '{\n  "a" : ${$.duration} ,\r\n\t"b" : "${$.id}"\n}', {"a": 199, "b": "12"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "schema", "expected"), OBJECTS, ids=[row[0] for row in OBJECTS])
def test_an_object(name: str, schema: dict[str, Any], expected: dict[str, Any]) -> None:
    check(schema)
    assert json.loads(render(schema, CALL)) == expected


@pytest.mark.parametrize(("name", "schema", "expected"), TEXTS, ids=[row[0] for row in TEXTS])
def test_a_text(name: str, schema: str, expected: Any) -> None:
    check(schema)
    assert json.loads(render(schema, CALL)) == expected


HOSTILE = [
    '"', '\\', '\\"', '\\\\"', '","admin":true,"x":"', '"}', "</script><script>alert(1)</script>", "\u2028\u2029", "\0\x01\x1f\x7f",
    "\r\n\r\nHTTP/1.1 200 OK", "${$.id}", "$.id}", "\ufeff", "😀é\u202e", "{{7*7}}", "'; --", "\\u0022",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_caller_is_called_changes_nothing_but_its_own_value(text: str) -> None:
    call = {"name": text}
    assert json.loads(render({"a": "<${$.name}>", "b": "c"}, call)) == {"a": f"<{text}>", "b": "c"}
    told = render('{"a":"<${$.name}>","b":${$.name},"c":[${$}],"d":"${$}"}', call)
    assert json.loads(told) == {
        "a": f"<{text}>", "b": text, "c": [call], "d": json.dumps(call, ensure_ascii=False, separators=(",", ":")),
    }  # fmt: skip


def test_half_a_surrogate_pair_stops_nothing() -> None:
    call = {"name": "a\ud800b"}
    assert json.loads(render('["${$.name}",${$.name},${$}]', call)) == ["a\ufffdb", "a\ufffdb", {"name": "a\ufffdb"}]
    assert json.loads(render({"x": "${$.name}"}, call)) == {"x": "a\ufffdb"}


def test_a_value_as_a_name_that_is_no_text_is_not_sent() -> None:
    with pytest.raises(TemplateError, match="not JSON"):
        render("{${$.duration}:1}", CALL)


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


def test_a_result_has_a_size() -> None:
    call = {"name": "x" * 1_000, "names": ["x"] * 600}
    schema = {f"n{number}": "${$.name}" * 10 for number in range(20)}
    assert len(render(schema, call)) < MOST_BYTES
    with pytest.raises(TemplateError, match="more than 262144 bytes"):
        render(schema, {"name": "x" * 2_000})
    with pytest.raises(TemplateError, match="more than 1000 values"):
        render({"a": "${$..[*,*]}"}, call)


def unended(times: int) -> list[Any]:
    """Templates and paths that took an expression with too much freedom, or too many turns, minutes."""
    stars = ",".join("*" * 90)
    return [
        "${" * times, "${'" * times, "${$" * 199 + "x" * 2 * times, "${$['" + "${" * times, '"' * 2 * times,
        {"a": "${" * times}, {"a": "${'" * times}, {"a": "${$" * 199 + "x" * times},
        {f"a{number}": f"${{$..[{stars}]}}" for number in range(200)},
        {f"a{number}": "${$" + "..*" * 60 + "}" for number in range(200)},
        {f"a{number}": "${$" + "..[*,*]" * 27 + "}" for number in range(200)},
        {f"a{number}": "${$..[0:9007199254740991:1,-9007199254740991::1]}" for number in range(200)},
        {"a": "${$[?search(@.externalId, '^(([a-z])+.)+[A-Z]([a-z])+$')]}"},
        {"a": "${$[?count($..[?count($..[?count($..*) > 1]) > 1]) > 1]}"},
        "[" * 2 * times + "]" * 2 * times, '{"a":' * times,
    ]  # fmt: skip


def test_no_template_keeps_us_for_long() -> None:
    """A body is 64 KB; the slowest of these took 22 seconds once."""
    for schema in unended(20_000):
        began = time.process_time()
        with contextlib.suppress(TemplateError):
            check(schema)
        with contextlib.suppress(TemplateError):
            render(schema, CALL)
        assert time.process_time() - began < 2.0, str(schema)[:40]


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
