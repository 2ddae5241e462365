"""What an account has, made through its own API."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.dialects.callr.migration.conftest import Side
from tests.dialects.callr.test_media import in_base64, tone

SCRIPT = "branches:\n  inbound-call:\n    actions: []\n"
SECRET = "0123456789é"
HERE_TOO, ONLY_THERE = 1, 2
"""Built-in media of the old side; the new one has the first."""


class Furnished(NamedTuple):
    """Ids: {name: id of a medium}, {name: hash of an app}, {name: hash of a webhook}."""

    media: dict[str, int]
    apps: dict[str, str]
    webhooks: dict[str, str]


def sound(seconds: float) -> str:
    return in_base64(tone(seconds, rate=8_000, channels=1))


async def furnish(
    side: Side, *, acts_as: str = "", numbers: tuple[str, ...] = ("+33199001001", "+33699001002")
) -> Furnished:
    """Media, an app of each package, numbers with and without one, webhooks of every kind."""

    async def ask(method: str, *params: Any) -> Any:
        return await side.ask(method, *params, acts_as=acts_as)

    media = {name: await ask("media/library.create", name) for name in ("Welcome", "Whisper", "Empty")}
    await ask(
        "media/library.set_tags", media["Welcome"], {"CATEGORY": ["WELCOME"], "LANGUAGE": ["fr_FR"], "mine": ["a"]}
    )
    await ask("media/library.set_content", media["Welcome"], "Bonjour !", sound(1.5))
    await ask("media/library.set_content", media["Whisper"], None, sound(0.4))
    params = {
        "medias": {"welcome": media["Welcome"], "whisper": media["Whisper"], "ringtone": HERE_TOO, "bridge": ONLY_THERE},
        "targets": [{"number": "+33987654321", "timeout": 20}, {"number": "+33612345678", "timeout": 35}],
        "options": {"record_calls": True, "locale": "fr_FR"},
        "vms": {"active": True, "intro": media["Welcome"], "emails": ["desk@example.com"], "timeout": 60},
        "ga": {"ua": "UA-12345-1"},
    }  # fmt: skip
    apps = {
        package: (await ask("apps.create", package, f"{package} é", told))["hash"]
        for package, told in (
            ("CALLTRACKING10", params),
            ("CLICKTOCALL10", {"options": {"A_attempts": 3}, "medias": {"A_welcome": media["Welcome"]}}),
            ("REALTIME10", {"url": "https://example.com/rt", "login": "a", "password": "b:c"}),
            ("ACTIONS10", {"format": "YAML", "script": SCRIPT}),
        )
    }
    await _add_numbers(side, acts_as, numbers)
    did = (await ask("did.search", {"KEYWORDS": numbers[0]}, None))["hits"][0]["hash"]
    await ask("apps.assign_did", apps["CALLTRACKING10"], did)
    signed = {"hmac_algo": "SHA512", "hmac_secret": SECRET}
    webhooks = {
        name: (await ask("webhooks.subscribe", type_, f"http://127.0.0.1:8080/{name}", options))["hash"]
        for name, type_, options in (
            ("plain", "call.inbound_hangup", None),
            ("signed", "sms.mo", signed),
            ("disabled", "did.assigned", None),
        )
    }
    await ask("webhooks.disable", webhooks["disabled"])
    return Furnished(media, apps, webhooks)


async def _add_numbers(side: Side, acts_as: str, numbers: tuple[str, ...]) -> None:
    account = side.account
    if acts_as:
        hash_ = acts_as.rpartition("-")[2]
        account = await side.services.sub_accounts.by_hash(account.id, hash_)
    first, *_ = await side.services.accounts.properties(account.id)
    for number in numbers:
        sends = ("voice", "sms") if number.startswith("+336") else ("voice",)
        await side.services.numbers.add(
            account_id=account.id, property_id=first.id, number_e164=number, capabilities=sends
        )  # fmt: skip
    for kind, cli in (("CALL", "+33199000000"), ("SMS", "Example")):
        await side.services.apps.authorize_cli(account.id, kind, cli)


async def sub_account(side: Side, company: str) -> str:
    """Its login."""
    properties: dict[str, Any] = {
        "account": {"company": company, "firstname": "Ann", "lastname": "Lee"},
        "contact": {
            "addresses": [{"street": "1 rue X", "zip": "75001", "city": "Paris", "state": "", "country": "FR"}],
            "emails": [f"{company.lower()}@example.com"], "phones": ["+33612345678"], "tech_emails": ["tech@example.com"],
        },
        "params": {"billing": {"emails": ["bills@example.com"]}},
    }  # fmt: skip
    login: str = (await side.ask("account/sub.create", properties, {}))["credentials"]["login"]
    return login
