"""Subscribers and their phones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from demo.phone import Phone
from ringtrail.model.account import Account
from ringtrail.model.sip import Subscriber
from tests.e2e.stack import Stack, eventually

PHONE_HOST = "127.0.0.7"
CLI = "+33140998877"
IN_STEP_S = 5.0  # after a change, the registrar knows


async def subscriber(stack: Stack, account: Account | None = None, **changes: Any) -> Subscriber:
    async with stack.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO authorized_clis (account_id, kind, number) VALUES (%s, 'CALL', %s) ON CONFLICT DO NOTHING",
            (stack.account.id, CLI),
        )
    new = Subscriber(
        id=0, account_id=(account or stack.account).id, username="", password="", cli=CLI, codecs=(), privacy="off",
        ring_timeout_s=30, srtp=False, vms={}, created_at=datetime.now(UTC),
    )  # fmt: skip
    return await stack.services.sip.create(replace(new, **changes))


def registrar(stack: Stack) -> str:
    return f"sip:{stack.settings.sip_host}:{stack.settings.sip_port}"


@asynccontextmanager
async def phone_of(stack: Stack, who: Subscriber, **options: Any) -> AsyncIterator[Phone]:
    """A phone that tries to register with what is given, until it has heard how that went."""
    given = {"host": PHONE_HOST, "number": who.username, "username": who.username, "password": who.password} | options
    async with Phone(registrar=registrar(stack), **given) as phone:
        yield phone


async def status_of_registration(stack: Stack, who: Subscriber, **options: Any) -> int:
    async with phone_of(stack, who, **options) as phone:
        return int((await phone.wait("registered")).fields["status"])


async def registers(stack: Stack, who: Subscriber) -> None:
    """The registrar hears of a change within seconds."""

    async def let_in() -> bool:
        return await status_of_registration(stack, who) == 200

    await eventually(let_in, IN_STEP_S)


async def is_refused(stack: Stack, who: Subscriber) -> None:
    async def refused() -> bool:
        return await status_of_registration(stack, who) in (401, 403)

    await eventually(refused, IN_STEP_S)
