"""Sending and receiving on a real PostgreSQL: claims, leases, receipts, schedule, what arrives twice, and a worker killed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.message import Direction, Message, MessageStatus
from ringtrail.model.query import MessageQuery
from ringtrail.ports.sms import MessageReceived, ReceiptArrived, SmsFact, SmsRefusedError, SmsUnavailableError
from ringtrail.services.messages import GIVE_UP_AFTER, LEASE, Messages, Messenger, NewMessage
from ringtrail.sms.loopback import Loopback
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres

NOON = datetime(2026, 7, 14, 12, 0, 0, tzinfo=UTC)
SENDER = "+33199001001"


@dataclass
class Now:
    """A clock that tests turn."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@dataclass
class Carrier:
    """A transport that does as the test says and remembers what it was given."""

    clock: Now
    fails: dict[str, Exception] = field(default_factory=dict)  # by text
    taken: list[str] = field(default_factory=list)  # sids
    told: asyncio.Queue[SmsFact] = field(default_factory=asyncio.Queue)
    name: str = "test"

    async def submit(self, message: Message) -> Sequence[SmsFact]:
        self.taken.append(message.sid)
        if message.body in self.fails:
            raise self.fails[message.body]
        return ()

    async def facts(self) -> AsyncIterator[SmsFact]:
        while True:
            yield await self.told.get()
            self.told.task_done()  # whoever listens has come back for more


@dataclass
class Post:
    """The two sides of sending, over one world."""

    world: World
    clock: Now
    carrier: Carrier
    messages: Messages
    messenger: Messenger

    async def send(self, body: str = "Hello", **wanted: Any) -> Message:
        new = NewMessage(property_id=self.world.property.id, recipient="+33612345678", body=body, **wanted)
        return await self.messages.send(self.world.account, new)

    async def state(self, message: Message) -> Message:
        found = await self.messages.by_sid(self.world.account.id, message.sid)
        assert found is not None
        return found

    async def all(self, **asked: Any) -> list[Message]:
        return (await self.messages.page(MessageQuery(account_id=self.world.account.id, **asked)))[0]


@pytest.fixture
async def post(database: Database, tmp_path: Path) -> Post:
    world = await build_world(database, tmp_path)
    await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164=SENDER, capabilities=("voice", "sms")
    )
    clock = Now()
    carrier = Carrier(clock)
    return Post(
        world, clock, carrier, Messages(database, clock), Messenger(database, clock, carrier, default_country="FR")
    )


def other_worker(post: Post) -> Messenger:
    return Messenger(post.world.database, post.clock, post.carrier, default_country="FR")


# --- accepting ----------------------------------------------------------------------------------------------------------


async def test_a_message_without_sender_goes_out_from_the_propertys_own_number(post: Post) -> None:
    message = await post.send()
    assert (message.sender, message.status, message.direction) == (SENDER, "queued", "out")
    assert (message.recipient_e164, message.segments, message.encoding) == ("+33612345678", 1, "gsm")


@pytest.mark.parametrize(
    ("wanted", "field", "code"),
    [
        ({"recipient": "nobody"}, "recipient", ErrorCode.BAD_FORMAT),
        ({"recipient": "+3361234567890123456"}, "recipient", ErrorCode.BAD_FORMAT),
        ({"recipient": "+61412345678"}, "recipient", ErrorCode.FORBIDDEN),
        ({"body": ""}, "body", ErrorCode.OUT_OF_RANGE),
        ({"body": "a" * 1531}, "body", ErrorCode.OUT_OF_RANGE),
        ({"body": "a\0b"}, "body", ErrorCode.BAD_FORMAT),
        ({"sender": "TwelveLetter"}, "sender", ErrorCode.BAD_FORMAT),
        ({"sender": "Café"}, "sender", ErrorCode.BAD_FORMAT),
        ({"sender": "+33199009999"}, "sender", ErrorCode.UNKNOWN_VALUE),
        ({"scheduled_at": NOON - timedelta(hours=1, seconds=1)}, "scheduled_at", ErrorCode.OUT_OF_RANGE),
        ({"scheduled_at": NOON + timedelta(days=14, seconds=1)}, "scheduled_at", ErrorCode.OUT_OF_RANGE),
    ],
)
async def test_what_cannot_be_sent_is_refused_and_nothing_is_kept(
    post: Post, wanted: dict[str, Any], field: str, code: ErrorCode
) -> None:
    new = {"property_id": post.world.property.id, "recipient": "+33612345678", "body": "Hello"} | wanted
    with pytest.raises(DomainError) as refused:
        await post.messages.send(post.world.account, NewMessage(**new))
    assert (refused.value.code, refused.value.field) == (code, field)
    assert await post.all() == []


