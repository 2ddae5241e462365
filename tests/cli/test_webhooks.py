"""`ringtrail webhooks` as an operator types it, with a real worker and a real receiver at the other end."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ringtrail import cli
from ringtrail.model.events import EventType
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world
from tests.postoffice import post_office
from tests.receiver import Received, Receiver, receiving

pytestmark = pytest.mark.postgres
RINGTRAIL = str(Path(sys.executable).parent / "ringtrail")
ANSI = "\x1b[31m"


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass
class Operator:
    environ: dict[str, str]

    async def __call__(self, *arguments: str, typed: str = "", **settings: str) -> Done:
        process = await asyncio.create_subprocess_exec(
            RINGTRAIL, *arguments, env={**self.environ, **settings}, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(typed.encode()), 30)
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def webhooks(self, *arguments: str, typed: str = "") -> Any:
        """What a command that prints JSON printed."""
        return (await self("webhooks", *arguments, typed=typed)).json

    async def refused(self, *arguments: str) -> str:
        done = await self("webhooks", *arguments)
        assert done.code == 1, done.out
        assert "Traceback" not in done.err
        return done.err

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            RINGTRAIL, *arguments, env=self.environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            limit=2**20,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        worker = await asyncio.create_subprocess_exec(
            RINGTRAIL, "work", env=self.environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            yield
        finally:
            worker.send_signal(signal.SIGTERM)
            await asyncio.wait_for(worker.wait(), 15)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


@pytest.fixture
def operator(database_url: str, tmp_path: Path) -> Operator:
    ours = {
        "DATABASE_URL": database_url, "ARI_URL": "http://nobody:nothing@127.0.0.1:9", "DATA_DIR": str(tmp_path / "var"),
        "SECRET_KEY": "k" * 32, "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_TIMEOUT_S": "2",
    }  # fmt: skip
    return Operator({**os.environ, **{f"RINGTRAIL_{name}": value for name, value in ours.items()}})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def settled(world: World) -> None:
    async with asyncio.timeout(20):
        while await rows(world, "SELECT 1 FROM deliveries WHERE due_at < now() + interval '5 seconds'"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def rows(world: World, statement: str) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(statement.encode())).fetchall()


def verified(request: Received, secret: str) -> bool:
    """Standard Webhooks, as its specification words it."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}" in request.headers["webhook-signature"].split()


async def test_from_add_to_replay(world: World, operator: Operator, receiver: Receiver) -> None:
    added = await operator.webhooks("add", "--dialect", "native", "--url", receiver.url, "--name", f"CRM {ANSI}")
    hash_, secret = added["hash"], added["secret"]
    assert secret.startswith("whsec_")
    assert secret not in (await operator("webhooks", "list", "--json")).out

    async with operator.working(), operator.running("webhooks", "tail", "--json") as tail:
        assert tail.stdout is not None
        await world.save(world.golden())
        (request,) = await receiver.wait_for(1)
        assert verified(request, secret)
        seen = json.loads(await asyncio.wait_for(tail.stdout.readline(), 10))
        assert (seen["endpoint_hash"], seen["event_type"], seen["status"]) == (hash_, "call.ended", 200)
        await settled(world)

        (entry,) = await operator.webhooks("log", "--json")
        assert (entry["state"], entry["tries"], entry["last_status"]) == ("delivered", 1, 200)
        event = str(entry["event_id"])
        told = (await operator("webhooks", "attempts", request.headers["webhook-id"], hash_)).out
        assert f"  > POST {receiver.url}" in told
        assert "  > webhook-signature: v1," in told
        assert "  < 200" in told
        assert ANSI not in told

        assert await operator.webhooks("replay", hash_, "--event", event) == {"replayed": 1, "endpoint": hash_}
        again = (await receiver.wait_for(2))[1]
        assert again.headers["webhook-id"] == request.headers["webhook-id"]
        await settled(world)
        assert (await operator.webhooks("replay", hash_, "--all"))["replayed"] == 1
        assert (await operator.webhooks("replay", hash_, "--undelivered"))["replayed"] in (
            0,
            1,
        )  # being sent, or not yet
        await receiver.wait_for(3)
        await settled(world)
        assert (await operator.webhooks("replay", hash_, "--undelivered"))["replayed"] == 0
        assert (await operator.webhooks("replay", hash_, "--from", "2026-01-01", "--to", "2026-01-02"))["replayed"] == 0

        for _ in range(2):
            await asyncio.wait_for(tail.stdout.readline(), 10)
        tail.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(tail.wait(), 10) == 130


