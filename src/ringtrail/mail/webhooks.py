"""Events as e-mails: an endpoint of `services.webhooks` with dialect `mail`, address `mailto:` and one address.

A mail has the same Message-ID at each try: whoever got it twice sees it once.
"""

from __future__ import annotations

from ringtrail.mail import voicemail, wording
from ringtrail.mail.smtp import MESSAGE_ID, SUBJECT
from ringtrail.mail.wording import Letter, Reader
from ringtrail.model.call import CallRecord
from ringtrail.model.events import Event, EventType
from ringtrail.model.ids import hash_of_number
from ringtrail.model.webhook import Endpoint
from ringtrail.services import Services
from ringtrail.services.webhooks import Attempt, Render, WebhookRequest, singly

EVENT_TYPES = (EventType.ENDPOINT_DISABLED,)
"""What a mail endpoint is told unless it asks for more: what a person has to act upon."""


def renderer(services: Services, *, base_url: str, domain: str) -> Render:
    """domain: of the sender, for Message-IDs."""

    async def render(attempt: Attempt) -> WebhookRequest | None:
        event, endpoint = attempt.event, attempt.endpoint
        reader = await _reader(services, event.account_id, base_url)
        letter = await _letter(services, event, endpoint, reader)
        if letter is None:
            return None
        text = Letter("", [*letter.lines, "", *wording.signature(event, endpoint, reader)]).text
        headers = {
            SUBJECT: wording.subject(letter.subject), MESSAGE_ID: f"<{event.id}.{endpoint.hash}@{domain}>",
            "X-Ringtrail-Event-Id": str(event.id), "X-Ringtrail-Event-Type": event.type.value,
        }  # fmt: skip
        return WebhookRequest(
            method="MAIL", address=endpoint.address, headers=headers, body=text.encode(), attachments=letter.attachments
        )

    return singly(render)


async def _reader(services: Services, account_id: int, base_url: str) -> Reader:
    account = await services.accounts.by_id(account_id)
    properties = await services.accounts.properties(account_id)
    masking = frozenset(item.id for item in properties if item.masks_callers)
    return Reader(account=account, base_url=base_url, masking=masking)


async def _letter(services: Services, event: Event, endpoint: Endpoint, reader: Reader) -> Letter | None:
    """None: what it is about is gone, or was moved to a property that the endpoint is not told of."""
    match event.type:
        case EventType.CALL_STARTED | EventType.CALL_ENDED | EventType.CALL_CHANGED:
            record = await _call(services, event, endpoint)
            return wording.call(event, record, reader) if record else None
        case EventType.LEG_STARTED | EventType.LEG_ENDED:
            return await _leg(services, event, endpoint, reader)
        case EventType.RECORDING_CREATED | EventType.RECORDING_CHANGED:
            return await _recording(services, event, endpoint, reader)
        case EventType.VOICEMAIL_LEFT:
            return await _voicemail(services, event, endpoint, reader)
        case EventType.MESSAGE_RECEIVED | EventType.MESSAGE_CHANGED:
            message = await services.messages.by_id(event.account_id, event.about)
            return wording.message(message, reader) if message and _sees(endpoint, message.property_id) else None
        case EventType.NUMBER_ASSIGNED | EventType.NUMBER_RELEASED:
            return await _number(services, event, endpoint, reader)
        case EventType.ENDPOINT_DISABLED:
            now = await services.webhooks.by_hash(event.account_id, event.detail["hash"])
            return wording.endpoint_disabled(event, now, reader)
        case EventType.ENDPOINT_TEST:
            return wording.endpoint_test(event, endpoint, reader)
        case _:
            return wording.fact(event, reader)


async def _call(services: Services, event: Event, endpoint: Endpoint) -> CallRecord | None:
    record = await services.calls.by_id(event.account_id, event.about)
    return record if record and _sees(endpoint, record.property_id) else None


def _sees(endpoint: Endpoint, property_id: int) -> bool:
    return endpoint.property_id in (None, property_id)


async def _leg(services: Services, event: Event, endpoint: Endpoint, reader: Reader) -> Letter | None:
    record = await _call(services, event, endpoint)
    legs = await services.calls.legs(event.account_id, [event.about])
    found = next((one for one in legs if one.id == event.detail["leg_id"]), None)
    return wording.leg(record, found, reader) if record and found else None


async def _recording(services: Services, event: Event, endpoint: Endpoint, reader: Reader) -> Letter | None:
    record = await _call(services, event, endpoint)
    found = await services.recordings.by_hash(event.account_id, event.detail["hash"])
    return wording.recording(record, found, reader) if record and found else None


async def _voicemail(services: Services, event: Event, endpoint: Endpoint, reader: Reader) -> Letter | None:
    record = await _call(services, event, endpoint)
    found = await services.recordings.by_hash(event.account_id, event.detail["hash"])
    return await voicemail.letter(event, record, found, services.recordings, reader) if record and found else None


async def _number(services: Services, event: Event, endpoint: Endpoint, reader: Reader) -> Letter | None:
    if event.type is EventType.NUMBER_RELEASED:
        return wording.number(event, event.detail["number"], reader)
    did = await services.numbers.by_hash(event.account_id, hash_of_number(event.about))
    return wording.number(event, did.number_e164, reader) if did and _sees(endpoint, did.property_id) else None
