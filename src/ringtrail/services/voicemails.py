"""Voicemails that go by e-mail: who is told of one, in the transaction that makes it ready to be heard.

What the app says at that moment goes with the event, so that every try sends the same mail. How it is worded: mail.voicemail.
"""

from __future__ import annotations

import dataclasses

from ringtrail.model.app import VoicemailMail, voicemail_mail
from ringtrail.model.call import RecordingKind, RecordingRecord
from ringtrail.model.events import Event, EventType
from ringtrail.ports.clock import Clock
from ringtrail.services.webhooks import Webhooks
from ringtrail.storage.apps import app_by_hash
from ringtrail.storage.database import Connection


class Voicemails:
    def __init__(self, webhooks: Webhooks, clock: Clock) -> None:
        self._webhooks = webhooks
        self._clock = clock

    async def mails(self, connection: Connection, recording: RecordingRecord) -> list[Event]:
        """One event for each address of the app of the recording's call, none for a recording that is no voicemail.

        If there is one, the transaction holds the account's counters afterwards.
        """
        mail = await _mail(connection, recording)
        if not mail.addresses:
            return []
        how = dataclasses.asdict(mail)
        del how["addresses"]
        return [
            Event(
                account_id=recording.account_id, type=EventType.VOICEMAIL_LEFT, property_id=recording.property_id,
                about=recording.call_id, at=self._clock.now(), detail={"hash": recording.hash, **how},
                endpoint_hash=endpoint.hash,
            )
            for endpoint in await self._webhooks.mailboxes(connection, recording.account_id, mail.addresses)
        ]  # fmt: skip


async def _mail(connection: Connection, recording: RecordingRecord) -> VoicemailMail:
    if recording.kind != RecordingKind.VOICEMAIL or recording.app_hash is None:
        return VoicemailMail()
    app = await app_by_hash(connection, recording.account_id, recording.app_hash)
    return voicemail_mail(app.params) if app else VoicemailMail()
