"""CALLTRACKING10 and what it shares with CLICKTOCALL10, with every default, range and format in one table.

[inferred]: all defaults except those that the object reference states (feeds, ner, pii, sentiment, transcription); the
formats of file name and Google Analytics id.
"""

from __future__ import annotations

import re

from ringtrail.dialects.callr.media_email import TEMPLATE
from ringtrail.dialects.callr.settings import (
    LOCALE,
    MEDIA,
    OFF,
    ON,
    TIMEZONE,
    TRANSCRIPTION,
    Property,
    Schema,
    emails,
    targets,
    text,
    whole,
)
from ringtrail.dialects.callr.vocabulary import FEEDS
from ringtrail.model.app import DEFAULT_VOICEMAIL_S, MAX_VOICEMAIL_S, MIN_VOICEMAIL_S, VOICEMAIL_FORMATS

_ANALYTICS_ID = re.compile(r"[A-Za-z0-9-]{0,32}")
_FILE_NAME = re.compile(r"([A-Za-z0-9 _.-]|\{CALLID\}|\{MEDIA_HASH\}|\{DATETIME\}){1,100}")

VMS: Schema = {
    "active": OFF,
    "email_template": Property(text((TEMPLATE,).__contains__), None, nullable=True),
    "emails": Property(emails, lambda account: []),
    "file_format": Property(text(VOICEMAIL_FORMATS.__contains__), "mp3"),
    "file_name": Property(text(_FILE_NAME.fullmatch), "{DATETIME}"),
    "intro": MEDIA,
    "locale": LOCALE,
    "ner": ON,
    "pii": ON,
    "record": ON,
    "sentiment": ON,
    "timeout": Property(whole(MIN_VOICEMAIL_S, MAX_VOICEMAIL_S), DEFAULT_VOICEMAIL_S),
    "timezone": TIMEZONE,
    "transcription": TRANSCRIPTION,
}
"""App.Param.Vms."""

RECORDING: Schema = {
    "feeds": Property(text(FEEDS.__contains__), "both"),
    "locale": LOCALE,
    "ner": ON,
    "pii": ON,
    "record_calls": OFF,
    "sentiment": ON,
    "transcription": TRANSCRIPTION,
}

CALL_TRACKING: Schema = {
    "ga": {"ua": Property(text(_ANALYTICS_ID.fullmatch), None, nullable=True)},
    "medias": {"bridge": MEDIA, "ringtone": MEDIA, "welcome": MEDIA, "whisper": MEDIA},
    "options": RECORDING,
    "targets": Property(targets, lambda account: []),
    "vms": VMS,
}
