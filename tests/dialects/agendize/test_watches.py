"""Watches: what can be said of them, what is shown of them, and that they are told."""

from __future__ import annotations

import hashlib
import hmac
from itertools import product
from typing import Any

import pytest
from httpx import AsyncClient, Response

from ringtrail.model.account import Property
from tests.dialects.agendize.client import Agendize, AgendizeError
from tests.dialects.agendize.conftest import HEADERS
from tests.dialects.agendize.test_entered import CALL
from tests.dialects.conftest import BASE_URL
from tests.dialects.delivering import delivering, settled
from tests.fixtures import World
from tests.receiver import receiving

pytestmark = pytest.mark.postgres

HOOK = "https://crm.example.com/hook"
PREFIXES = ("/api/2.0", "/api/2.3")


async def send(client: AsyncClient, method: str, path: str, body: Any = None, prefix: str = "/api/2.0") -> Response:
    return await client.request(method, prefix + path, headers=HEADERS, json=body)


async def test_a_watch_in_the_vendors_fields_with_the_defaults_of_what_was_not_said(
    world: World, client: AsyncClient
) -> None:
    answer = await send(client, "POST", "/calls/watch", {"address": HOOK})
    watch = answer.json()
    expected = {
        "id": watch["id"], "address": HOOK, "name": "", "basicAuth": None, "httpRequestHeader": None, "schema": None,
        "method": "POST", "status": "enabled", "oauth2Auth": None, "signature": None,
        "objectOwner": {"type": "account", "id": world.account.sid}, "addPreviousData": False, "levelDetails": "full",
        "events": ["created", "updated", "deleted"], "objectType": "call",
        "selfLink": f"{BASE_URL}/api/2.3/watchers/{watch['id']}",
    }  # fmt: skip
    assert (answer.status_code, watch, list(watch)) == (200, expected, list(expected))
    for prefix in PREFIXES:
        assert (await send(client, "GET", f"/watchers/{watch['id'].lower()}", prefix=prefix)).json() == expected
        assert (await send(client, "GET", "/watchers", prefix=prefix)).json() == {"items": [expected]}


WHOLE: dict[str, Any] = {
    "name": "CRM", "basicAuth": {"username": "ann", "password": "p4ss"},
    "httpRequestHeader": {"X-Tenant": "t-secret", "Authorization": "b-secret"},
    "schema": {"who": "${$.callerNumber}"}, "method": "PUT", "status": "disabled",
    "oauth2Auth": {
        "grantType": "client_credentials", "clientId": "us", "clientSecret": "c-secret", "refreshToken": "r-secret",
        "authUrl": "https://id.example.com/auth", "accessTokenUrl": "https://id.example.com/token",
        "redirectUri": "https://crm.example.com/back", "scope": "calls",
    },
    "signature": {"enabled": True, "keys": ["k1", "k2"]}, "events": ["deleted", "created", "deleted"],
    "addPreviousData": False, "levelDetails": "full",
}  # fmt: skip
SECRETS = ("p4ss", "t-secret", "b-secret", "c-secret", "r-secret")


async def test_secrets_are_never_shown_again_and_are_not_kept_in_clear(world: World, client: AsyncClient) -> None:
    made = (await send(client, "POST", "/calls/watch", {"address": HOOK, **WHOLE})).json()
    hidden = "*" * 8
    assert made["basicAuth"] == {"username": "ann", "password": hidden}
    assert made["httpRequestHeader"] == {"X-Tenant": hidden, "Authorization": hidden}
    assert made["oauth2Auth"] == {**WHOLE["oauth2Auth"], "clientSecret": hidden, "refreshToken": hidden}
    assert made["signature"] == {"enabled": True, "cryptoKeyIds": ["k1", "k2"]}
    assert (made["events"], made["method"], made["status"]) == (["created", "deleted"], "PUT", "disabled")
    path = f"/watchers/{made['id']}"
    answers = [
        await send(client, "GET", path), await send(client, "GET", "/watchers"), await send(client, "PUT", path, {}),
        await send(client, "PUT", path, {"name": "again"}),
    ]  # fmt: skip
    assert not [secret for answer, secret in product(answers, SECRETS) if secret in answer.text]
    async with world.database.reading() as connection:
        row = await (await connection.execute("SELECT endpoints::text FROM endpoints")).fetchone()
    assert row is not None
    assert not [secret for secret in SECRETS if secret in row[0]]


