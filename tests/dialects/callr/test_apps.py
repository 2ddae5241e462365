"""Voice apps: defaults, partial parameters, ranges; numbers assigned to them."""

from __future__ import annotations

from typing import Any

from ringtrail.model.app import Target, call_tracking_settings
from tests.dialects.callr.conftest import Rpc
from tests.fixtures import World, build_world

DEFAULTS: dict[str, Any] = {
    "ga": {"ua": None},
    "medias": {"bridge": 0, "ringtone": 0, "welcome": 0, "whisper": 0},
    "options": {
        "feeds": "both",
        "locale": None,
        "ner": True,
        "pii": True,
        "record_calls": False,
        "sentiment": True,
        "transcription": None,
    },
    "targets": [],
    "vms": {
        "active": False,
        "email_template": None,
        "emails": [],
        "file_format": "mp3",
        "file_name": "{DATETIME}",
        "intro": 0,
        "locale": None,
        "ner": True,
        "pii": True,
        "record": True,
        "sentiment": True,
        "timeout": 120,
        "timezone": "Europe/Paris",
        "transcription": None,
    },
}


def _keys_in_order(value: Any) -> Any:
    """The key order of an object and of the objects in it: what == does not see."""
    return [(key, _keys_in_order(item)) for key, item in value.items()] if isinstance(value, dict) else None


async def test_an_app_created_with_null_params_has_every_default_in_the_vendors_order(rpc: Rpc) -> None:
    app = await rpc("apps.create", "CALLTRACKING10", "Réception +33 (9h-18h)", None)
    assert list(app) == ["date_creation", "date_update", "did", "hash", "name", "p", "package"]
    assert app["p"] == DEFAULTS
    assert _keys_in_order(app["p"]) == _keys_in_order(DEFAULTS)
    assert app["package"] == {"has_did": True, "name": "CALLTRACKING10", "type": "CALLTRACKING"}
    assert (app["name"], app["did"]) == ("Réception +33 (9h-18h)", [])
    assert app == await rpc("apps.get", app["hash"])


async def test_an_app_stored_without_parameters_is_shown_complete(rpc: Rpc, world: World) -> None:
    assert (await rpc("apps.get", world.app.hash))["p"] == DEFAULTS


async def test_partial_params_keep_the_defaults_of_the_rest_and_numbers_become_e164(rpc: Rpc, world: World) -> None:
    given = {
        "targets": [
            {"number": "09 87 65 43 21"},
            {"number": "+16467890800", "timeout": 5},
            {"number": "0033912345678"},
        ],
        "options": {"record_calls": True},
        "vms": {},
        "medias": [],
        "ga": None,
    }
    app = await rpc("apps.create", "CALLTRACKING10", "x", given)
    assert app["p"]["targets"] == [
        {"number": "+33987654321", "timeout": 30},
        {"number": "+16467890800", "timeout": 5},
        {"number": "+33912345678", "timeout": 30},
    ]
    assert app["p"]["options"] == {**DEFAULTS["options"], "record_calls": True}
    assert {key: app["p"][key] for key in ("ga", "medias", "vms")} == {
        key: DEFAULTS[key] for key in ("ga", "medias", "vms")
    }


async def test_what_an_edit_leaves_out_stays(rpc: Rpc) -> None:
    created = await rpc(
        "apps.create", "CALLTRACKING10", "before", {"vms": {"active": True, "timeout": 60, "transcription": False}}
    )
    renamed = await rpc("apps.edit", created["hash"], "after", None)
    assert (renamed["name"], renamed["p"]) == ("after", created["p"])
    edited = await rpc(
        "apps.edit", created["hash"], None, {"vms": {"timeout": 300, "transcription": None, "ner": None}}
    )
    assert (edited["name"], edited["p"]["vms"]) == (
        "after",
        {**DEFAULTS["vms"], "active": True, "timeout": 300, "transcription": None},
    )
    assert await rpc("apps.edit", created["hash"], None, edited["p"]) == {
        **edited,
        "date_update": (await rpc("apps.get", created["hash"]))["date_update"],
    }


async def test_a_refused_edit_changes_nothing(rpc: Rpc, fault: Rpc, world: World) -> None:
    before = await rpc("apps.get", world.app.hash)
    await fault("apps.edit", world.app.hash, "new name", {"medias": {"welcome": 3}, "vms": {"timeout": 301}})
    assert await rpc("apps.get", world.app.hash) == before


