"""Service `sms`: sending messages, and looking them up.

[inferred]: `sms.search` by name; a message to be sent belongs to the property of its sending number, one with a name to the
account's first property that may send, one with an empty `from` to the first number that can; a name needs no approval;
tabs are dropped and nothing else; `%STOPNUM%` is replaced in every text, whatever its nature: by the sending number, or for a
name by the account's first number that can, where answers come in; without one it is PROPERTY_VALUE_ERROR [body];
`sms.get_count_for_body` is a number; `sms.get_gsm_charset_mapping` is a dictionary of character and replacement; lists are by
creation, oldest first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ringtrail.dialects.callr import webhook_options
from ringtrail.dialects.callr.errors import SERVER_ERROR, RpcError
from ringtrail.dialects.callr.parameters import (
    Asking,
    Properties,
    Slice,
    bad_format,
    bad_value,
    plain_object,
    wrong_type,
)
from ringtrail.dialects.callr.responses import SearchResults, search_results
from ringtrail.dialects.callr.sms_object import (
    ENCODINGS,
    NATURES,
    OUR_REFUSALS,
    SMS_TYPES,
    STATUSES,
    Sms,
    message_hash,
    message_id_of_hash,
    sms_object,
)
from ringtrail.dialects.callr.sms_text import GSM_CONVERSIONS, as_gsm
from ringtrail.dialects.callr.webhook_options import DynamicWebhook
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.message import FLASH, SENDER_NAME, Encoding, Message, encoding_of, parts_of
from ringtrail.model.money import BillingMode
from ringtrail.model.number import DID
from ringtrail.model.query import MessageQuery
from ringtrail.model.webhook import Endpoint
from ringtrail.services.messages import NewMessage
from ringtrail.services.numbers import is_e164, to_e164

ORDER = "date_creation"
MAX_MESSAGES = 50_000
STOP_NUMBER = "%STOPNUM%"
_NO_MESSAGE = 0  # an id that none has
_USER_DATA = re.compile(r"[A-Za-z0-9]{0,32}")
_OPTIONS = ("flash_message", "force_encoding", "nature", "user_data", "webhook")
_FILTERS = (
    "created_at_from", "created_at_to", "from", "hash", "nature", "status", "text", "to", "type", "user_data",
)  # fmt: skip
_FIELDS = {"recipient": "to", "sender": "from", "body": "body"}


class Sender(NamedTuple):
    property_id: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """SMS.Options."""

    flash_message: bool = False
    force_encoding: str | None = None
    nature: str | None = None
    user_data: str | None = None
    webhook: DynamicWebhook | None = None


# --- parameters -----------------------------------------------------------------------------------------------------


async def sender(asking: Asking, path: str, value: Any) -> Sender:
    """Empty: a number is chosen."""
    if not isinstance(value, str):
        raise wrong_type(path)
    properties = await asking.services.accounts.properties(asking.account.id)
    may_send = [item.id for item in properties if item.active and item.sms_enabled]
    if SENDER_NAME.fullmatch(value) and may_send:
        return Sender(min(may_send), value)
    for did in await _numbers_to_send_from(asking, value):
        if did.property_id in may_send and "sms" in did.capabilities:
            return Sender(did.property_id, did.number_e164)
    raise bad_value(path)


async def _numbers_to_send_from(asking: Asking, value: str) -> list[DID]:
    numbers = asking.services.numbers
    if not value:
        return (await numbers.find(asking.account.id, capabilities=("sms",)))[0]
    number = to_e164(value, asking.account.country)
    found = await numbers.by_number(asking.account.id, number) if number else None
    return [found] if found else []


async def recipient(asking: Asking, path: str, value: Any) -> str:
    """A number in any form that the account's country can read."""
    if not isinstance(value, str):
        raise wrong_type(path)
    number = to_e164(value, asking.account.country)
    if number is None or not is_e164(number):
        raise bad_value(path)
    return number


async def body(asking: Asking, path: str, value: Any) -> str:
    """The text."""
    if not isinstance(value, str) or not value.replace("\t", "") or "\0" in value:
        raise bad_format(path)
    text = value.replace("\t", "")
    return text.replace(STOP_NUMBER, await _stop_number(asking, path)) if STOP_NUMBER in text else text


async def _stop_number(asking: Asking, path: str) -> str:
    """Where whoever gets the text can say that there should be no more."""
    given: Sender | None = asking.checked.get("from")
    if given is not None and not SENDER_NAME.fullmatch(given.text):
        return given.text
    return (await sender(asking, path, "")).text


async def options(asking: Asking, path: str, value: Any) -> Options:
    """SMS.Options."""
    given = Properties(path, await plain_object(asking, path, value), _OPTIONS)
    flash = given.flag("flash_message")
    encoding, nature = given.word("force_encoding", ENCODINGS), given.word("nature", NATURES)
    webhook = given.get("webhook")
    return Options(
        flash_message=bool(flash),
        force_encoding=encoding,
        nature=nature,
        user_data=_user_data(given),
        webhook=None if webhook is None else await _webhook(asking, given, webhook),
    )


def _user_data(given: Properties) -> str | None:
    text = given.text("user_data")
    if text is not None and not _USER_DATA.fullmatch(text):
        raise bad_value(given.path("user_data"))
    return text or None


async def _webhook(asking: Asking, given: Properties, value: Any) -> DynamicWebhook:
    if not isinstance(value, dict):
        raise wrong_type(given.path("webhook"))
    return await webhook_options.dynamic(asking, given.path("webhook"), value)


