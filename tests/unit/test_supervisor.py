"""The process tree with small programs in place of the real ones, and what surrounds a start."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ringtrail.config import Settings
from ringtrail.supervisor import launch, preflight
from ringtrail.supervisor.banner import banner, requests
from ringtrail.supervisor.leftovers import (
    AlreadyRunningError,
    DataLock,
    PidFolder,
    is_running,
    started_at,
    stop_leftovers,
)
from ringtrail.supervisor.output import BoundedFile, Output
from ringtrail.supervisor.postgres import EmbeddedPostgres, PostgresError
from ringtrail.supervisor.secrets import SecretsError, load_secrets
from ringtrail.supervisor.tree import Child, ChildError, Tree
from ringtrail.supervisor.up import workers

STAYS = "import time; print('here', flush=True); time.sleep(60)"
IGNORES_TERM = "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(60)"


def child(name: str, program: str, **changes: object) -> Child:
    return Child(name=name, command=[sys.executable, "-c", program], environ=dict(os.environ), **changes)  # type: ignore[arg-type]


@pytest.fixture
def pids(tmp_path: Path) -> PidFolder:
    return PidFolder(tmp_path / "run")


@pytest.fixture
def tree(tmp_path: Path, pids: PidFolder) -> Tree:
    (tmp_path / "logs").mkdir()
    return Tree(tmp_path / "logs", pids, log_format="json", log_level="info")


async def until(condition: Callable[[], object], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        await asyncio.sleep(0.02)


# --- the tree ---------------------------------------------------------------------------------------------------------


async def test_children_are_stopped_last_started_first(
    tree: Tree, pids: PidFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[str] = []
    monkeypatch.setattr(pids, "forget", forgotten.append)
    for name in ("first", "second", "third"):
        await tree.start(child(name, STAYS))
    running = pids.alive()
    await tree.stop()
    assert set(running) == {"first", "second", "third"}
    assert forgotten == ["third", "second", "first"]
    assert not [pid for pid in running.values() if started_at(pid)]


def test_several_workers_have_names_of_their_own() -> None:
    children = workers(Settings(workers=3))
    assert [item.name for item in children] == ["work", "work-2", "work-3"]
    assert {item.command[-1] for item in children} == {"work"}


async def test_a_crashed_child_is_started_again_and_again(tree: Tree, pids: PidFolder) -> None:
    await tree.start(child("part", STAYS))
    seen = {pids.alive()["part"]}
    for _ in range(2):
        os.kill(pids.alive()["part"], signal.SIGKILL)
        await until(lambda: pids.alive().get("part", 0) not in {0, *seen})
        seen.add(pids.alive()["part"])
    await tree.stop()
    assert len(seen) == 3
    assert pids.alive() == {}


async def test_a_child_that_ends_while_starting_fails_the_start_with_its_last_words(tree: Tree) -> None:
    with pytest.raises(ChildError, match="part ended with exit code 3\n    no such road"):
        await tree.start(child("part", "print('no such road'); raise SystemExit(3)", ready=never))
    await tree.stop()


async def test_a_child_that_is_never_ready_fails_the_start(tree: Tree, pids: PidFolder) -> None:
    with pytest.raises(ChildError, match="part is not ready after 0 s"):
        await tree.start(child("part", STAYS, ready=never, ready_within_s=0.3))
    await tree.stop()
    assert pids.alive() == {}


async def never() -> bool:
    return False


async def test_a_child_that_does_not_stop_in_time_is_killed(tree: Tree, tmp_path: Path, pids: PidFolder) -> None:
    await tree.start(child("deaf", IGNORES_TERM, stop_within_s=0.3))
    await until(lambda: (tmp_path / "logs/deaf.log").exists())
    await asyncio.wait_for(tree.stop(), 5)
    assert pids.alive() == {}


async def test_a_second_interrupt_ends_everything_at_once(tree: Tree, tmp_path: Path, pids: PidFolder) -> None:
    await tree.start(child("deaf", IGNORES_TERM, stop_within_s=60))
    await until(lambda: (tmp_path / "logs/deaf.log").exists())
    stopping = asyncio.create_task(tree.stop())
    await asyncio.sleep(0.1)
    tree.kill()
    await asyncio.wait_for(stopping, 5)
    assert pids.alive() == {}


async def test_children_do_not_get_the_terminals_interrupt(tree: Tree, pids: PidFolder) -> None:
    await tree.start(child("part", STAYS))
    assert os.getpgid(pids.alive()["part"]) != os.getpgid(0)
    await tree.stop()


def test_a_child_dies_with_a_parent_that_was_killed_with_9(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", "import os, subprocess, sys, time\n"
         "print(subprocess.Popen([sys.executable, sys.argv[1], str(os.getpid()), '15', '-', 'sleep', '60']).pid, flush=True)\n"
         "time.sleep(60)", launch.__file__],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    comm = Path(f"/proc/{pid}/comm")
    while comm.read_text() != "sleep\n":
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while started_at(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert started_at(pid) == 0


# --- what they say ----------------------------------------------------------------------------------------------------


async def pumped(output: Output, text: bytes) -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(text)
    stream.feed_eof()
    await output.pump(stream)


async def test_our_own_lines_pass_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await pumped(Output("serve", tmp_path, log_format="json", log_level="info", foreign=False), b'{"event": "x"}\n')
    assert capsys.readouterr().out == '{"event": "x"}\n'
    assert (tmp_path / "serve.log").read_text() == '{"event": "x"}\n'


async def test_foreign_remarks_go_to_the_file_and_complaints_to_the_terminal_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = b"LOG:  ready\n\x1b[1;32mAsterisk Ready.\x1b[0m\n[Nov 21 22:22:07] ERROR[99]: no route\nWARNING:  old"
    await pumped(Output("postgres", tmp_path, log_format="json", log_level="info", foreign=True), said)
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kept = [json.loads(line) for line in (tmp_path / "postgres.log").read_text().splitlines()]
    assert [(line["level"], line["process"]) for line in shown] == [("error", "postgres"), ("warning", "postgres")]
    assert [line["event"] for line in kept][:2] == ["LOG:  ready", "Asterisk Ready."]
    assert kept[2:] == shown


async def test_a_line_without_end_comes_in_pieces_and_not_into_memory(tmp_path: Path) -> None:
    output = Output("serve", tmp_path, log_format="json", log_level="info", foreign=False)
    await pumped(output, b"x" * 300_000)
    lines = (tmp_path / "serve.log").read_text().splitlines()
    assert "".join(lines) == "x" * 300_000
    assert max(map(len, lines)) <= 2 * 65_536


def test_log_files_are_bounded(tmp_path: Path) -> None:
    file = BoundedFile(tmp_path / "a.log", max_bytes=1000, kept=2)
    for number in range(200):
        file.write(f"{number:>49}")
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["a.log", "a.log.1", "a.log.2"]
    assert all(path.stat().st_size <= 1100 for path in files)
    assert files[0].read_text().endswith("199\n")


# --- one at a time, nothing left --------------------------------------------------------------------------------------


def test_a_data_folder_has_one_supervisor(tmp_path: Path) -> None:
    lock = DataLock(tmp_path)
    lock.acquire()
    assert is_running(tmp_path)
    with pytest.raises(AlreadyRunningError, match=rf"process {os.getpid()}\).*RINGTRAIL_DATA_DIR"):
        DataLock(tmp_path).acquire()
    lock.release()
    assert not is_running(tmp_path)
    DataLock(tmp_path).acquire()


def test_what_a_killed_run_left_is_ended(pids: PidFolder) -> None:
    left = subprocess.Popen(["sleep", "60"])
    pids.remember("work", left.pid)
    said: list[str] = []
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # here it is our own child: the kernel shall reap it
    try:
        stop_leftovers(pids, said.append, within_s=5)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    assert started_at(left.pid) == 0
    assert said == [f"stopping work (process {left.pid}), left over from a run that was killed"]


def test_a_stranger_with_a_remembered_number_is_left_alone(pids: PidFolder, tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    (tmp_path / "run" / "work.pid").write_text(f"{stranger.pid} {started_at(stranger.pid) - 1}\n")
    (tmp_path / "run" / "serve.pid").write_text("")
    stop_leftovers(pids, print, within_s=1)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


# --- preflight --------------------------------------------------------------------------------------------------------


def settings(tmp_path: Path, **changes: object) -> Settings:
    values = {"data_dir": str(tmp_path / "var"), "cache_dir": str(tmp_path / "cache"), "ari_url": "http://u:p@h:1"}
    return Settings(**values | changes)  # type: ignore[arg-type]


def complaint(tmp_path: Path, **changes: object) -> str:
    with pytest.raises(preflight.PreflightError) as raised:
        preflight.check(settings(tmp_path, **changes))
    return str(raised.value)


def test_a_busy_port_is_named_with_its_owner_and_a_free_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        said = complaint(tmp_path, http_port=port)
    assert f"TCP port {port} on 127.0.0.1, for the web server, is in use by process {os.getpid()} (" in said
    suggested = re.search(r"choose another port: RINGTRAIL_HTTP_PORT=(\d+)$", said)
    assert suggested is not None
    assert int(suggested[1]) > port


def test_a_busy_udp_port_is_found_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        said = complaint(tmp_path, ari_url="", sip_port=port, rtp_ports="1024-1100")
    assert f"UDP port {port} on 127.0.0.1, for SIP, is in use by process {os.getpid()}" in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"http_host": "192.0.2.1"}, "is not an address of this machine; correct RINGTRAIL_HTTP_HOST"),
        ({"http_host": "no such host"}, "is not an address of this machine; correct RINGTRAIL_HTTP_HOST"),
        ({"ari_url": "", "ari_port": 5038}, "are both set to port 5038; change RINGTRAIL_AMI_PORT"),
        ({"ari_url": "", "rtp_ports": "20000-10000"}, "RINGTRAIL_RTP_PORTS=20000-10000 is not a range"),
        ({"ari_url": "", "rtp_ports": "10000-10002"}, "is too small: a call needs four ports"),
        ({"ari_url": "", "rtp_ports": "5000-6000"}, "the SIP port 5060 lies inside RINGTRAIL_RTP_PORTS=5000-6000"),
        ({"data_dir": "/proc/nowhere"}, "cannot be made: No such file or directory; set RINGTRAIL_DATA_DIR"),
    ],
)
def test_what_keeps_us_from_starting_is_said_in_words(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    assert words in complaint(tmp_path, **{"http_port": 1 + 49_000, **changes})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere and open every port")
def test_missing_rights_are_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "cannot be written by user" in complaint(tmp_path, data_dir=str(tmp_path / "closed"))
    assert "needs root's rights because it is below 1024" in complaint(tmp_path, http_port=81)


def test_all_complaints_come_at_once(tmp_path: Path) -> None:
    said = complaint(tmp_path, http_host="192.0.2.1", data_dir="/proc/nowhere")
    assert len(said.splitlines()) == 2


# --- secrets, PostgreSQL, banner --------------------------------------------------------------------------------------


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)
    assert load_secrets(tmp_path) == first
    assert len({first.ari_password, first.ami_password}) == 2
    assert len(first.ari_password) >= 32
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_new_in_this_version_joins_the_kept_ones(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"ari_password": "kept", "retired": "x"}')
    assert load_secrets(tmp_path).ari_password == "kept"
    assert set(json.loads((tmp_path / "secrets.json").read_text())) == {"ari_password", "ami_password", "secret_key"}


def test_a_broken_secrets_file_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(SecretsError, match="remove it"):
        load_secrets(tmp_path)


def test_a_data_folder_too_deep_for_a_socket_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match="too long for a Unix socket; choose a shorter data folder"):
        EmbeddedPostgres(tmp_path / ("d" * 100)).prepare()


def test_a_lock_file_of_another_program_does_not_keep_postgresql_from_starting(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path / "pg")
    (tmp_path / "pg" / "data").mkdir(parents=True)
    lock = tmp_path / "pg" / "data" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n/some/where\n")
    assert cluster.prepare() is False
    assert not lock.exists()


DEMO = {
    "account": {"sid": "A" * 32, "name": "Demo"},
    "numbers": [{"number": "+33199001001", "name": "Leaflet", "target": "+33199000010", "what": "rings the shop"}],
    "credentials": {
        "optico": {"api_key": "ok"}, "invox": {"token": "it"}, "agendize": {"apiKey": "ak", "token": "at"},
        "fonedynamics": {"AccountSid": "A" * 32, "token": "ft"}, "callr": {"login": "cl", "password": "c'p"},
        "native": {"token": "nt"}, "dashboard": {"login": "demo", "password": "dp"},
    },
}  # fmt: skip


@pytest.mark.postgres
def test_a_cluster_is_made_below_a_folder_that_was_private() -> None:
    """Outside of pytest's own folders: the user of the database must be able to walk there."""
    with tempfile.TemporaryDirectory(prefix="ringtrail-private-") as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        EmbeddedPostgres(data / "postgres").prepare()
        assert (data / "postgres" / "data" / "PG_VERSION").exists()


def test_the_banner_has_one_request_per_api_that_a_shell_reads_back() -> None:
    commands = {name: shlex.split(command) for name, command in requests("http://h:1", DEMO["credentials"])}  # type: ignore[arg-type]
    assert [name.split()[0] for name in commands] == ["native", "Optico", "INVOX", "Agendize", "Fone", "CALLR"]
    assert all(command[0] == "curl" and command[-1].startswith("http://h:1/") for command in commands.values())
    assert "cl:c'p" in commands["CALLR (JSON-RPC)"]


def test_the_banner_says_where_everything_is(tmp_path: Path) -> None:
    here = settings(tmp_path, http_port=8123, sip_port=5070, ari_url="")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "demo.json").write_text(json.dumps(DEMO))
    said = banner(here, own_asterisk=True)
    for words in ("http://127.0.0.1:8123/", "login demo, password dp", "sip:127.0.0.1:5070", "+33199001001", "Ctrl-C"):
        assert words in said


def test_the_banner_of_a_set_up_without_demo_has_no_credentials(tmp_path: Path) -> None:
    said = banner(settings(tmp_path), own_asterisk=False)
    assert "password" not in said
    assert "the Asterisk that RINGTRAIL_ARI_URL names" in said
    assert "curl" not in said
