"""Recording media by phone: codes that are good once, callers who guess, and what becomes of what was said."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.app import PACKAGE_CALL_TRACKING
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.media import Medium, MediumStatus
from ringtrail.model.number import DID
from ringtrail.seeding import write_tone
from ringtrail.services import build_services
from ringtrail.services.phone_in import GOOD_FOR, MOST_FAILURES, MOST_FAILURES_OF_CALLER, PhoneIn, PhoneInRecordings
from ringtrail.services.routing import Routing
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres

CALLER = "+33612345678"
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at


class Stage:
    """An operator's account with a French number, and a customer's with a medium."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder, self.clock = world, folder, Clock()
        self.services = build_services(
            world.database, self.clock, recordings_folder=str(folder), media_folder=str(folder / "media")
        )
        self.phone_in: PhoneIn = self.services.phone_in
        self.recordings = PhoneInRecordings(world.database, self.clock, self.services.media, folder)

    async def number(self, number_e164: str = "+33140000001", **did: Any) -> DID:
        return await self.services.numbers.add(
            account_id=self.world.account.id, property_id=self.world.property.id, number_e164=number_e164, **did
        )

    async def medium(self, name: str = "Welcome") -> Medium:
        return await self.services.media.create(self.world.account.id, name)

    async def now(self, medium: Medium) -> Medium:
        found = await self.services.media.by_id(medium.account_id, medium.id)
        assert found is not None
        return found

    async def code(self, medium: Medium) -> str:
        return (await self.phone_in.ask(medium, "FR")).code

    async def said(self, medium: Medium, seconds: float = 2.0) -> Path:
        """Somebody has recorded this medium; the file."""
        name = await self.phone_in.take(await self.code(medium), CALLER)
        assert name is not None
        file = self.folder / f"{name}.wav"
        write_tone(file, 440, seconds=seconds)
        await self.phone_in.keep(name)
        return file

    async def count(self, statement: str) -> int:
        async with self.world.database.reading() as connection:
            row = await (await connection.execute(f"SELECT count(*) FROM {statement}".encode())).fetchone()
        return int(row[0]) if row else 0

    async def execute(self, statement: str) -> None:
        async with self.world.database.transaction() as connection:
            await connection.execute(statement.encode())

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("phone-in-*"))

    def route(self, number_e164: str) -> Coroutine[Any, Any, Any]:
        routing = Routing(self.world.database, default_country="FR", media_folder=self.folder)
        return routing.find(number_e164, CALLER, self.clock.now())


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> Stage:
    stage = Stage(await build_world(database, tmp_path), tmp_path)
    await stage.number()
    await stage.phone_in.add_number("+33140000001")
    return stage


# --- numbers --------------------------------------------------------------------------------------------------------


async def test_a_number_takes_recordings_until_it_is_removed(stage: Stage) -> None:
    sid = stage.world.account.sid
    await stage.phone_in.add_number("+33140000001")
    assert await stage.phone_in.numbers() == [("+33140000001", "FR", sid)]
    assert (await stage.route("+33140000001")).takes_phone_in
    await stage.phone_in.remove_number("+33140000001")
    assert await stage.phone_in.numbers() == []
    assert (await stage.route("+33140000001")).refused == "unassigned"
    with pytest.raises(DomainError) as caught:
        await stage.phone_in.remove_number("+33140000001")
    assert caught.value.code is ErrorCode.NOT_FOUND


async def test_a_number_that_is_nobody_s_or_an_app_s_is_refused(stage: Stage) -> None:
    for number, code in (("+33140000009", ErrorCode.NOT_FOUND), (stage.world.did.number_e164, ErrorCode.CONFLICT)):
        with pytest.raises(DomainError) as caught:
            await stage.phone_in.add_number(number)
        assert caught.value.code is code


