"""SipPeer: a UDP SIP user agent for tests.

    async with SipPeer("127.0.0.2", plan=table({"+33100000001": answers(0.2, hangup_after_s=1)})) as carrier:
        call = carrier.call("sip:+33900000001@127.0.0.1:5060", caller="+33639980001")
        assert (await call.final()).status == 200
        await call.bye()

It repeats requests and final responses as RFC 3261 asks, and answers repeated requests from what it answered first.
It does not register, authenticate, or speak TCP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from tests.sip import media
from tests.sip.behaviour import Dialplan, answers
from tests.sip.dialog import NO_HEADERS, Dialog, IncomingCall, OutgoingCall
from tests.sip.journal import Address, Direction, Entry, Journal
from tests.sip.message import MalformedError, Message, host_of, new_tag, parse, respond

T1_S, T2_S, GIVE_UP_S = 0.5, 4.0, 32.0
"""RFC 3261 section 17.1.1.1: first pause between repetitions, longest pause, end of patience."""

Transaction = tuple[str, str]  # (branch, method); an ACK belongs to its INVITE's


class SipPeer:
    """Listens on host:port (0: any free port); `plan` says what each dialled number does."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        plan: Dialplan | None = None,
        codecs: tuple[str, ...] = ("alaw", "ulaw"),
        silence: bool = False,
    ) -> None:
        self.host, self.port, self.codecs = host, port, codecs
        self.plan: Dialplan = plan or (lambda number: answers())
        self.log = Journal()
        self.incoming: list[IncomingCall] = []
        self.silence = silence  # send RTP silence on answered calls
        self._arrivals: asyncio.Queue[IncomingCall] = asyncio.Queue()
        self._answers: dict[Transaction, tuple[bytes, Address] | None] = {}  # None: seen, no answer yet
        self._sources: dict[Transaction, Address] = {}
        self._pending: dict[Transaction, asyncio.Future[Message]] = {}
        self._placed: dict[str, OutgoingCall] = {}  # by branch of the INVITE
        self._received: dict[str, IncomingCall] = {}  # the same for calls that reached us
        self._dialogs: dict[tuple[str, str], Dialog] = {}  # by Call-ID and our own tag
        self._tasks: set[asyncio.Task[None]] = set()
        self._sip: asyncio.DatagramTransport
        self._rtp: asyncio.DatagramTransport

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: _Inbox(self), local_addr=(self.host, self.port))
        self._rtp, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(self.host, 0))
        self.port = self._sip.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sip.close()
        self._rtp.close()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def contact(self) -> str:
        return f"<sip:peer@{self.address}>"

    def via(self, branch: str) -> str:
        return f"SIP/2.0/UDP {self.address};rport;branch={branch}"

    # Calling

    def call(
        self,
        uri: str,
        *,
        caller: str = "+33639980001",
        display_name: str | None = None,
        privacy: bool = False,
        anonymous: bool = False,
        headers: Iterable[tuple[str, str]] = NO_HEADERS,
        codecs: tuple[str, ...] | None = None,
    ) -> OutgoingCall:
        """Place a call and return at once.

        `privacy`: number asserted to the trunk, hidden from the called party (RFC 3323 `Privacy: id` with RFC 3325
        P-Asserted-Identity). `anonymous`: RFC 3323 anonymous From. `codecs=()` sends the INVITE without an offer.
        """
        name = f'"{display_name}" ' if display_name else ""
        own = f"<sip:{caller}@{self.host}>"
        identity = '"Anonymous" <sip:anonymous@anonymous.invalid>' if anonymous else f"{name}{own}"
        call = OutgoingCall(self, identity, uri)
        extra = [*headers]
        if privacy:
            extra += [("Privacy", "id"), ("P-Asserted-Identity", f"{name}{own}")]
        offered = self.codecs if codecs is None else codecs
        body = media.offer(self.host, self.rtp_port, offered) if offered else b""
        if body:
            extra.append(("Content-Type", "application/sdp"))
        call.invite = replace(call.invite, headers=(*call.invite.headers, *extra), body=body)
        self._placed[call.branch] = call
        self._dialogs[call.call_id, call.tag] = call
        self.spawn(self._repeat_invite(call, uri))
        return call

    async def request(
        self, method: str, uri: str, *, headers: Iterable[tuple[str, str]] = NO_HEADERS, timeout_s: float = 5.0
    ) -> Message:
        """One request outside any call (OPTIONS, REGISTER ...) and its final response. Raises TimeoutError."""
        call = OutgoingCall(self, f"<sip:peer@{self.host}>", uri)
        return await self.exchange(call.request(method, headers=headers), uri, timeout_s)

    async def next_incoming(self, timeout_s: float = 5.0) -> IncomingCall:
        """The next call that reached this peer, in order of arrival. Raises TimeoutError."""
        return await asyncio.wait_for(self._arrivals.get(), timeout_s)

    # Sending

    def send(self, data: bytes, to: Address) -> None:
        """Raw bytes, logged like everything else; they need not be SIP."""
        self._note("out", data, to)
        self._sip.sendto(data, to)

    def transmit(self, message: Message, uri: str) -> None:
        self.send(message.encode(), host_of(uri))

    async def exchange(self, message: Message, uri: str, timeout_s: float) -> Message:
        """A non-INVITE request, repeated until its final response. Raises TimeoutError."""
        key = (message.branch, message.method)
        future = self._pending[key] = asyncio.get_running_loop().create_future()
        repeating = self.spawn(self._repeat(message.encode(), host_of(uri), future))
        try:
            return await asyncio.wait_for(asyncio.shield(future), timeout_s)
        finally:
            repeating.cancel()
            del self._pending[key]

    def reply(self, request: Message, response: Message, *, until: asyncio.Event | None = None) -> None:
        """Answer a request; a final answer to an INVITE is repeated `until` it is acknowledged."""
        key = (request.branch, request.method)
        data, to = response.encode(), self._sources[key]
        self._answers[key] = data, to
        self.send(data, to)
        if until is not None:
            self.spawn(self._repeat(data, to, until, first=False))

    def describe(self, offered: bytes) -> bytes | None:
        """Our SDP: an answer to `offered`, an offer when there is none; None when no codec is shared."""
        if not offered:
            return media.offer(self.host, self.rtp_port, self.codecs)
        return media.answer(offered, self.host, self.rtp_port, self.codecs)

    def start_media(self, dialog: Dialog) -> None:
        if self.silence:
            self.spawn(self._until_end(dialog, media.send_silence(self._rtp, dialog.far_sdp)))

    @property
    def rtp_port(self) -> int:
        return int(self._rtp.get_extra_info("sockname")[1])

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _until_end(self, dialog: Dialog, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        try:
            await dialog.ended.wait()
        finally:
            task.cancel()

    async def _repeat_invite(self, call: OutgoingCall, uri: str) -> None:
        pause, data, to = T1_S, call.invite.encode(), host_of(uri)
        while not call.provisionals and not call.confirmed.is_set() and not call.ended.is_set() and pause < GIVE_UP_S:
            self.send(data, to)
            await asyncio.sleep(pause)
            pause *= 2

    async def _repeat(
        self, data: bytes, to: Address, stop: asyncio.Event | asyncio.Future[Message], *, first: bool = True
    ) -> None:
        over = stop.is_set if isinstance(stop, asyncio.Event) else stop.done
        pause, waited = T1_S, 0.0
        if first:
            self.send(data, to)
        while waited < GIVE_UP_S:
            await asyncio.sleep(pause)
            if over():
                return
            self.send(data, to)
            waited, pause = waited + pause, min(pause * 2, T2_S)

    # Receiving

    def receive(self, data: bytes, source: Address) -> None:
        message = self._note("in", data, source)
        if message is None:
            return
        if message.status is not None:
            self._on_response(message)
        else:
            self._on_request(message, source)

    def _note(self, direction: Direction, data: bytes, address: Address) -> Message | None:
        """Log it; None when it is not SIP (a keep-alive, or a test's own rubbish)."""
        at = datetime.now(UTC)
        try:
            message = parse(data)
            method, status, call_id = message.method, message.status, message.call_id
        except (MalformedError, ValueError, IndexError):
            message, method, status, call_id = None, "", None, ""
        self.log.add(
            Entry(at=at, direction=direction, method=method, status=status, call_id=call_id, address=address, raw=data)
        )
        return message

    def _on_response(self, response: Message) -> None:
        call = self._placed.get(response.branch)
        if call is not None and response.method == "INVITE":
            call.on_response(response)
        future = self._pending.get((response.branch, response.method))
        if future is not None and not future.done() and (response.status or 0) >= 200:
            future.set_result(response)

    def _on_request(self, request: Message, source: Address) -> None:
        dialog = self._dialogs.get((request.call_id, request.to_tag))
        if request.method == "ACK":
            if isinstance(dialog, IncomingCall):
                dialog.acknowledged.set()
            return
        key = (request.branch, request.method)
        if key in self._answers:
            earlier = self._answers[key]
            if earlier is not None:
                self.send(*earlier)
            return
        self._answers[key], self._sources[key] = None, source
        self._serve(request, dialog)

    def _serve(self, request: Message, dialog: Dialog | None) -> None:
        match request.method:
            case "INVITE" if dialog is not None:
                self._reoffer(request, dialog)
            case "INVITE" if not request.to_tag:
                self._accept(request)
            case "INVITE":
                self.reply(request, respond(request, 481))
            case "CANCEL":
                self._cancel(request)
            case "BYE":
                self.reply(request, respond(request, 200 if dialog else 481, to_tag=new_tag()))
                if dialog is not None:
                    dialog.end("peer")
            case _:
                self.reply(request, respond(request, 200, to_tag=new_tag()))

    def _accept(self, invite: Message) -> None:
        call = IncomingCall(self, invite, self.plan(invite.number))
        self._received[invite.branch] = call
        self.incoming.append(call)
        self._arrivals.put_nowait(call)
        if not call.behaviour.deaf:
            self._dialogs[call.call_id, call.tag] = call
            self.reply(invite, respond(invite, 100))
            self.spawn(call.play())

    def _cancel(self, request: Message) -> None:
        call = self._received.get(request.branch)  # a CANCEL carries the branch of its INVITE
        if call is not None and call.behaviour.deaf:
            return
        self.reply(request, respond(request, 200 if call else 481, to_tag=call.tag if call else new_tag()))
        if call is not None:
            call.cancelled()

    def _reoffer(self, request: Message, dialog: Dialog) -> None:
        """A re-INVITE: the same codecs again (RFC 3261 section 14.2)."""
        dialog.far_sdp = request.body or dialog.far_sdp
        body = self.describe(request.body)
        extra = [("Contact", self.contact), ("Content-Type", "application/sdp")]
        status = 488 if body is None else 200
        self.reply(request, respond(request, status, headers=extra if body else [], body=body or b""))


class _Inbox(asyncio.DatagramProtocol):
    def __init__(self, peer: SipPeer) -> None:
        self._peer = peer

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._peer.receive(data, addr)
