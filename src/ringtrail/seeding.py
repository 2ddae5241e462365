"""The demo account: what a first `ringtrail up` puts into an empty database, and the file that tells about it."""

from __future__ import annotations

import array
import json
import math
import os
import secrets
import shutil
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from ringtrail.config import Settings
from ringtrail.engines.asterisk.install import find
from ringtrail.model.account import Account, Property
from ringtrail.model.app import PACKAGE_CALL_TRACKING
from ringtrail.model.attribution import StaticAttribution
from ringtrail.ports.clock import Clock
from ringtrail.services import Services
from ringtrail.voice.phone_in import ASK_AGAIN, ASK_CODE, SAY_IT, THANKS

RINGTONE, WELCOME, WHISPER, VOICEMAIL_INTRO, BRIDGE = 3, 84, 131, 132, 134

# (media id, name, category, sound of Asterisk's English set, pitch in Hz of the tone that stands in for it)
_MEDIA = (
    (RINGTONE, "Ringtone", "RINGTONE", None, 523),
    (WELCOME, "Welcome", "WELCOME", "pls-hold-while-try", 659),
    (WHISPER, "You have a caller", "WHISPER", "priv-callpending", 784),
    (VOICEMAIL_INTRO, "Leave a message", "VOICEMAIL", "vm-intro", 587),
    (BRIDGE, "Connecting", "MISC", "ascending-2tone", 880),
)


# What somebody hears who records a medium by phone. They are in no list of media, and so have neither name nor category.
_PROMPTS = (
    (ASK_CODE, None, None, "agent-pass", 494),
    (ASK_AGAIN, None, None, "auth-incorrect", 330),
    (SAY_IT, None, None, "vm-intro", 587),
    (THANKS, None, None, "auth-thankyou", 740),
)

SMS_NUMBER = "+33639980100"
FOR_SALE = ("+33199001101", "+33199001102")


@dataclass(frozen=True, slots=True)
class DemoNumber:
    """A tracking number of the demo account. 33-6-39-98 and 33-1-99-00 are France's ranges for fiction."""

    number: str
    name: str
    targets: tuple[tuple[str, int], ...]  # (number, ring timeout in seconds)
    what: str
    attribution: StaticAttribution
    params: dict[str, Any]


def demo_numbers() -> tuple[DemoNumber, ...]:
    shop = ("+33199000010", 20)
    prompts = {"welcome": WELCOME, "ringtone": 0, "whisper": WHISPER, "bridge": 0}
    return (
        DemoNumber(
            "+33199001001", "Search ads", (shop,), "rings the shop, records",
            StaticAttribution(source="Google Ads", medium="cpc", campaign="spring", content="headline-a"),
            _params((shop,), record=True),
        ),
        DemoNumber(
            "+33199001002", "Leaflet", (shop, ("+33199000011", 20)), "welcome prompt, whisper, two targets, records",
            StaticAttribution(source="Leaflet", medium="print", campaign="spring", offline_description="Leaflet spring"),
            _params((shop, ("+33199000011", 20)), record=True, medias=prompts),
        ),
        DemoNumber(
            "+33199001003", "Radio", (("+33199000012", 5),), "nobody answers: voicemail",
            StaticAttribution(source="Radio", medium="audio", campaign="drive-time"),
            _params((("+33199000012", 5),), voicemail=True),
        ),
    )  # fmt: skip


def _params(
    targets: tuple[tuple[str, int], ...],
    *,
    record: bool = False,
    voicemail: bool = False,
    medias: dict[str, int] | None = None,
) -> dict[str, Any]:
    """A complete CALLTRACKING10 object."""
    spoken = {"locale": "en_US", "ner": True, "pii": True, "sentiment": True, "transcription": False}
    return {
        "ga": {"ua": ""},
        "medias": medias or {"bridge": 0, "ringtone": 0, "welcome": 0, "whisper": 0},
        "options": {"feeds": "both", "record_calls": record, **spoken},
        "targets": [{"number": number, "timeout": timeout} for number, timeout in targets],
        "vms": {
            "active": voicemail, "email_template": None, "emails": [], "file_format": "mp3", "file_name": "{DATETIME}",
            "intro": VOICEMAIL_INTRO, "record": True, "timeout": 60, "timezone": "Europe/Paris", **spoken,
        },
    }  # fmt: skip


async def seed(services: Services, settings: Settings, clock: Clock) -> dict[str, Any]:
    """Make the demo account in an empty database and describe it in `demo.json`; later only read that file."""
    path = settings.data / "demo.json"
    await services.numbers.add_built_in_media([(id_, name, category, str(id_)) for id_, name, category, _, _ in _MEDIA])
    make_media(settings)
    if await services.accounts.first() is not None:
        known = json.loads(path.read_text()) if path.exists() else {}
        if known:
            _write_private(path, json.dumps(known | _places(settings), indent=2))
        return dict(known)
    account = await services.accounts.create(
        name="Demo Bakery",
        timezone="Europe/Paris",
        country="FR",
        currency="EUR",
        outbound_prefixes=("+33199000", "+3363998"),
    )
    site = await services.accounts.add_property(account.id, "www.demo-bakery.example", timezone=account.timezone)
    await _add_numbers(services, account, site, clock)
    description = _describe(settings, account, await _add_credentials(services, account, site))
    _write_private(path, json.dumps(description, indent=2))
    return description


