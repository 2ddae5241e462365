"""SMS move in: both sides say the same of every message, once; none is sent from here."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ringtrail.dialects.callr.migration.messages import Told, message_of
from ringtrail.dialects.callr.migration.past_calls import UnusableError
from ringtrail.dialects.callr.migration.plan import Verdict
from ringtrail.dialects.callr.sms_object import message_hash
from ringtrail.model.message import MessageStatus
from ringtrail.services.messages import NewMessage
from tests.dialects.callr.happenings import MOBILE, SMS_NUMBER, Post, opened_post, sms_number
from tests.dialects.callr.migration.conftest import Moved, Side
from tests.dialects.callr.migration.lives import ALL_TIME, asked, check_books, same_ground
from tests.fixtures import CALLR_LOGIN, World

pytestmark = pytest.mark.postgres

ONLY = frozenset({"messages"})


@pytest.fixture(autouse=True)
async def ground(world: World, new: Side) -> None:
    await same_ground(world, new)
    await new.services.accounts.add_password(new.account.id, "callr", *CALLR_LOGIN)
    await sms_number(world)


@pytest.fixture
async def post(world: World) -> Any:
    post, listening = await opened_post(world)
    yield post
    listening.cancel()


async def texts(side: Side) -> dict[str, list[Any]]:
    return {type_: await asked(side, "sms.get_list", type_, *ALL_TIME) for type_ in ("IN", "OUT")}


async def send(old: Side, text: str, **options: Any) -> str:
    hash_: str = await asked(old, "sms.send", SMS_NUMBER, MOBILE, text, options or None)
    return hash_


async def delivered(old: Side, post: Post, hash_: str, *, error_code: str | None = None) -> None:
    async with old.database.reading() as connection:
        cursor = await connection.execute("SELECT id, sid FROM messages")
        sids = {message_hash(row[0]): row[1] for row in await cursor.fetchall()}
    await post.deliver(sids[hash_], error_code=error_code)


async def live(old: Side, post: Post) -> None:
    """Messages of every status."""
    webhook = {"endpoint": "http://127.0.0.1:9/told", "options": {"hmac_secret": "0123456789abcdef"}}
    arrived = await send(old, "It arrived: é", nature="ALERTING", user_data="order42", webhook=webhook)
    lost = await send(old, "It did not 漢", force_encoding="UNICODE", flash_message=True)
    await send(old, "On its way")
    post.carrier.refuses["No carrier takes it"] = "barred_by_carrier"
    await send(old, "No carrier takes it")
    await post.hand_on()
    await delivered(old, post, arrived)
    await delivered(old, post, lost, error_code="absent")
    await post.receive("An answer\nof two lines")
    async with old.database.transaction() as connection:
        await connection.execute("UPDATE messages SET debit_micro = 45600 WHERE direction = 'out'")


async def test_messages_of_all_kinds_read_the_same_on_both_sides(
    old: Side, new: Side, moved: Moved, post: Post
) -> None:
    await live(old, post)
    [step], report = await moved(only=ONLY)
    assert (step.quantity, report.quantities, report.notes, report.failures) == (5, {"messages": 5}, [], [])
    found = await texts(new)
    assert found == await texts(old)
    assert sorted(text["status"] for text in found["OUT"]) == ["FAILED", "FAILED", "RECEIVED", "SENT"]
    await check_books(new)


async def test_a_second_run_adds_nothing_and_brings_on_what_was_under_way(
    old: Side, new: Side, moved: Moved, post: Post
) -> None:
    await live(old, post)
    await moved(only=ONLY)
    [step], report = await moved(only=ONLY)
    assert (step.verdict, report.quantities) == (Verdict.HERE, {})
    [sent] = [text["hash"] for text in (await texts(old))["OUT"] if text["status"] == "SENT"]
    await delivered(old, post, sent)
    await send(old, "One more")
    await post.hand_on()
    _, report = await moved(only=ONLY)
    assert report.quantities == {"messages": 1}
    assert await texts(new) == await texts(old)


async def test_what_is_not_sent_yet_is_left_to_the_next_run_for_a_day(
    old: Side, new: Side, moved: Moved, post: Post
) -> None:
    await send(old, "Later")
    for _ in range(2):
        assert (await moved(only=ONLY))[1].quantities.get("messages", 0) == 0
    for side, change in (
        (old, "UPDATE messages SET created_at = created_at - interval '2 days'"),
        (new, "UPDATE import_progress SET until_at = until_at - interval '2 days'"),
    ):
        async with side.database.transaction() as connection:  # two days pass
            await connection.execute(change.encode())
    assert (await moved(only=ONLY))[1].quantities == {"messages": 1}
    assert await texts(new) == await texts(old)
    async with new.database.reading() as connection:
        row = await (await connection.execute("SELECT due_at FROM messages")).fetchone()
    assert row == (None,)  # nobody will send it from here


async def test_messages_of_our_own_find_free_ids_afterwards(
    old: Side, new: Side, world: World, moved: Moved, post: Post
) -> None:
    await live(old, post)
    await moved(only=ONLY)
    [item] = await new.services.accounts.properties(new.account.id)
    await new.services.numbers.add(
        account_id=new.account.id, property_id=item.id, number_e164="+33199001002", capabilities=("sms",)
    )
    wanted = NewMessage(property_id=item.id, recipient=MOBILE, body="Ours")
    ours = [await new.services.messages.send(new.account, wanted) for _ in range(3)]
    assert len({message.id for message in ours}) == 3
    assert len((await texts(new))["OUT"]) == 7


async def test_a_hash_that_another_message_has_here_is_told(old: Side, new: Side, moved: Moved, post: Post) -> None:
    [item] = await new.services.accounts.properties(new.account.id)
    await new.services.numbers.add(
        account_id=new.account.id, property_id=item.id, number_e164="+33199001002", capabilities=("sms",)
    )
    ours = await new.services.messages.send(new.account, NewMessage(property_id=item.id, recipient=MOBILE, body="Ours"))
    hash_ = await send(old, "Theirs")
    assert message_hash(ours.id) == hash_
    await post.hand_on()
    _, report = await moved(only=ONLY)
    assert [note.text for note in report.notes] == [f"SMS {hash_}: another message has this hash here"]
    assert [text["text"] for text in (await texts(new))["OUT"]] == ["Ours"]


# --- what other accounts may tell -------------------------------------------------------------------------------------

SMS = Told(
    b_customer_debit="4.56", b_customer_mode="PREPAID", date_creation="2026-07-14 09:05:10", date_received=None,
    date_sent=None, date_update="2026-07-14 09:05:10", encoding="GSM", from_="+33199001001", hash="UNIQUEID",
    nature=None, options={}, parts=1, status="SENT", status_error=None, text="Hello", to="+33612345678", type="OUT",
    user_data=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("CREATED", MessageStatus.QUEUED),
        ("PENDING", MessageStatus.PROCESSING),
        ("SENT", MessageStatus.SENT),
        ("REMOTE_QUEUED", MessageStatus.SENT),
        ("RECEIVED", MessageStatus.DELIVERED),
        ("ERROR", MessageStatus.FAILED),
        ("FAILED", MessageStatus.FAILED),
        ("EXPIRED", MessageStatus.EXPIRED),
    ],
)
def test_each_status_of_a_sent_message_has_a_meaning(word: str, status: MessageStatus) -> None:
    assert message_of(msgspec.structs.replace(SMS, status=word), 7, 3).status is status


@pytest.mark.parametrize("options", [{}, [], None, {"flash_message": None, "webhook": "none"}])
def test_options_may_say_nothing(options: Any) -> None:
    message = message_of(msgspec.structs.replace(SMS, options=options), 7, 3)
    assert (message.settings, message_hash(message.id), message.debit_micro) == ({}, "UNIQUEID", 45_600)


@pytest.mark.parametrize(
    "changes",
    [
        {"hash": "short"},
        {"type": "SIDEWAYS"},
        {"encoding": "MORSE"},
        {"parts": -1},
        {"status": "VANISHED"},
        {"date_creation": "now"},
        {"b_customer_debit": "dear"},
    ],
)
def test_what_cannot_be_read_is_said(changes: dict[str, Any]) -> None:
    with pytest.raises(UnusableError):
        message_of(msgspec.structs.replace(SMS, **changes), 7, 3)