async def test_a_voice_number_and_another_propertys_number_cannot_be_the_sender(post: Post) -> None:
    world = post.world
    elsewhere = await world.services.accounts.add_property(world.account.id, "elsewhere")
    with pytest.raises(DomainError, match="cannot send messages"):
        await post.send(sender=world.did.number_e164)
    new = NewMessage(property_id=elsewhere.id, recipient="+33612345678", body="Hello", sender=SENDER)
    with pytest.raises(DomainError, match="not a number of this property"):
        await post.messages.send(world.account, new)


async def test_a_name_of_letters_digits_and_spaces_may_be_the_sender(post: Post) -> None:
    assert (await post.send(sender="Bakery 24h")).sender == "Bakery 24h"


# --- handing on ---------------------------------------------------------------------------------------------------------


async def test_messages_are_submitted_once_in_the_order_in_which_they_were_accepted(post: Post) -> None:
    sent = [(await post.send(str(n))).sid for n in range(5)]
    assert await post.messenger.dispatch() == 5
    assert await post.messenger.dispatch() == 0
    assert post.carrier.taken == sent
    assert {message.status for message in await post.all()} == {MessageStatus.SENT}


async def test_a_scheduled_message_waits_and_one_that_is_a_little_late_does_not(post: Post) -> None:
    later = await post.send("later", scheduled_at=NOON + timedelta(days=14))
    late = await post.send("late", scheduled_at=NOON - timedelta(hours=1))
    await post.messenger.dispatch()
    assert post.carrier.taken == [late.sid]
    post.clock.at = NOON + timedelta(days=14)
    await post.messenger.dispatch()
    assert post.carrier.taken == [late.sid, later.sid]


async def test_workers_that_run_at_once_share_the_messages(post: Post) -> None:
    sent = {(await post.send(str(n))).sid for n in range(30)}
    await asyncio.gather(*(other_worker(post).dispatch_all() for _ in range(4)))
    assert len(post.carrier.taken) == 30
    assert set(post.carrier.taken) == sent


async def test_a_claim_that_was_not_settled_is_left_to_others_when_it_has_run_out(post: Post) -> None:
    message = await post.send()
    hanging = asyncio.create_task(hung(post).dispatch())
    await asyncio.sleep(0.2)
    hanging.cancel()
    assert (await post.state(message)).status == MessageStatus.PROCESSING
    post.clock.at += LEASE - timedelta(seconds=1)
    assert await post.messenger.dispatch() == 0
    post.clock.at += timedelta(seconds=1)
    assert await post.messenger.dispatch() == 1
    assert (await post.state(message)).status == MessageStatus.SENT


def hung(post: Post) -> Messenger:
    class Hung(Carrier):
        async def submit(self, message: Message) -> Sequence[SmsFact]:
            await asyncio.Event().wait()
            return ()

    return Messenger(post.world.database, post.clock, Hung(post.clock), default_country="FR")


async def test_what_a_slow_carrier_leaves_no_time_for_is_not_submitted_twice(post: Post) -> None:
    class Slow(Carrier):
        async def submit(self, message: Message) -> Sequence[SmsFact]:
            self.clock.at += timedelta(seconds=30)
            return await super().submit(message)

    sent = [(await post.send(str(n))).sid for n in range(4)]
    slow = Slow(post.clock)
    messenger = Messenger(post.world.database, post.clock, slow, default_country="FR")
    await messenger.dispatch()
    assert slow.taken == sent[:2]
    await messenger.dispatch()
    post.clock.at += LEASE
    await messenger.dispatch()
    assert slow.taken == sent


async def test_an_unreachable_carrier_is_tried_again_until_a_day_has_passed(post: Post) -> None:
    message = await post.send("busy")
    post.carrier.fails["busy"] = SmsUnavailableError("away")
    await post.messenger.dispatch()
    assert (await post.state(message)).status == MessageStatus.QUEUED
    assert await post.messenger.dispatch() == 0
    post.clock.at += timedelta(seconds=10)
    await post.messenger.dispatch()
    assert len(post.carrier.taken) == 2
    post.clock.at = NOON + GIVE_UP_AFTER + timedelta(seconds=1)
    await post.messenger.dispatch()
    expired = await post.state(message)
    assert (expired.status, expired.error_code) == ("expired", "expired")
    assert len(post.carrier.taken) == 2


