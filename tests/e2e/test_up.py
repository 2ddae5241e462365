"""`ringtrail up` as a person meets it: from nothing to a running system, crashes, Ctrl-C, a killed parent, a busy port.

The real program with the real PostgreSQL and Asterisk, in a data folder of its own. The fetched Asterisk is shared with
the checkout (`.cache`), so that only the first run ever downloads it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.asterisk

REPOSITORY = Path(__file__).parents[2]
CHILDREN = ("postgres", "asterisk", "serve", "control", "work")
FIRST_START_WITHIN_S = 300  # Asterisk may have to be fetched


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """A data folder and ports, and the `ringtrail up` on them."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "var"
        self.http_port = free_port()
        self.log = folder / "up.log"
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("RINGTRAIL_")} | {
            "RINGTRAIL_DATA_DIR": str(self.data),
            "RINGTRAIL_CACHE_DIR": str(REPOSITORY / ".cache"),
            "RINGTRAIL_HTTP_PORT": str(self.http_port),
            "RINGTRAIL_SIP_PORT": str(free_port(socket.SOCK_DGRAM)),
            "RINGTRAIL_ARI_PORT": str(free_port()),
            "RINGTRAIL_AMI_PORT": str(free_port()),
            "RINGTRAIL_RTP_PORTS": "20000-20199",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ringtrail.cli", *arguments], env=self.environ | environ, cwd=self.data.parent,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def start(self) -> str:
        """Start and wait for the banner; what was printed until then."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ringtrail.cli", "up"], env=self.environ, cwd=self.data.parent,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        wait_for(lambda: "Ctrl-C stops everything" in self.printed() or self.ended(), FIRST_START_WITHIN_S)
        assert not self.ended(), self.printed()
        return self.printed()

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def printed(self) -> str:
        return self.log.read_text()

    def pid(self, child: str) -> int:
        try:
            return int((self.data / "run" / f"{child}.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return 0

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=3) as response:
                return bool(response.status == 200)
        except OSError:
            return False


def wait_for(condition: Callable[[], object], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.1)


def processes_of(folder: Path) -> list[str]:
    """Command lines that name the folder, our tests' own left out."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(os.getpid()) and str(folder).encode() in (process / "cmdline").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """Shared by the tests below, which run in their order: a set-up's life. Its path is short: Unix sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="rt-up-"))
    folder.chmod(0o755)
    installation = Installation(folder)
    yield installation
    if installation.process is not None and not installation.ended():
        installation.process.kill()
        installation.process.wait(10)
        wait_for(lambda: not processes_of(folder), 30)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_first_run_sets_everything_up_and_says_where_it_is(installation: Installation) -> None:
    printed = installation.start()
    demo = json.loads((installation.data / "demo.json").read_text())
    assert f"http://127.0.0.1:{installation.http_port}/" in printed
    assert f"sip:127.0.0.1:{installation.environ['RINGTRAIL_SIP_PORT']}" in printed
    assert demo["credentials"]["dashboard"]["password"] in printed
    assert all(number["number"] in printed for number in demo["numbers"])
    assert all(installation.answers(path) for path in ("/healthz", "/readyz", "/metrics"))


def test_every_request_of_the_banner_works_as_it_is_printed(installation: Installation) -> None:
    commands = re.findall(r"^  (curl .*)$", installation.printed(), re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        done = subprocess.run(
            [*shlex.split(command), "--fail"], capture_output=True, text=True, check=False, timeout=20
        )
        assert done.returncode == 0, (command, done.stderr, done.stdout)
        answer = json.loads(done.stdout)
        assert not (isinstance(answer, dict) and answer.get("error")), (command, answer)


def test_what_is_secret_is_readable_by_its_owner_only(installation: Installation) -> None:
    for name in ("secrets.json", "demo.json", "asterisk", "recordings", "logs"):
        assert (installation.data / name).stat().st_mode & 0o077 == 0, name
    secrets = json.loads((installation.data / "secrets.json").read_text()).values()
    logs = "".join(path.read_text() for path in (installation.data / "logs").glob("*"))
    assert not [secret for secret in secrets if secret in logs + installation.printed()]


def test_doctor_finds_nothing_wrong_with_a_running_set_up(installation: Installation) -> None:
    done = installation.command("doctor", "--json")
    failed = [check for check in json.loads(done.stdout) if check["status"] == "fail" and check["name"] != "web assets"]
    assert failed == [], done.stdout


def test_doctor_examines_an_asterisk_that_is_named_by_url(installation: Installation) -> None:
    password = json.loads((installation.data / "secrets.json").read_text())["ari_password"]
    address = f"127.0.0.1:{installation.environ['RINGTRAIL_ARI_PORT']}"
    good = installation.command("doctor", RINGTRAIL_ARI_URL=f"http://ringtrail:{password}@{address}").stdout
    assert re.search(r"^ok   ARI: Asterisk \d+\.\d+\S* answers$", good, re.MULTILINE)
    assert re.search(r"^ok   Asterisk modules: all \d+ run$", good, re.MULTILINE)
    bad = installation.command("doctor", RINGTRAIL_ARI_URL=f"http://ringtrail:wrong@{address}")
    assert bad.returncode == 1
    assert "fail ARI: answers with status 401\n     → correct RINGTRAIL_ARI_URL" in bad.stdout


def test_a_second_start_on_the_same_data_is_refused_in_words(installation: Installation) -> None:
    done = installation.command("up")
    assert done.returncode == 1
    assert installation.process is not None
    assert f"already runs with the data folder {installation.data} (process {installation.process.pid})" in done.stderr


@pytest.mark.parametrize("child", CHILDREN)
def test_a_killed_child_is_started_again(installation: Installation, child: str) -> None:
    killed = installation.pid(child)
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: installation.pid(child) not in (0, killed), 30)
    wait_for(lambda: re.search(rf'"child": "{child}".*"event": "mended"', installation.printed()), 30)
    wait_for(lambda: installation.answers("/readyz"), 30)


