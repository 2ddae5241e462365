"""A day of calls as a shop might have them."""

from __future__ import annotations

import math
import struct
import wave
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Call, Recording, RecordingKind
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.number import DID
from ringtrail.services.numbers import facts_of
from tests.fixtures import World

_ADS = StaticAttribution(source="Google Ads", medium="cpc", campaign="spring sale")
_MAIL = StaticAttribution(source="Newsletter", medium="email", campaign="april")
_LEAF = StaticAttribution(source="Leaflet", medium="print", campaign="market stall")
_MAPS = StaticAttribution(source="Google Maps", medium="organic")
_NONE = StaticAttribution()

# minutes ago, caller, name, attribution, disposition, ring s, talk s, recorded
_ENDED = (
    (4, "+33612345678", "Camille Laurent", _ADS, Disposition.ANSWERED, 8, 199, True),
    (11, "+33145670912", None, _MAPS, Disposition.NO_ANSWER, 30, 0, False),
    (26, "+33698112233", "Jean Moreau", _MAIL, Disposition.VOICEMAIL, 25, 0, True),
    (41, None, None, _NONE, Disposition.ABANDONED, 6, 0, False),
    (58, "+447400123456", "Harriet Cole", _ADS, Disposition.ANSWERED, 5, 412, True),
    (83, "+33755667788", None, _LEAF, Disposition.BUSY, 2, 0, False),
    (131, "+33478451200", "Garage du Rhône", _ADS, Disposition.ANSWERED, 12, 67, True),
    (171, "+33612908877", "Nadia Benali", _LEAF, Disposition.ANSWERED, 9, 1_284, True),
    (1_320, "+33612345678", "Camille Laurent", _ADS, Disposition.ANSWERED, 7, 93, True),
    (1_402, "+33388120045", None, _MAPS, Disposition.REJECTED, 4, 0, False),
    (1_477, "+33630405060", "Paul Girard", _MAIL, Disposition.ANSWERED, 14, 154, True),
)  # fmt: skip
_LIVE = (
    (7, "+33699887766", "Sophie Petit", _ADS, State.RINGING),
    (142, "+33144556677", "Cabinet Durand", _MAPS, State.BRIDGED),
)


_LINES = (
    (_ADS, "Search ads"),
    (_MAIL, "Newsletter"),
    (_LEAF, "Leaflet"),
    (_MAPS, "Map listing"),
    (_NONE, "Front desk"),
)


async def _line(world: World, position: int, line: tuple[StaticAttribution, str]) -> DID:
    """A tracking number of the account, one a source."""
    attribution, name = line
    return await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164=f"+3397011{world.account.id:02d}{position:02d}",
        friendly_name=name, app_hash=world.app.hash, attribution=attribution,
    )  # fmt: skip


async def save_day(world: World, folder: Path, now: datetime | None = None) -> list[Call]:
    """Ended and live calls with recordings that can be heard, relative to `now`."""
    now = now or datetime.now(UTC)
    lines = [await _line(world, *line) for line in enumerate(_LINES)]
    worlds = {did.attribution: replace(world, did=did) for did in lines}
    calls = [_ended(worlds[row[3]], now - timedelta(minutes=row[0]), *row[1:]) for row in reversed(_ENDED)]
    calls += [_live(worlds[row[3]], now - timedelta(seconds=row[0]), *row[1:]) for row in reversed(_LIVE)]
    for call in calls:
        for recording in call.recordings:
            write_tone(folder / f"{recording.path}.wav")
        await world.save(call)
    return calls


def write_tone(path: Path, seconds: float = 2) -> None:
    frames = (int(9_000 * math.sin(2 * math.pi * 440 * n / 8_000)) for n in range(int(seconds * 8_000)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(b"".join(struct.pack("<h", frame) for frame in frames))


def _caller(number: str | None, name: str | None) -> dict[str, object]:
    facts = facts_of(number)
    return {
        "caller_number_e164": number, "caller_name": name, "caller_withheld": number is None,
        "caller_country": facts.country, "caller_line_type": facts.line_type, "caller_region": facts.region,
    }  # fmt: skip


def _ended(
    world: World, start: datetime, number: str | None, name: str | None, attribution: StaticAttribution,
    disposition: Disposition, ring_s: int, talk_s: int, recorded: bool,
) -> Call:  # fmt: skip
    answered = start + timedelta(seconds=ring_s) if disposition is Disposition.ANSWERED else None
    ended = start + timedelta(seconds=ring_s + talk_s)
    call = world.golden(
        started_at=start, answered_at=answered, bridged_at=answered, ended_at=ended, disposition=disposition,
        stage=Stage.BRIDGED if answered else Stage.RINGING, attribution=attribution, **_caller(number, name),
    )  # fmt: skip
    kind = RecordingKind.CALL if answered else RecordingKind.VOICEMAIL
    recording = Recording(
        hash=f"R{call.id % 10_000_000:07d}", call_id=call.id, kind=kind, path=str(call.id), started_at=start,
        status="ready", duration_ms=talk_s * 1000 or 14_000,
    )  # fmt: skip
    return replace(call, recordings=(recording,) if recorded else ())


def _live(world: World, start: datetime, number: str, name: str, attribution: StaticAttribution, state: State) -> Call:
    answered = start + timedelta(seconds=9) if state is State.BRIDGED else None
    return world.golden(
        started_at=start, answered_at=answered, bridged_at=answered, ended_at=None, state=state, stage=Stage.RINGING,
        disposition=Disposition.IN_PROGRESS, hangup_by=None, hangup_cause=None, attribution=attribution,
        **_caller(number, name),
    )  # fmt: skip
