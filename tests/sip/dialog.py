"""Calls as a test sees them: one that the peer places, one that it receives."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from tests.sip.behaviour import Behaviour
from tests.sip.message import Message, new_branch, new_tag, respond, uri_in

if TYPE_CHECKING:
    from tests.sip.peer import SipPeer

NO_HEADERS: tuple[tuple[str, str], ...] = ()


class Dialog:
    """What both directions share (RFC 3261 section 12): addresses, sequence numbers, the end."""

    def __init__(self, peer: SipPeer, call_id: str, local: str, remote: str, target: str) -> None:
        self.peer = peer
        self.call_id = call_id
        self.local, self.remote, self.target = local, remote, target  # name-addrs of both ends, URI of the far end
        self.routes: list[str] = []
        self.cseq = secrets.randbelow(1000) + 1
        self.confirmed = asyncio.Event()
        self.ended = asyncio.Event()
        self.ended_by: Literal["us", "peer"] | None = None
        self.far_sdp = b""  # the far end's last description

    def request(
        self,
        method: str,
        *,
        branch: str = "",
        cseq: int | None = None,
        headers: Iterable[tuple[str, str]] = NO_HEADERS,
        body: bytes = b"",
    ) -> Message:
        """A request of this dialog; the same CSeq and branch as before only when given."""
        if cseq is None:
            self.cseq += 1
        routes = [("Route", route) for route in self.routes]
        fixed = [
            ("Via", self.peer.via(branch or new_branch())), ("Max-Forwards", "70"), *routes, ("From", self.local),
            ("To", self.remote), ("Call-ID", self.call_id), ("CSeq", f"{cseq or self.cseq} {method}"),
            ("Contact", self.peer.contact),
        ]  # fmt: skip
        return Message(start=f"{method} {self.target} SIP/2.0", headers=(*fixed, *headers), body=body)

    @property
    def next_hop(self) -> str:
        return uri_in(self.routes[0]) if self.routes else self.target

    async def bye(self, reason: str | None = None, timeout_s: float = 5.0) -> Message:
        """Hang up an answered call; gives the response to the BYE. `reason` is a Reason header: 'Q.850;cause=31'."""
        self.end("us")
        message = self.request("BYE", headers=[("Reason", reason)] if reason else [])
        return await self.peer.exchange(message, self.next_hop, timeout_s)

    def end(self, by: Literal["us", "peer"]) -> None:
        if not self.ended.is_set():
            self.ended_by = by
            self.ended.set()


class OutgoingCall(Dialog):
    """A call that the peer placed. ACKs are sent by themselves, retransmitted answers are acknowledged again."""

    def __init__(self, peer: SipPeer, identity: str, uri: str) -> None:
        self.tag = new_tag()
        call_id = f"{secrets.token_hex(8)}@{peer.host}"
        super().__init__(peer, call_id, f"{identity};tag={self.tag}", f"<{uri}>", uri)
        self.branch = new_branch()
        self.invite = self.request("INVITE", branch=self.branch, cseq=self.cseq)
        self.provisionals: list[Message] = []
        self._heard = asyncio.Event()
        self._final: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._uri = uri

    async def provisional(self, status: int = 180, timeout_s: float = 5.0) -> Message:
        """The first provisional response with `status`. Raises TimeoutError; RuntimeError if a final one came first."""
        async with asyncio.timeout(timeout_s):
            while True:
                found = next((one for one in self.provisionals if one.status == status), None)
                if found is not None:
                    return found
                if self._final.done():
                    raise RuntimeError(f"{self._final.result().start} before any {status}")
                await self._news()

    async def _news(self) -> None:
        self._heard.clear()
        await self._heard.wait()

    async def final(self, timeout_s: float = 5.0) -> Message:
        """The final response, already acknowledged. Raises TimeoutError."""
        return await asyncio.wait_for(asyncio.shield(self._final), timeout_s)

    async def cancel(self, reason: str | None = None, timeout_s: float = 5.0) -> Message:
        """Give up while it rings; gives the final response to the INVITE (487, unless the answer was faster).

        RFC 3261 section 9.1: not sent before the first provisional response.
        """
        async with asyncio.timeout(timeout_s):
            while not self.provisionals and not self._final.done():
                await self._news()
        headers = tuple(
            (name, value if name != "CSeq" else f"{self.invite.cseq} CANCEL")
            for name, value in self.invite.headers
            if name in ("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Route")
        )
        extra = (("Reason", reason),) if reason else ()
        message = Message(start=f"CANCEL {self._uri} SIP/2.0", headers=headers + extra)
        await self.peer.exchange(message, self._uri, timeout_s)
        return await self.final(timeout_s)

    def on_response(self, response: Message) -> None:
        """Called by the peer with every response to the INVITE, retransmissions too."""
        status = response.status or 0
        if status < 200:
            self.provisionals.append(response)
        elif status < 300:
            self._confirm(response)
        else:
            self._acknowledge_refusal(response)
        if status >= 200 and not self._final.done():
            self._final.set_result(response)
        self._heard.set()

    def _confirm(self, response: Message) -> None:
        self.remote = response.get("To")
        self.target = uri_in(response.get("Contact")) or self._uri
        self.routes = list(reversed(response.all("Record-Route")))
        self.far_sdp = response.body or self.far_sdp
        late = b"" if self.invite.body else self.peer.describe(self.far_sdp) or b""  # their offer, our answer
        headers = [("Content-Type", "application/sdp")] if late else []
        ack = self.request("ACK", cseq=self.invite.cseq, headers=headers, body=late)
        self.peer.transmit(ack, self.next_hop)
        if not self.confirmed.is_set():
            self.confirmed.set()
            self.peer.start_media(self)

    def _acknowledge_refusal(self, response: Message) -> None:
        """Same branch as the INVITE, To with the tag of the response (RFC 3261 section 17.1.1.3)."""
        headers = [
            (name, value) for name, value in self.invite.headers if name in ("Via", "Max-Forwards", "From", "Route")
        ]
        headers += [("To", response.get("To")), ("Call-ID", self.call_id), ("CSeq", f"{self.invite.cseq} ACK")]
        ack = Message(start=f"ACK {self._uri} SIP/2.0", headers=tuple(headers))
        self.peer.transmit(ack, self._uri)
        self.end("peer")


class IncomingCall(Dialog):
    """A call that the peer received; its behaviour plays by itself, the verbs here interfere."""

    def __init__(self, peer: SipPeer, invite: Message, behaviour: Behaviour) -> None:
        tag = new_tag()
        target = uri_in(invite.get("Contact"))
        super().__init__(peer, invite.call_id, f"{invite.get('To')};tag={tag}", invite.get("From"), target)
        self.invite, self.behaviour, self.tag = invite, behaviour, tag
        self.routes = invite.all("Record-Route")
        self.far_sdp = invite.body
        self.number, self.caller = invite.number, invite.caller
        self.final_status: int | None = None
        self.acknowledged = asyncio.Event()

    async def play(self) -> None:
        """The behaviour, start to end."""
        plan = self.behaviour
        if plan.provisional is not None:
            self.progress(plan.provisional)
        if plan.final is None:
            return
        await asyncio.sleep(plan.after_s)
        if plan.final >= 300:
            self.refuse(plan.final, reason=plan.reason)
            return
        self.answer()
        if plan.hangup_after_s is not None:
            await asyncio.sleep(plan.hangup_after_s)
            if not self.ended.is_set():
                with suppress(TimeoutError):  # a far end that is gone already is no failure of this peer
                    await self.bye(plan.reason)

    def progress(self, status: int) -> None:
        """A provisional response; 183 carries SDP."""
        self._reply(status, self.peer.describe(self.far_sdp) or b"" if status == 183 else b"")

    def answer(self) -> None:
        """200 with SDP, or 488 when there is no codec in common. Repeated until the ACK comes."""
        body = self.peer.describe(self.far_sdp)
        if body is None:
            self.refuse(488)
        elif self.final_status is None:
            self.final_status = 200
            self._reply(200, body, reliable=True)
            self.confirmed.set()
            self.peer.start_media(self)

    def refuse(self, status: int, *, reason: str | None = None) -> None:
        """A final status of 300 and up; nothing when there was a final one already."""
        if self.final_status is None:
            self.final_status = status
            self._reply(status, headers=[("Reason", reason)] if reason else [], reliable=True)
            self.end("us")

    def cancelled(self) -> None:
        if self.final_status is None:
            self.end("peer")
            self.refuse(487)

    def _reply(
        self, status: int, body: bytes = b"", *, headers: Iterable[tuple[str, str]] = NO_HEADERS, reliable: bool = False
    ) -> None:
        extra = [("Contact", self.peer.contact), *headers]
        if body:
            extra.append(("Content-Type", "application/sdp"))
        response = respond(self.invite, status, to_tag=self.tag, headers=extra, body=body)
        self.peer.reply(self.invite, response, until=self.acknowledged if reliable else None)