def test_ctrl_c_stops_the_children_last_started_first_and_leaves_nothing(installation: Installation) -> None:
    assert installation.interrupt() == 0
    stopped = re.findall(r'"child": "(\w+)".*"event": "stopped"', installation.printed())
    assert stopped == list(reversed(CHILDREN))
    assert '"event": "killed"' not in installation.printed()
    assert processes_of(installation.data) == []
    assert not installation.answers("/healthz")


def test_a_second_run_is_quick_and_keeps_the_data(installation: Installation) -> None:
    before = (installation.data / "demo.json").read_bytes()
    began = time.monotonic()
    printed = installation.start()
    assert time.monotonic() - began < 30
    assert "made a new database" not in printed
    assert (installation.data / "demo.json").read_bytes() == before


def test_a_parent_killed_with_9_takes_its_children_along_and_the_next_run_starts(installation: Installation) -> None:
    assert installation.process is not None
    pids = [installation.pid(child) for child in CHILDREN]
    installation.process.kill()
    installation.process.wait(10)
    installation.start()  # at once, while the children may still be ending
    assert not set(pids) & {installation.pid(child) for child in CHILDREN}
    assert installation.answers("/readyz")
    assert installation.interrupt() == 0
    assert processes_of(installation.data) == []


def test_a_busy_port_is_named_with_its_owner_and_what_to_do(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", installation.http_port)):
        done = installation.command("up")
    assert done.returncode == 1
    assert (
        f"TCP port {installation.http_port} on 127.0.0.1, for the web server, is in use by process {os.getpid()}"
        in done.stderr
    )
    assert "RINGTRAIL_HTTP_PORT=" in done.stderr
    assert processes_of(installation.data) == []


def test_doctor_says_what_is_wrong_with_a_stopped_set_up(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", installation.http_port)):
        done = installation.command("doctor", RINGTRAIL_HTP_PORT="1")
    assert done.returncode == 1
    assert f"fail ports: TCP port {installation.http_port}" in done.stdout
    assert "warn settings: RINGTRAIL_HTP_PORT in the environment is not a setting" in done.stdout
    assert "ok   rollups" in done.stdout


def test_commands_that_need_the_database_start_it_for_themselves(installation: Installation) -> None:
    assert installation.command("migrate").returncode == 0
    done = installation.command("recount")
    assert (done.returncode, done.stdout) == (0, "the kept sums equal a recount of the calls\n")
    assert processes_of(installation.data) == []


def test_with_a_database_url_that_server_is_used_and_none_is_started(database_url: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="rt-url-"))
    installation = Installation(folder)
    installation.environ["RINGTRAIL_DATABASE_URL"] = database_url
    try:
        installation.start()
        assert {path.stem for path in (installation.data / "run").glob("*.pid")} == set(CHILDREN) - {"postgres"}
        assert not (installation.data / "postgres").exists()
        assert installation.answers("/readyz")
        assert installation.interrupt() == 0
    finally:
        if not installation.ended() and installation.process is not None:
            installation.process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_database_url_where_nothing_answers_stops_the_start_in_words(installation: Installation) -> None:
    url = f"postgresql://ringtrail:hunter2@127.0.0.1:{free_port()}/ringtrail"
    done = installation.command("up", RINGTRAIL_DATABASE_URL=url)
    assert done.returncode == 1
    assert "the PostgreSQL of RINGTRAIL_DATABASE_URL does not answer" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
