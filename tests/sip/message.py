"""SIP messages as text (RFC 3261 section 7): parsed, read and written. No I/O."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

Headers = tuple[tuple[str, str], ...]

_COMPACT = {
    "v": "Via",
    "f": "From",
    "t": "To",
    "i": "Call-ID",
    "m": "Contact",
    "l": "Content-Length",
    "c": "Content-Type",
}
_URI = re.compile(r"<?sips?:(?:([^@;>]*)@)?([^:;>\s]+)(?::(\d+))?", re.IGNORECASE)

REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 408: "Request Timeout", 410: "Gone",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 484: "Address Incomplete",
    486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 500: "Server Internal Error",
    503: "Service Unavailable", 600: "Busy Everywhere", 603: "Decline", 606: "Not Acceptable",
}  # fmt: skip


class MalformedError(ValueError):
    """Bytes that are not a SIP message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request or response. `start` is its first line, `headers` keep their order."""

    start: str
    headers: Headers
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        """First value of a header; empty when it is absent."""
        values = self.all(name)
        return values[0] if values else ""

    @property
    def status(self) -> int | None:
        """Status of a response, None for a request."""
        return int(self.start.split(" ", 2)[1]) if self.start.startswith("SIP/") else None

    @property
    def method(self) -> str:
        """The request's method; for a response, that of the request it answers."""
        return self.get("CSeq").split()[-1] if self.status else self.start.split(" ", 1)[0]

    @property
    def uri(self) -> str:
        """Request-URI."""
        return self.start.split(" ")[1]

    @property
    def number(self) -> str:
        """What was dialled: the user part of the Request-URI."""
        return user_of(self.uri)

    @property
    def caller(self) -> str:
        """User part of the From address."""
        return user_of(self.get("From"))

    @property
    def call_id(self) -> str:
        return self.get("Call-ID")

    @property
    def cseq(self) -> int:
        return int(self.get("CSeq").split()[0])

    @property
    def branch(self) -> str:
        """Transaction id of the topmost Via."""
        return parameter(self.get("Via").split(",")[0], "branch")

    @property
    def to_tag(self) -> str:
        return parameter(self.get("To"), "tag")

    @property
    def from_tag(self) -> str:
        return parameter(self.get("From"), "tag")

    def encode(self) -> bytes:
        """The bytes on the wire; Content-Length is always ours."""
        headers = [(key, value) for key, value in self.headers if key.lower() != "content-length"]
        lines = [self.start, *(f"{key}: {value}" for key, value in headers), f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def parse(data: bytes) -> Message:
    """Raises MalformedError when the first line, a header line or one of the headers that route replies is missing."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head.decode(errors="replace")).split("\r\n")
    if not (start.startswith("SIP/2.0 ") or start.endswith(" SIP/2.0")):
        raise MalformedError(start)
    message = Message(start=start, headers=tuple(_header(line) for line in lines), body=body)
    missing = [name for name in ("Via", "From", "To", "Call-ID", "CSeq") if not message.get(name)]
    if missing:
        raise MalformedError(f"{start}: no {', '.join(missing)}")
    return message


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise MalformedError(line)
    return _COMPACT.get(name.strip().lower(), name.strip()), value.strip()


def parameter(value: str, name: str) -> str:
    """A `;name=...` parameter after the address; empty when absent."""
    found = re.search(rf";\s*{name}=([^;,\s]+)", value.rpartition(">")[2], re.IGNORECASE)
    return found[1] if found else ""


def user_of(address: str) -> str:
    found = _URI.search(address)
    return unquote((found[1] or "").split(";")[0]) if found else ""


def host_of(address: str) -> tuple[str, int]:
    """(host, port) of a SIP URI or name-addr; 5060 when it names no port."""
    found = _URI.search(address)
    if not found:
        raise MalformedError(address)
    return found[2], int(found[3] or 5060)


def uri_in(address: str) -> str:
    """The bare URI of a name-addr such as a Contact."""
    inside = re.search(r"<([^>]+)>", address)
    return inside[1] if inside else address.split(";")[0].strip()


def respond(
    request: Message, status: int, *, to_tag: str = "", headers: Iterable[tuple[str, str]] = (), body: bytes = b""
) -> Message:
    """A response with the headers that RFC 3261 section 8.2.6.2 copies from the request."""
    to = request.get("To")
    copied = [(name, value) for name, value in request.headers if name.lower() in ("via", "record-route")]
    copied += [(name, request.get(name)) for name in ("From", "Call-ID", "CSeq")]
    copied.append(("To", f"{to};tag={to_tag}" if to_tag and not request.to_tag else to))
    return Message(start=f"SIP/2.0 {status} {REASONS.get(status, 'Other')}", headers=(*copied, *headers), body=body)


def new_branch() -> str:
    return "z9hG4bK" + secrets.token_hex(8)


def new_tag() -> str:
    return secrets.token_hex(6)