async def test_a_call_reads_what_the_api_stored(rpc: Rpc, world: World) -> None:
    params = {"targets": [{"number": "0987654321", "timeout": 20}], "options": {"record_calls": True}}
    app = await rpc("apps.create", "CALLTRACKING10", "x", params)
    stored = await world.services.apps.by_hash(world.account.id, app["hash"])
    settings = call_tracking_settings(stored.params)
    assert settings.targets == (Target(number_e164="+33987654321", ring_timeout_s=20),)
    assert settings.record_calls


VALUE, TYPE = "PROPERTY_VALUE_ERROR", "PROPERTY_TYPE_ERROR"
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"vms": {"timeout": 29}}, f"{VALUE} [params.vms.timeout]"),
    ({"vms": {"timeout": 301}}, f"{VALUE} [params.vms.timeout]"),
    ({"vms": {"timeout": "60"}}, f"{TYPE} [params.vms.timeout]"),
    ({"vms": {"timeout": 60.0}}, f"{TYPE} [params.vms.timeout]"),
    ({"vms": {"active": 1}}, f"{TYPE} [params.vms.active]"),
    ({"vms": {"file_format": "ogg"}}, f"{VALUE} [params.vms.file_format]"),
    ({"vms": {"file_name": "../../etc/passwd"}}, f"{VALUE} [params.vms.file_name]"),
    ({"vms": {"file_name": "{WHO}"}}, f"{VALUE} [params.vms.file_name]"),
    ({"vms": {"email_template": "template"}}, f"{VALUE} [params.vms.email_template]"),
    ({"vms": {"email_template": "TEMPLATE"}}, f"{VALUE} [params.vms.email_template]"),
    ({"vms": {"email_template": 1}}, f"{TYPE} [params.vms.email_template]"),
    ({"vms": {"emails": "a@example.org"}}, f"{TYPE} [params.vms.emails]"),
    ({"vms": {"emails": [7]}}, f"{TYPE} [params.vms.emails]"),
    ({"vms": {"emails": ["not an address"]}}, f"{VALUE} [params.vms.emails]"),
    ({"vms": {"emails": ["a@example.org,b@example.org"]}}, f"{VALUE} [params.vms.emails]"),
    ({"vms": {"emails": ["a@example.org\r\nBcc: b@example.org"]}}, f"{VALUE} [params.vms.emails]"),
    ({"vms": {"emails": ["Zoé <zoe@example.org>"]}}, f"{VALUE} [params.vms.emails]"),
    ({"vms": {"emails": ["a..b@example.org"]}}, f"{VALUE} [params.vms.emails]"),
    ({"vms": {"emails": [f"{number}@example.org" for number in range(51)]}}, f"{VALUE} [params.vms.emails]"),
    ({"vms": {"transcription": True}}, f"{VALUE} [params.vms.transcription]"),
    ({"vms": {"transcription": "no"}}, f"{TYPE} [params.vms.transcription]"),
    ({"options": {"transcription": True}}, f"{VALUE} [params.options.transcription]"),
    ({"vms": {"timezone": "Mars/Olympus"}}, f"{VALUE} [params.vms.timezone]"),
    ({"vms": {"locale": "français"}}, f"{VALUE} [params.vms.locale]"),
    ({"vms": {"intro": -1}}, f"{VALUE} [params.vms.intro]"),
    ({"vms": "x"}, f"{TYPE} [params.vms]"),
    ({"vms": {"volume": 11}}, f"{VALUE} [params.vms.volume]"),
    ({"options": {"feeds": "leg_c"}}, f"{VALUE} [params.options.feeds]"),
    ({"options": {"record_calls": "true"}}, f"{TYPE} [params.options.record_calls]"),
    ({"medias": {"welcome": True}}, f"{TYPE} [params.medias.welcome]"),
    ({"medias": {"welcome": "TTS|X|hello"}}, f"{TYPE} [params.medias.welcome]"),
    ({"medias": {"welcome": 2**31}}, f"{VALUE} [params.medias.welcome]"),
    ({"ga": {"ua": "a\0b"}}, f"{VALUE} [params.ga.ua]"),
    ({"targets": {}}, f"{TYPE} [params.targets]"),
    ({"targets": ["+33987654321"]}, f"{TYPE} [params.targets]"),
    ({"targets": [{"timeout": 30}]}, f"{TYPE} [params.targets]"),
    ({"targets": [{"number": 33987654321}]}, f"{TYPE} [params.targets]"),
    ({"targets": [{"number": "BAD"}]}, f"{VALUE} [params.targets]"),
    ({"targets": [{"number": "+331"}]}, f"{VALUE} [params.targets]"),
    ({"targets": [{"number": "+1" + "2" * 18}]}, f"{VALUE} [params.targets]"),
    ({"targets": [{"number": "sip:x@example.org"}]}, f"{VALUE} [params.targets]"),
    ({"targets": [{"number": "+33987654321", "timeout": 4}]}, f"{VALUE} [params.targets]"),
    ({"targets": [{"number": "+33987654321", "timeout": 301}]}, f"{VALUE} [params.targets]"),
    ({"targets": [{"number": "+33987654321", "timeout": "30"}]}, f"{TYPE} [params.targets]"),
    ({"targets": [{"number": "+33987654321", "label": "x"}]}, f"{VALUE} [params.targets]"),
    ({"target": []}, f"{VALUE} [params.target]"),
    ({"vms": {"timeout": 29}, "options": {"feeds": "x"}}, f"{VALUE} [params.options.feeds]"),
]