async def _add_numbers(services: Services, account: Account, site: Property, clock: Clock) -> None:
    for item in demo_numbers():
        app = await services.apps.create(account.id, PACKAGE_CALL_TRACKING, item.name, item.params)
        await services.numbers.add(
            account_id=account.id, property_id=site.id, number_e164=item.number, friendly_name=item.name,
            app_hash=app.hash, attribution=item.attribution,
        )  # fmt: skip
    ended = clock.now() - timedelta(days=1)
    for number, name, expires_at, capabilities in (
        ("+33199001004", "Unassigned", None, ("voice",)),
        ("+33199001005", "Expired", ended, ("voice",)),
        (SMS_NUMBER, "Text messages", None, ("voice", "sms")),
    ):
        await services.numbers.add(
            account_id=account.id, property_id=site.id, number_e164=number, friendly_name=name, expires_at=expires_at,
            capabilities=capabilities,
        )  # fmt: skip
    await services.stock.add(list(FOR_SALE))


async def _add_credentials(services: Services, account: Account, site: Property) -> dict[str, dict[str, str]]:
    def new() -> str:
        return secrets.token_hex(16)

    keys = {
        "optico": {"api_key": f"d4t4_{new()}"},
        "invox": {"token": new()},
        "agendize": {"apiKey": new(), "token": new()},
        "fonedynamics": {"AccountSid": account.sid, "token": new()},
        "callr": {"login": "demo", "password": new()},
        "native": {"token": f"rt_{new()}"},
        "dashboard": {"login": "demo", "password": new()[:12]},
    }
    add = services.accounts.add_token
    await add(account.id, "optico", keys["optico"]["api_key"], property_id=site.id, label="demo")
    await add(account.id, "invox", keys["invox"]["token"], label="demo")
    await add(account.id, "agendize", "\n".join(keys["agendize"].values()), label="demo")
    await add(account.id, "fonedynamics", "\n".join(keys["fonedynamics"].values()), label="demo")
    await add(account.id, "native", keys["native"]["token"], label="demo")
    for dialect in ("callr", "dashboard"):
        await services.accounts.add_password(account.id, dialect, **keys[dialect], label="demo")
    return keys


def _describe(settings: Settings, account: Account, keys: dict[str, dict[str, str]]) -> dict[str, Any]:
    return {
        **_places(settings),
        "caller": "+33639980001",
        "sms_number": SMS_NUMBER,
        "account": {"sid": account.sid, "name": account.name},
        "numbers": [
            {"number": item.number, "name": item.name, "target": item.targets[0][0], "what": item.what}
            for item in demo_numbers()
        ],
        "credentials": keys,
    }


def _places(settings: Settings) -> dict[str, Any]:
    """What of the description follows the settings, and may differ from run to run."""
    return {
        "base_url": settings.base_url,
        "sip": {"host": settings.sip_host, "port": settings.sip_port},
        "trunk_peer": settings.trunk_peer,
        "recordings_dir": str(settings.recordings_dir),
    }


def make_media(settings: Settings) -> None:
    """Put the built-in sounds into the media folder: speech from Asterisk's own set, or tones where there is none."""
    settings.media_dir.mkdir(parents=True, exist_ok=True)
    install = find(Path(settings.cache_dir))
    for id_, _, _, sound, pitch_hz in (*_MEDIA, *_PROMPTS):
        path = settings.media_dir / f"{id_}.wav"
        spoken = Path(install.sounds_dir) / f"{sound}.wav" if install and sound else None
        if path.exists():
            continue
        if spoken is not None and spoken.is_file():
            shutil.copyfile(spoken, path)
        else:
            write_tone(path, pitch_hz)


def write_tone(path: Path, pitch_hz: int, *, seconds: float = 2.0, rate: int = 8000) -> None:
    """Two soft notes and a rest, 16-bit mono: a sound that can be told from another."""
    samples = array.array("h", (int(value * 9000) for value in _notes(pitch_hz, seconds, rate)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def _notes(pitch_hz: int, seconds: float, rate: int) -> Iterator[float]:
    for n in range(int(seconds * rate)):
        t = n / rate
        first, fades = t < seconds / 3, math.exp(-4 * (t % (seconds / 3)))
        yield (
            math.sin(2 * math.pi * (pitch_hz if first else pitch_hz * 1.5) * t) * fades if t < seconds * 2 / 3 else 0.0
        )


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
