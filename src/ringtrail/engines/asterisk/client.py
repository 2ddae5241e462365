"""The two wires to Asterisk: ARI (events and commands on one WebSocket) and AMI (for MixMonitor, which ARI cannot start).

Source: docs.asterisk.org, "ARI REST over WebSocket" (20.14, 21.9, 22.4 and newer) and "AMI v2".
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp
import msgspec

Json = Mapping[str, Any]

REQUEST_TIMEOUT_S = 10.0
_HEARTBEAT_S = 10.0

_decode_json, _encode_json = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode

_TRANSPORT_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)

EVENTS = (
    "StasisStart", "ChannelStateChange", "Dial", "ChannelEnteredBridge", "ChannelDtmfReceived", "ChannelHangupRequest",
    "ChannelDestroyed", "PlaybackFinished", "RecordingFinished", "RecordingFailed", "ApplicationReplaced", "RESTResponse",
)  # fmt: skip
"""The event types that we ask for, about half of what Asterisk would send. Answers to commands count as events here."""


class AriError(Exception):
    """Asterisk refused a command. `status` is an HTTP status; 0: there was no answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}" if status else message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where ARI or AMI is, and as whom: `http://user:password@host:8088`, `tcp://user:password@host:5038`."""

    host: str
    port: int
    user: str
    secret: str
    scheme: str = "http"
    path: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises ValueError that says what is missing."""
        parts = urlsplit(url)
        if not parts.hostname or not parts.username or parts.password is None:
            raise ValueError("an Asterisk address looks like http://user:password@host:8088")
        return cls(
            host=parts.hostname,
            port=parts.port or {"https": 8089, "http": 8088}.get(parts.scheme, 5038),
            user=unquote(parts.username),
            secret=unquote(parts.password),
            scheme=parts.scheme,
            path=parts.path.rstrip("/"),
        )


class Ari:
    """One connection at a time; `connection()` opens it, `request()` uses it."""

    def __init__(self, address: Address, app: str) -> None:
        self._address = address
        self._app = app
        self._serial = itertools.count()
        self._pending: dict[str, asyncio.Future[Json]] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def connection(self, on_event: Callable[[Json], None]) -> AsyncIterator[asyncio.Task[None]]:
        """Connect. Yields the reading task, which ends when the connection does. Raises AriError."""
        login = {"Authorization": aiohttp.encode_basic_auth(self._address.user, self._address.secret)}
        async with aiohttp.ClientSession(headers=login) as session, await self._open(session) as socket:
            self._session, self._socket = session, socket
            reading = asyncio.create_task(self._read(socket, on_event))
            try:
                yield reading
            finally:
                reading.cancel()
                self._session = self._socket = None
                self._fail_pending()

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def request(self, method: str, path: str, query: Json | None = None, body: Json | None = None) -> Any:
        """One command; its decoded answer or None. Raises AriError."""
        if self._socket is None:
            raise AriError(0, "not connected to Asterisk")
        serial = str(next(self._serial))
        answer = self._pending[serial] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_str(_request_text(serial, method, path, query, body))
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                response = await answer
        except _TRANSPORT_ERRORS as exc:
            raise AriError(0, f"no answer from Asterisk to {method} {path}") from exc
        finally:
            self._pending.pop(serial, None)
        return _decode(response)

    async def send(self, method: str, path: str, query: Json | None = None) -> None:
        """One command whose answer says nothing that the next one's will not. Asterisk takes them in order."""
        if self._socket is None:
            raise AriError(0, "not connected to Asterisk")
        with suppress(*_TRANSPORT_ERRORS):
            await self._socket.send_str(_request_text("", method, path, query, None))

    async def download(self, path: str) -> bytes:
        """A file, over HTTP. Raises AriError."""
        if self._session is None:
            raise AriError(0, "not connected to Asterisk")
        try:
            async with self._session.get(self._url("http") + path) as response:
                if response.status != 200:
                    raise AriError(response.status, path)
                return await response.read()
        except _TRANSPORT_ERRORS as exc:
            raise AriError(0, f"{path}: {exc}") from exc

    async def _open(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        url = f"{self._url('ws')}/events?app={quote(self._app)}&subscribeAll=false"
        try:
            return await session.ws_connect(url, max_msg_size=0, heartbeat=_HEARTBEAT_S)
        except _TRANSPORT_ERRORS as exc:
            raise AriError(
                0, f"Asterisk at {self._address.host}:{self._address.port} cannot be reached: {exc}"
            ) from exc

    def _url(self, plain_scheme: str) -> str:
        secure = "s" if self._address.scheme == "https" else ""
        return f"{plain_scheme}{secure}://{self._address.host}:{self._address.port}{self._address.path}/ari"

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, on_event: Callable[[Json], None]) -> None:
        try:
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                event = _decode_json(message.data)
                if event["type"] != "RESTResponse":
                    on_event(event)
                elif (answer := self._pending.pop(event["request_id"], None)) and not answer.done():
                    answer.set_result(event)
        finally:
            self._fail_pending()

    def _fail_pending(self) -> None:
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("connection to Asterisk lost"))
        self._pending.clear()