async def test_a_refused_message_has_failed_and_one_that_breaks_the_transport_holds_up_nobody(post: Post) -> None:
    post.carrier.fails |= {"no": SmsRefusedError("blocked"), "bug": ZeroDivisionError()}
    refused, broken, good = await post.send("no"), await post.send("bug"), await post.send("good")
    await post.messenger.dispatch()
    states = [await post.state(message) for message in (refused, broken, good)]
    assert [(state.status, state.error_code) for state in states] == [
        ("failed", "blocked"),
        ("queued", None),
        ("sent", None),
    ]


async def test_a_property_that_may_no_longer_send_fails_what_it_has_scheduled(post: Post) -> None:
    world = post.world
    message = await post.send(scheduled_at=NOON + timedelta(hours=1))
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET sms_enabled = false")
    with pytest.raises(DomainError) as refused:
        await post.send()
    assert refused.value.code is ErrorCode.FORBIDDEN
    post.clock.at += timedelta(hours=1)
    assert await post.messenger.dispatch() == 0
    state = await post.state(message)
    assert (state.status, state.error_code, post.carrier.taken) == ("failed", "sms_disabled", [])


async def test_what_was_allowed_when_it_was_scheduled_is_asked_again_when_it_is_due(post: Post) -> None:
    stock, account_id = post.world.services.stock, post.world.account.id
    in_an_hour = NOON + timedelta(hours=1)
    own, named = await post.send(scheduled_at=in_an_hour), await post.send(scheduled_at=in_an_hour, sender="Bakery")
    sender = await post.world.services.numbers.by_number(account_id, SENDER)
    assert sender is not None
    await stock.release(sender)
    post.clock.at = in_an_hour
    assert await post.messenger.dispatch() == 1
    late = await post.send(scheduled_at=in_an_hour, sender="Bakery")
    await post.world.services.accounts.allow_outbound(account_id, ("+44",))
    assert await post.messenger.dispatch() == 0
    states = [await post.state(message) for message in (own, named, late)]
    assert [(state.status, state.error_code) for state in states] == [
        ("failed", "sender_gone"), ("sent", None), ("failed", "recipient_barred"),
    ]  # fmt: skip


# --- what the carrier tells ---------------------------------------------------------------------------------------------


async def test_the_first_receipt_counts(post: Post) -> None:
    message = await post.send()
    await post.messenger.dispatch()
    listening = asyncio.create_task(post.messenger.listen())
    for delivered, code in ((True, None), (False, "absent")):
        await post.carrier.told.put(ReceiptArrived(at=NOON, sid=message.sid, delivered=delivered, error_code=code))
    await asyncio.wait_for(post.carrier.told.join(), 5)
    listening.cancel()
    state = await post.state(message)
    assert (state.status, state.delivered_at, state.error_code) == ("delivered", NOON, None)


async def test_a_receipt_that_is_faster_than_the_submissions_answer_ends_the_message(post: Post) -> None:
    message = await post.send()

    class Fast(Carrier):
        async def submit(self, message: Message) -> Sequence[SmsFact]:
            await self.told.put(ReceiptArrived(at=NOON, sid=message.sid, delivered=True))
            await asyncio.sleep(0.2)
            return await super().submit(message)

    fast = Fast(post.clock)
    messenger = Messenger(post.world.database, post.clock, fast, default_country="FR")
    listening = asyncio.create_task(messenger.listen())
    await messenger.dispatch()
    post.clock.at += 2 * LEASE
    assert await messenger.dispatch() == 0
    listening.cancel()
    state = await post.state(message)
    assert (state.status, state.submitted_at, fast.taken) == ("delivered", NOON, [message.sid])


async def test_a_message_that_the_carrier_brings_twice_is_received_once(post: Post) -> None:
    listening = asyncio.create_task(post.messenger.listen())
    fact = MessageReceived(at=NOON, transport_id="x1", sender="0612345678", recipient="0199001001", body="Bonjour")
    nobodys = MessageReceived(at=NOON, transport_id="x2", sender="0612345678", recipient="0199009999", body="?")
    for item in (fact, nobodys, fact):
        await post.carrier.told.put(item)
    await asyncio.wait_for(post.carrier.told.join(), 5)
    listening.cancel()
    (message,) = await post.all(direction=Direction.IN)
    assert (message.sender, message.recipient_e164, message.body) == ("+33612345678", SENDER, "Bonjour")
    assert (message.status, message.received_at, message.property_id) == ("received", NOON, post.world.property.id)


