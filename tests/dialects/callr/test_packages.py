"""The four packages of apps: defaults, ranges, what cannot be switched on; apps searched and deleted; CLIs."""

from __future__ import annotations

from typing import Any

import pytest

from ringtrail.ports.clock import SystemClock
from ringtrail.services.routing import Routing
from tests.dialects.callr.conftest import Rpc
from tests.dialects.callr.test_apps import DEFAULTS
from tests.fixtures import World

_DETECTION = {
    "active": False,
    "dtmf_iterations": 2,
    "dtmf_media": 0,
    "dtmf_timeout": 2,
    "method": "SILENCE",
    "silence_iterations": 1,
    "silence_media": 0,
    "silence_ms": 1800,
    "silence_timeout": 3,
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "CLICKTOCALL10": {
        "medias": {"A_ringtone": 0, "A_welcome": 0, "AB_bridge": 0, "B_whisper": 0},
        "options": {
            "A_attempts": 1,
            "A_retrypause": 30,
            "A_vms_detect": _DETECTION,
            "B_vms_detect": _DETECTION,
            **DEFAULTS["options"],
        },
        "vms": DEFAULTS["vms"],
    },
    "REALTIME10": {"data_format": "JSON", "login": "", "password": "", "url": ""},
    "ACTIONS10": {"format": "YAML", "script": ""},
}
_TYPES = {"CLICKTOCALL10": "CLICKTOCALL", "REALTIME10": "REALTIME", "ACTIONS10": None}


@pytest.mark.parametrize("package", _DEFAULTS)
async def test_every_package_has_its_defaults_in_the_vendors_order(rpc: Rpc, package: str) -> None:
    app = await rpc("apps.create", package, "x", None)
    assert app["p"] == _DEFAULTS[package]
    assert list(app["p"]) == list(_DEFAULTS[package])
    assert app["package"] == {"has_did": package != "CLICKTOCALL10", "name": package, "type": _TYPES[package]}
    assert app == await rpc("apps.create", package, "x", {}) | {
        key: app[key] for key in ("hash", "date_creation", "date_update")
    }


_ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("CLICKTOCALL10", {"options": {"A_attempts": 5, "A_retrypause": 300, "record_calls": True}}),
    ("CLICKTOCALL10", {"options": {"A_vms_detect": {"active": False, "method": "DTMF", "silence_ms": 50}}}),
    ("CLICKTOCALL10", {"medias": {"A_welcome": 0, "AB_bridge": 0}, "vms": {"active": True, "timeout": 30}}),
    ("REALTIME10", {"url": "https://you.example/realtime?x=1", "login": "me", "password": "p:w"}),
    ("ACTIONS10", {"script": "branches:\n  inbound-call:\n    actions:\n      - action: hangup@v1\n"}),
]


@pytest.mark.parametrize(("package", "params"), _ACCEPTED)
async def test_what_is_given_is_kept_and_an_edit_goes_on_from_there(
    rpc: Rpc, package: str, params: dict[str, Any]
) -> None:
    app = await rpc("apps.create", package, "x", params)
    for section, value in params.items():
        kept = app["p"][section]
        assert kept == value or all(
            kept[key] == item or set(item.items()) <= set(kept[key].items()) for key, item in value.items()
        )
    edited = await rpc("apps.edit", app["hash"], "y", {})
    assert (edited["p"], edited["name"]) == (app["p"], "y")


_REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("CLICKTOCALL10", {"options": {"A_attempts": 6}}, "PROPERTY_VALUE_ERROR [params.options.A_attempts]"),
    ("CLICKTOCALL10", {"options": {"A_attempts": "1"}}, "PROPERTY_TYPE_ERROR [params.options.A_attempts]"),
    ("CLICKTOCALL10", {"options": {"A_retrypause": 29}}, "PROPERTY_VALUE_ERROR [params.options.A_retrypause]"),
    (
        "CLICKTOCALL10",
        {"options": {"B_vms_detect": {"active": True}}},
        "PROPERTY_VALUE_ERROR [params.options.B_vms_detect.active]",
    ),
    (
        "CLICKTOCALL10",
        {"options": {"A_vms_detect": {"silence_ms": 49}}},
        "PROPERTY_VALUE_ERROR [params.options.A_vms_detect.silence_ms]",
    ),
    ("CLICKTOCALL10", {"options": {"A_vms_detect": 1}}, "PROPERTY_TYPE_ERROR [params.options.A_vms_detect]"),
    ("CLICKTOCALL10", {"targets": []}, "PROPERTY_VALUE_ERROR [params.targets]"),
    ("CLICKTOCALL10", {"vms": {"timeout": 29}}, "PROPERTY_VALUE_ERROR [params.vms.timeout]"),
    ("CLICKTOCALL10", {"vms": {"transcription": True}}, "PROPERTY_VALUE_ERROR [params.vms.transcription]"),
    ("CLICKTOCALL10", {"vms": {"email_template": "NOWHERE1"}}, "PROPERTY_VALUE_ERROR [params.vms.email_template]"),
    ("CLICKTOCALL10", {"options": {"transcription": True}}, "PROPERTY_VALUE_ERROR [params.options.transcription]"),
    ("REALTIME10", {"data_format": "XML"}, "PROPERTY_VALUE_ERROR [params.data_format]"),
    ("REALTIME10", {"url": "ftp://you.example/"}, "PROPERTY_VALUE_ERROR [params.url]"),
    ("REALTIME10", {"url": "https://[x"}, "PROPERTY_VALUE_ERROR [params.url]"),
    ("REALTIME10", {"login": 1}, "PROPERTY_TYPE_ERROR [params.login]"),
    ("ACTIONS10", {"format": "JSON"}, "PROPERTY_VALUE_ERROR [params.format]"),
    ("ACTIONS10", {"script": "a: [1"}, "PROPERTY_VALUE_ERROR [params.script]"),
    ("ACTIONS10", {"script": "just words"}, "PROPERTY_VALUE_ERROR [params.script]"),
    ("ACTIONS10", {"script": "[" * 5000}, "PROPERTY_VALUE_ERROR [params.script]"),
    ("ACTIONS10", {"script": "a: " + "b" * 32_766}, "PROPERTY_VALUE_ERROR [params.script]"),
    ("ACTIONS10", {"script": None, "x": 1}, "PROPERTY_VALUE_ERROR [params.x]"),
]


