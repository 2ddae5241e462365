"""Calls over the native API: what they look like, how the list is walked and narrowed, who sees what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from tests.dialects.native.conftest import Api
from tests.fixtures import GOLDEN_START, TOKENS, World, add_credentials, build_world, with_recording

pytestmark = pytest.mark.postgres


def golden_json(world: World, call_id: int) -> dict[str, Any]:
    return {
        "id": str(call_id),
        "change": 1,
        "property": {"sid": world.property.sid, "name": "www.mysite.com"},
        "state": "ended",
        "disposition": "answered",
        "stage": "bridged",
        "trigger": "normal",
        "tracking_number": {"number": world.did.number_e164, "name": "Front desk"},
        "caller": {
            "number": "+33612345678", "name": "Alice", "withheld": False, "country": "FR", "line_type": "MOBILE",
            "region": None, "is_new": True,
        },
        "target": {"number": "+33987654321", "country": "FR", "line_type": "FIXED"},
        "app": {"hash": world.app.hash, "name": "Main line", "package": "CALLTRACKING10"},
        "attribution": {
            "source": "Google Ads", "medium": "cpc", "campaign": "summer", "content": "banner-3",
            "offline_description": "Leaflet 7",
        },
        "started_at": "2026-07-14T09:05:10.000Z",
        "answered_at": "2026-07-14T09:05:21.000Z",
        "ended_at": "2026-07-14T09:08:40.000Z",
        "ring_s": 11,
        "talk_s": 199,
        "total_s": 210,
        "billed_s": 240,
        "hangup_cause": 16,
        "hangup_by": "caller",
        "keypad": None,
        "redirected": False,
        "recording": "REC0RD1N",
    }  # fmt: skip


async def ids(api: Api, query: str = "") -> list[str]:
    answer = await api(f"/calls{query}")
    assert answer.status_code == 200, answer.text
    return [call["id"] for call in answer.json()["calls"]]


async def test_the_golden_call_in_a_list(world: World, api: Api) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    answer = await api("/calls")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.json() == {"calls": [golden_json(world, call.id)], "next_cursor": None}


async def test_one_call_comes_with_its_legs_and_its_story(world: World, api: Api) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    body = (await api(f"/calls/{call.id}")).json()
    caller_leg, target_leg = body.pop("legs")
    assert body.pop("trace") == [
        {"at": "2026-07-14T09:05:10.000Z", "what": "offered", "detail": {"did": world.did.number_e164}}
    ]
    assert body == golden_json(world, call.id)
    assert (caller_leg["id"], caller_leg["role"], caller_leg["number"]) == (str(call.id), "caller", "+33612345678")
    assert target_leg == {
        "id": str(call.legs[1].id), "role": "target", "position": 1, "number": "+33987654321",
        "started_at": "2026-07-14T09:05:11.000Z", "ringing_at": "2026-07-14T09:05:12.000Z",
        "answered_at": "2026-07-14T09:05:21.000Z", "ended_at": "2026-07-14T09:08:40.000Z", "disposition": "answered",
        "cause": 16, "sip_status": None, "hangup_by": "caller", "codec": "alaw", "talk_s": 199, "total_s": 209,
    }  # fmt: skip


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_following_the_cursor_gives_each_call_once_while_calls_arrive(world: World, api: Api, order: str) -> None:
    calls = [world.golden(started_at=GOLDEN_START + timedelta(minutes=n // 2)) for n in range(7)]
    await world.save(*calls)
    seen: list[str] = []
    cursor = ""
    for step in range(10):
        body = (await api(f"/calls?limit=2&order={order}{cursor}")).json()
        seen += [call["id"] for call in body["calls"]]
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"
        if order == "newest":
            await world.save(world.golden(started_at=GOLDEN_START + timedelta(days=1, minutes=step)))
    by_start = [str(call.id) for call in sorted(calls, key=lambda call: (call.started_at, call.id))]
    assert seen == (by_start if order == "oldest" else by_start[::-1])


async def test_filters_narrow_the_list_together(world: World, api: Api) -> None:
    answered = world.golden()
    busy = world.golden(
        started_at=GOLDEN_START + timedelta(hours=1), disposition=Disposition.BUSY, stage=Stage.RINGING,
        attribution=replace(answered.attribution, source="Bing Ads"),
    )  # fmt: skip
    await world.save(answered, busy)
    both, one, other = [str(busy.id), str(answered.id)], [str(answered.id)], [str(busy.id)]
    number = world.did.number_e164.replace("+", "%2B")
    for query, expected in (
        ("", both),
        ("?disposition=answered", one),
        ("?disposition=busy", other),
        ("?disposition=busy&disposition=answered", both),
        ("?disposition=voicemail", []),
        ("?source=Bing+Ads", other),
        ("?source=Bing%20Ads&disposition=answered", []),
        (f"?tracking_number={number}", both),
        (f"?tracking_number={world.did.number_e164}", both),
        ("?tracking_number=%2B33900000000", []),
        (f"?property={world.property.sid}", both),
        ("?from=2026-07-14T10:05:10Z", other),
        ("?from=2026-07-14T10:05:10.001Z", []),
        ("?to=2026-07-14T10:05:10Z", one),
        ("?from=2026-07-14T11:05:10%2B02:00&to=2026-07-14T11:05:11+02:00", one),
        ("?from=2026-07-14T09:05:10z&to=2026-07-14T09:05:10Z", []),
    ):
        assert await ids(api, query) == expected, query


async def test_live_calls_are_listed_only_when_asked_for_and_always_readable(world: World, api: Api) -> None:
    live = world.golden(
        ended_at=None, answered_at=None, state=State.RINGING, stage=Stage.RINGING, disposition=Disposition.IN_PROGRESS,
        hangup_by=None, hangup_cause=None, destination_number_e164=None,
    )  # fmt: skip
    await world.save(live)
    assert await ids(api) == []
    assert await ids(api, "?include=live") == [str(live.id)]
    assert await ids(api, "?include=live&disposition=in_progress") == [str(live.id)]
    body = (await api(f"/calls/{live.id}")).json()
    assert (body["state"], body["ended_at"], body["target"], body["trace"]) == ("ringing", None, None, [])


async def test_another_account_sees_nothing_of_it(world: World, api: Api, tmp_path: Path) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    await add_credentials(stranger, "x")
    token = TOKENS["native"] + "x"
    assert (await api("/calls", token=token)).json()["calls"] == []
    for path in (
        f"/calls/{call.id}",
        f"/calls/{call.id}/recordings",
        "/recordings/REC0RD1N",
        "/recordings/REC0RD1N/audio",
    ):
        assert (await api(path, token=token)).status_code == 404
    assert (await api(f"/calls?property={world.property.sid}", token=token)).status_code == 400


async def test_a_token_of_one_property_sees_that_property_only(world: World, api: Api) -> None:
    other = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    await world.services.accounts.add_token(world.account.id, "native", "t" * 40, property_id=other.id)
    mine = world.golden(property_id=other.id)
    theirs = with_recording(world.golden())
    await world.save(mine, theirs)
    body = (await api("/calls", token="t" * 40)).json()
    assert [call["id"] for call in body["calls"]] == [str(mine.id)]
    for path in (f"/calls/{theirs.id}", "/recordings/REC0RD1N"):
        assert (await api(path, token="t" * 40)).status_code == 404
    assert (await api(f"/calls?property={world.property.sid}", token="t" * 40)).status_code == 400


async def test_a_property_that_masks_its_callers_masks_them_here_too(world: World, api: Api) -> None:
    masking = await world.services.accounts.add_property(world.account.id, "clinic", masks_callers=True)
    call = world.golden(property_id=masking.id)
    await world.save(replace(call, trace=(replace(call.trace[0], detail={"caller": "+33612345678"}),)))
    for path in ("/calls", f"/calls/{call.id}"):
        text = (await api(path)).text
        assert "+3361234XXXX" in text
        assert "+33612345678" not in text
