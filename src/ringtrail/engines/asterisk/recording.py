"""Recording: calls with MixMonitor (AMI) or, without AMI, through a snoop channel (ARI, mixed only); messages with ARI."""

from __future__ import annotations

import asyncio
import logging
import time
import wave
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringtrail.engines.asterisk.client import Ami, Ari, AriError
from ringtrail.engines.asterisk.translate import instant
from ringtrail.ports.engine import Fact, RecordingEnded

Json = Mapping[str, Any]
log = logging.getLogger(__name__)

SNOOP = "snoop"
"""First argument of our Stasis application for a channel that listens to a leg. It is no leg."""

_CLOSE_TIMEOUT_S = 5.0
_POLL_S = 0.05


class Recordings:
    """The recordings under way on one Asterisk. Raises what `Ari` and `Ami` raise."""

    def __init__(
        self,
        ari: Ari,
        ami: Ami | None,
        folder: Path,
        *,
        app: str,
        shared_disk: bool,
        tell: Callable[[Fact], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._ari, self._ami, self._folder, self._app, self._shared_disk = ari, ami, folder, app, shared_disk
        self._tell, self._spawn = tell, spawn
        self._of_leg: dict[str, str] = {}  # leg id: recording id, MixMonitor only
        self._over_ari: set[str] = set()  # recording ids
        self._used: set[str] = set()

    def is_new(self, recording_id: str) -> bool:
        """False: that id was used before, here or by an earlier controller."""
        return recording_id not in self._used and not self._files(recording_id)[0].exists()

    async def start_call(self, leg_id: str, channel_name: str, recording_id: str) -> None:
        self._used.add(recording_id)
        if self._ami is None:
            arguments = {"spy": "both", "app": self._app, "appArgs": f"{SNOOP},{recording_id}"}
            await self._ari.request("POST", f"/channels/{leg_id}/snoop/{SNOOP}-{recording_id}", arguments)
            return
        mixed, caller, target = (str(path) for path in self._files(recording_id))
        await self._ami.mix_monitor(channel_name, mixed, caller, target)
        self._of_leg[leg_id] = recording_id

    def started_by_dialplan(self, leg_id: str, recording_id: str) -> None:
        """This leg has answered, and the dialplan starts MixMonitor on it."""
        self._used.add(recording_id)
        self._of_leg[leg_id] = recording_id

    async def start_message(self, leg_id: str, recording_id: str, *, max_s: int, silence_s: int) -> None:
        limits = {"maxDurationSeconds": max_s, "maxSilenceSeconds": silence_s, "beep": "true", "terminateOn": "#"}
        await self._record(leg_id, recording_id, limits)

    def leg_is_gone(self, leg_id: str) -> None:
        recording_id = self._of_leg.pop(leg_id, None)
        if recording_id is not None:
            self._spawn(self._closed(recording_id))

    def all_are_gone(self) -> None:
        """Asterisk died."""
        for leg_id in list(self._of_leg):
            self.leg_is_gone(leg_id)
        for recording_id in self._over_ari:
            self._tell(RecordingEnded(at=datetime.now(UTC), recording_id=recording_id, duration_ms=None, ok=False))
        self._over_ari.clear()

    def on_event(self, event: Json) -> None:
        match event["type"]:
            case "StasisStart" if event.get("args", [""])[0] == SNOOP:
                self._spawn(self._record_quietly(event["channel"]["id"], event["args"][1]))
            case "RecordingFinished" | "RecordingFailed" if event["recording"]["name"] in self._over_ari:
                self._over_ari.discard(event["recording"]["name"])
                self._spawn(self._finished(event))

    async def _record(self, channel_id: str, recording_id: str, limits: Json) -> None:
        self._used.add(recording_id)
        self._over_ari.add(recording_id)
        query = {"name": recording_id, "format": "wav", "ifExists": "fail", **limits}
        try:
            await self._ari.request("POST", f"/channels/{channel_id}/record", query)
        except AriError:
            self._over_ari.discard(recording_id)
            raise

    async def _record_quietly(self, channel_id: str, recording_id: str) -> None:
        try:
            await self._record(channel_id, recording_id, {})
        except AriError as exc:
            log.warning("recording %s: %s", recording_id, exc)
            self._tell(RecordingEnded(at=datetime.now(UTC), recording_id=recording_id, duration_ms=None, ok=False))

    async def _finished(self, event: Json) -> None:
        recording_id = event["recording"]["name"]
        path = self._files(recording_id)[0]
        ok = event["type"] == "RecordingFinished" and (self._shared_disk or await self._download(recording_id, path))
        at = instant(event["timestamp"])
        length = duration_ms(path) if ok else None
        self._tell(RecordingEnded(at=at, recording_id=recording_id, duration_ms=length, ok=ok))

    async def _closed(self, recording_id: str) -> None:
        """MixMonitor closes its files a moment after the leg's end."""
        length = await wait_until_closed(self._files(recording_id)[0])
        at = datetime.now(UTC)
        self._tell(RecordingEnded(at=at, recording_id=recording_id, duration_ms=length, ok=length is not None))

    async def _download(self, recording_id: str, path: Path) -> bool:
        try:
            data = await self._ari.download(f"/recordings/stored/{recording_id}/file")
        except AriError as exc:
            log.warning("recording %s: %s", recording_id, exc)
            return False
        await asyncio.to_thread(path.write_bytes, data)
        return True

    def _files(self, recording_id: str) -> tuple[Path, Path, Path]:
        """Mixed, caller's side, target's side."""
        mixed, caller, target = (self._folder / f"{recording_id}{side}.wav" for side in ("", "-caller", "-target"))
        return mixed, caller, target


def duration_ms(path: Path) -> int | None:
    """Length of a closed WAV file; None when there is none or it is not whole."""
    try:
        with wave.open(str(path)) as sound:
            frames, rate = int(sound.getnframes()), int(sound.getframerate())
    except (OSError, EOFError, wave.Error):
        return None
    return frames * 1000 // rate


async def wait_until_closed(path: Path) -> int | None:
    """Wait until the writer has filled in the header. The length in ms; None: it never came."""
    deadline = time.monotonic() + _CLOSE_TIMEOUT_S
    while time.monotonic() < deadline:
        if await asyncio.to_thread(_is_whole, path):
            return duration_ms(path)
        await asyncio.sleep(_POLL_S)
    return None


def _is_whole(path: Path) -> bool:
    """RIFF: bytes 4 to 8 hold the file's size less eight."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
        size = path.stat().st_size
    except OSError:
        return False
    return size > 44 and int.from_bytes(head[4:8], "little") >= size - 9
