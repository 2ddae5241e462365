"""Who may register and call with a password: put into Asterisk's memory over ARI, so that no file holds a password and nothing
has to be reloaded.

Source: docs.asterisk.org, "ARI Push Configuration" (13.5 and newer). An endpoint is deleted and made anew where it changes, never
updated: Asterisk would parse its own rendering of every option, and complains of some of them. Live calls keep the one that they
began with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ringtrail.engines.asterisk.client import Ari, AriError
from ringtrail.ports.engine import Phone

log = logging.getLogger(__name__)

_FORMATS = {"PCMA": "alaw", "PCMU": "ulaw", "OPUS": "opus"}
"""Asterisk's names. G729 is not among them: there is no free codec of it, so nobody could hear anything through it."""

_ANY_FORMAT = "alaw,ulaw,opus,g722"
_MOST_CONTACTS = 5  # places that one subscriber can be registered from; the oldest makes room
_AGAIN_S = 1.0
_SILENT_AFTER_S = 300  # as the trunk's rtp_timeout

_ENDPOINT = {
    "context": "from-subscriber", "identify_by": "auth_username", "direct_media": "no", "dtmf_mode": "auto",
    "rtp_symmetric": "yes", "force_rport": "yes", "rewrite_contact": "yes", "rtp_timeout": str(_SILENT_AFTER_S),
    "send_connected_line": "no", "allow_transfer": "no", "allow_subscribe": "no", "language": "en", "tone_zone": "xx",
}  # fmt: skip


class Registrar:
    def __init__(self, ari: Ari, app: str, realm: str) -> None:
        self._ari, self._app, self._realm = ari, app, realm
        self._wanted: Sequence[Phone] | None = None  # None: nobody has said
        self._there: dict[str, Phone | None] | None = None  # None: not known, or not what of
        self._lock = asyncio.Lock()

    async def set(self, phones: Sequence[Phone]) -> None:
        """See Engine.set_phones. Raises AriError if Asterisk cannot be told; it will be, as soon as it is back."""
        self._wanted = phones
        await self._put_in_step()

    async def connected_anew(self) -> None:
        """Asterisk may have been restarted, or may still know phones from before our time."""
        self._there = None
        while True:
            try:
                return await self._put_in_step()
            except AriError as exc:
                log.warning("phones are not in step: %s", exc)
                await asyncio.sleep(_AGAIN_S)

    async def _put_in_step(self) -> None:
        """Let Asterisk know the wanted phones and no others."""
        async with self._lock:
            if self._wanted is None:
                return
            there = await self._found() if self._there is None else self._there
            self._there = None  # until it is known again
            await self._change(there, {f"{phone.username}@{self._realm}": phone for phone in self._wanted})
            self._there = there

    async def _change(self, there: dict[str, Phone | None], wanted: Mapping[str, Phone]) -> None:
        for name in there.keys() - wanted.keys():
            await self._remove(name)
            del there[name]
        for name, phone in wanted.items():
            if name not in there or there[name] != phone:
                await self._try_to_put(name, phone, anew=name in there)
                there[name] = phone

    async def _found(self) -> dict[str, Phone | None]:
        """Names hold an @; that of the trunk does not."""
        endpoints = await self._ari.request("GET", "/endpoints/PJSIP")
        return {item["resource"]: None for item in endpoints if "@" in item["resource"]}

    async def _try_to_put(self, name: str, phone: Phone, *, anew: bool) -> None:
        """One that Asterisk refuses is not worth the others."""
        try:
            await self._put(name, phone, anew=anew)
        except AriError as exc:
            if exc.status == 0:
                raise
            log.error("the phone of %s is left out: %s", name, exc)

    async def _put(self, name: str, phone: Phone, *, anew: bool) -> None:
        if anew:
            await self._object("DELETE", "endpoint", name)
        await self._object(
            "PUT", "auth", name, {"auth_type": "userpass", "username": phone.username, "password": phone.password}
        )
        await self._object("PUT", "aor", name, {"max_contacts": str(_MOST_CONTACTS), "remove_existing": "yes"})
        await self._object("PUT", "endpoint", name, self._endpoint(name, phone))

    def _endpoint(self, name: str, phone: Phone) -> dict[str, str]:
        known = [_FORMATS[codec] for codec in phone.codecs if codec in _FORMATS]
        formats = ",".join(known) if phone.codecs else _ANY_FORMAT
        return {
            **_ENDPOINT,
            "auth": name,
            "aors": name,
            "accountcode": f"{self._app}:subscriber:{phone.subscriber_id}",
            "media_encryption": "sdes" if phone.srtp else "no",
            "disallow": "all",
            **({"allow": formats} if formats else {}),
        }

    async def _remove(self, name: str) -> None:
        """With its contacts: Asterisk drops those of an address of record that is gone."""
        for kind in ("endpoint", "aor", "auth"):
            await self._object("DELETE", kind, name)

    async def _object(self, method: str, kind: str, name: str, fields: Mapping[str, str] | None = None) -> None:
        body: dict[str, Any] | None = None
        if fields is not None:
            body = {"fields": [{"attribute": key, "value": value} for key, value in fields.items()]}
        try:
            await self._ari.request(method, f"/asterisk/config/dynamic/res_pjsip/{kind}/{quote(name)}", body=body)
        except AriError as exc:
            if method != "DELETE" or exc.status != 404:
                raise
