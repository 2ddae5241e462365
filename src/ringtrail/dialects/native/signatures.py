"""Standard Webhooks 1.0.0: what is signed, with which keys, and how keys change without a gap.

An endpoint's `secrets` are {`v1`: [key], `v1a`: [key]}, the newest key first; a key is {`key`, `until`}: its text, and the
ISO instant after which it signs no more (null: until it is replaced). Everything that is sent carries a signature by each
live key, so that a receiver may change over whenever it likes before the old one ends.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets as random
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ringtrail.model.errors import DomainError, ErrorCode

SECRET, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
SHORTEST, LONGEST, OURS = 24, 64, 32
"""Bytes of a secret: what the standard allows, and what we make."""

_MOST_KEYS = 5  # of one scheme, alive at once


def new_secret() -> str:
    return SECRET + base64.b64encode(random.token_bytes(OURS)).decode()


def new_private_key() -> str:
    return PRIVATE + base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def check_secret(text: str) -> str:
    """The secret. DomainError BAD_FORMAT 'secret' for what is none."""
    try:
        size = len(base64.b64decode(text.removeprefix(SECRET), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not text.startswith(SECRET) or not SHORTEST <= size <= LONGEST:
        wanted = f"{SECRET} and the base64 of {SHORTEST} to {LONGEST} bytes"
        raise DomainError(ErrorCode.BAD_FORMAT, "secret", f"must be {wanted}")
    return text


def public_key(private: str) -> str:
    """What verifies the signatures of a private key."""
    return PUBLIC + base64.b64encode(_private(private).public_key().public_bytes_raw()).decode()


def _private(text: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text.removeprefix(PRIVATE)))


def sign_v1(secret: str, signed: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA-256 under the bytes behind `whsec_`."""
    digest = hmac.digest(base64.b64decode(secret.removeprefix(SECRET)), signed, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def sign_v1a(private: str, signed: bytes) -> str:
    """`v1a,` and the base64 of the Ed25519 signature (RFC 8032)."""
    return f"v1a,{base64.b64encode(_private(private).sign(signed)).decode()}"


SCHEMES = {"v1": (new_secret, sign_v1), "v1a": (new_private_key, sign_v1a)}


def signed_text(event_id: str, timestamp: int, body: bytes) -> bytes:
    return b"%s.%d.%s" % (event_id.encode(), timestamp, body)


def headers_of(secrets: Mapping[str, Any], event_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers of one try, with a signature by each key that is alive `now`."""
    timestamp = int(now.timestamp())
    signed = signed_text(event_id, timestamp, body)
    signatures = [
        sign(item["key"], signed) for scheme, (_, sign) in SCHEMES.items() for item in live(secrets, scheme, now)
    ]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def live(secrets: Mapping[str, Any], scheme: str, now: datetime) -> Iterator[Mapping[str, Any]]:
    """Keys of a scheme that sign now, newest first."""
    for item in secrets.get(scheme, ()):
        if item["until"] is None or datetime.fromisoformat(item["until"]) > now:
            yield item


def add_key(secrets: dict[str, Any], scheme: str, key: str, now: datetime, old_until: datetime) -> None:
    """Let a new key sign, and those before it no longer than `old_until`. Of one that ended sooner, nothing changes."""
    ends = old_until.isoformat()
    kept = [
        {"key": item["key"], "until": min(item["until"] or ends, ends)}
        for item in live(secrets, scheme, now)
        if old_until > now and item["key"] != key
    ]
    secrets[scheme] = [{"key": key, "until": None}, *kept[: _MOST_KEYS - 1]]