async def message(asking: Asking, path: str, value: Any) -> Message:
    """The hash of a message."""
    if not isinstance(value, str):
        raise bad_format(path)
    id_ = message_id_of_hash(value)
    found = None if id_ is None else await asking.services.messages.by_id(asking.account.id, id_)
    if found is None:
        raise bad_value(path)
    return found


async def filters(asking: Asking, path: str, value: Any) -> MessageQuery:
    """SMS.SearchFilters."""
    given = Properties(path, await plain_object(asking, path, value), _FILTERS)
    from_at, to_at = given.range("created_at_from", "created_at_to")
    hash_, status = given.hash("hash"), given.word("status", STATUSES)
    type_, nature = given.word("type", SMS_TYPES), given.word("nature", NATURES)
    meaning = STATUSES[status] if status else None
    no_message = meaning is not None and not meaning.statuses
    return MessageQuery(
        account_id=asking.account.id,
        ids=(_NO_MESSAGE,) if no_message else () if hash_ is None else (message_id_of_hash(hash_) or _NO_MESSAGE,),
        from_at=from_at,
        to_at=to_at,
        direction=SMS_TYPES[type_] if type_ else None,
        statuses=meaning.statuses if meaning else (),
        senders=_numbers(given, "from", asking.account.country),
        recipients=_numbers(given, "to", asking.account.country),
        hidden_senders_of=tuple(await asking.masking()),
        body_contains=_storable(given.text("text")),
        external_id=_storable(given.text("user_data")),
        settings={"nature": nature} if nature else {},
        error_codes=OUR_REFUSALS if meaning and meaning.ours else (),
        other_error_codes_than=OUR_REFUSALS if meaning and meaning.ours is False else (),
    )


def _numbers(given: Properties, key: str, country: str) -> tuple[str, ...]:
    """As it stands (a name may send), and as a number."""
    text = _storable(given.text(key))
    return () if not text else tuple({text, to_e164(text, country) or text})


def _storable(text: str | None) -> str | None:
    """No text of ours holds a NUL."""
    return text.replace("\0", "\ufffd") if text else None


# --- methods --------------------------------------------------------------------------------------------------------


async def send(asking: Asking, sender: Sender, recipient: str, body: str, options: Options | None) -> str:
    said = options or Options()
    text, encoding = encoded(body, said)
    endpoint = await webhook_options.made(asking, said.webhook) if said.webhook else None
    wanted = NewMessage(
        property_id=sender.property_id,
        recipient=recipient,
        body=text,
        sender=sender.text,
        encoding=encoding,
        external_id=said.user_data,
        settings=_settings(said, endpoint),
        webhook_hash=endpoint.hash if endpoint else None,
    )
    try:
        sent = await asking.services.messages.send(asking.account, wanted)
    except DomainError as exc:
        raise DomainError(exc.code, _FIELDS.get(exc.field or ""), exc.detail) from exc
    return message_hash(sent.id)


def encoded(body: str, said: Options) -> tuple[str, Encoding]:
    """What is sent, and how. bad_value if the alphabet that was asked for cannot hold it."""
    text = as_gsm(body) if said.force_encoding == "GSM" else body
    if text is None:
        raise bad_value("options.force_encoding")
    return text, ENCODINGS.get(said.force_encoding or "") or encoding_of(text)


def _settings(said: Options, endpoint: Endpoint | None) -> dict[str, Any]:
    """What is kept with the message: what was said of it, as it is shown."""
    kept: dict[str, Any] = {
        FLASH: said.flash_message, "force_encoding": said.force_encoding, "nature": said.nature,
    }  # fmt: skip
    if endpoint is not None:
        options = msgspec.to_builtins(webhook_options.shown(endpoint.settings))
        kept["webhook"] = {"endpoint": endpoint.address, "options": options}
    return {key: value for key, value in kept.items() if value}


async def get(asking: Asking, message: Message) -> Sms:
    return sms_object(message, await asking.masking(), await _mode(asking))


async def _mode(asking: Asking) -> BillingMode:
    return (await asking.services.money.balance(asking.account.id)).mode


async def get_list(asking: Asking, type_: str, from_at: datetime, to_at: datetime) -> list[Sms]:
    """All messages of a direction that were created in the range."""
    query = MessageQuery(account_id=asking.account.id, direction=SMS_TYPES[type_], from_at=from_at, to_at=to_at)
    found, total = await _page(asking, query, Slice(0, MAX_MESSAGES))
    if total > len(found):
        message = f"RANGE_TOO_LARGE: {total} messages, at most {MAX_MESSAGES}, ask for less time or use sms.search"
        raise RpcError(ErrorCode.TOO_LARGE, rpc_code=SERVER_ERROR, message=message)
    return found


async def search(asking: Asking, query: MessageQuery | None, piece: Slice | None) -> SearchResults[Sms]:
    piece = piece or Slice()
    found, total = await _page(asking, query or MessageQuery(account_id=asking.account.id), piece)
    return search_results(found, offset=piece.offset, total=total)


async def _page(asking: Asking, query: MessageQuery, piece: Slice) -> tuple[list[Sms], int]:
    page, total = await asking.services.messages.page(query, offset=piece.offset, limit=piece.quantity, with_total=True)
    masking, mode = await asking.masking(), await _mode(asking)
    return [sms_object(item, masking, mode) for item in page], total or 0


async def get_count_for_body(asking: Asking, body: str) -> int:
    """How many messages a text is sent as."""
    return len(parts_of(body))


async def get_gsm_charset_mapping(asking: Asking) -> dict[str, str]:
    return GSM_CONVERSIONS
