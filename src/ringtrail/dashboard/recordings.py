"""A recording's page and its sound, behind the login."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from ringtrail.dashboard.calls import viewer_of
from ringtrail.dashboard.site import AnyRequest, Site
from ringtrail.dashboard.words import clock_text
from ringtrail.httpkit.files import file_response
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.call import CallRecord, RecordingRecord
from ringtrail.model.errors import DomainError, ErrorCode

PARTS = {"caller": "Caller's side", "target": "Target's side"}


@get("/recordings/{hash_:str}")
async def recording_page(
    hash_: FromPath[str], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str]:
    recording, call = await _find(site, principal, hash_)
    viewer = await viewer_of(site, principal)
    length = clock_text(round(recording.duration_ms / 1000)) if recording.duration_ms is not None else None
    parts = [(name, title) for name, title in PARTS.items() if _file(site, recording, name)]
    return site.page(
        "recording.html", account=principal.account, login=principal.login, recording=recording, row=viewer.row(call),
        length=length, parts=parts, there=_file(site, recording, "") is not None,
    )  # fmt: skip


@get([f"/recordings/{{hash_:str}}/audio{extension}" for extension in ("", ".mp3", ".wav")])
async def audio(
    request: AnyRequest, hash_: FromPath[str], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[Any]:
    """Without an extension MP3 where there is one, else WAV. The first listening is noted."""
    part = parse_query(request.scope["query_string"]).get("part", [""])[0]
    if part and part not in PARTS:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, field="part")
    recording, _ = await _find(site, principal, hash_)
    _, _, extension = request.url.path.rpartition("/audio")
    path = _file(site, recording, part, (extension[1:],) if extension else ("mp3", "wav"))
    if path is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    await site.services.recordings.mark_read(recording)
    name = "-".join(filter(None, (recording.hash, part))) + path.suffix
    return file_response(path, request.headers.get("range"), download_name=name)


HANDLERS = (recording_page, audio)


async def _find(site: Site, principal: Principal, hash_: str) -> tuple[RecordingRecord, CallRecord]:
    """The recording and its call. DomainError NOT_FOUND if they are not this principal's."""
    sound = hash_.isascii() and hash_.isalnum()  # the database refuses some of what a path can hold
    recording = await site.services.recordings.by_hash(principal.account.id, hash_) if sound else None
    call = await site.services.calls.by_id(principal.account.id, recording.call_id) if recording else None
    if recording is None or call is None or (principal.property and principal.property.id != call.property_id):
        raise DomainError(ErrorCode.NOT_FOUND)
    return recording, call


def _file(site: Site, recording: RecordingRecord, part: str, formats: tuple[str, ...] = ("mp3", "wav")) -> Any:
    """The first of the formats that is there, once the recording is finished."""
    if recording.status in ("recording", "processing"):
        return None
    files = (site.services.recordings.file(recording, name, part) for name in formats)
    return next((path for path in files if path is not None), None)
