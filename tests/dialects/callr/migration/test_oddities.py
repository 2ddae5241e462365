"""An old account that is not as ours are: other properties, missing ones, wrong types, methods that are not there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from ringtrail.dialects.callr.migration.plan import Moving as Move
from ringtrail.dialects.callr.migration.plan import Step, Verdict, Wishes
from ringtrail.dialects.callr.migration.remote import Remote, api_key, connected
from ringtrail.dialects.callr.migration.run import Report, apply, plan
from tests.dialects.callr.migration.conftest import FAST, Side, Silent
from tests.dialects.callr.test_media import tone
from tests.receiver import Received, Receiver

pytestmark = pytest.mark.postgres
NOBODY: list[Any] = []
APP: dict[str, Any] = {
    "date_creation": "2020-02-02 02:02:02", "date_update": "2021-02-02 02:02:02", "did": None, "hash": "LXLGRVDT",
    "name": "Old one", "p": {"targets": [{"number": "+33987654321", "timeout": 20}]},
    "package": {"has_did": True, "name": "CALLTRACKING10", "type": "VOICE"},
}  # fmt: skip
DID: dict[str, Any] = {
    "app": None, "class": "GOLD", "country_code": "FR", "hash": "3TXTPS65", "intl_number": "+33199001001",
    "local_number": "0199001001", "local_number_f": "01 99 00 10 01", "type": "NON-GEOGRAPHIC",
}  # fmt: skip
MEDIUM: dict[str, Any] = {
    "category": [], "content": None, "duration": 1, "hash": "8242D945", "id": 10112211, "is_editable": True, "language": [],
    "name": "Welcome", "status": "READY", "tags": [], "url": None, "voice": None, "source": "live, not in the reference",
}  # fmt: skip
WEBHOOK: dict[str, Any] = {
    "created_at": "2020-02-02 02:02:02.123", "endpoint": "http://127.0.0.1:8080/x", "hash": "AL1OCWNJ",
    "options": {"format": "JSON", "hmac_algo": "SHA256", "hmac_secret": None}, "status": "ENABLED",
    "type": "call.inbound_hangup", "updated_at": "2020-02-02 02:02:02.123",
}  # fmt: skip
SUB: dict[str, Any] = {
    "account": {"company": "Branch", "firstname": "Ann", "lastname": "Lee"},
    "contact": {"addresses": [], "emails": ["ann@example.com"], "phones": [], "tech_emails": []},
    "credentials": {"login": "ann@example.com", "password": None},
    "params": {
        "billing": {"addresses": [], "currency_code": "USD", "emails": []},
        "default": {"locale": "en_GB", "timezone": "Europe/London"},
    },
    "state": {
        "allow_calls_in": True, "allow_calls_out": False, "allow_sms_in": False, "allow_sms_out": True, "archived": False,
        "credit": "12.00", "disabled": False,
    },
}  # fmt: skip


def page(*hits: Any) -> dict[str, Any]:
    return {"has_more": False, "hits": list(hits), "offset": 0, "total": len(hits)}


@pytest.fixture
def told(receiver: Receiver) -> dict[str, Any]:
    """{method: result}, to be filled by a test; what is not in it is no method there."""
    results: dict[str, Any] = {}

    def reply(request: Received) -> web.Response:
        if request.method == "GET":
            return web.Response(body=tone(1, rate=8_000, channels=1), status=200 if "sound" in request.path else 404)
        method, filters = request.json["method"], (request.json["params"] or [None])[0]
        if method not in results or (method == "account/sub.search" and filters["archived"]):
            return web.json_response({"error": {"code": -32601, "message": "Method not found"}})
        if "callr-login-as" in request.headers and method != "apps.get_list":
            return web.json_response({"error": {"code": 100, "message": "FORBIDDEN"}})
        return web.json_response({"result": results[method]})

    receiver.reply = reply
    return results


@pytest.fixture
async def remote(receiver: Receiver) -> AsyncIterator[Remote]:
    async with connected(receiver.url + "/", api_key("secret"), per_second=FAST) as remote:
        yield replace(remote, first_wait_s=0.001)


Brought = Callable[..., Awaitable[tuple[Sequence[Step], Report]]]


@pytest.fixture
def brought(new: Side, remote: Remote) -> Brought:
    async def bring(*kinds: str, **wishes: Any) -> tuple[Sequence[Step], Report]:
        moving = Move(
            services=new.services, remote=remote, master=new.account, account=new.account,
            wishes=Wishes(only=frozenset(kinds), **wishes),
        )  # fmt: skip
        steps = await plan(moving, Silent())
        return steps, await apply(steps, Silent())

    return bring


def seen(steps: Sequence[Step]) -> list[tuple[str, Verdict, tuple[str, ...]]]:
    return [(step.name, step.verdict, step.notes) for step in steps]


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "kind", "result"),
    [
        ("apps.get_list", "apps", [APP, {**APP, "hash": "short"}, {**APP, "package": None}, {**APP, "name": 7}, 42, None]),
        ("did.search", "dids", page(DID, {**DID, "intl_number": "0199"}, {**DID, "hash": None}, {**DID, "type": []}, "x", {})),
        (
            "media/library.get_list", "media",
            {"1": MEDIUM, "2": {**MEDIUM, "id": "2"}, "3": {**MEDIUM, "hash": ""}, "4": {**MEDIUM, "name": None}, "5": [], "6": 6},
        ),
        ("webhooks.get_list", "webhooks", [WEBHOOK, {**WEBHOOK, "hash": 1}, {**WEBHOOK, "type": None}, {}, [], "x"]),
        (
            "account/sub.search", "sub_accounts",
            page(SUB, {**SUB, "credentials": {}}, {**SUB, "credentials": {"login": "ann\r\nX: y"}}, {**SUB, "state": []}, 4, None),
        ),
    ],
)  # fmt: skip
async def test_a_thing_that_cannot_be_read_is_told_and_the_rest_comes(
    brought: Brought, told: dict[str, Any], receiver: Receiver, method: str, kind: str, result: Any
) -> None:
    told[method] = result
    steps, report = await brought(kind)
    good, *bad = [step for step in steps if step.name != "all"]
    assert good.verdict is Verdict.NEW
    assert [step.verdict for step in bad] == [Verdict.CANNOT] * 5
    assert all(step.notes[0].startswith("it cannot be read: ") for step in bad)
    assert report.quantities == {kind: 1}


@pytest.mark.parametrize("result", [None, 7, "x", {"hits": 1}, True])
@pytest.mark.parametrize("kind", ["apps", "dids", "media", "webhooks", "sub_accounts"])
async def test_a_list_that_is_none_is_told(brought: Brought, told: dict[str, Any], kind: str, result: Any) -> None:
    for method in ("apps.get_list", "did.search", "media/library.get_list", "webhooks.get_list", "account/sub.search"):
        told[method] = result
    steps, _ = await brought(kind)
    assert {step.verdict for step in steps} == {Verdict.CANNOT}


async def test_methods_that_are_not_there_are_told_and_the_rest_comes(brought: Brought, told: dict[str, Any]) -> None:
    told["apps.get_list"] = [APP]
    steps, report = await brought()
    missing = {step.kind for step in steps if step.notes == ("there is no such method there: Method not found",)}
    assert missing >= {"media", "dids", "webhooks", "sub_accounts"}
    assert report.quantities["apps"] == 1


# --- media ----------------------------------------------------------------------------------------------------------


async def test_a_medium_keeps_its_id_and_the_next_one_gets_another(
    brought: Brought, told: dict[str, Any], receiver: Receiver, new: Side
) -> None:
    first = await new.ask("media/library.create", "Ours")
    told["media/library.get_list"] = [{**MEDIUM, "id": first + 1, "url": f"{receiver.url}/sound.wav"}]
    _, report = await brought("media")
    assert (report.failures, report.notes) == ([], [])
    medium = await new.ask("media/library.get", first + 1)
    assert (medium["hash"], medium["status"], medium["duration"]) == ("8242D945", "READY", 1)
    assert await new.ask("media/library.create", "Ours too") > first + 1


async def test_an_id_that_the_account_has_for_another_medium_is_not_given_twice(
    brought: Brought, told: dict[str, Any], receiver: Receiver, new: Side
) -> None:
    taken = await new.ask("media/library.create", "Ours")
    told["media/library.get_list"] = [{**MEDIUM, "id": taken}]
    told["apps.get_list"] = [{**APP, "p": {"medias": {"welcome": taken}}}]
    for verdict in (Verdict.NEW, Verdict.HERE):
        steps, report = await brought("media", "apps")
        assert [step.verdict for step in steps] == [verdict] * 2
        assert (report.failures, report.notes) == ([], [])
    (medium,) = [
        item for item in (await new.ask("media/library.get_list", None)).values() if item["hash"] == "8242D945"
    ]
    assert medium["id"] != taken
    assert (await new.ask("apps.get", "LXLGRVDT"))["p"]["medias"]["welcome"] == medium["id"]


async def test_a_sound_that_could_not_be_fetched_comes_with_the_next_run(
    brought: Brought, told: dict[str, Any], receiver: Receiver, new: Side
) -> None:
    told["media/library.get_list"] = {"10112211": {**MEDIUM, "url": f"{receiver.url}/gone"}}
    _, report = await brought("media")
    assert [note.text for note in report.failures] == ["the file was answered with HTTP 404"]
    assert (await new.ask("media/library.get", 10112211))["status"] == "PENDING_CONTENT"
    told["media/library.get_list"] = {"10112211": {**MEDIUM, "url": f"{receiver.url}/sound"}}
    steps, report = await brought("media")
    assert (steps[0].notes, report.failures) == (("its sound is still to come",), [])
    assert (await new.ask("media/library.get", 10112211))["status"] == "READY"


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/x.wav", "file:///etc/passwd", "relative.wav", "http://169.254.169.254/"]
)
async def test_a_sound_is_not_fetched_from_inside(brought: Brought, told: dict[str, Any], new: Side, url: str) -> None:
    told["media/library.get_list"] = [{**MEDIUM, "url": url}]
    _, report = await brought("media")
    assert len(report.failures) == 1


# --- apps -----------------------------------------------------------------------------------------------------------


async def test_what_an_app_may_not_say_here_is_left_out_and_the_rest_of_it_comes(
    brought: Brought, told: dict[str, Any], new: Side
) -> None:
    params = {
        "targets": [{"number": "+33987654321", "timeout": 20}], "medias": {"welcome": 84, "new_in_2026": 1},
        "options": {"record_calls": "yes", "transcription": True, "locale": "fr_FR"}, "surprise": {"deep": 1},
        "vms": {"active": True, "timeout": 9_999, "emails": [7]},
    }  # fmt: skip
    told["apps.get_list"] = [{**APP, "p": params, "name": "x" * 100}, {**APP, "hash": "AAAAAAAA", "p": None}]
    steps, report = await brought("apps")
    assert sorted(steps[0].notes) == [
        f"params.{path} cannot be as it is there"
        for path in (
            "medias.new_in_2026", "medias.welcome", "options.record_calls", "options.transcription", "surprise",
            "vms.emails", "vms.timeout",
        )
    ]  # fmt: skip
    assert (report.failures, steps[1].notes) == ([], ())
    app = await new.ask("apps.get", "LXLGRVDT")
    assert (app["name"], app["p"]["targets"], app["p"]["medias"]["welcome"]) == ("x" * 64, params["targets"], 0)
    assert (app["p"]["options"]["locale"], app["p"]["vms"]["active"]) == ("fr_FR", True)
    assert (app["date_creation"], app["date_update"]) == (APP["date_creation"], APP["date_update"])


async def test_an_app_names_a_medium_that_is_still_to_come(
    brought: Brought, told: dict[str, Any], receiver: Receiver, new: Side
) -> None:
    told["apps.get_list"] = [{**APP, "p": {"medias": {"welcome": MEDIUM["id"]}}}]
    told["media/library.get_list"] = [MEDIUM]
    for kinds in (("apps",), ("media", "apps")):
        _, report = await brought(*kinds)
        assert report.failures == []
        assert (await new.ask("apps.get", "LXLGRVDT"))["p"]["medias"]["welcome"] == MEDIUM["id"]
    assert (await new.ask("media/library.get", MEDIUM["id"]))["name"] == "Welcome"


async def test_an_app_of_a_package_that_is_none_here_stays_behind(brought: Brought, told: dict[str, Any]) -> None:
    told["apps.get_list"] = [{**APP, "package": {"name": "SENDR10"}}]
    steps, report = await brought("apps")
    assert seen(steps) == [("LXLGRVDT Old one", Verdict.CANNOT, ("there are no apps of the package 'SENDR10' here",))]
    assert report == Report()


async def test_an_id_that_somebody_elses_account_has_is_not_given_twice(
    brought: Brought, told: dict[str, Any], new: Side
) -> None:
    other = await new.services.accounts.create(
        name="Other", timezone="Europe/Paris", country="FR", currency="EUR", outbound_prefixes=()
    )
    await new.services.apps.create(other.id, "CALLTRACKING10", "Theirs", {}, hash_="LXLGRVDT")
    site = await new.services.accounts.add_property(other.id, "main")
    await new.services.numbers.add(account_id=other.id, property_id=site.id, number_e164="+33199001001")
    await new.services.media.create(other.id, "Theirs", hash_="8242D945")
    await new.services.webhooks.add(
        other.id, "callr", address="http://127.0.0.1:1/", event_types=(), hash_="AL1OCWNJ"
    )  # fmt: skip
    told |= {
        "apps.get_list": [APP], "did.search": page(DID), "media/library.get_list": [MEDIUM],
        "webhooks.get_list": [WEBHOOK],
    }  # fmt: skip
    steps, report = await brought("apps", "dids", "media", "webhooks")
    assert {step.kind: (step.verdict, step.notes) for step in steps} == {
        "dids": (Verdict.CANNOT, ("another account here has this number",)),
        **dict.fromkeys(("apps", "media", "webhooks"), (Verdict.CANNOT, ("another account here has it",))),
    }
    assert report == Report()


# --- numbers --------------------------------------------------------------------------------------------------------


async def test_a_number_that_was_entered_by_hand_is_given_its_app(
    brought: Brought, told: dict[str, Any], new: Side
) -> None:
    first, *_ = await new.services.accounts.properties(new.account.id)
    ours = await new.services.numbers.add(account_id=new.account.id, property_id=first.id, number_e164="+33199001001")
    told |= {"apps.get_list": [APP], "did.search": page({**DID, "app": {"hash": APP["hash"], "name": "Old one"}})}
    await brought("apps", "dids")
    (did,) = (await new.ask("did.search", {}, {}))["hits"]
    assert (did["hash"], did["app"]["hash"]) == (ours.hash, APP["hash"])
    steps, _ = await brought("dids")
    assert seen(steps) == [("3TXTPS65 +33199001001", Verdict.DIFFERS, (f"it is {ours.hash} here",))]


async def test_a_number_is_what_it_was(brought: Brought, told: dict[str, Any], new: Side) -> None:
    told |= {
        "did.search": page(DID, {**DID, "hash": "BBBBBBBB", "intl_number": "+33699001002", "type": "?", "class": "?"}),
        "apps.get_authorized_clis": [{"cli": "+33699001002", "comment": "", "label": "Mobile"}, None, {"cli": 7}],
    }
    await brought("dids")
    shown = [(did["hash"], did["class"], did["type"]) for did in (await new.ask("did.search", {}, {}))["hits"]]
    assert shown == [("3TXTPS65", "GOLD", "NON-GEOGRAPHIC"), ("BBBBBBBB", "CLASSIC", "MOBILE")]
    assert {"cli": "+33699001002", "comment": "", "label": "Mobile"} in await new.ask("apps.get_authorized_clis", "SMS")


# --- webhooks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"type": "fax.received"}, "type"),
        ({"endpoint": "http://10.0.0.1/x"}, "not on the public internet"),
        ({"endpoint": "mailto:somebody@example.com"}, "endpoint"),
        ({"options": {"format": "XML"}}, "options.format"),
        ({"options": {"hmac_secret": "short"}}, "options.hmac_secret"),
    ],
)
async def test_a_webhook_that_cannot_be_here_says_why(
    brought: Brought, told: dict[str, Any], changes: dict[str, Any], why: str
) -> None:
    told["webhooks.get_list"] = [{**WEBHOOK, **changes}]
    (step,), report = await brought("webhooks")
    assert step.verdict is Verdict.CANNOT
    assert why in step.notes[0]
    assert report == Report()


@pytest.mark.parametrize(
    ("options", "status", "signed"),
    [
        ({"hmac_secret": "0123456789"}, "ENABLED", True),
        ({"hmac_algo": "MD5", "hmac_secret": None}, "ENABLED", False),
        ({"hmac_algo": "SHA512"}, "DISABLED", False),
        ({"hmac_secret": "********"}, "DISABLED", False),
        (None, "ENABLED", False),
        ([], "ENABLED", False),
    ],
)
async def test_a_webhook_is_enabled_unless_its_secret_is_hidden(
    brought: Brought, told: dict[str, Any], new: Side, options: Any, status: str, signed: bool
) -> None:
    told["webhooks.get_list"] = [{**WEBHOOK, "options": options, "unheard_of": 1}]
    for _ in range(2):
        await brought("webhooks")
    hook = await new.ask("webhooks.get", "AL1OCWNJ")
    assert (hook["status"], hook["options"]["hmac_secret"] is not None) == (status, signed)
    assert hook["created_at"] == WEBHOOK["created_at"]


# --- accounts below -------------------------------------------------------------------------------------------------


async def test_an_account_below_that_shows_no_hash_is_known_by_its_login(
    brought: Brought, told: dict[str, Any], new: Side, receiver: Receiver
) -> None:
    told |= {"account/sub.search": page(SUB), "apps.get_list": [APP]}
    _, report = await brought("sub_accounts", "apps", "logins")
    assert [login.login for login in report.logins] == ["ann@example.com"]
    assert report.quantities == {"apps": 1, "sub_accounts": 1, "logins": 1}  # the hash of an app is one account's only
    assert "User.login ann@example.com" in [request.headers.get("callr-login-as") for request in receiver.received]
    (sub,) = (await new.ask("account/sub.search", {}, {}))["hits"]
    assert {key: sub[key] for key in ("account", "contact")} == {key: SUB[key] for key in ("account", "contact")}
    assert (sub["params"]["billing"]["currency_code"], sub["params"]["default"]) == ("USD", SUB["params"]["default"])
    assert {key for key, may in sub["state"].items() if may is False and key.startswith("allow")} == {
        "allow_calls_out", "allow_sms_in"
    }  # fmt: skip
    steps, report = await brought("sub_accounts", "logins")
    assert [step.verdict for step in steps if step.name == "ann@example.com"] == [Verdict.HERE]
    assert report == Report()


async def test_a_login_that_somebody_has_here_is_not_taken_from_them(
    brought: Brought, told: dict[str, Any], new: Side
) -> None:
    await new.services.accounts.add_password(new.account.id, "callr", "ann@example.com", "ours")
    told["account/sub.search"] = page(SUB)
    _, report = await brought("sub_accounts", "logins")
    assert [note.text for note in report.failures] == ["conflict: login: 'ann@example.com' is taken"]
    assert await new.services.accounts.by_password("callr", "ann@example.com", "ours") is not None


async def test_what_an_account_below_may_not_say_here_is_left_out(
    brought: Brought, told: dict[str, Any], new: Side
) -> None:
    contact = {**SUB["contact"], "phones": ["nonsense"], "addresses": [{"country": "ZZ"}], "tech_emails": ["no"]}
    default = {"locale": "Klingon", "timezone": "Moon/Base"}
    told["account/sub.search"] = page({**SUB, "contact": contact, "params": {"default": default}})
    steps, report = await brought("sub_accounts")
    assert [note.split()[0].removeprefix("properties.contact.") for note in steps[0].notes] == [
        "addresses.country", "phones", "tech_emails"
    ]  # fmt: skip
    assert report.failures == []
    (sub,) = (await new.ask("account/sub.search", {}, {}))["hits"]
    assert sub["params"]["default"]["timezone"] == "Europe/Paris"


async def test_an_account_below_without_an_address_cannot_come(brought: Brought, told: dict[str, Any]) -> None:
    told["account/sub.search"] = page({**SUB, "contact": {}})
    steps, report = await brought("sub_accounts", "logins")
    assert (steps[0].verdict, steps[0].notes) == (Verdict.CANNOT, ("missing: properties.contact.emails",))
    assert report == Report()
