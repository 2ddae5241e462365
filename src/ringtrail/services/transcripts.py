"""What the ledger keeps of a try: the beginnings of what was sent and answered, fit for PostgreSQL, without secrets.

Receivers repeat in their answers what they were sent, pages for debugging above all. So an endpoint's secrets are blacked
out wherever they stand, not only where we put them.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from ringtrail.services.webhooks import WebhookRequest

SENT_KEPT, ANSWER_KEPT = 16_384, 4_096
"""Characters of bodies."""
BLACKED_OUT = "***"

_MOST_HEADERS_KEPT, _HEADER_KEPT = 50, 500
_SHORTEST_SECRET = 6
"""Characters. Shorter ones would black out half of what is said, and are no secrets."""
_LONGEST_SECRET = 8_192


class Blackout:
    """Takes the secrets of an endpoint, and those that a request was sent with, out of texts."""

    def __init__(self, secrets: Iterable[str], request: WebhookRequest | None) -> None:
        private = request.private_headers.values() if request else ()
        spelled = {word for text in (*secrets, *_credentials(private)) for word in _spellings(text)}
        self._words = sorted(spelled, key=len, reverse=True)  # what holds another one goes as a whole

    def text(self, text: str) -> str:
        text = storable(text)
        for word in self._words:
            text = text.replace(word, BLACKED_OUT)
        return text

    def body(self, body: bytes | None, most: int) -> str | None:
        """The beginning of a body. A secret across its end is blacked out before it is cut."""
        return None if body is None else self.text(body[: 4 * most + _LONGEST_SECRET].decode("utf-8", "replace"))[:most]

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            self.text(name)[:_HEADER_KEPT]: self.text(value)[:_HEADER_KEPT]
            for name, value in list(headers.items())[:_MOST_HEADERS_KEPT]
        }


def texts_in(secrets: Any) -> Iterator[str]:
    """Every text in a JSON object, names apart."""
    match secrets:
        case str():
            yield secrets
        case Mapping():
            for value in secrets.values():
                yield from texts_in(value)
        case list():
            for value in secrets:
                yield from texts_in(value)


def _credentials(headers: Iterable[str]) -> Iterator[str]:
    """Values of headers, and what stands behind `Bearer` and its like (RFC 9110 section 11.4)."""
    for value in headers:
        yield value
        yield value.partition(" ")[2]


@lru_cache(maxsize=4_096)
def _spellings(secret: str) -> frozenset[str]:
    """As it is, and as it stands in JSON, in a form or an address, and in HTML."""
    if len(secret) < _SHORTEST_SECRET:
        return frozenset()
    quoted = json.dumps(secret)[1:-1]
    return frozenset(
        (secret, quoted, quoted.replace("/", r"\/"), quote(secret, safe=""), quote_plus(secret), html.escape(secret))
    )


def storable(text: str) -> str:
    """What PostgreSQL can hold: no NUL, no half of a surrogate pair (aiohttp gives such for bytes that are not UTF-8)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