async def test_an_app_that_is_assigned_later_answers_instead(stage: Stage) -> None:
    did = await stage.number("+33140000002")
    await stage.phone_in.remove_number("+33140000001")
    await stage.phone_in.add_number(did.number_e164)
    app = await stage.services.apps.create(did.account_id, PACKAGE_CALL_TRACKING, "Shop", {})
    await stage.services.numbers.assign(did.account_id, did.hash, app.hash)
    route = await stage.route(did.number_e164)
    assert (route.takes_phone_in, route.app_hash, route.refused) == (False, app.hash, None)
    with pytest.raises(DomainError, match="no number of this country"):
        await stage.phone_in.ask(await stage.medium(), "FR")


async def test_a_number_that_goes_to_another_account_takes_no_recordings_there(stage: Stage) -> None:
    sub = await stage.services.sub_accounts.create(stage.world.account, "callr", {"company": "Branch"})
    await stage.execute(
        f"UPDATE dids SET account_id = {sub.account.id}, property_id ="
        f" (SELECT id FROM properties WHERE account_id = {sub.account.id} LIMIT 1) WHERE number_e164 = '+33140000001'"
    )
    assert not (await stage.route("+33140000001")).takes_phone_in
    assert await stage.phone_in.numbers() == []


@pytest.mark.parametrize(
    "spoilt",
    [
        "UPDATE accounts SET disabled_at = now()",
        "UPDATE accounts SET barred = '{calls_in}'",
        "UPDATE dids SET expires_at = '2020-01-01'",
        "UPDATE dids SET country = 'BE'",
        "DELETE FROM dids WHERE number_e164 = '+33140000001'",
    ],
)
async def test_a_number_that_cannot_be_called_is_told_to_nobody(stage: Stage, spoilt: str) -> None:
    medium = await stage.medium()
    assert (await stage.phone_in.ask(medium, "FR")).number_e164 == "+33140000001"
    await stage.execute(spoilt)
    with pytest.raises(DomainError) as caught:
        await stage.phone_in.ask(medium, "FR")
    assert caught.value.code is ErrorCode.FORBIDDEN


# --- codes ----------------------------------------------------------------------------------------------------------


async def test_a_code_is_eight_digits_and_good_for_one_call(stage: Stage) -> None:
    code = await stage.code(await stage.medium())
    assert re.fullmatch("[0-9]{8}", code)
    assert await stage.phone_in.take(code, CALLER) is not None
    assert await stage.phone_in.take(code, CALLER) is None


async def test_of_two_callers_with_one_code_one_is_let_in(stage: Stage) -> None:
    code = await stage.code(await stage.medium())
    names = await asyncio.gather(*(stage.phone_in.take(code, f"+3361234567{n}") for n in range(6)))
    assert len([name for name in names if name]) == 1
    assert await stage.count("phone_recordings") == 1


async def test_asking_again_makes_the_code_before_void_and_no_other(stage: Stage) -> None:
    medium, other = await stage.medium(), await stage.medium("Other")
    first, others = await stage.code(medium), await stage.code(other)
    second = await stage.code(medium)
    assert first != second
    assert await stage.phone_in.take(first, CALLER) is None
    assert await stage.phone_in.take(second, CALLER) is not None
    assert await stage.phone_in.take(others, CALLER) is not None


async def test_codes_that_are_asked_for_at_once_leave_one(stage: Stage) -> None:
    medium = await stage.medium()
    codes = await asyncio.gather(*(stage.code(medium) for _ in range(5)))
    assert await stage.count("phone_codes") == 1
    assert len([code for code in codes if await stage.phone_in.take(code, None)]) == 1


async def test_a_code_is_good_for_a_quarter_of_an_hour(stage: Stage) -> None:
    soon, late = await stage.code(await stage.medium()), await stage.code(await stage.medium("Late"))
    stage.clock.at += GOOD_FOR - timedelta(seconds=1)
    assert await stage.phone_in.take(soon, CALLER) is not None
    stage.clock.at += timedelta(seconds=1)
    assert await stage.phone_in.take(late, CALLER) is None


@pytest.mark.parametrize(
    "spoilt", ["UPDATE accounts SET disabled_at = now()", "DELETE FROM media WHERE account_id > 0"]
)
async def test_a_code_dies_with_its_medium_and_with_its_account(stage: Stage, spoilt: str) -> None:
    code = await stage.code(await stage.medium())
    await stage.execute(spoilt)
    assert await stage.phone_in.take(code, CALLER) is None