async def test_what_an_endpoint_missed_while_it_was_disabled_is_told_when_it_is_enabled(
    world: World, operator: Operator, receiver: Receiver
) -> None:
    hash_ = (await operator.webhooks("add", "--dialect", "native", "--url", receiver.url))["hash"]
    assert await operator.webhooks("disable", hash_, "--admin", "--why", "unpaid") == {"disabled": hash_, "by": "admin"}
    assert re.search(
        rf"^{hash_} +native +disabled by admin .*: unpaid ", (await operator("webhooks", "list")).out, re.M
    )
    await world.save(world.golden())
    assert "enable it first" in await operator.refused("replay", hash_, "--all")
    assert "enable it first" in await operator.refused("test", hash_)
    assert await operator.webhooks("enable", hash_) == {"enabled": hash_, "due": 1}
    assert "enabled already" in await operator.refused("enable", hash_)
    async with operator.working():
        await receiver.wait_for(1)

    await operator.webhooks("disable", hash_)
    await world.save(world.golden())
    assert await operator.webhooks("enable", hash_, "--no-replay") == {"enabled": hash_, "due": 0}
    async with operator.working():
        await operator.webhooks("test", hash_)
        assert (await receiver.wait_for(2))[1].json["type"] == "endpoint.test"
        await settled(world)
    assert len(receiver.received) == 2


async def test_the_log_finds_what_is_asked_for(world: World, operator: Operator, receiver: Receiver) -> None:
    receiver.reply = lambda request: web.Response(status=500 if request.path == "/bad" else 204)
    good = (await operator.webhooks("add", "--dialect", "invox", "--url", f"{receiver.url}/good"))["hash"]
    bad = (await operator.webhooks("add", "--dialect", "native", "--url", f"{receiver.url}/bad"))["hash"]
    async with operator.working():
        await world.save(world.golden())
        await world.save(world.golden())
        await receiver.wait_for(4)
        await settled(world)

    async def found(*filters: str) -> list[str]:
        return [entry["endpoint_hash"] for entry in await operator.webhooks("log", "--json", *filters)]

    assert sorted(await found()) == sorted([good, good, bad, bad])
    assert await found("--endpoint", good) == [good, good]
    assert await found("--failed") == await found("--status", "500") == await found("--state", "waiting") == [bad, bad]
    assert await found("--state", "delivered") == [good, good]
    assert await found("--type", "call.started,call.changed") == []
    assert await found("--from", "2026-07-14T11:05", "--to", "2026-07-14T11:10", "--state", "delivered") == [good, good]
    assert await found("--to", "2026-07-14T11:05") == []
    assert len(await found("--limit", "1")) == 1
    assert await found("--from", "0001-01-01", "--to", "9999-12-31", "--status", "99999") == []
    table = (await operator("webhooks", "log", "--endpoint", bad)).out.splitlines()
    assert table[0].split()[:4] == ["EVENT", "TYPE", "HAPPENED", "ENDPOINT"]
    assert all("2026-07-14 11:08:40" in line and "again 20" in line and "500" in line for line in table[1:])
    listed = (await operator("webhooks", "list")).out
    assert re.search(rf"^{bad} +native +failing since ", listed, re.MULTILINE)
    assert re.search(rf"^{good} +invox +works ", listed, re.MULTILINE)


async def test_an_endpoint_that_fails_for_too_long_is_disabled_and_the_operator_hears_of_it_by_mail(
    world: World, operator: Operator, receiver: Receiver
) -> None:
    receiver.reply = lambda _: web.Response(status=410)
    async with post_office() as office:
        ours = {"SMTP_URL": office.url, "MAIL_FROM": "calls@example.org", "NOTICE_EMAIL": "ops@example.org"}
        operator.environ |= {f"RINGTRAIL_{name}": value for name, value in ours.items()}
        hash_ = (await operator.webhooks("add", "--dialect", "native", "--url", receiver.url, "--name", "CRM"))["hash"]
        async with operator.working():
            await world.save(world.golden())
            (mail,) = await office.wait_for(1)
        assert mail["Subject"] == 'Webhooks to "CRM" have stopped'
        assert f"ringtrail webhooks enable {hash_}" in mail.get_content()
        doctor = await operator("doctor")
    assert "1 disabled because they failed" in doctor.out
    assert f"ok   mail server: 127.0.0.1 port {office.port} takes mail from us" in doctor.out
    assert "ok   secret key: opens the secrets of all 1 endpoints" in doctor.out


