"""What one key of the operator's protects: secrets at rest, and signatures that only we can make.

Each use has a key of its own, derived from the operator's with HKDF (RFC 5869): what signs a link opens no secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class VaultError(Exception):
    """What was sealed cannot be opened: by another key, or damaged."""


class Vault:
    """keys: the operator's, comma separated. The first seals and signs; the others still open and verify.

    Without one, a key that lives as long as this object: enough for a process that keeps nothing.
    """

    def __init__(self, keys: str = "") -> None:
        self._keys = [key.strip().encode() for key in keys.split(",") if key.strip()] or [secrets.token_bytes(32)]
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key, "seal"))) for key in self._keys])

    def seal(self, content: Mapping[str, Any]) -> bytes:
        """Encrypt a JSON object (Fernet: AES-128-CBC with HMAC-SHA-256)."""
        return self._fernet.encrypt(json.dumps(dict(content)).encode())

    def open(self, sealed: bytes) -> dict[str, Any]:
        """Raises VaultError."""
        try:
            content: dict[str, Any] = json.loads(self._fernet.decrypt(sealed))
        except (InvalidToken, ValueError) as exc:
            raise VaultError("the secrets were sealed with another key") from exc
        return content

    def signature(self, purpose: str, message: str) -> bytes:
        """32 bytes: HMAC-SHA-256 under the purpose's own key."""
        return _hmac(self._keys[0], purpose, message)

    def signer(self, purpose: str, beginning: str) -> Callable[[str], bytes]:
        """`signature` of many messages that begin alike: told the rest, a quarter of the time each.

        HMAC is SHA-256 of a padded key and of SHA-256 of a padded key and the message (RFC 2104): what is the same for all is
        hashed once.
        """
        key = _derived(self._keys[0], f"sign {purpose}").ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + beginning.encode())
        outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

        def sign(rest: str) -> bytes:
            within, whole = inner.copy(), outer.copy()
            within.update(rest.encode())
            whole.update(within.digest())
            return whole.digest()

        return sign

    def verifies(self, purpose: str, message: str, signature: bytes) -> bool:
        """Whether `signature`, or the beginning of one (16 bytes at least), is ours under any of the keys."""
        size = len(signature)
        return size >= 16 and any(
            hmac.compare_digest(_hmac(key, purpose, message)[:size], signature) for key in self._keys
        )


def _hmac(key: bytes, purpose: str, message: str) -> bytes:
    return hmac.digest(_derived(key, f"sign {purpose}"), message.encode(), "sha256")


@lru_cache(maxsize=256)
def _derived(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"ringtrail {purpose}".encode()).derive(key)
