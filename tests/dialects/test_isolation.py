"""Two accounts with the same shapes of data: nobody reads, learns of or changes what is another's."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from tests.dialects import surfaces as table
from tests.dialects.surfaces import Answer, Asked, Keys, Surfaces, Things
from tests.fixtures import TOKENS, World, add_credentials, build_world, golden_call, with_recording

CALLER = "+33612345678"
RECORDINGS = ("REC0RD1N", "REC0RD2N")
UNKNOWN = Things("A" * 32, "B" * 32, 422_263_009_280_000, 987_654, "NOTTHERE", "NOTTHERE", "NOTTHERE", "+33999999999")


class Party(NamedTuple):
    world: World
    keys: Keys
    things: Things


class Scene(NamedTuple):
    surfaces: Surfaces
    ours: Party
    theirs: Party


async def _party(world: World, folder: Path, recording: str, suffix: str, calls: int) -> Party:
    """An account with `calls` calls, the last one recorded."""
    for _ in range(calls - 1):
        await world.save(world.golden())
    call = with_recording(world.golden(), recording)
    (folder / f"{call.id}.mp3").write_bytes(b"the sound of " + recording.encode())
    await world.save(call)
    principal = await world.services.accounts.by_token("native", TOKENS["native"] + suffix)
    assert principal is not None
    session = await world.services.accounts.open_session(principal)
    keys = table.keys_of(world.account.sid, session, suffix)
    return Party(world, keys, await table.things_of(world, call.id, recording))


@pytest.fixture
async def scene(world: World, tmp_path: Path) -> Scene:
    """The other account has more calls, so that its numbers run ahead of ours."""
    services = build_services(world.database, SystemClock(), recordings_folder=str(tmp_path))
    ours = replace(world, services=services)
    theirs = replace(await build_world(world.database, tmp_path, name="Somebody Else"), ids=world.ids)
    await add_credentials(theirs, "-other")
    return Scene(
        Surfaces(services),
        await _party(ours, tmp_path, RECORDINGS[0], "", calls=2),
        await _party(theirs, tmp_path, RECORDINGS[1], "-other", calls=5),
    )


def _secrets_of(party: Party) -> list[bytes]:
    """What only an answer from this account's data can hold."""
    things = party.things
    names = (things.property_sid, str(things.call_id), things.recording, things.app, things.did, things.did_number)
    return [*(name.encode() for name in names), party.world.account.name.encode(), b"the sound of"]


def _without(answer: Answer, things: Things) -> tuple[int, str, bytes]:
    """The answer, apart from the names that the question itself brought along."""
    body = answer.body
    for name in (str(item) for item in things if item != things.call_seq):  # which is short, and in no answer
        body = body.replace(name.encode(), b"...")
    body = re.sub(rb'"nextSyncToken":"[^"]*"', b"", body)  # says again which filters were asked for
    return answer.status, answer.headers.get("content-type", ""), body


async def test_each_reads_its_own(scene: Scene) -> None:
    for party in (scene.ours, scene.theirs):
        for asked in table.named(party.things):
            answer = await scene.surfaces.ask(table.signed(asked, party.keys))
            assert answer.status == (404 if asked.path.endswith(".wav") else 200), f"{asked}: {answer}"


async def test_lists_hold_nothing_of_the_other(scene: Scene) -> None:
    for asked in table.lists():
        answer = await scene.surfaces.ask(table.signed(asked, scene.ours.keys))
        assert answer.status == 200
        assert not [secret for secret in _secrets_of(scene.theirs) if secret in answer.body], asked


async def test_what_is_anothers_is_answered_exactly_as_what_does_not_exist(scene: Scene) -> None:
    for foreign, unknown in zip(table.named(scene.theirs.things), table.named(UNKNOWN), strict=True):
        answers = [await scene.surfaces.ask(table.signed(asked, scene.ours.keys)) for asked in (foreign, unknown)]
        table.assert_well_formed(foreign, answers[0])
        assert _without(answers[0], scene.theirs.things) == _without(answers[1], UNKNOWN), foreign
        assert b"the sound of" not in answers[0].body


async def test_nothing_of_the_other_was_changed_by_trying(scene: Scene) -> None:
    before = await scene.surfaces.ask(table.signed(table.rpc("apps.get", scene.theirs.things.app), scene.theirs.keys))
    for asked in table.named(scene.theirs.things):
        await scene.surfaces.ask(table.signed(asked, scene.ours.keys))
    after = await scene.surfaces.ask(table.signed(table.rpc("apps.get", scene.theirs.things.app), scene.theirs.keys))
    assert before.body == after.body
    unread = await scene.surfaces.ask(table.signed(table.rpc("media/recording.read_status"), scene.theirs.keys))
    assert unread.json["result"]["CALL"] == {"count": 1, "read": 0, "unread": 1}