@pytest.mark.parametrize(("package", "params", "message"), _REFUSED)
async def test_what_a_package_cannot_hold_is_told_by_its_path(
    rpc: Rpc, fault: Rpc, package: str, params: dict[str, Any], message: str
) -> None:
    assert await fault("apps.create", package, "x", params) == (151, message)
    app = await rpc("apps.create", package, "x", None)
    assert await fault("apps.edit", app["hash"], None, params) == (151, message)
    assert await fault("apps.create", package, "x", "BAD_OBJECT") == (-32602, "INVALID_PARAM_FORMAT [params]")


async def test_apps_are_found_by_a_part_of_their_name_and_paged(rpc: Rpc, fault: Rpc, world: World) -> None:
    for name in ("Support FR", "support uk", "100% sales_"):
        await rpc("apps.create", "REALTIME10", name, None)
    found = await rpc("apps.search", {"name": "SUPPORT"}, {})
    assert list(found) == ["has_more", "hits", "offset", "total"]
    assert [hit["name"] for hit in found["hits"]] == ["Support FR", "support uk"]
    page = await rpc("apps.search", {}, {"offset": 1, "quantity": 2})
    assert ([hit["name"] for hit in page["hits"]], page["has_more"], page["total"]) == (
        ["Support FR", "support uk"],
        True,
        4,
    )
    assert [hit["name"] for hit in (await rpc("apps.search", {"name": "%"}, None))["hits"]] == ["100% sales_"]
    first = (await rpc("apps.search", None, {"quantity": 1}))["hits"][0]
    assert (first["hash"], first["did"][0]["hash"]) == (world.app.hash, world.did.hash)
    assert await fault("apps.search", {"name": 1}, None) == (151, "PROPERTY_TYPE_ERROR [filters.name]")
    assert await fault("apps.search", {"x": 1}, None) == (151, "PROPERTY_VALUE_ERROR [filters.x]")
    assert await fault("apps.search", {}, {"order": "x"}) == (151, "PROPERTY_VALUE_ERROR [options.order]")


async def test_an_app_that_is_deleted_lets_its_numbers_go_first(rpc: Rpc, fault: Rpc, world: World) -> None:
    assert await rpc("apps.delete", world.app.hash) is True
    assert [did["app"] for did in await rpc("apps.get_dids", True)] == [None]
    assert await fault("apps.get", world.app.hash) == (151, "PROPERTY_VALUE_ERROR [app]")
    assert await fault("apps.delete", world.app.hash) == (151, "PROPERTY_VALUE_ERROR [app]")


async def test_only_packages_with_numbers_are_given_one(rpc: Rpc, fault: Rpc, world: World) -> None:
    for package in ("REALTIME10", "ACTIONS10"):
        app = await rpc("apps.create", package, "x", None)
        assert await rpc("apps.assign_did", app["hash"], world.did.hash) is True
    app = await rpc("apps.create", "CLICKTOCALL10", "x", None)
    assert await fault("apps.assign_did", app["hash"], world.did.hash) == (205, "BAD_APP_TYPE")


async def test_a_number_of_an_app_that_cannot_answer_refuses_its_calls(rpc: Rpc, world: World, routing: Any) -> None:
    app = await rpc("apps.create", "REALTIME10", "x", {"url": "https://you.example/"})
    await rpc("apps.assign_did", app["hash"], world.did.hash)
    assert await routing(world.did.number_e164) == "unassigned"


async def test_the_accounts_own_numbers_are_authorised_clis(rpc: Rpc, fault: Rpc, world: World) -> None:
    own = {"cli": world.did.number_e164, "comment": "", "label": "Front desk"}
    assert await rpc("apps.get_authorized_clis", "CALL") == [own]
    assert await rpc("apps.get_authorized_clis", "SMS") == []
    async with world.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO authorized_clis (account_id, kind, number) VALUES (%s, 'CALL', '+33144556677'), (%s, 'SMS', 'Acme')",
            (world.account.id, world.account.id),
        )
    other = {"cli": "+33144556677", "comment": "", "label": ""}
    assert await rpc("apps.get_authorized_clis", "CALL") == [own, other]
    assert [item["cli"] for item in await rpc("apps.get_authorized_clis", "SMS")] == ["Acme"]
    for wrong in (None, "FAX", 1):
        assert await fault("apps.get_authorized_clis", wrong) == (-32602, "INVALID_PARAM_FORMAT [type]")


@pytest.fixture
def routing(world: World, tmp_path: Any) -> Any:
    """How a call to a number is refused."""
    table = Routing(world.database, default_country="FR", media_folder=tmp_path)

    async def refused(number: str) -> str | None:
        route = await table.find(number, None, SystemClock().now())
        return route.refused if route else None

    return refused
