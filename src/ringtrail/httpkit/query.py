"""Query strings, read strictly: valid UTF-8, bounded, nothing guessed."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from ringtrail.model.errors import DomainError, ErrorCode

MAX_QUERY_BYTES = 16_384
MAX_PARAMETERS = 200


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """{name: values} in order of appearance. '+' is a space. DomainError UNREADABLE (not UTF-8) or TOO_LARGE."""
    if len(raw) > MAX_QUERY_BYTES:
        raise DomainError(ErrorCode.TOO_LARGE, detail=f"the query string has more than {MAX_QUERY_BYTES} bytes")
    parts = [part for part in raw.split(b"&") if part]
    if len(parts) > MAX_PARAMETERS:
        raise DomainError(ErrorCode.TOO_LARGE, detail=f"more than {MAX_PARAMETERS} parameters")
    found: dict[str, list[str]] = {}
    for part in parts:
        name, _, value = part.partition(b"=")
        found.setdefault(_text(name), []).append(_text(value))
    return found


def _text(raw: bytes) -> str:
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise DomainError(ErrorCode.UNREADABLE, detail="the query string is not UTF-8") from exc
    if "\0" in text:
        raise DomainError(ErrorCode.UNREADABLE, detail="the query string holds a NUL")
    return text


def plus_restored(number: str) -> str:
    """A phone number whose '+' was sent unencoded and decoded to a space: ' 33...' is '+33...'."""
    return "+" + number[1:] if number[:1] == " " and number[1:2].isdigit() else number
