"""One SIP phone as one process: `python -m demo.softphone --host 127.0.0.1 --port 5080 --play tune.wav`.

Commands come as JSON lines on stdin, events leave as JSON lines on stdout, each with `at` (UTC, ISO 8601). Commands:

    {"do": "call", "uri": "sip:+33900000001@127.0.0.1:5060"}    {"do": "answer", "status": 200}
    {"do": "dtmf", "digits": "12#"}    {"do": "hangup"}    {"do": "quit"}

With --registrar it registers, and tells how that went. Events: ready, registered, incoming, dialling, ringing, answered,
media, dtmf, ended, error. It ends on "quit" and when stdin closes, so it
never outlives whoever started it. There is no sound device: it plays a file and records what it hears.

pjsua2 is driven from one thread (its callbacks run inside libHandleEvents), and every call object must be gone before
the library is destroyed, or it aborts.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

try:
    import pjsua2 as pj
except ImportError:  # reported as an event by main()
    pj = None

CODECS = {"alaw": "PCMA/8000/1", "ulaw": "PCMU/8000/1", "g722": "G722/16000/1"}
FARTHEST_RTP_PORT = 29_000
Emit = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    host: str
    port: int  # 0: any
    number: str
    name: str
    codecs: tuple[str, ...]
    play: Path | None
    loop: bool
    record: Path | None  # the second call's file gets "-2" before its extension, and so on
    answer_after_s: float | None  # None: ring until told
    status: int
    hangup_after_s: float | None
    username: str  # empty: nobody asks us for a password
    password: str
    registrar: str  # SIP URI; empty: we do not register
    srtp: bool


def parse_options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="demo.softphone", description="A scriptable SIP phone without sound device.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="UDP port, 0 for any")
    parser.add_argument("--number", default="+33639980001", help="our own number")
    parser.add_argument("--name", default="", help="our display name")
    parser.add_argument("--codecs", default="alaw,ulaw", help=f"best first, of {', '.join(CODECS)}")
    parser.add_argument("--play", type=Path, help="WAV that the far end hears")
    parser.add_argument("--loop", action="store_true", help="play it again and again, not once")
    parser.add_argument("--record", type=Path, help="WAV to write what we hear to")
    parser.add_argument("--answer-after", type=float, help="seconds of ringing; without it we ring until told")
    parser.add_argument("--status", type=int, default=200, help="SIP status that ends the ringing")
    parser.add_argument("--hangup-after", type=float, help="seconds of talk before we hang up")
    parser.add_argument("--username", default="", help="who we are when asked for a password")
    parser.add_argument("--password", default="", help="the password")
    parser.add_argument("--registrar", default="", help="SIP URI to register with, as that username")
    parser.add_argument("--srtp", action="store_true", help="encrypted sound only")
    found = parser.parse_args(arguments)
    codecs = tuple(found.codecs.split(","))
    if unknown := [codec for codec in codecs if codec not in CODECS]:
        parser.error(f"unknown codec {unknown[0]!r}; there are {', '.join(CODECS)}")
    return Options(
        host=found.host, port=found.port, number=found.number, name=found.name, codecs=codecs, play=found.play, loop=found.loop,
        record=found.record, answer_after_s=found.answer_after, status=found.status,
        hangup_after_s=found.hangup_after, username=found.username, password=found.password, registrar=found.registrar,
        srtp=found.srtp,
    )  # fmt: skip


class Softphone:
    """The pjsua2 endpoint, its calls and its clock."""

    def __init__(self, options: Options, emit: Emit) -> None:
        self.options, self.emit = options, emit
        self.calls: list[Any] = []  # live ones; the last is the one that commands act on
        self.answered = 0  # how many calls had sound so far: names the recordings
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._endpoint = pj.Endpoint()
        self._account: Any = None

    def start(self) -> None:
        self._endpoint.libCreate()
        self._endpoint.libInit(self._endpoint_settings())
        self._endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.port, transport.boundAddress = self.options.port, self.options.host
        transport_id = self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self._endpoint.libStart()
        self._choose_codecs()
        self._account = _account_class()(self)
        self._account.create(self._account_settings(transport_id))
        address = self._endpoint.transportGetInfo(transport_id).localName
        self.emit("ready", host=self.options.host, port=int(address.rpartition(":")[2]))

    def _endpoint_settings(self) -> Any:
        settings = pj.EpConfig()
        settings.logConfig.level = settings.logConfig.consoleLevel = 0
        settings.uaConfig.threadCnt = 0
        settings.uaConfig.userAgent = "ringtrail demo phone"
        settings.medConfig.noVad = True
        settings.medConfig.ecTailLen = 0
        rate = 16000 if self.options.codecs[0] == "g722" else 8000
        settings.medConfig.clockRate = settings.medConfig.sndClockRate = rate  # also the rate of the recordings
        return settings

    def _choose_codecs(self) -> None:
        for codec in self._endpoint.codecEnum2():
            self._endpoint.codecSetPriority(codec.codecId, 0)
        for place, codec in enumerate(self.options.codecs):
            self._endpoint.codecSetPriority(CODECS[codec], 250 - place)

    def _account_settings(self, transport_id: int) -> Any:
        settings = pj.AccountConfig()
        shown = f'"{self.options.name}" ' if self.options.name else ""
        settings.idUri = f"{shown}<sip:{self.options.number}@{self.options.host}>"
        settings.sipConfig.transportId = transport_id
        settings.regConfig.registrarUri = self.options.registrar
        if self.options.username:
            credentials = pj.AuthCredInfo("digest", "*", self.options.username, 0, self.options.password)
            settings.sipConfig.authCreds.append(credentials)
        if self.options.srtp:
            settings.mediaConfig.srtpUse, settings.mediaConfig.srtpSecureSignaling = pj.PJMEDIA_SRTP_MANDATORY, 0
        media = settings.mediaConfig.transportConfig
        media.boundAddress = self.options.host
        media.port = random.randrange(20_000, FARTHEST_RTP_PORT, 2)  # noqa: S311 - the next free one is taken
        return settings

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        self._timers.append((time.monotonic() + delay_s, action))

    def step(self) -> None:
        """Let the library work for up to 10 ms, then run the timers that are due."""
        self._endpoint.libHandleEvents(10)
        now = time.monotonic()
        due = [timer for timer in self._timers if timer[0] <= now]
        self._timers = [timer for timer in self._timers if timer[0] > now]
        for _, action in due:
            action()

    def obey(self, command: dict[str, Any]) -> None:
        """One command. What cannot be done is an error event, never an exception."""
        try:
            match command:
                case {"do": "call", "uri": str(uri)}:
                    call = _call_class()(self)
                    self.calls.append(call)
                    self.emit("dialling", uri=uri)
                    call.makeCall(uri, pj.CallOpParam(True))
                case {"do": "answer"}:
                    self.calls[-1].respond(int(command.get("status", 200)))
                case {"do": "dtmf", "digits": str(digits)}:
                    self.calls[-1].dialDtmf(digits)
                case {"do": "hangup"}:
                    self.calls[-1].hangup(pj.CallOpParam())
                case _:
                    self.emit("error", message=f"unknown command {command}")
        except IndexError:
            self.emit("error", message=f"no call to {command['do']}")
        except pj.Error as error:
            self.emit("error", message=error.reason)

    def stop(self) -> None:
        """Hang up, let the BYEs out, and take everything down in the order that the library bears."""
        self._timers.clear()
        self._endpoint.hangupAllCalls()
        patience = time.monotonic() + 1.0
        while self.calls and time.monotonic() < patience:
            self._endpoint.libHandleEvents(10)
        self.calls.clear()
        gc.collect()
        if self._account is not None:
            self._account.shutdown()
            self._account = None
        gc.collect()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)  # all was said; spares a second of waiting


def _call_class() -> type:
    """The call's class exists only where pjsua2 does."""

    class PhoneCall(pj.Call):  # type: ignore[misc]
        def __init__(self, phone: Softphone, call_id: int = pj.PJSUA_INVALID_ID) -> None:
            super().__init__(phone._account, call_id)
            self.phone = phone
            self.player: Any = None
            self.recorder: Any = None
            self.has_sound = self.confirmed = False

        def respond(self, status: int) -> None:
            parameters = pj.CallOpParam()
            parameters.statusCode = status
            with suppress(pj.Error):  # the caller may have gone while we rang
                self.hangup(parameters) if status >= 300 else self.answer(parameters)

        def onCallState(self, _: Any) -> None:  # noqa: N802 - pjsua2's name
            info, phone = self.getInfo(), self.phone
            if info.state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
                phone.emit("ringing", status=info.lastStatusCode)
            elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.confirmed:
                self.confirmed = True
                phone.emit("answered", call_id=info.callIdString)
                if phone.options.hangup_after_s is not None:
                    phone.later(phone.options.hangup_after_s, self.leave)
            elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
                self.player = self.recorder = None  # closes the files
                phone.calls = [call for call in phone.calls if call is not self]
                phone.emit("ended", status=info.lastStatusCode, reason=info.lastReason, call_id=info.callIdString)

        def leave(self) -> None:
            if self in self.phone.calls:
                with suppress(pj.Error):
                    self.hangup(pj.CallOpParam())

        def onCallMediaState(self, _: Any) -> None:  # noqa: N802
            info = self.getInfo()
            for media in info.media:
                active = media.status == pj.PJSUA_CALL_MEDIA_ACTIVE
                if media.type == pj.PJMEDIA_TYPE_AUDIO and active and not self.has_sound:
                    self.connect(media.index)

        def connect(self, index: int) -> None:
            """Our file to their ear, their voice to our file."""
            sound, options = self.getAudioMedia(index), self.phone.options
            self.has_sound = True
            self.phone.answered += 1
            if options.play is not None:
                self.player = pj.AudioMediaPlayer()
                self.player.createPlayer(str(options.play), 0 if options.loop else pj.PJMEDIA_FILE_NO_LOOP)
                self.player.startTransmit(sound)
            record = _nth(options.record, self.phone.answered)
            if record is not None:
                self.recorder = pj.AudioMediaRecorder()
                self.recorder.createRecorder(str(record))
                sound.startTransmit(self.recorder)
            stream = self.getStreamInfo(index)
            self.phone.emit("media", codec=stream.codecName, rate=stream.codecClockRate, record=str(record or ""))

        def onDtmfDigit(self, event: Any) -> None:  # noqa: N802
            self.phone.emit("dtmf", digit=event.digit)

    return PhoneCall