async def test_a_property_out_of_type_or_range_is_told_by_its_path(fault: Rpc, world: World) -> None:
    created = [(given, (await fault("apps.create", "CALLTRACKING10", "x", given))[1]) for given, _ in FAULTS]
    assert created == FAULTS
    edited = [(given, (await fault("apps.edit", world.app.hash, None, given))[1]) for given, _ in FAULTS]
    assert edited == FAULTS


async def test_the_ends_of_every_range_are_inside(rpc: Rpc) -> None:
    for ring, voicemail in ((5, 30), (300, 300)):
        given = {"targets": [{"number": "+33987654321", "timeout": ring}], "vms": {"timeout": voicemail}}
        app = await rpc("apps.create", "CALLTRACKING10", "x", given)
        assert (app["p"]["targets"][0]["timeout"], app["p"]["vms"]["timeout"]) == (ring, voicemail)


async def test_the_vendors_own_sample_values_are_accepted(rpc: Rpc) -> None:
    vms = {
        "active": True, "email_template": "THECALLR", "emails": ["a@example.org"], "file_format": "mp3",
        "file_name": "{DATETIME}", "intro": 0, "locale": "fr_FR", "record": True, "timeout": 30,
        "timezone": "Europe/Paris", "transcription": False,
    }  # fmt: skip
    app = await rpc("apps.create", "CALLTRACKING10", "x", {"vms": vms})
    assert {key: app["p"]["vms"][key] for key in vms} == vms


async def test_a_number_moves_from_app_to_app_and_away(rpc: Rpc, world: World) -> None:
    other = await rpc("apps.create", "CALLTRACKING10", "other", None)
    assert [did["hash"] for did in (await rpc("apps.get", world.app.hash))["did"]] == [world.did.hash]
    assert await rpc("apps.assign_did", other["hash"], world.did.hash) is True
    assert (await rpc("apps.get", world.app.hash))["did"] == []
    [did] = (await rpc("apps.get", other["hash"]))["did"]
    assert did["app"] == other["hash"]
    assert await rpc("apps.get_dids", True) == []
    assert await rpc("apps.remove_did", world.did.hash) is True
    assert [did["app"] for did in await rpc("apps.get_dids", True)] == [None]
    assert [did["hash"] for did in await rpc("apps.get_dids", False)] == [world.did.hash]


async def test_a_list_of_apps_holds_their_numbers_only_when_asked(rpc: Rpc, world: World) -> None:
    await rpc("apps.create", "CALLTRACKING10", "second", None)
    with_numbers = await rpc("apps.get_list", True)
    assert [(app["name"], [did["hash"] for did in app["did"]]) for app in with_numbers] == [
        ("Main line", [world.did.hash]),
        ("second", []),
    ]
    assert [app["did"] for app in await rpc("apps.get_list", False)] == [None, None]


async def test_another_accounts_apps_and_numbers_do_not_exist(
    rpc: Rpc, fault: Rpc, world: World, tmp_path: Any
) -> None:
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    for method, params, field in (
        ("apps.get", (stranger.app.hash,), "app"),
        ("apps.edit", (stranger.app.hash, "mine", None), "app"),
        ("apps.assign_did", (world.app.hash, stranger.did.hash), "did"),
        ("apps.remove_did", (stranger.did.hash,), "did"),
    ):
        assert await fault(method, *params) == (151, f"PROPERTY_VALUE_ERROR [{field}]")
    assert [app["hash"] for app in await rpc("apps.get_list", True)] == [world.app.hash]
