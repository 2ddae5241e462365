"""`Phone`: the softphone process as an object for asyncio.

async with Phone(port=5080, play=tune, record=heard, answer_after_s=2) as phone:
    await phone.call("sip:+33900000001@127.0.0.1:5060")
    await phone.wait("answered")
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).parent.parent


class PhoneError(Exception):
    """The phone cannot start, or is gone; the message says why."""


class PhoneEvent(NamedTuple):
    name: str  # ready, registered, incoming, dialling, ringing, answered, media, dtmf, ended, error
    at: datetime  # aware, UTC
    fields: dict[str, Any]


class Phone:
    """One running softphone. `answer_after_s=None` rings until `answer()`; `record` is written when the call ends."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        number: str = "+33639980001",
        name: str = "",
        codecs: tuple[str, ...] = ("alaw", "ulaw"),
        play: Path | None = None,
        loop: bool = False,
        record: Path | None = None,
        answer_after_s: float | None = None,
        status: int = 200,
        hangup_after_s: float | None = None,
        username: str = "",
        password: str = "",
        registrar: str = "",
        srtp: bool = False,
        on_event: Callable[[PhoneEvent], None] | None = None,
    ) -> None:
        given = {
            "--host": host, "--port": port, "--number": number, "--name": name, "--codecs": ",".join(codecs),
            "--play": play, "--record": record, "--answer-after": answer_after_s, "--status": status,
            "--hangup-after": hangup_after_s, "--username": username, "--password": password, "--registrar": registrar,
        }  # fmt: skip
        self._arguments = [f"{key}={value}" for key, value in given.items() if value is not None]
        self._arguments += ["--loop"] * loop + ["--srtp"] * srtp
        self.host, self.port, self.number = host, port, number
        self.events: list[PhoneEvent] = []
        self._on_event = on_event
        self._heard = asyncio.Condition()
        self.process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "demo.softphone", *self._arguments, cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to handle: the phone shall say BYE first
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        try:
            self.port = (await self.wait("ready", timeout_s=20)).fields["port"]
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def uri(self) -> str:
        return f"sip:{self.number}@{self.host}:{self.port}"

    async def call(self, uri: str) -> None:
        await self._tell(do="call", uri=uri)

    async def answer(self, status: int = 200) -> None:
        await self._tell(do="answer", status=status)

    async def dtmf(self, digits: str) -> None:
        """RFC 4733 digits on the latest call."""
        await self._tell(do="dtmf", digits=digits)

    async def hangup(self) -> None:
        """End the latest call, in whatever state it is."""
        await self._tell(do="hangup")

    def seen(self, name: str) -> list[PhoneEvent]:
        return [event for event in self.events if event.name == name]

    async def wait(self, *names: str, count: int = 1, timeout_s: float = 10.0) -> PhoneEvent:
        """The `count`-th event of one of these names, past or future.

        Raises PhoneError when the phone dies before it, TimeoutError.
        """
        async with asyncio.timeout(timeout_s), self._heard:
            while len(found := [event for event in self.events if event.name in names]) < count:
                if self._reading.done():
                    raise PhoneError(self._last_words())
                await self._heard.wait()
        return found[count - 1]

    async def close(self) -> None:
        """Hang up and end the process; it is gone when this returns."""
        if self.process.returncode is None:
            with suppress(ConnectionError, PhoneError):
                await self._tell(do="quit")
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except TimeoutError:
                self.process.send_signal(signal.SIGKILL)
                await self.process.wait()
        await self._reading

    async def _tell(self, **command: object) -> None:
        stdin = self.process.stdin
        if stdin is None or self.process.returncode is not None:
            raise PhoneError(self._last_words())
        stdin.write(json.dumps(command).encode() + b"\n")
        await stdin.drain()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            fields = json.loads(line)
            event = PhoneEvent(fields.pop("event"), datetime.fromisoformat(fields.pop("at")), fields)
            async with self._heard:
                self.events.append(event)
                self._heard.notify_all()
            if self._on_event is not None:
                self._on_event(event)
        asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        """Whoever waits for an event of a phone that died shall hear of it."""
        async with self._heard:
            self._heard.notify_all()

    def _last_words(self) -> str:
        errors = self.seen("error")
        return str(errors[-1].fields["message"]) if errors else "the softphone process ended"
