"""Links to one recording that work without a login: for a CRM that shows a call next to the person who opens it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta

from ringtrail.ports.clock import Clock
from ringtrail.services.vault import Vault

_PURPOSE = "recording link"
_SIGNATURE_BYTES = 20


class RecordingLinks:
    """A key names the account and proves that we made it for this recording: `base64url(account id, HMAC-SHA-256/160)`.

    The same recording has the same key whenever it is asked for, so a client that compares records sees no change.
    valid_days counts from the recording's start; 0: as long as there is the recording.
    """

    def __init__(self, vault: Vault, clock: Clock, *, valid_days: int = 0) -> None:
        self._vault = vault
        self._clock = clock
        self._valid = timedelta(days=valid_days)

    def key(self, account_id: int, recording_hash: str) -> str:
        return self.keys(account_id)(recording_hash)

    def keys(self, account_id: int) -> Callable[[str], str]:
        """What makes the keys of an account's recordings, by their hashes: a page has thousands."""
        sign, beginning = self._vault.signer(_PURPOSE, f"{account_id}/"), account_id.to_bytes(8, "big")

        def key(recording_hash: str) -> str:
            raw = beginning + sign(recording_hash)[:_SIGNATURE_BYTES]
            return base64.urlsafe_b64encode(raw).decode().rstrip("=")

        return key

    def account_of(self, recording_hash: str, key: str) -> int | None:
        """Whose recording the key opens; None if it is not a key of ours for this recording."""
        if not key.isascii() or len(key) > 100:
            return None
        try:
            raw = base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        account_id, signature = int.from_bytes(raw[:8], "big"), raw[8:]
        good = len(signature) == _SIGNATURE_BYTES and self._vault.verifies(
            _PURPOSE, f"{account_id}/{recording_hash}", signature
        )
        return account_id if good else None

    def expired(self, started_at: datetime) -> bool:
        """Whether the links to a recording that began then have ended."""
        return bool(self._valid) and self._clock.now() >= started_at + self._valid
