"""Numbers. They come into the account as its own, whoever carries them: calls come here once their carrier sends them.

[inferred]: a number that the vendor lists among those that may send messages can do so here, if its carrier lets it; one of
type SMS-ONLY takes no calls. What it cost there is not charged here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from ringtrail.dialects.callr.migration.plan import Do, Hash, Moving, Progress, Step, Verdict, unreadable
from ringtrail.dialects.callr.migration.remote import RemoteError, RemoteRefusedError
from ringtrail.dialects.callr.vocabulary import DID_CLASSES, DID_TYPES, datetime_of
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import DID
from ringtrail.services.numbers import is_e164

KIND = "dids"
_SMS_ONLY = "SMS-ONLY"
_LONGEST_LABEL = 255


class OldDid(msgspec.Struct):
    """DID, what is needed of it. app: its hash, or an object that has it."""

    hash: Hash
    intl_number: str
    class_: str = msgspec.field(name="class", default="")
    type: str = ""
    app: Any = None
    assigned_at: str | None = None

    def __post_init__(self) -> None:
        if not is_e164(self.intl_number):
            raise ValueError("intl_number is not in E.164")

    @property
    def app_hash(self) -> str | None:
        app = self.app.get("hash") if isinstance(self.app, dict) else self.app
        return app if isinstance(app, str) and app else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A number as it is to be here. label: for people. sends: messages."""

    moving: Moving
    old: OldDid
    label: str
    sends: bool

    @property
    def capabilities(self) -> tuple[str, ...]:
        if self.old.type == _SMS_ONLY:
            return ("sms",)
        return ("voice", "sms") if self.sends else ("voice",)


async def steps(moving: Moving) -> AsyncIterator[Step]:
    labels, sending = await _clis(moving, "CALL"), await _clis(moving, "SMS")
    async for page in moving.remote.pages("did.search"):
        for item in page:
            try:
                old = msgspec.convert(item, OldDid)
            except msgspec.ValidationError as exc:
                yield unreadable(moving, KIND, item, exc)
                continue
            number = old.intl_number
            wanted = _Wanted(moving=moving, old=old, label=labels.get(number, ""), sends=number in sending)
            yield _step(wanted, await moving.services.numbers.anywhere(number))


async def _clis(moving: Moving, kind: str) -> dict[str, str]:
    """{number: label} of those that may call or send messages, as far as the old account tells."""
    try:
        found = await moving.remote.call("apps.get_authorized_clis", kind)
    except RemoteRefusedError:
        raise
    except RemoteError:
        return {}
    items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    return {str(item.get("cli")): str(item.get("label") or "")[:_LONGEST_LABEL] for item in items}


def _step(wanted: _Wanted, here: DID | None) -> Step:
    verdict, note, do = _verdict(wanted, here)
    name = wanted.moving.called(wanted.old.hash, wanted.old.intl_number)
    return Step(kind=KIND, name=name, verdict=verdict, notes=(note,) if note else (), do=do)


def _verdict(wanted: _Wanted, here: DID | None) -> tuple[Verdict, str, Do | None]:
    old, account = wanted.old, wanted.moving.account
    if here is None:
        return Verdict.NEW, "", partial(_bring, wanted)
    if account is None or here.account_id != account.id:
        return Verdict.CANNOT, "another account here has this number", None
    if old.app_hash == here.app_hash:
        return (Verdict.HERE, "", None) if old.hash == here.hash else (Verdict.DIFFERS, f"it is {here.hash} here", None)
    assign = partial(_assign, wanted, here)
    if here.app_hash is None:
        return Verdict.NEW, "it is here, and still to be assigned", assign
    return Verdict.DIFFERS, f"{here.app_hash} answers it here", assign if wanted.moving.wishes.update else None


async def _bring(wanted: _Wanted, progress: Progress) -> None:
    old, services, account = wanted.old, wanted.moving.services, wanted.moving.here
    properties = await services.accounts.properties(account.id)
    if not properties:
        raise DomainError(ErrorCode.MISSING, "property", "the account has no property yet")
    await services.numbers.add(
        account_id=account.id, property_id=properties[0].id, number_e164=old.intl_number, hash_=old.hash,
        friendly_name=wanted.label or None,
        line_type=old.type if old.type in DID_TYPES else None, class_=old.class_ if old.class_ in DID_CLASSES else "CLASSIC",
        app_hash=await _app_here(wanted, progress), capabilities=wanted.capabilities,
        assigned_at=datetime_of(old.assigned_at) if old.assigned_at else None,
    )  # fmt: skip


async def _assign(wanted: _Wanted, here: DID, progress: Progress) -> None:
    app_hash = await _app_here(wanted, progress)
    if app_hash or wanted.old.app_hash is None:
        await wanted.moving.services.numbers.assign(here.account_id, here.hash, app_hash)


async def _app_here(wanted: _Wanted, progress: Progress) -> str | None:
    """The app that answers it, if that is here by now."""
    app_hash = wanted.old.app_hash
    if app_hash and not await wanted.moving.services.apps.by_hashes(wanted.moving.here.id, [app_hash]):
        progress.note(f"its app {app_hash[:32]} is not here: nobody answers it")
        return None
    return app_hash