def _account_class() -> type:
    class PhoneAccount(pj.Account):  # type: ignore[misc]
        def __init__(self, phone: Softphone) -> None:
            super().__init__()
            self.phone = phone

        def onRegState(self, result: Any) -> None:  # noqa: N802
            self.phone.emit("registered", status=result.code)

        def onIncomingCall(self, event: Any) -> None:  # noqa: N802
            call, options = _call_class()(self.phone, event.callId), self.phone.options
            self.phone.calls.append(call)
            info = call.getInfo()
            self.phone.emit("incoming", caller=info.remoteUri, dialled=info.localUri, call_id=info.callIdString)
            call.respond(180)
            if options.answer_after_s is not None:
                self.phone.later(options.answer_after_s, lambda: call.respond(options.status))

    return PhoneAccount


def _nth(path: Path | None, count: int) -> Path | None:
    return path if path is None or count == 1 else path.with_name(f"{path.stem}-{count}{path.suffix}")


def emitter(out: TextIO) -> Emit:
    def emit(event: str, **fields: object) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        print(json.dumps({"event": event, "at": at, **fields}), file=out, flush=True)

    return emit


def run(phone: Softphone) -> None:
    """Until "quit" or the end of stdin."""
    os.set_blocking(0, False)
    unread = b""
    while True:
        phone.step()
        with suppress(BlockingIOError):
            data = os.read(0, 65536)
            if not data:
                return
            *lines, unread = (unread + data).split(b"\n")
            for line in filter(None, lines):
                command = json.loads(line)
                if command == {"do": "quit"}:
                    return
                phone.obey(command)


def main() -> None:
    options = parse_options(sys.argv[1:])
    emit = emitter(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)  # the C library greets on stdout before it can be told not to
    if pj is None:
        emit("error", message="pjsua2 is not installed; `uv sync` installs it", fatal=True)
        sys.exit(1)
    phone = Softphone(options, emit)
    try:
        phone.start()
    except pj.Error as error:
        emit("error", message=f"{options.host}:{options.port}: {error.reason}", fatal=True)
        os._exit(1)
    run(phone)
    phone.stop()
    os._exit(0)  # pjsua2's own destructors abort when Python's come first


if __name__ == "__main__":
    main()
