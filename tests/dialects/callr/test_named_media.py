"""Media that parameters name: built in, the account's own, or none, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dialects.callr.conftest import Rpc
from tests.fixtures import World, build_world

BUILT_IN = 84
NOBODYS = 99_999_999
PLACES = [
    ("CALLTRACKING10", ("medias", "welcome")),
    ("CALLTRACKING10", ("medias", "ringtone")),
    ("CALLTRACKING10", ("medias", "whisper")),
    ("CALLTRACKING10", ("medias", "bridge")),
    ("CALLTRACKING10", ("vms", "intro")),
    ("CLICKTOCALL10", ("medias", "A_welcome")),
    ("CLICKTOCALL10", ("medias", "A_ringtone")),
    ("CLICKTOCALL10", ("medias", "AB_bridge")),
    ("CLICKTOCALL10", ("medias", "B_whisper")),
    ("CLICKTOCALL10", ("options", "A_vms_detect", "dtmf_media")),
    ("CLICKTOCALL10", ("options", "B_vms_detect", "silence_media")),
    ("CLICKTOCALL10", ("vms", "intro")),
]


@pytest.fixture
async def own(rpc: Rpc, world: World) -> int:
    """A medium of the account's, beside one that is built in."""
    await world.services.numbers.add_built_in_media([(BUILT_IN, "Welcome", "WELCOME", "welcome")])
    id_: int = await rpc("media/library.create", "Hello")
    return id_


def at(place: tuple[str, ...], value: int) -> dict[str, Any]:
    first, *others = place
    return {first: at(tuple(others), value) if others else value}


def found(params: Any, place: tuple[str, ...]) -> Any:
    for key in place:
        params = params[key]
    return params


@pytest.mark.parametrize(("package", "place"), PLACES, ids=str)
async def test_an_app_plays_what_is_there(
    rpc: Rpc, fault: Rpc, world: World, own: int, tmp_path: Path, package: str, place: tuple[str, ...]
) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    theirs = (await world.services.media.create(other.account.id, "Theirs")).id
    app = (await rpc("apps.create", package, "x", None))["hash"]
    told = (151, f"PROPERTY_VALUE_ERROR [{'.'.join(('params', *place))}]")
    for nothing in (NOBODYS, theirs):
        assert await fault("apps.create", package, "x", at(place, nothing)) == told
        assert await fault("apps.edit", app, None, at(place, nothing)) == told
    for there in (own, BUILT_IN, 0):
        assert found((await rpc("apps.create", package, "x", at(place, there)))["p"], place) == there
        assert found((await rpc("apps.edit", app, None, at(place, there)))["p"], place) == there


async def test_the_first_that_is_not_there_is_told(fault: Rpc, own: int) -> None:
    params = {"vms": {"intro": NOBODYS}, "medias": {"whisper": NOBODYS, "welcome": NOBODYS, "bridge": own}}
    assert await fault("apps.create", "CALLTRACKING10", "x", params) == (
        151, "PROPERTY_VALUE_ERROR [params.medias.welcome]",
    )  # fmt: skip


async def test_what_was_deleted_since_does_not_stand_in_the_way_of_an_edit(rpc: Rpc, fault: Rpc, own: int) -> None:
    app = (await rpc("apps.create", "CALLTRACKING10", "x", {"medias": {"welcome": own}}))["hash"]
    await rpc("media/library.delete", own)
    edited = await rpc("apps.edit", app, None, {"medias": {"bridge": BUILT_IN}})
    assert (edited["p"]["medias"]["welcome"], edited["p"]["medias"]["bridge"]) == (own, BUILT_IN)
    assert await fault("apps.edit", app, None, edited["p"]) == (151, "PROPERTY_VALUE_ERROR [params.medias.welcome]")


async def test_a_sip_subscribers_voicemail_plays_what_is_there(rpc: Rpc, fault: Rpc, own: int) -> None:
    made = await rpc("sip/subscriber.create", {}, {"vms": {"intro": own}})
    assert made["vms"]["intro"] == own
    told = (151, "PROPERTY_VALUE_ERROR [options.vms.intro]")
    assert await fault("sip/subscriber.create", {}, {"vms": {"intro": NOBODYS}}) == told
    assert await fault("sip/subscriber.edit", made["id"], None, {"vms": {"intro": NOBODYS}}) == told
    edited = await rpc("sip/subscriber.edit", made["id"], None, {"vms": {"intro": BUILT_IN}})
    assert edited["vms"]["intro"] == BUILT_IN