async def test_what_no_database_can_hold_does_not_hold_up_what_comes_after(post: Post) -> None:
    listening = asyncio.create_task(post.messenger.listen())
    for number, body in enumerate(("nul\0", "half \ud83d", "plain")):
        await post.carrier.told.put(
            MessageReceived(at=NOON, transport_id=f"x{number}", sender="A\0B", recipient=SENDER, body=body)
        )
    await post.carrier.told.put(ReceiptArrived(at=NOON, sid="\0", delivered=False))
    await post.carrier.told.put(MessageReceived(at=NOON, transport_id="x9", sender="C", recipient=SENDER, body="last"))
    await asyncio.wait_for(post.carrier.told.join(), 5)
    listening.cancel()
    received = [(message.sender, message.body) for message in await post.all()]
    assert received == [("AB", "nul"), ("AB", "half ?"), ("AB", "plain"), ("C", "last")]


async def test_the_loopback_delivers_and_brings_back_to_our_own_numbers_only(post: Post) -> None:
    world = post.world
    messenger = Messenger(world.database, post.clock, Loopback(post.clock), default_country="FR")
    new = NewMessage(property_id=world.property.id, recipient=world.did.number_e164, body="to ourselves")
    await post.messages.send(world.account, new)
    outside, silent = await post.send("outside"), await post.send("silent", receipt_wanted=False)
    await messenger.dispatch()
    states = [(message.direction, message.body, message.status) for message in await post.all()]
    assert sorted(states) == [
        ("in", "to ourselves", "received"),
        ("out", "outside", "delivered"),
        ("out", "silent", "sent"),
        ("out", "to ourselves", "delivered"),
    ]
    assert (await post.state(outside)).delivered_at == NOON
    assert (await post.state(silent)).delivered_at is None


# --- reading ------------------------------------------------------------------------------------------------------------


async def test_a_page_selects_by_time_direction_status_and_numbers(post: Post) -> None:
    for n in range(4):
        post.clock.at = NOON + timedelta(seconds=n)
        await post.send(str(n))

    async def bodies(**asked: Any) -> list[str]:
        return [message.body for message in await post.all(**asked)]

    assert await bodies() == ["0", "1", "2", "3"]
    assert await bodies(from_at=NOON + timedelta(seconds=1), to_at=NOON + timedelta(seconds=3)) == ["1", "2"]
    assert await bodies(direction=Direction.IN) == []
    assert await bodies(statuses=(MessageStatus.SENT, MessageStatus.QUEUED)) == ["0", "1", "2", "3"]
    assert await bodies(senders=(SENDER,), recipients=("+33612345678",)) == ["0", "1", "2", "3"]
    assert await bodies(sender_masked="+3319900XXXX") == ["0", "1", "2", "3"]
    assert await bodies(sender_masked=SENDER) == []
    query = MessageQuery(account_id=post.world.account.id)
    page, total = await post.messages.page(query, offset=1, limit=2, with_total=True)
    assert ([message.body for message in page], total) == (["1", "2"], 4)
    assert await post.messages.by_sid(post.world.account.id + 1, page[0].sid) is None


# --- a worker killed ----------------------------------------------------------------------------------------------------

_WORKER = """
import asyncio, sys
from ringtrail.ports.clock import SystemClock
from ringtrail.services.messages import Messenger
from ringtrail.storage.database import Database

class Carrier:
    name = "file"
    async def submit(self, message):
        with open(sys.argv[2], "a") as file:
            file.write(message.sid + "\\n")
        if message.body == "stay":
            print("busy", flush=True)
            await asyncio.sleep(60)
        return ()
    async def facts(self):
        await asyncio.Event().wait()
        yield

async def main():
    database = Database(sys.argv[1])
    await database.open()
    await Messenger(database, SystemClock(), Carrier(), default_country="FR").dispatch()

asyncio.run(main())
"""


async def test_kill_9_of_a_worker_loses_no_message_and_settled_ones_are_not_sent_again(
    post: Post, database_url: str, tmp_path: Path
) -> None:
    post.clock.at = datetime.now(UTC)
    first, stuck, last = [await post.send(body) for body in ("first", "stay", "last")]
    taken = tmp_path / "taken"
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WORKER, database_url, str(taken), stdout=subprocess.PIPE
    )
    assert worker.stdout is not None
    assert await asyncio.wait_for(worker.stdout.readline(), 20) == b"busy\n"
    worker.kill()
    await worker.wait()
    assert taken.read_text().split() == [first.sid, stuck.sid]
    assert await post.messenger.dispatch() == 0
    post.clock.at = datetime.now(UTC) + LEASE
    await post.messenger.dispatch()
    assert post.carrier.taken == [stuck.sid, last.sid]
    assert {message.status for message in await post.all()} == {MessageStatus.SENT}