# --- guessing -------------------------------------------------------------------------------------------------------


async def test_who_types_too_many_wrong_codes_is_let_in_no_more_for_an_hour(stage: Stage) -> None:
    good, other = await stage.code(await stage.medium()), await stage.code(await stage.medium("Other"))
    for n in range(MOST_FAILURES_OF_CALLER):
        assert await stage.phone_in.take(f"x{n}", CALLER) is None
    assert await stage.phone_in.take(good, CALLER) is None
    assert await stage.phone_in.take(other, "+33612345679") is not None
    stage.clock.at += HOUR
    again = await stage.code(await stage.medium("Again"))
    assert await stage.phone_in.take(again, CALLER) is not None


async def test_withheld_callers_count_as_one(stage: Stage) -> None:
    for n in range(MOST_FAILURES_OF_CALLER):
        await stage.phone_in.take(f"x{n}", None)
    code = await stage.code(await stage.medium())
    assert await stage.phone_in.take(code, None) is None
    assert await stage.phone_in.take(code, CALLER) is not None


async def test_many_callers_together_may_not_guess_either(stage: Stage) -> None:
    await stage.execute(
        "INSERT INTO phone_code_failures (caller, at)"
        f" SELECT '+3361' || n, '{stage.clock.at}' FROM generate_series(1, {MOST_FAILURES - 1}) n"
    )
    first, second = await stage.code(await stage.medium()), await stage.code(await stage.medium("Other"))
    assert await stage.phone_in.take(first, CALLER) is not None
    assert await stage.phone_in.take("x", CALLER) is None
    assert await stage.phone_in.take(second, CALLER) is None


async def test_tries_at_the_same_moment_are_all_counted(stage: Stage) -> None:
    await asyncio.gather(*(stage.phone_in.take(f"x{n}", CALLER) for n in range(MOST_FAILURES_OF_CALLER + 5)))
    assert await stage.count("phone_code_failures") == MOST_FAILURES_OF_CALLER


# --- what was said --------------------------------------------------------------------------------------------------


async def test_what_was_said_becomes_the_medium_and_is_told_once(stage: Stage) -> None:
    medium = await stage.medium()
    file = await stage.said(medium)
    await asyncio.gather(*(stage.recordings.settle() for _ in range(3)))
    filled = await stage.now(medium)
    assert (filled.status, filled.duration_ms) == (MediumStatus.READY, 2000)
    sound = stage.services.media.file(filled, "wav")
    assert sound is not None
    assert stage.services.media.file(filled, "mp3") is not None
    assert stage.files() == []
    assert not file.exists()
    told = f"events WHERE type = 'media.changed' AND account_id = {medium.account_id} AND about = {medium.id}"
    assert await stage.count(told) == 1
    assert await stage.count("phone_recordings") == 0


async def test_a_worker_that_dies_before_its_commit_has_changed_nothing(stage: Stage) -> None:
    medium = await stage.medium()
    file = await stage.said(medium)
    await stage.execute(
        "CREATE FUNCTION dies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;"
        "CREATE TRIGGER dies BEFORE DELETE ON phone_recordings FOR EACH ROW EXECUTE FUNCTION dies()"
    )
    with pytest.raises(Exception, match="killed"):
        await stage.recordings.settle()
    assert (await stage.now(medium)).status is MediumStatus.PENDING_CONTENT
    assert file.exists()
    await stage.execute("DROP TRIGGER dies ON phone_recordings")
    await stage.recordings.settle()
    assert (await stage.now(medium)).status is MediumStatus.READY
    assert await stage.count("events WHERE type = 'media.changed'") == 1


def _short(file: Path) -> None:
    write_tone(file, 440, seconds=0.9)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


@pytest.mark.parametrize("spoil", [_short, _cut, Path.unlink])
async def test_what_is_no_sound_leaves_the_medium_as_it_was(stage: Stage, spoil: Callable[[Path], object]) -> None:
    medium = await stage.medium()
    await stage.said(medium)
    await stage.recordings.settle()
    before = await stage.now(medium)
    spoil(await stage.said(medium))
    await stage.recordings.settle()
    assert await stage.now(medium) == before
    assert (stage.files(), await stage.count("phone_recordings")) == ([], 0)


