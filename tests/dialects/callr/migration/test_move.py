"""A whole configuration moves: afterwards both sides give the vendor's own SDK the same answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

import callr
import pytest

from ringtrail.dialects.callr.migration.plan import Moving, Step, Verdict
from ringtrail.dialects.callr.migration.remote import RemoteRefusedError
from ringtrail.dialects.callr.migration.run import NAMES, Report, apply, plan
from tests.dialects.callr.migration.conftest import Moved, Side, Silent
from tests.dialects.callr.migration.furniture import HERE_TOO, ONLY_THERE, SECRET, Furnished, furnish, sub_account
from tests.fixtures import CALLR_LOGIN

pytestmark = pytest.mark.postgres
CONFIGURATION = frozenset({"sub_accounts", "media", "apps", "dids", "clis", "webhooks", "logins"})
COSTS = {"pricing", "contract_auto_renew", "date_end_contract"}
"""What a number costs here is said by the tariff here."""


@pytest.fixture
async def furnished_old(old: Side, new: Side) -> Furnished:
    """The old account has everything, and so has one of the two below it; the other is disabled."""
    for side, ids in ((old, (HERE_TOO, ONLY_THERE)), (new, (HERE_TOO,))):
        await side.services.numbers.add_built_in_media([(id_, f"Ring {id_}", "RINGTONE", str(id_)) for id_ in ids])
    branch, closed = await sub_account(old, "Branch"), await sub_account(old, "Closed")
    await furnish(old, acts_as=f"User.login {branch}", numbers=("+33199002001", "+33699002002"))
    await old.ask("account/sub.disable", closed)
    return await furnish(old)


def sdk(side: Side, login: tuple[str, str]) -> Callable[..., Any]:
    api = callr.Api(*login)
    api.set_api_url(side.url)

    async def call(method: str, *params: Any) -> Any:
        return await asyncio.to_thread(api.call, method, *params)

    return call


async def told(side: Side, login: tuple[str, str]) -> dict[str, Any]:
    """What programs see of an account's configuration, without what is each side's own."""
    ask = sdk(side, login)
    everything = {
        "apps": sorted(await ask("apps.get_list", True), key=itemgetter("hash")),  # those of one second have no order
        "dids": [without(hit, COSTS) for hit in (await ask("did.search", {}, {}))["hits"]],
        "media": await ask("media/library.get_list", None),
        "webhooks": [without(hook, {"updated_at"}) for hook in await ask("webhooks.get_list")],
        "clis": [await ask("apps.get_authorized_clis", kind) for kind in ("CALL", "SMS")],
        "subs": [hit for flag in (False, True) for hit in (await ask("account/sub.search", {"archived": flag}, {}))["hits"]],
    }  # fmt: skip
    return json.loads(json.dumps(everything).replace(side.base_url, ""))  # type: ignore[no-any-return]


def without(thing: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in thing.items() if key not in keys}


def verdicts(steps: Sequence[Step]) -> dict[str, list[Verdict]]:
    return {kind: [step.verdict for step in steps if step.kind == kind] for kind in NAMES}


async def add_login(side: Side) -> None:
    await side.services.accounts.add_password(side.account.id, "callr", *CALLR_LOGIN)


def without_what_cannot_come(configuration: dict[str, Any]) -> dict[str, Any]:
    """A built-in medium that is not here, and its place in an app."""
    media = {id_: medium for id_, medium in configuration["media"].items() if id_ != str(ONLY_THERE)}
    apps = json.loads(json.dumps(configuration["apps"]).replace(f'"bridge": {ONLY_THERE}', '"bridge": 0'))
    return configuration | {"media": media, "apps": apps}


async def test_what_moved_answers_the_vendors_sdk_as_it_did_there(
    old: Side, new: Side, moved: Moved, furnished_old: Furnished
) -> None:
    _, report = await moved(only=CONFIGURATION, webhook_secrets={furnished_old.webhooks["signed"]: SECRET})
    assert report.failures == []
    await add_login(new)
    assert await told(new, CALLR_LOGIN) == without_what_cannot_come(await told(old, CALLR_LOGIN))


async def test_so_does_an_account_below_under_its_login_and_the_password_that_was_shown(
    old: Side, new: Side, moved: Moved, furnished_old: Furnished
) -> None:
    _, report = await moved(only=CONFIGURATION)
    (branch, closed) = report.logins
    theirs = await old.services.sub_accounts.by_hash(old.account.id, branch.login.removeprefix("sub-"))
    await old.services.accounts.add_password(theirs.id, "callr", "known", "known")
    ours, there = await told(new, branch), without_what_cannot_come(await told(old, ("known", "known")))
    assert ours["webhooks"].pop(1) == there["webhooks"].pop(1) | {
        "options": {"format": "JSON", "hmac_algo": "SHA512", "hmac_secret": None}, "status": "DISABLED"
    }  # fmt: skip
    assert ours == there
    with pytest.raises(callr.CallrException):
        await sdk(new, closed)("system.get_timestamp")


async def test_a_second_move_finds_everything_here_and_doubles_nothing(
    new: Side, moved: Moved, moving: Callable[..., Moving], furnished_old: Furnished
) -> None:
    first, _ = await moved(only=CONFIGURATION)
    assert {step.verdict for step in first} == {Verdict.NEW}
    await add_login(new)
    before = await told(new, CALLR_LOGIN)
    steps, report = await moved(only=CONFIGURATION)
    assert {step.verdict for step in steps} == {Verdict.HERE}
    assert [step.kind for step in steps] == [step.kind for step in first if step.kind != "logins"]
    assert report == Report()
    assert await told(new, CALLR_LOGIN) == before


async def test_a_plan_changes_nothing_and_tells_what_is_lost(
    new: Side, moving: Callable[..., Moving], furnished_old: Furnished
) -> None:
    steps = await plan(moving(only=CONFIGURATION), Silent())
    assert {kind: len(found) for kind, found in verdicts(steps).items() if found} == {
        "sub_accounts": 2, "media": 6, "apps": 9, "dids": 5, "clis": 4, "webhooks": 6, "logins": 2
    }  # fmt: skip
    notes = {note for step in steps for note in step.notes}
    assert notes == {
        "params.medias.bridge cannot be as it is there", "its secret did not come along: it comes disabled",
        "it is disabled there, so that what it has cannot be read",
    }  # fmt: skip
    assert await new.ask("apps.get_list", True) == []
    assert (await new.ask("account/sub.search", {}, {}))["total"] == 0


async def test_only_what_is_wished_for_comes(new: Side, moved: Moved, furnished_old: Furnished) -> None:
    _, report = await moved(only=frozenset({"dids"}))
    assert report.quantities == {"dids": 3}
    assert {note.text[:7] for note in report.notes} == {"its app"}
    assert (await new.ask("account/sub.search", {}, {}))["total"] == 0
    _, report = await moved(only=frozenset({"apps", "dids"}))
    assert report.quantities == {"apps": 5, "dids": 2}  # the numbers that an app answers are given to it now
    answered = [did["app"]["name"] for did in (await new.ask("did.search", {}, {}))["hits"] if did["app"]]
    assert sorted(answered) == ["CALLTRACKING10 é", "Main line"]


async def test_what_was_changed_here_stays_so_unless_theirs_is_wished_for(
    old: Side, new: Side, moved: Moved, furnished_old: Furnished
) -> None:
    await moved(only=CONFIGURATION)
    app, medium, hook = (
        furnished_old.apps["CALLTRACKING10"],
        furnished_old.media["Welcome"],
        furnished_old.webhooks["plain"],
    )
    (sub, *_) = (await new.ask("account/sub.search", {}, {}))["hits"]
    changes: list[tuple[Any, ...]] = [
        ("apps.edit", app, "Mine", {"targets": []}),
        ("media/library.set_name", medium, "Mine"),
        ("webhooks.edit", hook, "http://127.0.0.1:8080/mine", None),
        ("account/sub.edit", sub["credentials"]["login"], {"contact": {"emails": ["mine@example.com"]}}, None),
    ]
    for change in changes:
        await new.ask(*change)
    did = next(did for did in (await new.ask("did.search", {}, {}))["hits"] if did["app"])
    await new.ask("apps.assign_did", furnished_old.apps["ACTIONS10"], did["hash"])
    steps, report = await moved(only=CONFIGURATION)
    different = {step.kind: step.notes for step in steps if step.verdict is Verdict.DIFFERS}
    assert different == {
        "apps": ("name, targets",), "media": ("name",), "webhooks": ("endpoint",), "sub_accounts": ("emails",),
        "dids": (f"{furnished_old.apps['ACTIONS10']} answers it here",),
    }  # fmt: skip
    assert report == Report()
    _, report = await moved(only=CONFIGURATION, update=True)
    assert report.quantities == {"apps": 1, "media": 1, "webhooks": 1, "sub_accounts": 1, "dids": 1}
    steps, _ = await moved(only=CONFIGURATION)
    assert [step for step in steps if step.verdict is not Verdict.HERE] == []


async def test_a_move_that_stops_anywhere_is_gone_on_with(
    new: Side, old: Side, moving: Callable[..., Moving], moved: Moved, furnished_old: Furnished
) -> None:
    """Each time one step more is done, and the rest forgotten, as by somebody who stops the program."""
    await add_login(new)
    for _ in range(40):
        steps = await plan(moving(only=CONFIGURATION), Silent())
        todo = [step for step in steps if step.do]
        if not todo:
            break
        report = await apply(todo[:1], Silent())
        assert report.failures == []
    assert await plan(moving(only=CONFIGURATION), Silent()) == steps
    kept = await told(new, CALLR_LOGIN)
    there = without_what_cannot_come(await told(old, CALLR_LOGIN))
    assert without(kept, {"webhooks"}) == without(there, {"webhooks"})


async def test_a_secret_that_comes_later_enables_its_webhook(new: Side, moved: Moved, furnished_old: Furnished) -> None:
    signed = furnished_old.webhooks["signed"]
    await moved(only=CONFIGURATION)
    assert (await new.ask("webhooks.get", signed))["status"] == "DISABLED"
    steps, _ = await moved(only=CONFIGURATION, webhook_secrets={signed: SECRET})
    assert [step.notes for step in steps if step.verdict is Verdict.NEW] == [("its secret is still to come",)]
    hook = await new.ask("webhooks.get", signed)
    assert (hook["status"], hook["options"]["hmac_secret"]) == ("ENABLED", "********")
    endpoint = await new.services.webhooks.by_hash(new.account.id, signed, dialect="callr")
    assert endpoint is not None
    assert await new.services.webhooks.secrets(endpoint) == {"hmac_secret": SECRET}


async def test_credentials_that_are_none_end_it_before_anything_is_done(
    moving: Callable[..., Moving], new: Side
) -> None:
    move = moving()
    move.remote = replace(move.remote, authorization="Api-Key nobody")
    with pytest.raises(RemoteRefusedError):
        await plan(move, Silent())


async def test_without_logins_nobody_gets_one_until_they_are_wished_for(
    new: Side, moved: Moved, furnished_old: Furnished
) -> None:
    _, report = await moved(only=CONFIGURATION, logins=False)
    assert report.logins == []
    found = (await new.ask("account/sub.search", {}, {}))["hits"]
    assert [sub["credentials"]["login"] for sub in found] == ["", ""]
    _, report = await moved(only=CONFIGURATION)
    assert [login.login[:4] for login in report.logins] == ["sub-", "sub-"]
