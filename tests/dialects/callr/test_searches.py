"""Every search method: each filter of the vendor's page finds what it says or is refused, and all share one engine for pages.

Of everything that can be searched the account has three, the second of which differs from the others in all that can be
filtered by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ringtrail.dialects.callr.registry import METHODS
from ringtrail.model.call import RecordingKind
from tests.dialects.callr.conftest import Rpc
from tests.dialects.callr.happenings import MOBILE, SMS_NUMBER, Post
from tests.fixtures import GOLDEN_START, World, with_recording

SEED: dict[str, dict[str, dict[str, Any]]] = json.loads(Path(__file__).with_name("seed_objects.json").read_text())
VALUE, TYPE, FORMAT = (151, "PROPERTY_VALUE_ERROR"), (151, "PROPERTY_TYPE_ERROR"), (-32602, "INVALID_PARAM_FORMAT")
DAYS = timedelta(days=10)
SECOND_CALL, LONG_AGO, NEVER = "2026-07-24 09:05:10", "2020-01-01 00:00:00", "2099-01-01 00:00:00"
HOOK = "https://hooks.example.org/callr"


class Search(NamedTuple):
    """One method. filters: its object of the vendor's; found: [(property, value, how many it finds)], `$name` being what the
    fixture made; always: filters without which nothing is found."""

    filters: str
    order: str
    found: tuple[tuple[str, Any, int], ...]
    always: Mapping[str, Any] = {}


CREATED = (("created_at_from", LONG_AGO, 3), ("created_at_from", NEVER, 0), ("created_at_to", NEVER, 3), ("created_at_to", LONG_AGO, 0))  # fmt: skip


def cdrs(type_: str) -> Search:
    return Search(
        "CDR.SearchFilters", "start",
        (
            ("app", "$app", 1), ("did", "$did", 1), ("from", SECOND_CALL, 2), ("to", "2026-07-24 09:05:11", 2),
            ("to", LONG_AGO, 0), ("hash", f"${type_}", 1), ("hash", "0", 0), ("hash", "not a callid", 0),
            ("type", type_, 3),
        ),
        {"type": type_},
    )  # fmt: skip


SEARCHES: dict[str, list[Search]] = {
    "account/sub.search": [
        Search("SubAccount.SearchFilters", "created_at", (("archived", True, 1), ("archived", False, 3), ("archived", None, 4))),
    ],
    "apps.search": [Search("App.SearchFilters", "date_creation", (("name", "SECOND", 1), ("name", "none", 0), ("name", "", 3)))],
    "did.search": [
        Search(
            "DID.SearchFilters", "intl_number",
            (
                ("class", "GOLD", 1), ("class", "CLASSIC", 2), ("hash", "$did", 1), ("hash", "00000000", 0),
                ("KEYWORDS", "06 39 98 00 02", 1), ("KEYWORDS", "3998", 1), ("KEYWORDS", "nothing", 0),
                ("type", "MOBILE", 1), ("type", "TOLLFREE", 0),
            ),
        ),
    ],
    "sip/subscriber.search": [
        Search(
            "SIP.Subscriber.SearchFilters", "id",
            (("domain", "testserver.local", 3), ("domain", "other.example", 0), ("username", "second", 1), ("username", "x", 0)),
        ),
    ],
    "sip/trunk_origination.search": [Search("SIP.TrunkOrigination.SearchFilters", "id", ())],
    "sip/trunk_termination.search": [Search("SIP.TrunkTermination.SearchFilters", "id", ())],
    "cdr.search": [cdrs("IN"), cdrs("OUT")],
    "media/library.search": [
        Search(
            "Media.SearchFilters", "id",
            (
                ("category", "IVR", 1), ("category", "MISC", 0), *CREATED, ("hash", "$media_hash", 1), ("id", "$media", 1),
                ("id", 0, 0), ("language", ["fr_FR"], 1), ("language", ["de_DE"], 0), ("language", [], 3),
                ("name", "SECOND", 1), ("status", "READY", 1), ("status", "PENDING_CONTENT", 2), ("status", "PROCESSING", 0),
                ("tags_type", "shelf", 1), ("tags_value", "upper", 1), ("tags_value", "lower", 0),
                ("voice", "TTS_IT-IT_PAOLO", 1), ("voice", "TTS_IT-IT_SILVIA", 0),
            ),
        ),
    ],
    "media/recording.search": [
        Search(
            "Media.Recording.SearchFilters", "date",
            (
                ("callid", "$callid", 1), ("callid", 0, 0), ("cli_number", "06 99 99 99 99", 1), ("cli_number", MOBILE, 2),
                ("date_from", SECOND_CALL, 2), ("date_to", SECOND_CALL, 2), ("duration_min", 60, 1), ("duration_min", 61, 0),
                ("hash", "SECOND01", 1), ("read", True, 1), ("read", False, 2), ("read_at_from", LONG_AGO, 1),
                ("read_at_from", NEVER, 0), ("read_at_to", NEVER, 1), ("read_at_to", LONG_AGO, 0), ("status", "ERROR", 1),
                ("status", "READY", 2), ("status", "PENDING", 0), ("type", "VOICEMAIL", 1), ("type", "RECORDING", 0),
            ),
        ),
    ],
    "sms.search": [
        Search(
            "SMS.SearchFilters", "date_creation",
            (
                *CREATED, ("from", MOBILE, 1), ("from", SMS_NUMBER, 1), ("from", "My-Shop", 1), ("hash", "$sms", 1),
                ("nature", "ALERTING", 1), ("nature", "MARKETING", 0), ("status", "CREATED", 2), ("status", "RECEIVED", 1),
                ("status", "REMOTE_QUEUED", 0), ("text", "second", 1), ("text", "none", 0), ("to", "06 98 98 98 98", 1),
                ("type", "OUT", 2), ("type", "IN", 1), ("user_data", "a1", 1), ("user_data", "a", 0),
            ),
        ),
    ],
    "webhooks/log.search": [
        Search(
            "Webhook.Log.Search.Filters", "date",
            (
                ("endpoint", f"{HOOK}/2", 1), ("endpoint", "none", 0), ("event_date", "2026-07-24", 1),
                ("event_date", SECOND_CALL, 1), ("event_date", LONG_AGO, 0), ("event_id", "$event", 1), ("event_id", "0", 0),
                ("hook_hash", "$hook", 1), ("hook_hash", "00000000", 0), ("http_code", "503", 1), ("http_code", 200, 2),
                ("status", "FAILURE", 1), ("status", "SUCCESS", 2), ("try", 4, 1), ("try", 0, 2), ("type", "billing.credit", 1),
                ("type", "sms.mo", 2), ("type", "job.status_update", 0),
            ),
        ),
    ],
}  # fmt: skip
CASES = [
    pytest.param(method, search, id=f"{method} {search.always}") for method in SEARCHES for search in SEARCHES[method]
]


# --- what there is to find ------------------------------------------------------------------------------------------


@pytest.fixture
async def made(rpc: Rpc, world: World, carrier_post: Post) -> dict[str, Any]:
    """Three of everything (of sub accounts four, one of which is archived), and the second's names."""
    names = await _numbers_and_apps(rpc, world)
    return names | await _calls(world, names) | await _others(rpc, world) | await _messages(rpc, carrier_post) | await _tries(rpc, world)  # fmt: skip