async def test_the_doctor_says_why_webhooks_cannot_work(world: World, operator: Operator, receiver: Receiver) -> None:
    await operator.webhooks("add", "--dialect", "native", "--url", receiver.url)
    await operator.webhooks("add", "--dialect", "mail", "--url", "ops@example.org")
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE endpoints SET event_types = array_append(event_types, 'call.ended')")
    await world.save(world.golden())
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE deliveries SET due_at = now() - interval '1 hour'")
    out = (await operator("doctor", RINGTRAIL_SECRET_KEY="another" * 6)).out
    assert (
        "fail secret key: the secrets of 1 endpoints were kept under another key\n     → set RINGTRAIL_SECRET_KEY"
        in out
    )
    assert "fail e-mail: 1 endpoints want e-mails, and no mail server is set up\n     → set RINGTRAIL_SMTP_URL" in out
    assert re.search(r"warn webhooks: 2 enabled, .* waits since .*\n     → see that `ringtrail work` runs", out)
    mail = {"RINGTRAIL_SMTP_URL": "smtp://me:s3cret@127.0.0.1:9", "RINGTRAIL_MAIL_FROM": "calls@example.org"}
    out = (await operator("doctor", RINGTRAIL_SECRET_KEY="", **mail)).out
    assert "warn shared key: the key to endpoints' secrets is in this data folder only" in out
    assert "fail mail server: 127.0.0.1 port 9: " in out
    assert "s3cret" not in out
    assert "s3cret" not in (await operator("config", **mail)).out


async def test_a_mail_endpoint_is_told_what_it_asks_for(world: World, operator: Operator) -> None:
    async with post_office() as office:
        operator.environ |= {"RINGTRAIL_SMTP_URL": office.url, "RINGTRAIL_MAIL_FROM": "calls@example.org"}
        events = ("--events", "call.ended, message.received")
        added = await operator.webhooks("add", "--dialect", "mail", "--url", "boss@example.org", *events)
        assert (added["address"], added["event_types"]) == (
            "mailto:boss@example.org",
            ["call.ended", "message.received"],
        )
        async with operator.working():
            await world.save(world.golden())
            (mail,) = await office.wait_for(1)
    assert mail["To"] == "boss@example.org"
    assert mail["Subject"] == "Call from +33612345678 to Front desk: answered, 3 min 19 s"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("remove NOSUCH00", "`ringtrail webhooks list` shows what it has"),
        ("log --endpoint NOSUCH00", "`ringtrail webhooks list` shows what it has"),
        ("attempts 12345", "`ringtrail webhooks log` shows what waits"),
        ("attempts evt_nonsense", "neither a number nor evt_ and 13 characters"),
        ("log --from yesterday", "'yesterday' is not like 2026-07-14"),
        ("log --type call.endet", "call.endet; there is call.started, call.ended"),
        ("list --account NOBODY", "`ringtrail accounts` lists them"),
        ("add --dialect native --url ops@example.org", "must be https:// or http:// and a host"),
        ("add --dialect native --url http://10.0.0.1/", "not on the public internet"),
        ("add --dialect mail --url https://example.org/", "must be an e-mail address"),
        ("add --dialect mail --url ops@@example.org", "not mailto: and one e-mail address"),
        ("add --dialect invox --url http://127.0.0.1/ --events message.received", "there is call.started, call.ended"),
        ("add --dialect native --url http://127.0.0.1/ --events endpoint.test", "there is call.started"),
        ("add --dialect native --url http://127.0.0.1/ --token x", "only --dialect invox has --token and --form"),
        ("add --dialect native --url http://127.0.0.1/ --property NOSUCH", "the account has no property 'NOSUCH'"),
        ("log --from 0001-01-01 --to 9999-12-31T23:59:59 --status 99999 --account \udcff", "an argument is not UTF-8"),
        ("attempts 9223372036854775808", "neither a number nor evt_ and 13 characters"),
        ("replay HASH", "say which: --event, --from and --to, --undelivered, or --all"),
        ("replay HASH --event 1 --all", "leave out the others"),
        ("replay HASH --event 99", "no such event for this endpoint"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    operator: Operator,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    words: str,
) -> None:
    """In this process: it only talks to the database."""
    hash_ = asyncio.run(an_endpoint(database_url, tmp_path))
    for name, value in operator.environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        cli.main(["webhooks", *arguments.replace("HASH", hash_).split()])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("ringtrail: ")
    assert words in said


async def an_endpoint(database_url: str, folder: Path) -> str:
    database = Database(database_url)
    await database.open()
    world = await build_world(database, folder)
    endpoint = await world.services.webhooks.add(
        world.account.id, "native", address="https://crm.example.org/", event_types=(EventType.CALL_ENDED,)
    )
    await database.close()
    return endpoint.hash


async def test_with_several_accounts_one_must_be_named(world: World, operator: Operator, tmp_path: Path) -> None:
    await build_world(world.database, tmp_path, name="Another")
    assert "say which one with --account" in await operator.refused("list")
    assert (await operator("webhooks", "list", "--account", world.account.sid)).out == "no endpoints\n"
