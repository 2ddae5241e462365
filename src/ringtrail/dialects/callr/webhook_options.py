"""Webhook.Options, and the webhook that a request names for one thing.

[inferred]: a secret is never shown again: where there is one, `hmac_secret` reads MASK. Sent back, MASK means the secret
that is there, null or nothing the same, and an empty string none at all, so that what was read can be written back. The
other properties of a Webhook may stand in a dynamic one and say nothing there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ringtrail.dialects.callr.auth import DIALECT_NAME
from ringtrail.dialects.callr.errors import limit_reached
from ringtrail.dialects.callr.parameters import (
    Asking,
    Properties,
    bad_format,
    bad_value,
    plain_object,
    wrong_type,
)
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.webhook import Endpoint
from ringtrail.services.webhooks import MAIL

ALGORITHMS: dict[str, Callable[[], Any]] = {
    "MD5": hashlib.md5, "SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512,
}  # fmt: skip
DEFAULT_ALGORITHM = "SHA256"
FORMATS = ("JSON",)
MASK = "********"
_SHORTEST, _LONGEST = 8, 1024  # characters of a secret
_OPTIONS = ("format", "hmac_algo", "hmac_secret")
_WEBHOOK = ("created_at", "endpoint", "hash", "options", "status", "type", "updated_at")


class WebhookOptions(msgspec.Struct, frozen=True):
    """As shown: hmac_secret is MASK, or null where there is none."""

    format: str
    hmac_algo: str
    hmac_secret: str | None


@dataclass(frozen=True, slots=True)
class GivenOptions:
    """None: not said. secret '': none."""

    format: str | None = None
    algorithm: str | None = None
    secret: str | None = None

    def settings(self, stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What is kept with the endpoint, on top of what is `stored`."""
        known = stored or {}
        return {
            "format": self.format or known.get("format", FORMATS[0]),
            "hmac_algo": self.algorithm or known.get("hmac_algo", DEFAULT_ALGORITHM),
            "signed": known.get("signed", False) if self.secret is None else bool(self.secret),
        }

    @property
    def secrets(self) -> dict[str, str] | None:
        """None: as they are."""
        if self.secret is None:
            return None
        return {"hmac_secret": self.secret} if self.secret else {}


@dataclass(frozen=True, slots=True)
class DynamicWebhook:
    address: str
    options: GivenOptions


def shown(settings: Mapping[str, Any]) -> WebhookOptions:
    return WebhookOptions(
        format=settings.get("format", FORMATS[0]),
        hmac_algo=settings.get("hmac_algo", DEFAULT_ALGORITHM),
        hmac_secret=MASK if settings.get("signed") else None,
    )


async def options(asking: Asking, path: str, value: Any) -> GivenOptions:
    """Those of a webhook that is there: MASK stands for its secret."""
    given = Properties(path, await plain_object(asking, path, value), _OPTIONS)
    format_, algorithm = given.word("format", FORMATS), given.word("hmac_algo", ALGORITHMS)
    secret = given.text("hmac_secret")
    if secret == MASK:
        secret = None
    if secret and (not _SHORTEST <= len(secret) <= _LONGEST or not _encodes(secret)):
        raise bad_value(given.path("hmac_secret"))
    return GivenOptions(format_, algorithm, secret)


async def new_options(asking: Asking, path: str, value: Any) -> GivenOptions:
    """Those of a webhook that is being made: there is no secret that MASK could stand for."""
    given = await options(asking, path, value)
    if isinstance(value, dict) and value.get("hmac_secret") == MASK:
        raise bad_value(f"{path}.hmac_secret")
    return given


async def endpoint(asking: Asking, path: str, value: Any) -> str:
    """The URL of a parameter."""
    if not isinstance(value, str) or not _usable(asking, value):
        raise bad_format(path)
    return value


async def dynamic(asking: Asking, path: str, value: Any) -> DynamicWebhook:
    """The property `webhook` of another object."""
    given = Properties(path, await plain_object(asking, path, value), _WEBHOOK)
    address = given.text("endpoint")
    if address is None:
        raise DomainError(ErrorCode.MISSING, field=given.path("endpoint"))
    if not _usable(asking, address):
        raise bad_value(given.path("endpoint"))
    said = given.get("options")
    if said is None:
        return DynamicWebhook(address, GivenOptions())
    if not isinstance(said, dict | list):
        raise wrong_type(given.path("options"))
    return DynamicWebhook(address, await new_options(asking, given.path("options"), said))


async def endpoint_of(asking: Asking, webhook: DynamicWebhook | None) -> str | None:
    """The hash of the endpoint that is told what the webhook is to be told."""
    return None if webhook is None else (await made(asking, webhook)).hash


async def made(asking: Asking, webhook: DynamicWebhook) -> Endpoint:
    """Error 100 beyond the most that an account may name."""
    try:
        return await asking.services.webhooks.dynamic(
            asking.account.id, DIALECT_NAME, webhook.address, settings=webhook.options.settings(),
            secrets=webhook.options.secrets,
        )  # fmt: skip
    except DomainError as exc:
        raise limit_reached(exc) from exc


def _usable(asking: Asking, address: str) -> bool:
    if address.startswith(MAIL):
        return False
    try:
        asking.services.webhooks.check_address(address)
    except DomainError:
        return False
    return True


def _encodes(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