async def test_positions_of_the_other_are_refused_or_show_only_our_own(scene: Scene) -> None:
    ask, ours, theirs = scene.surfaces.ask, scene.ours, scene.theirs
    synced = Asked(surface="agendize", path="/api/2.0/calls")
    token = (await ask(table.signed(synced, theirs.keys))).json["nextSyncToken"]
    refused = await ask(table.signed(replace(synced, query=f"syncToken={token}".encode()), ours.keys))
    assert (refused.status, refused.json["error"]["reason"]) == (410, "gone")

    def calls_of(party: Party, query: str) -> Asked:
        return Asked(
            surface="fonedynamics", path=f"/v2/Accounts/{party.things.account_sid}/Calls", query=query.encode()
        )

    for query in ("", "Results_Count=1"):
        token = (await ask(table.signed(calls_of(theirs, query), theirs.keys))).json["Token"]
        refused = await ask(table.signed(calls_of(ours, f"Token={token}"), ours.keys))
        assert (refused.status, refused.json["ResponseStatus"]["ErrorCode"]) == (400, "TOKEN_INVALID")

    paged = Asked(surface="native", path="/api/v1/calls", query=b"limit=1&order=oldest")
    cursor = (await ask(table.signed(paged, theirs.keys))).json["next_cursor"]
    page = await ask(table.signed(replace(paged, query=paged.query + f"&cursor={cursor}".encode()), ours.keys))
    assert not [secret for secret in _secrets_of(theirs) if secret in page.body]


async def test_a_key_opens_no_other_surface(scene: Scene) -> None:
    ours = scene.ours
    tokens = [*TOKENS.values(), *(value for headers in ours.keys.headers.values() for _, value in headers)]
    for asked in (*table.lists(), *table.named(ours.things)):
        right = {value for _, value in ours.keys.headers[asked.surface]}
        if asked.surface == "optico":
            right = {ours.keys.optico}
        for token in (token for token in tokens if not any(token in value or value in token for value in right)):
            answer = await scene.surfaces.ask(table.signed(asked, _all_with(token, ours.keys)))
            assert _refused(asked, answer), f"{asked} opened with {token}"


async def test_a_revoked_key_stops_at_once(scene: Scene) -> None:
    ours = scene.ours
    everything = [table.signed(asked, ours.keys) for asked in (*table.lists(), *table.named(ours.things))]
    for asked in everything:
        await scene.surfaces.ask(asked)  # so that whatever is remembered of the key is remembered
    async with ours.world.database.transaction() as connection:
        await connection.execute(
            "UPDATE credentials SET revoked_at = now() WHERE account_id = %s", (ours.world.account.id,)
        )
    for asked in everything:
        assert _refused(asked, await scene.surfaces.ask(asked)), asked


async def test_a_key_of_one_property_sees_that_property_only(scene: Scene) -> None:
    ours, accounts = scene.ours, scene.ours.world.services.accounts
    other = await accounts.add_property(ours.world.account.id, "other.example")
    async with ours.world.database.transaction() as connection:
        await connection.execute(
            "UPDATE credentials SET property_id = %s WHERE account_id = %s", (other.id, ours.world.account.id)
        )
    bound = replace(ours.world, property=other)
    call = golden_call(bound.account, other, bound.did, bound.app, bound.ids)
    await bound.save(call)
    for asked in table.lists():
        answer = await scene.surfaces.ask(table.signed(asked, ours.keys))
        table.assert_well_formed(asked, answer)
        if asked.surface not in ("callr", "pages"):
            assert str(ours.things.call_id).encode() not in answer.body, asked
            assert ours.things.recording.encode() not in answer.body, asked
    of_property = {name: getattr(UNKNOWN, name) for name in ("property_sid", "call_id", "call_seq", "recording")}
    nowhere = ours.things._replace(**of_property)
    for foreign, unknown in zip(table.named(ours.things), table.named(nowhere), strict=True):
        answers = [await scene.surfaces.ask(table.signed(asked, ours.keys)) for asked in (foreign, unknown)]
        assert _without(answers[0], ours.things) == _without(answers[1], nowhere), foreign
    invox = await scene.surfaces.ask(table.signed(Asked(surface="invox", path="/api/v2/calls"), ours.keys))
    assert [item["account"] for item in invox.json] == ["other.example"]
    callr = await scene.surfaces.ask(table.signed(table.rpc("apps.get_list", True), ours.keys))
    assert callr.json["error"]["code"] == 100


async def test_a_property_that_masks_its_callers_does_so_everywhere(scene: Scene) -> None:
    ours = scene.ours
    shown = 0
    for masks in (False, True):
        async with ours.world.database.transaction() as connection:
            await connection.execute(
                "UPDATE properties SET masks_callers = %s WHERE id = %s", (masks, ours.world.property.id)
            )
        for asked in (*table.lists(), *table.named(ours.things)):
            answer = await scene.surfaces.ask(table.signed(asked, ours.keys))
            full = CALLER.encode() in answer.body or b"06 12 34 56 78" in answer.body
            shown += full
            assert not (masks and full), asked
    assert shown > 10
    for guess in (table.rpc("media/recording.search", {"cli_number": CALLER}, None),
                  Asked(surface="agendize", path="/api/2.0/calls", query=b"search=5678"),
                  Asked(surface="optico", path="/data-api", query=table.PERIOD + b"&caller_phone=%2B33612345678")):  # fmt: skip
        answer = await scene.surfaces.ask(table.signed(guess, ours.keys))
        assert ours.things.recording.encode() not in answer.body
        assert b"3361234" not in answer.body


def _all_with(token: str, keys: Keys) -> Keys:
    """The token wherever a surface looks for one."""
    return Keys(
        token, {surface: tuple((name, token) for name, _ in headers) for surface, headers in keys.headers.items()}
    )


def _refused(asked: Asked, answer: Answer) -> bool:
    table.assert_well_formed(asked, answer)
    if asked.surface == "optico":
        return bool(answer.json == {"status": "ERROR", "errors": ["Invalid api key"]})
    return answer.status in (401, 303) if asked.surface == "pages" else answer.status == 401