async def _execute(world: World, statement: str, *values: Any) -> Any:
    async with world.database.transaction() as connection:
        cursor = await connection.execute(statement.encode(), values)
        return (await cursor.fetchone() or (None,))[0] if cursor.description else None


async def _numbers_and_apps(rpc: Rpc, world: World) -> dict[str, Any]:
    """Beside the world's own, and the number that sends messages."""
    app, _ = [
        (await rpc("apps.create", "CALLTRACKING10", name, None))["hash"] for name in ("A second one", "A third one")
    ]
    did = await world.services.numbers.add(
        account_id=world.account.id,
        property_id=world.property.id,
        number_e164="+33639980002",
        line_type="MOBILE",
        app_hash=app,
        class_="GOLD",
    )
    return {"app": app, "did": did.hash}


async def _calls(world: World, second: Mapping[str, Any]) -> dict[str, Any]:
    first, other, third = (world.golden(started_at=GOLDEN_START + number * DAYS) for number in range(3))
    other = replace(other, app_hash=second["app"], did_hash=second["did"], caller_number_e164="+33699999999")
    told = with_recording(other, "SECOND01")
    voicemail = replace(told.recordings[0], kind=RecordingKind.VOICEMAIL)
    await world.save(
        with_recording(first, "FIRST001"), replace(other, recordings=(voicemail,)), with_recording(third, "THIRD001")
    )
    await _execute(world, "UPDATE recordings SET status = 'ready', duration_ms = 10000")
    await _execute(
        world, "UPDATE recordings SET status = 'error', duration_ms = 60000, read_at = now() WHERE hash = 'SECOND01'"
    )
    return {"callid": other.id, "IN": str(other.id), "OUT": str(other.legs[1].id)}