def _request_text(serial: str, method: str, path: str, query: Json | None, body: Json | None) -> str:
    message: dict[str, Any] = {"type": "RESTRequest", "request_id": serial, "method": method, "uri": path.lstrip("/")}
    if query:
        message["query_strings"] = [{"name": name, "value": str(value)} for name, value in query.items()]
    if body is not None:
        message |= {"content_type": "application/json", "message_body": _encode_json(body).decode()}
    return _encode_json(message).decode()


def _decode(response: Json) -> Any:
    text = response.get("message_body") or ""
    if response["status_code"] >= 300:
        with suppress(ValueError, AttributeError):
            text = _decode_json(text).get("message", text)
        raise AriError(response["status_code"], text or response.get("reason_phrase", ""))
    return _decode_json(text) if text else None


class AmiError(Exception):
    """AMI cannot be reached or refused an action."""


class Ami:
    """Starts MixMonitor. Connects when first needed and again when the connection was lost."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._lock = asyncio.Lock()

    async def mix_monitor(self, channel_name: str, mixed: str, caller: str, target: str) -> None:
        """Record a channel into three files (absolute paths with extension). Raises AmiError."""
        fields = {"Channel": channel_name, "File": mixed, "Options": f"r({caller})t({target})"}
        async with self._lock:
            try:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    await self._act("MixMonitor", fields)
            except (OSError, EOFError, TimeoutError) as exc:
                await self._drop()
                raise AmiError(f"AMI at {self._address.host}:{self._address.port}: {exc!r}") from exc

    async def close(self) -> None:
        async with self._lock:
            await self._drop()

    async def _act(self, action: str, fields: Mapping[str, str]) -> None:
        if self._streams is not None and self._streams[0].at_eof():
            await self._drop()
        if self._streams is None:
            await self._log_in()
        await self._exchange(action, fields)

    async def _log_in(self) -> None:
        self._streams = await asyncio.open_connection(self._address.host, self._address.port)
        await self._streams[0].readline()  # the banner
        await self._exchange("Login", {"Username": self._address.user, "Secret": self._address.secret, "Events": "off"})

    async def _exchange(self, action: str, fields: Mapping[str, str]) -> None:
        if self._streams is None:
            raise ConnectionResetError("not connected")
        reader, writer = self._streams
        lines = [f"Action: {action}", *(f"{name}: {value}" for name, value in fields.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        while True:
            block = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
            if match := re.search(r"^Response: (\w+)", block, re.MULTILINE):
                break
        if match[1] != "Success":
            raise AmiError(f"{action}: {block.strip()}")

    async def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            with suppress(OSError):
                await self._streams[1].wait_closed()
            self._streams = None