async def test_what_cannot_be_written_waits_and_holds_up_nothing_else(stage: Stage) -> None:
    """As on a full disk: there is no room for the sound of one account."""
    medium = await stage.medium()
    await stage.said(medium)
    blocked = stage.folder / "media" / str(medium.account_id)
    blocked.parent.mkdir(exist_ok=True)
    blocked.touch()
    await stage.recordings.settle()
    assert (await stage.now(medium)).status is MediumStatus.PENDING_CONTENT
    assert (len(stage.files()), await stage.count("phone_recordings")) == (1, 1)
    blocked.unlink()
    await stage.recordings.settle()
    assert (await stage.now(medium)).status is MediumStatus.READY


async def test_a_file_that_goes_away_while_it_is_looked_at_does_not_stop_the_sweep(stage: Stage) -> None:
    old = stage.folder / "phone-in-old.wav"
    write_tone(old, 440)
    _age(old)
    (stage.folder / "phone-in-gone.wav").symlink_to(stage.folder / "nowhere.wav")
    stage.clock.at += HOUR + timedelta(seconds=1)
    await stage.recordings.sweep()
    assert stage.files() == ["phone-in-gone.wav"]


async def test_the_quota_holds(stage: Stage) -> None:
    medium = await stage.medium()
    await stage.execute("UPDATE accounts SET media_free_s = 3, media_paid_s = 0")
    await stage.said(medium, 2.0)
    await stage.recordings.settle()
    before = await stage.now(medium)
    await stage.said(medium, 4.0)
    await stage.recordings.settle()
    assert await stage.now(medium) == before
    assert (before.duration_ms, stage.files(), await stage.count("phone_recordings")) == (2000, [], 0)


async def test_a_medium_that_is_deleted_meanwhile_takes_the_recording_along(stage: Stage) -> None:
    medium = await stage.medium()
    file = await stage.said(medium)
    await stage.services.media.delete(medium)
    await stage.recordings.settle()
    assert file.exists()
    _age(file)
    await stage.recordings.sweep()
    assert stage.files() == []


async def test_what_was_never_kept_is_swept_and_what_waits_is_not(stage: Stage) -> None:
    lost, waits = await stage.medium("Lost"), await stage.medium("Waits")
    name = await stage.phone_in.take(await stage.code(lost), CALLER)
    write_tone(stage.folder / f"{name}.wav", 440)
    kept = await stage.said(waits)
    other = stage.folder / "422262374400000-AB12CD34.wav"
    write_tone(other, 440)
    for file in stage.folder.glob("*.wav"):
        _age(file)
    await stage.recordings.sweep()
    assert len(stage.files()) == 2
    stage.clock.at += HOUR + timedelta(seconds=1)
    await stage.recordings.sweep()
    assert stage.files() == [kept.name]
    assert other.exists()
    await stage.recordings.settle()
    assert (await stage.now(lost)).status is MediumStatus.PENDING_CONTENT
    assert (await stage.now(waits)).status is MediumStatus.READY


async def test_a_recording_goes_to_the_account_of_its_code_only(stage: Stage, tmp_path: Path) -> None:
    """The number is one account's, the medium another's."""
    other = await build_world(stage.world.database, tmp_path, name="Other")
    theirs = await stage.services.media.create(other.account.id, "Theirs")
    await stage.said(theirs)
    await stage.recordings.settle()
    assert (await stage.now(theirs)).status is MediumStatus.READY
    quota = await stage.services.media.quota(stage.world.account.id)
    assert (quota.used_s, quota.recordings) == (0, 0)
    assert await stage.count(f"events WHERE account_id = {stage.world.account.id} AND type = 'media.changed'") == 0
    assert await stage.services.media.by_id(stage.world.account.id, theirs.id) is None


def _age(file: Path) -> None:
    old = file.stat().st_mtime - 7_200
    os.utime(file, (old, old))