async def _others(rpc: Rpc, world: World) -> dict[str, Any]:
    subs = [
        await rpc("account/sub.create", {"account": {"company": "x"}, "contact": {"emails": ["a@example.org"]}}, {})
        for _ in range(4)
    ]
    for method in ("disable", "archive"):
        await rpc(f"account/sub.{method}", subs[1]["credentials"]["login"])
    for name in ("first", "second", "third"):
        await rpc("sip/subscriber.create", {"username": name}, None)
        for kind in ("origination", "termination"):
            await rpc(f"sip/trunk_{kind}.create", None, None)
    _, id_, _ = [await rpc("media/library.create", name) for name in ("First", "A second one", "Third")]
    await rpc("media/library.set_tags", id_, {"CATEGORY": ["IVR"], "LANGUAGE": ["fr_FR"], "shelf": ["upper"]})
    await _execute(world, "UPDATE media SET status = 'ready', voice = 'TTS_IT-IT_PAOLO' WHERE id = %s", id_)
    return {"media": id_, "media_hash": (await rpc("media/library.get", id_))["hash"]}


async def _messages(rpc: Rpc, carrier_post: Post) -> dict[str, Any]:
    await rpc("sms.send", SMS_NUMBER, MOBILE, "The first one", None)
    said = {"nature": "ALERTING", "user_data": "a1"}
    second = await rpc("sms.send", "My-Shop", "+33698989898", "The second one", said)
    await carrier_post.receive("The third one")
    return {"sms": second}


async def _tries(rpc: Rpc, world: World) -> dict[str, Any]:
    hooks = [
        (await rpc("webhooks.subscribe", type_, f"{HOOK}/{number}", None))["hash"]
        for number, type_ in ((1, "sms.mo"), (2, "billing.credit"))
    ]
    one = ("message.received", hooks[0], f"{HOOK}/1", 0, 200, None)
    events = [
        await _tried(world, number, *item)
        for number, item in enumerate((one, ("credit.changed", hooks[1], f"{HOOK}/2", 4, 503, "503"), one))
    ]
    return {"event": str(events[1]), "hook": hooks[1]}


async def _tried(
    world: World, n: int, type_: str, hook: str, address: str, number: int, status: int, error: str | None
) -> int:
    at, account = GOLDEN_START + n * DAYS, world.account.id
    event: int = await _execute(
        world, "INSERT INTO events (account_id, type, about, at, written_at) VALUES (%s, %s, 1, %s, %s) RETURNING id",
        account, type_, at, at,
    )  # fmt: skip
    await _execute(
        world, "INSERT INTO deliveries (account_id, event_id, endpoint_hash, about) VALUES (%s, %s, %s, 1)", account, event, hook
    )  # fmt: skip
    await _execute(
        world, "INSERT INTO attempts (account_id, event_id, endpoint_hash, number, at, took_ms, address, status, error)"
        " VALUES (%s, %s, %s, %s, %s, 1, %s, %s, %s)", account, event, hook, number, at, address, status, error,
    )  # fmt: skip
    return event


def of(names: Mapping[str, Any], value: Any) -> Any:
    return names[value[1:]] if isinstance(value, str) and value.startswith("$") else value


async def found(rpc: Rpc, method: str, filters: Any, options: Any) -> tuple[list[Any], int]:
    """(hits, total)."""
    result = await rpc(method, filters, options)
    if "total_items" in result:
        return result["items"], result["total_items"]
    offset = options["offset"] if options and "offset" in options else 0
    assert (result["offset"], result["has_more"]) == (offset, offset + len(result["hits"]) < result["total"])
    return result["hits"], result["total"]


# --- filters --------------------------------------------------------------------------------------------------------


def test_every_search_method_and_every_filter_of_the_vendor_s_page_is_here() -> None:
    assert set(SEARCHES) == {method for method in METHODS if method.endswith(".search")}
    for method, searches in SEARCHES.items():
        for search in searches:
            assert {name for name, _, _ in search.found} == set(SEED[search.filters]), method


@pytest.mark.parametrize(("method", "search"), CASES)
async def test_each_filter_finds_what_it_says(rpc: Rpc, made: dict[str, Any], method: str, search: Search) -> None:
    for name, value, expected in search.found:
        wanted = {**search.always, name: of(made, value)}
        hits, total = await found(rpc, method, wanted, None)
        assert (len(hits), total) == (expected, expected), wanted


@pytest.mark.parametrize(("method", "search"), CASES)
async def test_filters_together_find_what_has_all_of_it(
    rpc: Rpc, made: dict[str, Any], method: str, search: Search
) -> None:
    """The second is what every filter finds that finds one."""
    ones = {name: of(made, value) for name, value, expected in search.found if expected == 1}
    if method == "sms.search":
        ones |= {"from": "My-Shop", "status": "CREATED", "type": "OUT"}
    _, total = await found(rpc, method, {**search.always, **ones}, None)
    assert total == (1 if ones else 3)


