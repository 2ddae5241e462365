"""`ringtrail import callr` as an operator types it, with another ringtrail as the old account."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.account import Account
from ringtrail.model.media import MediaQuery
from ringtrail.ports.clock import SystemClock
from ringtrail.services import Services, build_services
from ringtrail.storage.database import Database
from ringtrail.supervisor.postgres import EmbeddedPostgres
from tests.cli.operator import RINGTRAIL, Operator, operating
from tests.conftest import fresh_database
from tests.dialects.callr.migration.conftest import KEY, Side, opened, served
from tests.dialects.callr.migration.furniture import HERE_TOO, ONLY_THERE, SECRET, Furnished, furnish, sub_account
from tests.fixtures import CALLR_LOGIN, add_credentials, build_world
from tests.receiver import LOCAL

pytestmark = pytest.mark.postgres
FAST = ("--per-second", "1000")


@pytest.fixture
def old_url(cluster: EmbeddedPostgres) -> Iterator[str]:
    yield from fresh_database(cluster, "template_ringtrail")


@pytest.fixture
async def old(old_url: str, tmp_path: Path) -> AsyncIterator[Side]:
    """With one call."""
    folder = tmp_path / "old"
    folder.mkdir()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(old_url))
        world = await build_world(database, folder)
        await add_credentials(world)
        await world.save(world.golden())
        yield await stack.enter_async_context(served(database, world.account, folder))


@pytest.fixture
async def furnished(old: Side) -> Furnished:
    await old.services.numbers.add_built_in_media([(id_, "Ring", "RINGTONE", "1") for id_ in (HERE_TOO, ONLY_THERE)])
    await sub_account(old, "Branch")
    return await furnish(old)


@pytest.fixture
def services(database: Database, tmp_path: Path) -> Services:
    return build_services(database, SystemClock(), recordings_folder=str(tmp_path))


@pytest.fixture
async def account(services: Services) -> Account:
    account = await services.accounts.create(
        name="Moved in", timezone="Europe/Paris", country="FR", currency="EUR", outbound_prefixes=()
    )
    await services.accounts.add_property(account.id, "main")
    return account


@pytest.fixture
def operator(
    database_url: str, tmp_path: Path, old: Side, account: Account, monkeypatch: pytest.MonkeyPatch
) -> Operator:
    """Of `ringtrail import callr --url ... --per-second 1000 ...`, its key in the environment."""
    monkeypatch.setenv("CALLR_API_KEY", KEY)
    monkeypatch.setenv("RINGTRAIL_EGRESS_ALLOWED_NETWORKS", LOCAL)
    return partial(operating(database_url, tmp_path), "import", "callr", "--url", old.url, *FAST)


async def test_a_plan_is_shown_and_nothing_done_until_it_is_said(
    operator: Operator, services: Services, account: Account, furnished: Furnished
) -> None:
    code, out, err = await operator("--account", "Moved in")
    assert (code, err) == (2, "")
    assert out.splitlines()[0].split() == ["new", "here", "differs", "cannot"]
    table = {words[0]: words[1:] for words in map(str.split, out.splitlines()) if words[1].isdigit()}
    assert table["apps"] == ["5", "0", "0", "0"]
    assert table["sub_accounts"] == ["1", "0", "0", "0"]
    assert table["calls"] == ["1", "0", "0", "0"]
    assert "params.medias.bridge cannot be as it is there" in out
    assert KEY not in out
    assert await services.apps.list(account.id) == []


async def test_it_is_done_once_and_its_logins_are_shown(
    operator: Operator, services: Services, account: Account, furnished: Furnished
) -> None:
    secret = f"{furnished.webhooks['signed']}={SECRET}"
    code, out, err = await operator("--account", account.hash, "--webhook-secret", secret, "--yes", "--json")
    assert (code, err) == (0, "")
    told: dict[str, Any] = json.loads(out)
    assert told["done"] is True
    assert told["failures"] == []
    assert told["came"] == {
        "media": 3, "apps": 5, "dids": 3, "webhooks": 3, "calls": 1, "sub_accounts": 1, "logins": 1, "clis": 2
    }  # fmt: skip
    (login,) = told["logins"]
    assert await services.accounts.by_password("callr", login["login"], login["password"]) is not None
    assert len(await services.apps.list(account.id)) == 5
    assert SECRET not in out

    code, out, err = await operator("--account", account.sid, "--yes")
    assert (code, err) == (0, "")
    assert "There is nothing to do." in out


async def test_a_move_that_was_killed_is_gone_on_with(
    operator: Operator, old: Side, services: Services, account: Account, furnished: Furnished, tmp_path: Path,
    database_url: str,
) -> None:  # fmt: skip
    ours = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "var"), "SECRET_KEY": "k" * 32}
    environ = {**os.environ, **{f"RINGTRAIL_{name}": value for name, value in ours.items()}}
    process = await asyncio.create_subprocess_exec(
        RINGTRAIL, "import", "callr", "--url", old.url, *FAST, "--yes", env=environ, stdout=asyncio.subprocess.DEVNULL
    )  # fmt: skip
    await _something_is_here(services, account)
    process.kill()
    assert await process.wait() == -signal.SIGKILL

    code, out, err = await operator("--yes", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["failures"] == []
    code, out, err = await operator("--json")
    assert (code, err) == (0, "")
    assert {step["verdict"] for step in json.loads(out)["plan"]} == {"here"}
    media, _ = await services.media.find(MediaQuery(account_id=account.id))
    assert sorted((medium.name, medium.status.value) for medium in media) == [
        ("Empty", "pending_content"), ("Welcome", "ready"), ("Whisper", "ready")
    ]  # fmt: skip
    assert len(await services.apps.list(account.id)) == 5


async def _something_is_here(services: Services, account: Account) -> None:
    async with asyncio.timeout(60):
        while not await services.media.tallies(account.id):  # noqa: ASYNC110 - of another process there is no event
            await asyncio.sleep(0.005)


def _rest(terminal: int) -> bytes:
    """What a program that has ended wrote; a terminal gives it in pieces."""
    told = b""
    with contextlib.suppress(OSError):  # there is nothing more
        while piece := os.read(terminal, 4096):
            told += piece
    return told


@pytest.mark.parametrize(("ends", "code", "said"), [(b"\x04", 2, ""), (None, 130, "stopped")])
async def test_whoever_does_not_answer_but_ends_it_changes_nothing(
    old: Side, services: Services, account: Account, furnished: Furnished, tmp_path: Path, database_url: str,
    ends: bytes | None, code: int, said: str,
) -> None:  # fmt: skip
    """Ctrl-D, and Ctrl-C."""
    ours = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "var"), "SECRET_KEY": "k" * 32}
    environ = {**os.environ, "CALLR_API_KEY": KEY, **{f"RINGTRAIL_{name}": value for name, value in ours.items()}}
    terminal, line = os.openpty()
    process = await asyncio.create_subprocess_exec(
        RINGTRAIL, "import", "callr", "--url", old.url, *FAST, env=environ, stdin=line, stdout=line, stderr=line
    )  # fmt: skip
    os.close(line)
    shown = b""
    while b"[y/N] " not in shown:
        shown += await asyncio.to_thread(os.read, terminal, 4096)
    os.write(terminal, ends) if ends else process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 20) == code
    told = _rest(terminal).decode()
    os.close(terminal)
    assert ("Traceback" in told, said in told) == (False, True)
    assert await services.apps.list(account.id) == []


async def test_a_part_of_it_is_done_and_told_to_people(operator: Operator, furnished: Furnished) -> None:
    code, out, err = await operator("--only", "sub_accounts,logins,media", "--yes")
    assert (code, err) == (0, "")
    assert ["media", "3", "came"] in [line.split() for line in out.splitlines()]
    assert "login sub-" in out
    assert " password " in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--api-key", "nobody"), "unauthenticated"),
        (("--url", "nowhere"), "unavailable: the old account: this is not an address"),
        (("--account", "nobody"), "there is no account 'nobody'"),
        (("--api-key", "of a\rfile"), "a character that no key has"),
    ],
)
async def test_what_cannot_be_begun_says_why(operator: Operator, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = await operator(*arguments)
    assert (code, out) == (1, "")
    assert said in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--only", "houses"),
        ("--from", "yesterday"),
        ("--from", "9999-12-31"),
        ("--per-second", "0"),
        ("--webhook-secret", "x"),
    ],
)
async def test_an_option_that_means_nothing_is_refused(operator: Operator, arguments: tuple[str, str]) -> None:
    code, out, err = await operator(*arguments)
    assert (code, out) == (2, "")
    assert arguments[0] in err


async def test_a_login_and_its_password_do_as_well_as_a_key(
    old: Side,
    account: Account,
    furnished: Furnished,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = ("import", "callr", "--url", old.url, *FAST, "--only", "apps")
    code, _, err = await operating(database_url, tmp_path)(*plan)
    assert (code, "say who you are" in err) == (1, True)
    monkeypatch.setenv("CALLR_LOGIN", CALLR_LOGIN[0])
    monkeypatch.setenv("CALLR_PASS", CALLR_LOGIN[1])
    assert (await operating(database_url, tmp_path)(*plan))[0] == 2