async def kept(world: World, watch_id: str) -> dict[str, Any]:
    endpoint = await world.services.webhooks.by_hash(world.account.id, watch_id)
    assert endpoint is not None
    return await world.services.webhooks.secrets(endpoint)


async def test_a_watch_sent_back_as_it_was_read_keeps_its_secrets(world: World, client: AsyncClient) -> None:
    made = (await send(client, "POST", "/calls/watch", {"address": HOOK, **WHOLE})).json()
    before = await kept(world, made["id"])
    assert (await send(client, "PUT", f"/watchers/{made['id']}", made)).json() == made
    assert await kept(world, made["id"]) == before
    changed = {
        **made, "basicAuth": {"username": "bob", "password": "*" * 8}, "httpRequestHeader": {"X-Tenant": "*" * 8, "X-New": "n"}
    }  # fmt: skip
    await send(client, "PUT", f"/watchers/{made['id']}", changed)
    now = await kept(world, made["id"])
    assert now["basicAuth"] == {"username": "bob", "password": "p4ss"}
    assert now["httpRequestHeader"] == {"X-Tenant": "t-secret", "X-New": "n"}
    assert now["oauth2Auth"] == before["oauth2Auth"]


async def test_a_watch_whose_secrets_can_no_longer_be_opened_says_so(world: World, client: AsyncClient) -> None:
    made = (await send(client, "POST", "/calls/watch", {"address": HOOK, **WHOLE})).json()
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE endpoints SET secrets = 'sealed with another key'::bytea")
    answer = await send(client, "PUT", f"/watchers/{made['id']}", {"name": "x"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (409, "its secrets are lost: make it anew")


async def test_each_field_of_a_watch_changes_alone_and_null_takes_it_away(client: AsyncClient) -> None:
    known = (await send(client, "POST", "/calls/watch", {"address": HOOK, **WHOLE})).json()
    path, hidden = f"/watchers/{known['id']}", "*" * 8
    changes: list[tuple[str, Any, Any]] = [
        ("address", HOOK + "/2", HOOK + "/2"), ("name", "Other", "Other"), ("name", None, ""),
        ("basicAuth", {"username": "u", "password": "p"}, {"username": "u", "password": hidden}), ("basicAuth", None, None),
        ("httpRequestHeader", {"A": "b"}, {"A": hidden}), ("httpRequestHeader", None, None),
        ("schema", '{"secs":${$.duration}}', '{"secs":${$.duration}}'), ("schema", None, None),
        ("method", "PATCH", "PATCH"), ("method", None, "POST"), ("status", "enabled", "enabled"),
        ("oauth2Auth", None, None), ("signature", {"cryptoKeyIds": ["k3"]}, {"enabled": False, "cryptoKeyIds": ["k3"]}),
        ("signature", None, None), ("events", ["updated"], ["updated"]), ("events", None, ["created", "updated", "deleted"]),
    ]  # fmt: skip
    for name, value, expected in changes:
        changed = (await send(client, "PUT", path, {name: value})).json()
        assert changed == {**known, name: expected}, (name, value)
        assert (await send(client, "GET", path)).json() == changed
        known = changed


OAUTH: dict[str, Any] = {"clientId": "us", "refreshToken": "r", "accessTokenUrl": "https://id.example.com/token"}
BAD: list[tuple[dict[str, Any], str, int]] = [
    ({"address": None}, "address", 400),
    ({"address": ""}, "address", 400),
    ({"address": 5}, "address", 400),
    ({"address": "ftp://crm.example.com/"}, "address", 400),
    ({"address": "mailto:ann@example.com"}, "address", 400),
    ({"address": "crm.example.com"}, "address", 400),
    ({"address": "http://10.0.0.1/"}, "address", 400),
    ({"address": "http://169.254.169.254/latest"}, "address", 400),
    ({"address": "https://${$.id}.example.com/"}, "address", 400),
    ({"address": "https://crm.example.com/" + "x" * 2_000}, "address", 400),
    ({"name": "x" * 129}, "name", 400),
    ({"basicAuth": "user:pass"}, "basicAuth", 400),
    ({"basicAuth": {"username": "u"}}, "basicAuth.password", 400),
    ({"basicAuth": {"username": "a:b", "password": "p"}}, "basicAuth.username", 400),
    ({"httpRequestHeader": "X: y"}, "httpRequestHeader", 400),
    ({"httpRequestHeader": {"X": 1}}, "httpRequestHeader[...]", 400),
    ({"httpRequestHeader": {"X Y": "1"}}, "httpRequestHeader", 400),
    ({"httpRequestHeader": {"X": "1\r\nY: 2"}}, "httpRequestHeader", 400),
    ({"httpRequestHeader": {"Host": "x"}}, "httpRequestHeader", 400),
    ({"httpRequestHeader": {f"X-{n}": "1" for n in range(21)}}, "httpRequestHeader", 400),
    ({"schema": []}, "schema", 400),
    ({"schema": '{"a": ${$.id'}, "schema", 400),
    ({"schema": {"a": "${$.["}}, "schema", 400),
    ({"schema": {"a": "${$.open"}}, "schema", 400),
    ({"method": "TRACE"}, "method", 400),
    ({"method": "post"}, "method", 400),
    ({"status": "on"}, "status", 400),
    ({"oauth2Auth": "token"}, "oauth2Auth", 400),
    ({"oauth2Auth": {**OAUTH, "grantType": "password"}}, "oauth2Auth.grantType", 400),
    ({"oauth2Auth": {**OAUTH, "clientId": None}}, "oauth2Auth.clientId", 400),
    ({"oauth2Auth": {**OAUTH, "refreshToken": ""}}, "oauth2Auth.refreshToken", 400),
    ({"oauth2Auth": {**OAUTH, "grantType": "client_credentials"}}, "oauth2Auth.clientSecret", 400),
    ({"oauth2Auth": {**OAUTH, "accessTokenUrl": "http://10.1.1.1/t"}}, "oauth2Auth.accessTokenUrl", 400),
    ({"signature": True}, "signature", 400),
    ({"signature": {"enabled": True}}, "signature.cryptoKeyIds", 400),
    ({"signature": {"enabled": True, "cryptoKeyIds": ["a b"]}}, "signature.cryptoKeyIds", 400),
    ({"signature": {"enabled": True, "keys": ["k"] * 6}}, "signature.cryptoKeyIds", 400),
    ({"objectOwner": {"id": "NOBODY"}}, "objectOwner.id", 400),
    ({"objectOwner": {"type": "account"}}, "objectOwner.id", 400),
    ({"events": ["merged"]}, "events[0]", 400),
    ({"addPreviousData": True}, "addPreviousData", 400),
    ({"levelDetails": "extraFull"}, "levelDetails", 400),
]


async def test_what_is_wrong_with_a_watch_is_named_and_nothing_is_written(client: AsyncClient) -> None:
    known = (await send(client, "POST", "/calls/watch", {"address": HOOK})).json()
    for (changes, field, status), method in product(BAD, ("POST", "PUT")):
        path = "/calls/watch" if method == "POST" else f"/watchers/{known['id']}"
        body = {"address": HOOK, **changes} if method == "POST" else changes
        answer = await send(client, method, path, body)
        assert answer.status_code == status, (method, changes)
        error = answer.json()["error"]
        assert error["message"].startswith(field), (method, changes, error)
    assert (await send(client, "GET", "/watchers")).json()["items"] == [known]
    missing = (await send(client, "POST", "/calls/watch", {"name": "x"})).json()["error"]
    assert (missing["reason"], missing["message"]) == ("required", "address: A value is missing")


async def test_watches_are_listed_by_the_kind_of_what_they_watch(client: AsyncClient, api: Agendize) -> None:
    watch = await api.watch(HOOK)
    for type_, expected in (
        ("call", [watch]),
        ("callTracking", [watch]),
        ("clickToCall", [watch]),
        ("", [watch]),
        ("schedulingCompany", []),
    ):
        assert await api.watchers.list(objectType=type_) == expected, type_
    with pytest.raises(AgendizeError, match="400 invalid: objectType"):
        await api.watchers.list(objectType="form")


async def test_a_deleted_watch_is_gone(api: Agendize) -> None:
    watch = await api.watch(HOOK)
    await api.watchers.delete(watch["id"])
    assert await api.watchers.list() == []
    for attempt in (
        api.watchers.get(watch["id"]), api.watchers.change(watch["id"], name="x"), api.watchers.delete(watch["id"]),
        api.watchers.get("x" * 300), api.watchers.get("requests/1"), api.watchers.get("errors/1-NOSUCH01"),
        api.watchers.delete("errors/x"),
    ):  # fmt: skip
        with pytest.raises(AgendizeError, match="404"):
            await attempt


async def test_a_key_of_one_property_has_watches_of_its_own_and_may_not_watch_more(
    world: World, bound: tuple[Property, Agendize], api: Agendize
) -> None:
    item, mine = bound
    whole, own = await api.watch(HOOK), await mine.watch(HOOK)
    assert own["objectOwner"] == {"type": "property", "id": item.sid}
    assert await mine.watchers.list() == [own]
    named = await api.watch(HOOK, objectOwner={"type": "anything", "id": item.sid.lower()})
    assert (named["objectOwner"], await mine.watchers.get(named["id"])) == (own["objectOwner"], named)
    for attempt in (
        mine.watchers.get(whole["id"]),
        mine.watchers.change(whole["id"], name="x"),
        mine.watchers.delete(whole["id"]),
    ):
        with pytest.raises(AgendizeError, match="404"):
            await attempt
    for sid in (world.account.sid, world.property.sid):
        with pytest.raises(AgendizeError, match=r"objectOwner\.id"):
            await mine.watch(HOOK, objectOwner={"id": sid})


async def test_another_accounts_watches_are_not_there(other: World, api: Agendize) -> None:
    endpoint = await other.services.webhooks.add(other.account.id, "agendize", address=HOOK, event_types=())
    invox = await other.services.webhooks.add(other.account.id, "invox", address=HOOK, event_types=())
    for hash_ in (endpoint.hash, invox.hash):
        with pytest.raises(AgendizeError, match="404"):
            await api.watchers.get(hash_)
    assert await api.watchers.list() == []


async def test_a_watcher_is_told_what_is_entered_corrected_and_deleted_as_its_template_has_it(
    world: World, client: AsyncClient, api: Agendize
) -> None:
    async with receiving() as receiver, delivering(world):
        await api.watch(receiver.url + "/plain")
        await api.watch(
            receiver.url + "/${$.id}?who=${$.callerNumber}", schema='{"secs":${$.duration},"x":"${$.externalId}"}',
            method="PUT", events=["updated"], httpRequestHeader={"X-Tenant": "t-1"},
            basicAuth={"username": "ann", "password": "p4ss"}, signature={"enabled": True, "keys": ["k1"]},
        )  # fmt: skip
        call = (await send(client, "POST", "/calls", {**CALL, "duration": 5})).json()
        await receiver.wait_for(1)
        corrected = (await send(client, "PUT", "/calls/1", {"externalId": 'a"b'})).json()
        await receiver.wait_for(3)
        await api.delete(1)
        await receiver.wait_for(4)
        await settled(world)
    plain = [told for told in receiver.received if told.path == "/plain"]
    assert [(told.method, told.headers["x-agendize-event"]) for told in plain] == [
        ("POST", "created"), ("POST", "updated"), ("POST", "deleted"),
    ]  # fmt: skip
    assert [told.json for told in plain[:2]] == [call, corrected]
    assert plain[2].json == {"id": "1", "buttonId": None, "clientId": None, "externalId": 'a"b'}
    (shaped,) = [told for told in receiver.received if told.path != "/plain"]
    assert (shaped.method, shaped.path, shaped.json) == ("PUT", "/1?who=%2B33612345678", {"secs": 5, "x": 'a"b'})
    assert (shaped.headers["x-tenant"], shaped.headers["authorization"]) == ("t-1", "Basic YW5uOnA0c3M=")
    key = world.services.webhooks.signing_key(world.account.sid, "k1")
    assert shaped.headers["x-agendize-signature-k1"] == hmac.new(key, shaped.body, hashlib.sha256).hexdigest()
