"""Endpoints over the native API: made, changed, switched, and never with their secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.events import UNASKED, EventType
from ringtrail.model.webhook import DisabledBy
from ringtrail.services.webhooks import MOST_ENDPOINTS
from tests.dialects.native.conftest import Api
from tests.fixtures import TOKENS, World, add_credentials, build_world

pytestmark = pytest.mark.postgres
ADDRESS = "https://crm.example.org/calls"
NEW = {"address": ADDRESS}


async def made(api: Api, **fields: Any) -> dict[str, Any]:
    answer = await api("/endpoints", method="POST", json=NEW | fields)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_a_new_endpoint_shows_its_secret_once(world: World, api: Api) -> None:
    shown = await made(api, name="CRM", event_types=["call.ended", "call.ended", "leg.ended"])
    assert shown.pop("secret").startswith("whsec_")
    assert shown["event_types"] == ["call.ended", "leg.ended"]
    assert (shown["dialect"], shown["enabled"], shown["property"], shown["public_keys"]) == ("native", True, None, [])
    assert (await api(f"/endpoints/{shown['hash']}")).json() == shown
    assert (await api("/endpoints")).json() == {"endpoints": [shown]}


async def test_left_out_types_are_all_that_can_be_subscribed_to(api: Api) -> None:
    assert set((await made(api))["event_types"]) == {item.value for item in EventType if item not in UNASKED}


async def test_a_change_leaves_the_rest_as_it_is(world: World, api: Api) -> None:
    shown = await made(api, name="CRM", event_types=["call.ended"])
    path = f"/endpoints/{shown['hash']}"
    changed = (await api(path, method="PATCH", json={"name": "Other", "property": world.property.sid})).json()
    kept = {name: value for name, value in shown.items() if name not in ("name", "property", "updated_at", "secret")}
    assert changed == kept | {"name": "Other", "property": world.property.sid, "updated_at": changed["updated_at"]}
    assert (await api(path, method="PATCH", json={"property": None})).json()["property"] is None
    assert (await api(path, method="PATCH", json={})).json()["name"] == "Other"


async def test_a_key_pair_comes_and_goes(api: Api) -> None:
    path = f"/endpoints/{(await made(api, ed25519=True))['hash']}"
    (key,) = (await api(path)).json()["public_keys"]
    assert key["key"].startswith("whpk_")
    answer = await api(f"{path}/rotate-secret", method="POST", json={"signature": "v1a", "overlap_s": 60})
    newer, older = answer.json()["public_keys"]
    assert (older["key"], older["until"] is None, newer["until"], answer.json()["secret"]) == (
        key["key"], False, None, None
    )  # fmt: skip
    assert (await api(path, method="PATCH", json={"ed25519": True})).json()["public_keys"] == [newer, older]
    assert (await api(path, method="PATCH", json={"ed25519": False})).json()["public_keys"] == []
    refused = await api(f"{path}/rotate-secret", method="POST", json={"signature": "v1a"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "signature")


async def test_a_secret_of_ones_own_is_taken(api: Api) -> None:
    secret = "whsec_" + "QUJD" * 8
    shown = await made(api, secret=secret)
    assert shown["secret"] == secret
    answer = await api(
        f"/endpoints/{shown['hash']}/rotate-secret", method="POST", json={"secret": secret[:-4] + "REVG"}
    )
    assert answer.json()["secret"] == secret[:-4] + "REVG"


async def test_disabled_and_enabled_and_deleted(api: Api) -> None:
    path = f"/endpoints/{(await made(api))['hash']}"
    disabled = (await api(f"{path}/disable", method="POST")).json()
    assert (disabled["enabled"], disabled["disabled_by"]) == (False, "owner")
    assert (await api(f"{path}/disable", method="POST")).json() == disabled
    for refused in ("test", "replay"):
        answer = await api(f"{path}/{refused}", method="POST")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:ringtrail:problem:conflict")
    enabled = (await api(f"{path}/enable", method="POST")).json()
    assert (enabled["due"], enabled["endpoint"]["enabled"], enabled["endpoint"]["disabled_at"]) == (0, True, None)
    assert (await api(path, method="DELETE")).status_code == 204
    assert (await api(path)).status_code == 404
    assert (await api(path, method="DELETE")).status_code == 404


async def test_what_the_operator_has_disabled_its_owner_cannot_enable(world: World, api: Api) -> None:
    hash_ = (await made(api))["hash"]
    endpoint = await world.services.webhooks.by_hash(world.account.id, hash_)
    assert endpoint is not None
    await world.services.webhooks.disable(endpoint, DisabledBy.ADMIN, "too loud")
    answer = await api(f"/endpoints/{hash_}/enable", method="POST")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:ringtrail:problem:forbidden")
    assert (await api(f"/endpoints/{hash_}/disable", method="POST")).json()["disabled_by"] == "admin"


async def test_endpoints_of_other_dialects_are_shown_and_not_changed(world: World, api: Api) -> None:
    other = await world.services.webhooks.add(
        world.account.id, "invox", address=ADDRESS, event_types=(EventType.CALL_ENDED,), secrets={"token": "s3cret"}
    )
    path = f"/endpoints/{other.hash}"
    assert [item["dialect"] for item in (await api("/endpoints")).json()["endpoints"]] == ["invox"]
    assert "s3cret" not in (await api(path)).text
    for method, end in (("PATCH", ""), ("DELETE", ""), *(("POST", f"/{verb}") for verb in ("enable", "disable", "test", "rotate-secret"))):  # fmt: skip
        answer = await api(path + end, method=method, json={} if method == "PATCH" else None)
        assert answer.status_code == 403, (method, end)
    assert (await api(f"{path}/replay", method="POST")).status_code == 202


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "address", "missing"),
        ([], "body", "wrong_type"),
        ({"address": 5}, "address", "wrong_type"),
        ({"address": "mailto:a@example.org"}, "address", "bad_format"),
        ({"address": "ftp://example.org"}, "address", "bad_format"),
        ({"address": "http://[::"}, "address", "bad_format"),
        ({"address": "http://10.0.0.1/"}, "address", "bad_format"),
        ({"address": "https://user:word@example.org/"}, "address", "bad_format"),
        ({"address": "http://a\0b/"}, "address", "bad_format"),
        ({"address": "https://example.org/" + "x" * 2000}, "address", "out_of_range"),
        (NEW | {"name": "a\0b"}, "name", "bad_format"),
        (NEW | {"name": "x" * 201}, "name", "out_of_range"),
        (NEW | {"event_types": []}, "event_types", "out_of_range"),
        (NEW | {"event_types": ["call.lost"]}, "event_types[0]", "unknown_value"),
        (NEW | {"event_types": ["endpoint.test"]}, "event_types", "unknown_value"),
        (NEW | {"property": "NOSUCH"}, "property", "bad_format"),
        (NEW | {"property": "A" * 32}, "property", "unknown_value"),
        (NEW | {"secret": "whsec_QUJD"}, "secret", "bad_format"),
        (NEW | {"secret": None}, "secret", "wrong_type"),
        (NEW | {"colour": "red"}, "colour", "unknown_value"),
    ],
    ids=str,
)
async def test_a_wrong_body(api: Api, body: Any, field: str, code: str) -> None:
    answer = await api("/endpoints", method="POST", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [(field, code)]


@pytest.mark.parametrize(
    ("end", "body", "field", "code"),
    [
        ("rotate-secret", {"overlap_s": -1}, "overlap_s", "out_of_range"),
        ("rotate-secret", {"signature": "v2"}, "signature", "unknown_value"),
        ("rotate-secret", {"signature": "v1a", "secret": "whsec_" + "QUJD" * 8}, "secret", "unknown_value"),
        ("enable", {"replay": "yes"}, "replay", "wrong_type"),
        ("replay", {"after": "evt_1"}, "after", "bad_format"),
        ("replay", {"from": "yesterday"}, "from", "bad_format"),
        ("replay", {"from": 5}, "from", "wrong_type"),
    ],
)
async def test_a_wrong_order(api: Api, end: str, body: Any, field: str, code: str) -> None:
    answer = await api(f"/endpoints/{(await made(api))['hash']}/{end}", method="POST", json=body)
    assert answer.status_code == 400
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [(field, code)]


@pytest.mark.parametrize("content", [b"{", b'"\xff"', b'{"address": "http://x/\\ud800"}', b"[" * 100_000])
async def test_what_is_not_json_is_unreadable(client: Any, content: bytes) -> None:
    headers = {"authorization": f"Bearer {TOKENS['native']}"}
    answer = await client.post("/api/v1/endpoints", content=content, headers=headers)
    assert answer.status_code in (400, 413)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_account_has_so_many_endpoints_and_no_more(world: World, api: Api) -> None:
    for _ in range(MOST_ENDPOINTS):
        await world.services.webhooks.add(world.account.id, "native", address=ADDRESS, event_types=())
    answer = await api("/endpoints", method="POST", json=NEW)
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:ringtrail:problem:too-many-requests")


# --- who sees what --------------------------------------------------------------------------------------------------


@pytest.fixture
async def shop(world: World) -> str:
    """The token of another property of the account."""
    item = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    await world.services.accounts.add_token(world.account.id, "native", "s" * 40, property_id=item.id)
    return "s" * 40


PATHS = (
    ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/disable"), ("POST", "/rotate-secret"),
    ("POST", "/test"), ("POST", "/replay"),
)  # fmt: skip


async def test_a_token_of_one_property_has_endpoints_of_its_own(world: World, api: Api, shop: str) -> None:
    whole, theirs = await made(api), await made(api, property=world.property.sid)
    own = (await api("/endpoints", method="POST", json=NEW, token=shop)).json()
    assert own["property"] is not None
    assert [item["hash"] for item in (await api("/endpoints", token=shop)).json()["endpoints"]] == [own["hash"]]
    for hidden in (whole, theirs):
        for method, end in PATHS:
            answer = await api(
                f"/endpoints/{hidden['hash']}{end}", method=method, token=shop, json={} if method == "PATCH" else None
            )
            assert answer.status_code == 404, (method, end)
    for foreign in (None, world.property.sid):
        answer = await api("/endpoints", method="POST", json=NEW | {"property": foreign}, token=shop)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "property")
        answer = await api(f"/endpoints/{own['hash']}", method="PATCH", json={"property": foreign}, token=shop)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "property")


async def test_another_account_has_nothing_to_do_with_it(world: World, api: Api, tmp_path: Path) -> None:
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    await add_credentials(stranger, "x")
    token, shown = TOKENS["native"] + "x", await made(api)
    assert (await api("/endpoints", token=token)).json()["endpoints"] == []
    for method, end in PATHS:
        answer = await api(
            f"/endpoints/{shown['hash']}{end}", method=method, token=token, json={} if method == "PATCH" else None
        )
        assert answer.status_code == 404, (method, end)
    refused = await api("/endpoints", method="POST", json=NEW | {"property": world.property.sid}, token=token)
    assert refused.status_code == 400
