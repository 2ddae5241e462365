"""A recording's page and its sound: behind the login, or for whoever has a link with a key to this one recording."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from ringtrail.dashboard.calls import viewer_of
from ringtrail.dashboard.login import principal_of
from ringtrail.dashboard.rows import Viewer
from ringtrail.dashboard.site import AnyRequest, Site
from ringtrail.dashboard.words import clock_text
from ringtrail.httpkit.files import file_response
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.call import CallRecord, RecordingRecord
from ringtrail.model.errors import DomainError, ErrorCode

_SHARED_HEADERS = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}
"""The address is the key: it is not told to other sites, nor kept by search engines."""

PARTS = {"caller": "Caller's side", "target": "Target's side"}


async def key_of(request: AnyRequest) -> str:
    """The key of a link that works without a login; empty: there is none."""
    return parse_query(request.scope["query_string"]).get("key", [""])[0]


async def principal_without_key(
    request: AnyRequest, site: NamedDependency[Site], key: NamedDependency[str]
) -> Principal | None:
    """Who is logged in; None with a key, which then decides alone."""
    return None if key else await principal_of(request, site)


_BY_KEY_OR_LOGIN = {"key": Provide(key_of), "principal": Provide(principal_without_key)}


@get("/recordings/{hash_:str}", dependencies=_BY_KEY_OR_LOGIN)
async def recording_page(
    hash_: FromPath[str],
    site: NamedDependency[Site],
    key: NamedDependency[str],
    principal: NamedDependency[Principal | None],
) -> Response[str]:
    if principal is None:
        return await _shared_page(site, hash_, key)
    recording, call = await _find(site, principal, hash_)
    viewer = await viewer_of(site, principal)
    parts = [(name, title) for name, title in PARTS.items() if _file(site, recording, name)]
    return site.page(
        "recording.html", account=principal.account, login=principal.login, recording=recording, row=viewer.row(call),
        length=_length(recording), parts=parts, there=_file(site, recording, "") is not None,
    )  # fmt: skip


async def _shared_page(site: Site, hash_: str, key: str) -> Response[str]:
    """The sound, and of the call only when it was and which number was dialled."""
    recording, call = await _find_shared(site, hash_, key)
    viewer = Viewer(await site.services.accounts.by_id(call.account_id), frozenset(), site.now())
    page = site.page(
        "shared.html", recording=recording, row=viewer.row(call), length=_length(recording), key=key,
        there=_file(site, recording, "") is not None,
    )  # fmt: skip
    page.headers.update(_SHARED_HEADERS)
    return page


@get(
    [f"/recordings/{{hash_:str}}/audio{extension}" for extension in ("", ".mp3", ".wav")],
    dependencies=_BY_KEY_OR_LOGIN,
)
async def audio(
    request: AnyRequest,
    hash_: FromPath[str],
    site: NamedDependency[Site],
    key: NamedDependency[str],
    principal: NamedDependency[Principal | None],
) -> Response[Any]:
    """Without an extension MP3 where there is one, else WAV. The first listening is noted."""
    part = parse_query(request.scope["query_string"]).get("part", [""])[0]
    if part and part not in PARTS:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, field="part")
    found = _find(site, principal, hash_) if principal else _find_shared(site, hash_, key)
    recording, _ = await found
    _, _, extension = request.url.path.rpartition("/audio")
    path = _file(site, recording, part, (extension[1:],) if extension else ("mp3", "wav"))
    if path is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    await site.services.recordings.mark_read(recording)
    name = "-".join(filter(None, (recording.hash, part))) + path.suffix
    response = file_response(path, request.headers.get("range"), download_name=name)
    if principal is None:
        response.headers.update(_SHARED_HEADERS)
    return response


HANDLERS = (recording_page, audio)


async def _find(site: Site, principal: Principal, hash_: str) -> tuple[RecordingRecord, CallRecord]:
    """The recording and its call. DomainError NOT_FOUND if they are not this principal's."""
    recording, call = await _of_account(site, principal.account.id, hash_)
    if principal.property and principal.property.id != call.property_id:
        raise DomainError(ErrorCode.NOT_FOUND)
    return recording, call


async def _find_shared(site: Site, hash_: str, key: str) -> tuple[RecordingRecord, CallRecord]:
    """What the key opens. DomainError NOT_FOUND for a key that is not for this recording, GONE for one that has ended
    or while its account is disabled."""
    links = site.services.recording_links
    account_id = links.account_of(hash_, key)
    if account_id is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    recording, call = await _of_account(site, account_id, hash_)
    account = await site.services.accounts.by_id(account_id)
    if account.disabled or links.expired(recording.started_at):
        raise DomainError(ErrorCode.GONE)
    return recording, call


async def _of_account(site: Site, account_id: int, hash_: str) -> tuple[RecordingRecord, CallRecord]:
    sound = hash_.isascii() and hash_.isalnum()  # the database refuses some of what a path can hold
    recording = await site.services.recordings.by_hash(account_id, hash_) if sound else None
    call = await site.services.calls.by_id(account_id, recording.call_id) if recording else None
    if recording is None or call is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    return recording, call


def _length(recording: RecordingRecord) -> str | None:
    return clock_text(round(recording.duration_ms / 1000)) if recording.duration_ms is not None else None


def _file(site: Site, recording: RecordingRecord, part: str, formats: tuple[str, ...] = ("mp3", "wav")) -> Any:
    """The first of the formats that is there, once the recording is finished."""
    if recording.status in ("recording", "processing"):
        return None
    files = (site.services.recordings.file(recording, name, part) for name in formats)
    return next((path for path in files if path is not None), None)
