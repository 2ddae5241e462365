"""What the internet throws at a SIP port: it reaches nothing, breaks nothing, and costs little."""

from __future__ import annotations

import asyncio
import time

import pytest

from ringtrail.model.query import CallQuery
from tests.e2e.stack import STRANGER_HOST, Stack
from tests.sip import SipPeer, answers

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="session")]

FLOOD = 2000


def invite(call_id: str, *, to: str, via: str, extra: str = "", body: str = "", length: str | None = None) -> bytes:
    return (
        f"INVITE sip:{to}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bK{call_id}\r\n"
        f"From: <sip:1000@{via}>;tag={call_id}\r\nTo: <sip:{to}@127.0.0.1>\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:1000@{via}>\r\nMax-Forwards: 70\r\n{extra}Content-Length: {length or len(body)}\r\n\r\n{body}"
    ).encode()


def torture(via: str) -> list[bytes]:
    """After RFC 4475 section 3.1.2: messages that must be refused or ignored, and worse."""
    return [
        b"",
        b"\0" * 800,
        b"\xff\xfe\xfd" * 300,
        b"INVITE\r\n\r\n",
        b"INVITE sip:x SIP/7.0\r\n\r\n",
        b"SIP/2.0 99999999 What\r\n\r\n",
        invite("length", to="+33912340001", via=via, length="9999"),
        invite("minus", to="+33912340001", via=via, length="-5"),
        invite(
            "sdp", to="+33912340001", via=via, extra="Content-Type: application/sdp\r\n", body="v=\r\nm=audio x\r\n"
        ),
        invite("number", to="%00%ff'\"<>${EXTEN}", via=via),
        invite("long", to="9" * 3000, via=via),
        invite("inject", to="+331${SYSTEM(id)}", via=via, extra="Subject: ${SYSTEM(id)}\r\n"),
        invite("cseq", to="+33912340001", via=via).replace(b"CSeq: 1 INVITE", b"CSeq: 99999999999 BYE"),
        invite("novia", to="+33912340001", via=via).replace(b"Via:", b"Xia:"),
        invite("headers", to="+33912340001", via=via, extra="X-Fill: y\r\n" * 3000),
    ]


async def still_serves(stack: Stack) -> None:
    did, _ = await stack.number((stack.target(), 10, answers(0.1, hangup_after_s=0.2)))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    assert (await call.final()).status == 200
    assert (await stack.ended_call(did.number_e164)).disposition == "answered"


async def count_calls(stack: Stack) -> int:
    query = CallQuery(account_id=stack.account.id, include_in_progress=True)
    return len((await stack.services.calls.page(query)).records)


def cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def test_a_stranger_reaches_no_number_and_no_outbound_route(stack: Stack) -> None:
    did, _ = await stack.number((stack.target(), 10, answers()))
    before = await count_calls(stack)
    offers = stack.logs("control").count("offer_for_nobody")
    async with SipPeer(STRANGER_HOST) as stranger:
        for number in (did.number_e164, "+33199000001", "00972599000000", "9011441234567890", "100", "s"):
            final = await stranger.call(stack.sip_uri(number)).final()
            assert final.status in (401, 403), f"{number}: {final.start}"
    assert await count_calls(stack) == before
    assert stack.logs("control").count("offer_for_nobody") == offers


async def test_registering_is_refused_for_every_name_alike(stack: Stack) -> None:
    async with SipPeer(STRANGER_HOST) as stranger:
        answers_seen = set()
        for user in ("trunk", "100", "admin", "nobody-has-this-name"):
            answer = await stranger.request("REGISTER", stack.sip_uri(user))
            answers_seen.add(answer.status)
        assert answers_seen <= {401, 403, 404, 405}
        assert len(answers_seen) == 1


async def test_an_options_flood_from_a_stranger_costs_little_and_calls_go_on(stack: Stack) -> None:
    did, _ = await stack.number((stack.target(), 10, answers(0.1)))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    assert (await call.final()).status == 200
    asterisk, controller = stack.processes["asterisk"].pid, stack.processes["control"].pid
    before, began = (cpu_s(asterisk), cpu_s(controller)), time.monotonic()
    async with SipPeer(STRANGER_HOST) as stranger:
        target = (stack.settings.sip_host, stack.settings.sip_port)
        for n in range(FLOOD):
            stranger.send(invite(f"flood{n}", to="100", via=stranger.address).replace(b"INVITE", b"OPTIONS"), target)
            if n % 50 == 0:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
    assert time.monotonic() - began < 60
    assert cpu_s(asterisk) - before[0] < FLOOD * 0.005
    assert cpu_s(controller) - before[1] < 1.0
    assert not call.ended.is_set()
    await call.bye()
    assert (await stack.ended_call(did.number_e164)).hangup_by == "caller"


async def test_malformed_messages_from_stranger_and_trunk_break_nothing(stack: Stack) -> None:
    target = (stack.settings.sip_host, stack.settings.sip_port)
    async with SipPeer(STRANGER_HOST) as stranger:
        for peer in (stranger, stack.callers):
            for message in torture(peer.address):
                peer.send(message, target)
                await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    assert stack.processes["asterisk"].poll() is None
    assert stack.processes["control"].poll() is None
    assert "fact_failed" not in stack.logs("control")
    await still_serves(stack)


async def test_hostile_names_and_numbers_of_a_trunk_caller_are_kept_harmless(stack: Stack) -> None:
    did, _ = await stack.number((stack.target(), 10, answers(0.1, hangup_after_s=0.2)))
    name = "<script>alert(1)</script>" + "x" * 300
    call = stack.callers.call(stack.sip_uri(did.number_e164), caller="1;DROP", display_name=name)
    await call.final()
    record = await stack.ended_call(did.number_e164)
    assert record.caller_number is None
    assert record.caller_withheld
    assert record.caller_name is None or len(record.caller_name) <= 64
