"""Callers' numbers and senders' names that the old account may show, and that are not among its own numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import msgspec

from ringtrail.dialects.callr.apps import CLI_KINDS
from ringtrail.dialects.callr.migration.plan import Moving, Progress, Step, Verdict, items_of, unreadable
from ringtrail.model.errors import DomainError

KIND = "clis"
_METHOD = "apps.get_authorized_clis"


class OldCli(msgspec.Struct):
    """Customer.CLI, what is needed of it."""

    cli: str


async def steps(moving: Moving) -> AsyncIterator[Step]:
    own = await _own_numbers(moving)
    for kind in CLI_KINDS:
        here = (
            set((await moving.services.apps.authorized_clis(moving.account.id, kind))[1]) if moving.account else set()
        )
        for item in items_of(await moving.remote.call(_METHOD, kind), _METHOD):
            try:
                cli = msgspec.convert(item, OldCli).cli
            except msgspec.ValidationError as exc:
                yield unreadable(moving, KIND, item, exc)
                continue
            if cli not in own:
                yield await _step(moving, kind, cli, known=cli in here)


async def _own_numbers(moving: Moving) -> set[str]:
    """Those of the old account, which come as numbers."""
    found: set[str] = set()
    async for page in moving.remote.pages("did.search"):
        found |= {str(item.get("intl_number")) for item in page if isinstance(item, dict)}
    return found


async def _step(moving: Moving, kind: str, cli: str, *, known: bool) -> Step:
    name = moving.called(cli, f"({kind})")
    if known:
        return Step(kind=KIND, name=name, verdict=Verdict.HERE)
    try:
        moving.services.apps.check_cli(kind, cli)
    except DomainError as exc:
        return Step(kind=KIND, name=name, verdict=Verdict.CANNOT, notes=(str(exc),))
    owner = await moving.services.numbers.anywhere(cli)
    if owner is not None and (moving.account is None or owner.account_id != moving.account.id):
        return Step(kind=KIND, name=name, verdict=Verdict.CANNOT, notes=("another account here has this number",))
    return Step(kind=KIND, name=name, verdict=Verdict.NEW, do=partial(_bring, moving, kind, cli))


async def _bring(moving: Moving, kind: str, cli: str, progress: Progress) -> None:
    await moving.services.apps.authorize_cli(moving.here.id, kind, cli)
