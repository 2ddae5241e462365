"""Authentication headers, read; who they belong to is the dialect's `auth.py` and `services.accounts`."""

from __future__ import annotations

import base64
import binascii


def basic_credentials(header: str | None) -> tuple[str, str] | None:
    """(user, password) of a Basic Authorization header (RFC 7617, UTF-8), or None; a NUL is no character of either."""
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon and "\0" not in text else None


def scheme_token(header: str | None, scheme: str) -> str | None:
    """The token of `Authorization: <scheme> <token>` (scheme in any case), or None."""
    found, _, value = (header or "").partition(" ")
    return value.strip() or None if found.lower() == scheme.lower() else None
