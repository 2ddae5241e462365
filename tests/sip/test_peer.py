"""The test peer itself: peer calls peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.sip import OutgoingCall, SipPeer, answers, ignores, refuses, rings, table
from tests.sip.message import MalformedError, Message, parse

PLAN = table(
    {
        "+33100000001": answers(),
        "+33100000002": answers(0.3, hangup_after_s=0.2, reason="Q.850;cause=31"),
        "+33100000003": rings(),
        "+33100000004": refuses(486),
        "+33100000005": refuses(603, 0.2, provisional=180, reason="Q.850;cause=21"),
        "+33100000006": rings(183),
        "+33100000007": ignores(),
    }
)
Dial = Callable[..., OutgoingCall]


@pytest.fixture
async def callee() -> AsyncIterator[SipPeer]:
    async with SipPeer("127.0.0.3", plan=PLAN) as peer:
        yield peer


@pytest.fixture
async def caller() -> AsyncIterator[SipPeer]:
    async with SipPeer("127.0.0.2") as peer:
        yield peer


@pytest.fixture
def dial(caller: SipPeer, callee: SipPeer) -> Dial:
    return lambda number, **options: caller.call(f"sip:{number}@{callee.address}", **options)


async def test_answered_call_is_acknowledged_and_hung_up_by_the_caller(dial: Dial, callee: SipPeer) -> None:
    call = dial("+33100000001", caller="+33639980001")
    assert (await call.final()).status == 200
    incoming = await callee.next_incoming()
    await asyncio.wait_for(incoming.acknowledged.wait(), 1)
    assert (incoming.number, incoming.caller) == ("+33100000001", "+33639980001")
    assert (await call.bye()).status == 200
    assert (call.ended_by, incoming.ended_by) == ("us", "peer")


async def test_callee_hangs_up_after_its_time_and_says_why(dial: Dial, callee: SipPeer, caller: SipPeer) -> None:
    call = dial("+33100000002")
    await call.final()
    await asyncio.wait_for(call.ended.wait(), 2)
    invite, answer = callee.log.find("INVITE")[0], callee.log.find("INVITE", 200)[0]
    bye = caller.log.find("BYE", direction="in")[0]
    assert timedelta(seconds=0.28) < answer.at - invite.at < timedelta(seconds=0.6)
    assert timedelta(seconds=0.18) < bye.at - answer.at < timedelta(seconds=0.5)
    assert parse(bye.raw).get("Reason") == "Q.850;cause=31"
    assert call.ended_by == "peer"


async def test_caller_gives_up_while_it_rings(dial: Dial, callee: SipPeer) -> None:
    call = dial("+33100000003")
    await call.provisional(180)
    assert (await call.cancel()).status == 487
    incoming = callee.incoming[0]
    assert incoming.final_status == 487
    assert incoming.ended_by == "peer"
    await asyncio.wait_for(incoming.acknowledged.wait(), 1)


async def test_immediate_refusal_does_not_ring(dial: Dial, caller: SipPeer) -> None:
    call = dial("+33100000004")
    assert (await call.final()).status == 486
    with pytest.raises(RuntimeError, match="486 Busy Here before any 180"):
        await call.provisional(180)
    assert caller.log.find("ACK", direction="out")


async def test_refusal_after_ringing_carries_its_reason(dial: Dial) -> None:
    call = dial("+33100000005")
    await call.provisional(180)
    refusal = await call.final()
    assert (refusal.status, refusal.get("Reason")) == (603, "Q.850;cause=21")


async def test_unknown_number_is_not_found(dial: Dial) -> None:
    assert (await dial("+33199999999").final()).status == 404


async def test_183_carries_sdp(dial: Dial) -> None:
    progress = await dial("+33100000006").provisional(183)
    assert b"m=audio" in progress.body


async def test_deaf_peer_sends_nothing_while_the_invite_is_repeated(dial: Dial, callee: SipPeer) -> None:
    call = dial("+33100000007")
    with pytest.raises(TimeoutError):
        await call.final(timeout_s=0.8)
    assert len(callee.log.find("INVITE", direction="in")) == 2
    assert [entry for entry in callee.log if entry.direction == "out"] == []


async def test_test_answers_by_hand(dial: Dial, callee: SipPeer) -> None:
    call = dial("+33100000003")
    incoming = await callee.next_incoming()
    incoming.answer()
    assert (await call.final()).status == 200
    assert (await incoming.bye()).status == 200
    assert call.ended_by == "peer"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"display_name": "Ada"}, {"From": '"Ada" <sip:+33639980001@127.0.0.2>'}),
        (
            {"privacy": True},
            {"Privacy": "id", "P-Asserted-Identity": "<sip:+33639980001@127.0.0.2>", "From": "<sip:+33639980001@"},
        ),
        ({"anonymous": True}, {"From": '"Anonymous" <sip:anonymous@anonymous.invalid>', "P-Asserted-Identity": ""}),
        ({"headers": [("Diversion", "<sip:1@x>")]}, {"Diversion": "<sip:1@x>"}),
    ],
)
async def test_identity_headers(
    dial: Dial, callee: SipPeer, options: dict[str, object], expected: dict[str, str]
) -> None:
    await dial("+33100000004", **options).final()
    invite = callee.incoming[0].invite
    for name, start in expected.items():
        assert invite.get(name).startswith(start), name
        assert bool(invite.get(name)) == bool(start), name


@pytest.mark.parametrize(
    ("offered", "status", "chosen"),
    [
        (("ulaw", "alaw"), 200, b"RTP/AVP 0 101"),
        (("opus", "alaw"), 200, b"RTP/AVP 8 101"),
        (("opus", "g729"), 488, b""),
    ],
)
async def test_codec_is_the_callers_first_that_both_speak(
    dial: Dial, offered: tuple[str, ...], status: int, chosen: bytes
) -> None:
    final = await dial("+33100000001", codecs=offered).final()
    assert final.status == status
    assert chosen in final.body


async def test_invite_without_offer_is_answered_with_one_and_the_ack_closes_it(dial: Dial, callee: SipPeer) -> None:
    await dial("+33100000001", codecs=()).final()
    ack = await callee.log.wait("ACK")
    assert b"m=audio" in parse(ack.raw).body


async def test_repeated_invite_gets_the_same_answer_and_no_second_call(
    dial: Dial, caller: SipPeer, callee: SipPeer
) -> None:
    call = dial("+33100000001")
    first = await call.final()
    caller.send(call.invite.encode(), (callee.host, callee.port))
    await asyncio.sleep(0.1)
    repeats = caller.log.find("INVITE", 200, direction="in")
    assert [entry.raw for entry in repeats] == [first.encode(), first.encode()]
    assert len(callee.incoming) == 1
    assert len(caller.log.find("ACK", direction="out")) == 2


async def test_unacknowledged_answer_is_repeated(caller: SipPeer, callee: SipPeer) -> None:
    async with SipPeer("127.0.0.4") as silent:
        call = caller.call(f"sip:+33100000001@{callee.address}")
        await call.final()
        lost = (
            call.invite.encode()
            .replace(call.branch.encode(), b"z9hG4bKlost")
            .replace(call.call_id.encode(), b"lost@127.0.0.4")
        )
        silent.send(lost, (callee.host, callee.port))
        await asyncio.sleep(0.8)
        assert len(silent.log.find("INVITE", 200, direction="in")) == 2


async def test_options_outside_a_call(caller: SipPeer, callee: SipPeer) -> None:
    assert (await caller.request("OPTIONS", f"sip:{callee.address}")).status == 200


async def test_bye_of_an_unknown_call_is_481(caller: SipPeer, callee: SipPeer) -> None:
    assert (await caller.request("BYE", f"sip:{callee.address}")).status == 481


async def test_rubbish_is_logged_and_survived(caller: SipPeer, callee: SipPeer, dial: Dial) -> None:
    caller.send(b"INVITE sip:x SIP/2.0\r\nVia\r\n\r\n", (callee.host, callee.port))
    caller.send(b"\x00\xff" * 40, (callee.host, callee.port))
    assert (await dial("+33100000001").final()).status == 200
    assert [entry.method for entry in callee.log][:2] == ["", ""]


async def test_peer_calls_itself() -> None:
    async with SipPeer("127.0.0.2") as peer:
        call = peer.call(f"sip:1@{peer.address}")
        assert (await call.final()).status == 200
        await call.bye()
        assert peer.incoming[0].ended_by == "peer"


async def test_silence_reaches_the_other_side_in_step() -> None:
    packets: list[bytes] = []

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            packets.append(data)

    ear, _ = await asyncio.get_running_loop().create_datagram_endpoint(Ear, local_addr=("127.0.0.3", 0))
    port = ear.get_extra_info("sockname")[1]
    async with SipPeer("127.0.0.3") as callee, SipPeer("127.0.0.2", silence=True) as caller:
        callee.describe = lambda offered: _sdp(port)  # type: ignore[method-assign]
        call = caller.call(f"sip:1@{callee.address}")
        await call.final()
        await asyncio.sleep(0.3)
        await call.bye()
        heard = len(packets)
        await asyncio.sleep(0.1)
    ear.close()
    assert 8 <= heard <= 17
    assert len(packets) <= heard + 1
    assert all(packet[1] == 8 and packet[12:] == b"\xd5" * 160 for packet in packets)


def _sdp(port: int) -> bytes:
    return f"v=0\r\nc=IN IP4 127.0.0.3\r\nm=audio {port} RTP/AVP 8\r\n".encode()


async def test_journal_keeps_wall_clock_instants(dial: Dial, callee: SipPeer) -> None:
    before = datetime.now(UTC)
    await dial("+33100000001").final()
    entry = await callee.log.wait("INVITE", direction="in")
    assert before <= entry.at <= datetime.now(UTC)


def test_compact_and_folded_headers_are_read() -> None:
    text = b"INVITE sip:%2B331@h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=b1\r\nf: <sip:a@h>;tag=t1\r\nt: <sip:b@h>\r\n"
    message = parse(text + b"i: c1\r\nCSeq: 7\r\n INVITE\r\n\r\nbody")
    assert (message.branch, message.from_tag, message.call_id) == ("b1", "t1", "c1")
    assert (message.method, message.cseq, message.number, message.body) == ("INVITE", 7, "+331", b"body")


def test_written_message_reads_back() -> None:
    headers = (("Via", "SIP/2.0/UDP h;branch=b"), ("From", "<sip:a@h>"), ("To", "<sip:b@h>"), ("Call-ID", "c"))
    message = Message(start="SIP/2.0 180 Ringing", headers=(*headers, ("CSeq", "1 INVITE")))
    again = parse(message.encode())
    assert (again.status, again.method, again.get("Content-Length")) == (180, "INVITE", "0")


def test_message_without_call_id_is_refused() -> None:
    with pytest.raises(MalformedError, match="Call-ID"):
        parse(b"BYE sip:a SIP/2.0\r\nVia: x\r\nFrom: x\r\nTo: x\r\nCSeq: 1 BYE\r\n\r\n")
