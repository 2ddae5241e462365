"""SIP subscribers and trunks: kept, shown, found, changed, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.callr.conftest import Rpc
from tests.dialects.callr.test_apps import DEFAULTS
from tests.fixtures import World, build_world


async def test_a_subscriber_made_of_nothing_has_the_references_defaults(rpc: Rpc) -> None:
    made = await rpc("sip/subscriber.create", {}, None)
    expected = {
        "cli": "BLOCKED",
        "codecs": [],
        "privacy": "full",
        "ring_timeout": 30,
        "srtp": False,
        "vms": DEFAULTS["vms"],
    }
    assert {key: made[key] for key in expected} == expected
    assert (len(made["username"]), len(made["password"])) == (12, 20)
    assert made["domain"]
    assert await rpc("sip/subscriber.get", made["id"]) == made


async def test_what_is_given_is_kept_and_an_edit_goes_on_from_there(rpc: Rpc, world: World) -> None:
    given = {
        "cli": world.did.number_e164, "codecs": ["OPUS", "PCMA", "OPUS"], "privacy": "off", "ring_timeout": 120,
        "srtp": True, "username": "front.desk",
    }  # fmt: skip
    made = await rpc("sip/subscriber.create", given, {"vms": {"active": True}})
    assert {key: made[key] for key in given} == {**given, "codecs": ["OPUS", "PCMA"]}
    assert made["vms"] == {**DEFAULTS["vms"], "active": True}
    edited = await rpc(
        "sip/subscriber.edit", made["id"], {"cli": "BLOCKED", "ring_timeout": 5}, {"vms": {"timeout": 30}}
    )
    assert edited == {
        **made, "cli": "BLOCKED", "ring_timeout": 5, "vms": {**made["vms"], "timeout": 30},
    }  # fmt: skip
    assert await rpc("sip/subscriber.edit", made["id"], None, None) == edited
    assert await rpc("sip/subscriber.get", made["id"]) == edited


_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cli": "+33199999999"}, "PROPERTY_VALUE_ERROR [properties.cli]"),
    ({"cli": 1}, "PROPERTY_TYPE_ERROR [properties.cli]"),
    ({"codecs": "OPUS"}, "PROPERTY_TYPE_ERROR [properties.codecs]"),
    ({"codecs": ["GSM"]}, "PROPERTY_VALUE_ERROR [properties.codecs]"),
    ({"privacy": "on"}, "PROPERTY_VALUE_ERROR [properties.privacy]"),
    ({"ring_timeout": 4}, "PROPERTY_VALUE_ERROR [properties.ring_timeout]"),
    ({"ring_timeout": 121}, "PROPERTY_VALUE_ERROR [properties.ring_timeout]"),
    ({"srtp": 1}, "PROPERTY_TYPE_ERROR [properties.srtp]"),
    ({"username": "no spaces"}, "PROPERTY_VALUE_ERROR [properties.username]"),
    ({"username": "taken"}, "PROPERTY_VALUE_ERROR [properties.username]"),
    ({"password": "mine"}, "PROPERTY_VALUE_ERROR [properties.password]"),
]


@pytest.mark.parametrize(("properties", "message"), _REFUSED)
async def test_a_fault_in_the_properties_is_told_by_its_path(
    rpc: Rpc, fault: Rpc, properties: dict[str, Any], message: str
) -> None:
    await rpc("sip/subscriber.create", {"username": "taken"}, None)
    made = await rpc("sip/subscriber.create", {}, None)
    assert await fault("sip/subscriber.create", properties, None) == (151, message)
    assert await fault("sip/subscriber.edit", made["id"], properties, None) == (151, message)
    assert await rpc("sip/subscriber.get", made["id"]) == made


async def test_parameters_of_the_wrong_shape_are_told_by_name(fault: Rpc) -> None:
    assert await fault("sip/subscriber.create", None, None) == (-32602, "INVALID_PARAM_FORMAT [properties]")
    assert await fault("sip/subscriber.create", {}, "x") == (-32602, "INVALID_PARAM_FORMAT [options]")
    assert await fault("sip/subscriber.create", {}, {"vms": {"timeout": 29}}) == (
        151, "PROPERTY_VALUE_ERROR [options.vms.timeout]",
    )  # fmt: skip
    assert await fault("sip/subscriber.get", "1") == (-32602, "INVALID_PARAM_FORMAT [id]")


async def test_subscribers_are_found_by_name_and_domain_and_paged(rpc: Rpc) -> None:
    made = [await rpc("sip/subscriber.create", {"username": name}, None) for name in ("desk.1", "Desk.2", "hall")]
    everybody = await rpc("sip/subscriber.search", {}, {})
    assert (everybody["hits"], everybody["total"], everybody["has_more"]) == (made, 3, False)
    assert (await rpc("sip/subscriber.search", {"username": "DESK"}, None))["hits"] == made[:2]
    page = await rpc("sip/subscriber.search", None, {"offset": 1, "quantity": 1})
    assert (page["hits"], page["total"], page["has_more"]) == (made[1:2], 3, True)
    assert (await rpc("sip/subscriber.search", {"domain": made[0]["domain"]}, None))["total"] == 3
    assert (await rpc("sip/subscriber.search", {"domain": "elsewhere.example"}, None))["total"] == 0


async def test_a_deleted_subscriber_is_gone_and_its_name_free(rpc: Rpc, fault: Rpc) -> None:
    made = await rpc("sip/subscriber.create", {"username": "desk"}, None)
    assert await rpc("sip/subscriber.delete", made["id"]) is True
    assert await fault("sip/subscriber.get", made["id"]) == (151, "PROPERTY_VALUE_ERROR [id]")
    assert (await rpc("sip/subscriber.create", {"username": "desk"}, None))["username"] == "desk"


async def test_a_password_is_not_in_the_clear_in_the_database(rpc: Rpc, world: World) -> None:
    made = await rpc("sip/subscriber.create", {}, None)
    async with world.database.reading() as connection:
        row = await (await connection.execute("SELECT row_to_json(s)::text, secrets FROM sip_subscribers s")).fetchone()
    assert row is not None
    assert made["username"] in row[0]
    assert made["password"] not in row[0]
    assert made["password"].encode() not in bytes(row[1])


@pytest.mark.parametrize("kind", ["origination", "termination"])
async def test_a_trunk_is_its_id(rpc: Rpc, fault: Rpc, kind: str) -> None:
    service = f"sip/trunk_{kind}"
    made = await rpc(f"{service}.create", {}, {})
    assert list(made) == ["id"]
    assert await rpc(f"{service}.get", made["id"]) == await rpc(f"{service}.edit", made["id"], {}, None) == made
    assert (await rpc(f"{service}.search", {}, {}))["hits"] == [made]
    assert (await rpc(f"{service}.search", None, {"offset": 1}))["hits"] == []
    assert await fault(f"{service}.create", {"name": "x"}, {}) == (151, "PROPERTY_VALUE_ERROR [properties.name]")
    other = "sip/trunk_termination" if kind == "origination" else "sip/trunk_origination"
    assert await fault(f"{other}.get", made["id"]) == (151, "PROPERTY_VALUE_ERROR [id]")
    assert await rpc(f"{service}.delete", made["id"]) is True
    assert await fault(f"{service}.get", made["id"]) == (151, "PROPERTY_VALUE_ERROR [id]")


async def test_another_accounts_subscribers_and_trunks_do_not_exist(
    rpc: Rpc, fault: Rpc, world: World, tmp_path: Any
) -> None:
    other = await build_world(world.database, tmp_path, name="Somebody else")
    made = await rpc("sip/subscriber.create", {}, None)
    trunk = await rpc("sip/trunk_origination.create", {}, {})
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE sip_subscribers SET account_id = %s", (other.account.id,))
        await connection.execute("UPDATE sip_trunks SET account_id = %s", (other.account.id,))
    for method in ("get", "delete"):
        assert await fault(f"sip/subscriber.{method}", made["id"]) == (151, "PROPERTY_VALUE_ERROR [id]")
        assert await fault(f"sip/trunk_origination.{method}", trunk["id"]) == (151, "PROPERTY_VALUE_ERROR [id]")
    assert (await rpc("sip/subscriber.search", {}, {}))["total"] == 0