@pytest.mark.parametrize(("method", "search"), CASES)
async def test_a_filter_of_the_wrong_type_or_with_a_value_that_is_none_is_told_by_its_path(
    fault: Rpc, method: str, search: Search
) -> None:
    for name, about in SEED[search.filters].items():
        expected = TYPE[0], f"{TYPE[1]} [filters.{name}]"
        assert await fault(method, {**search.always, name: {}}, None) == expected
        if "values" in about or about.get("format") in ("datetime", "hash"):
            if (method, name) == ("cdr.search", "hash"):
                continue  # a callid, whatever the page says: what is none finds nothing
            assert await fault(method, {**search.always, name: "~"}, None) == (VALUE[0], f"{VALUE[1]} [filters.{name}]")


@pytest.mark.parametrize(("method", "search"), CASES)
async def test_ranges_that_end_before_they_begin_are_told(fault: Rpc, method: str, search: Search) -> None:
    for first, last in (
        ("from", "to"),
        ("created_at_from", "created_at_to"),
        ("date_from", "date_to"),
        ("read_at_from", "read_at_to"),
    ):
        about = SEED[search.filters]
        if about.get(first, {}).get("format") == "datetime" and last in about:
            wanted = {**search.always, first: NEVER, last: LONG_AGO}
            assert await fault(method, wanted, None) == (151, "TO_BEFORE_FROM")


@pytest.mark.parametrize(("method", "search"), CASES)
async def test_filters_that_are_none_are_refused(fault: Rpc, method: str, search: Search) -> None:
    nothing = {**search.always, "nothing": 1}
    assert await fault(method, nothing, None) == (VALUE[0], f"{VALUE[1]} [filters.nothing]")
    for wrong in ("x", 1, [1], True):
        assert await fault(method, wrong, None) == (FORMAT[0], f"{FORMAT[1]} [filters]")


# --- options --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "search"), CASES)
async def test_pages_are_parts_of_one_list_in_the_one_order(
    rpc: Rpc, made: dict[str, Any], method: str, search: Search
) -> None:
    wanted = dict(search.always) or None
    whole, total = await found(rpc, method, wanted, None)
    assert (len(whole), total) == (3, 3)
    for options in ({}, [], {"order": search.order}, {"order": ""}, {"order": None, "quantity": None}):
        assert await found(rpc, method, wanted, options) == (whole, 3)
    for offset in range(5):
        for quantity in (0, 1, 2, 10_000):
            options = {"offset": offset, "quantity": quantity, "order": search.order}
            assert await found(rpc, method, wanted, options) == (whole[offset : offset + quantity], 3), options


REFUSED_OPTIONS: list[tuple[Any, tuple[int, str]]] = [
    ({"offset": -1}, (151, "PROPERTY_VALUE_ERROR [options.offset]")),
    ({"offset": 2**40}, (151, "PROPERTY_VALUE_ERROR [options.offset]")),
    ({"offset": "1"}, (151, "PROPERTY_TYPE_ERROR [options.offset]")),
    ({"offset": True}, (151, "PROPERTY_TYPE_ERROR [options.offset]")),
    ({"offset": 1.0}, (151, "PROPERTY_TYPE_ERROR [options.offset]")),
    ({"quantity": -1}, (151, "PROPERTY_VALUE_ERROR [options.quantity]")),
    ({"quantity": 10_001}, (151, "PROPERTY_VALUE_ERROR [options.quantity]")),
    ({"quantity": []}, (151, "PROPERTY_TYPE_ERROR [options.quantity]")),
    ({"order": "nothing"}, (151, "PROPERTY_VALUE_ERROR [options.order]")),
    ({"order": 1}, (151, "PROPERTY_TYPE_ERROR [options.order]")),
    ({"limit": 1}, (151, "PROPERTY_VALUE_ERROR [options.limit]")),
    ("x", (-32602, "INVALID_PARAM_FORMAT [options]")),
    (5, (-32602, "INVALID_PARAM_FORMAT [options]")),
    ([1], (-32602, "INVALID_PARAM_FORMAT [options]")),
]


@pytest.mark.parametrize(("method", "search"), CASES)
async def test_options_that_are_none_are_refused(fault: Rpc, method: str, search: Search) -> None:
    told = [(options, await fault(method, dict(search.always), options)) for options, _ in REFUSED_OPTIONS]
    assert told == REFUSED_OPTIONS
