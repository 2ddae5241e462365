"""The four packages and the parameters of each.

CLICKTOCALL10, REALTIME10: the defaults of voicemail detection and the bounds of its silence are the object reference's.
[inferred]: all other defaults and bounds (the lowest of a range where the reference gives one); a URL of up to 2,000
characters; login and password of up to 255. Voicemail detection cannot act yet, so it cannot be switched on.

ACTIONS10: `script` is YAML that holds an object, nested at most 100 deep, of 1 to 32,768 characters (the bounds of the
vendor's v2); what is no such thing is PROPERTY_VALUE_ERROR. What its actions mean is not looked at: they do not run yet.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped, unused-ignore]

from ringtrail.dialects.callr.call_tracking import CALL_TRACKING, RECORDING, VMS
from ringtrail.dialects.callr.parameters import Asking, bad_value, wrong_type
from ringtrail.dialects.callr.settings import MEDIA, Property, Schema, applied, completed, only_off, text, whole
from ringtrail.model.account import Account
from ringtrail.model.app import (
    PACKAGE_ACTIONS,
    PACKAGE_CALL_TRACKING,
    PACKAGE_CLICK_TO_CALL,
    PACKAGE_REAL_TIME,
    App,
)

MAX_SCRIPT_LENGTH = 32_768
_MAX_URL_LENGTH = 2_000
_MAX_DEPTH = 100
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is there in all wheels, and ten times as fast
_CREDENTIAL = re.compile(r"[^\x00-\x1f\x7f]{0,255}")


def _url(value: str) -> bool:
    """Empty, or http(s) with a host."""
    if not value:
        return True
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and value.isprintable()
        and len(value) <= _MAX_URL_LENGTH
    )


def _script(account: Account, path: str, value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_type(path)
    if not 1 <= len(value) <= MAX_SCRIPT_LENGTH or not _holds_an_object(value):
        raise bad_value(path)
    return value


def _holds_an_object(script: str) -> bool:
    """Whether it is one YAML document with an object. Read as a stream of events, so that no alias is expanded."""
    depth, begun = 0, []
    try:
        for event in yaml.parse(script, Loader=_LOADER):
            if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent | yaml.AliasEvent) and depth == 0:
                begun.append(isinstance(event, yaml.MappingStartEvent))
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                return False
    except (yaml.YAMLError, RecursionError, ValueError):
        return False
    return begun == [True]


_DETECTION: Schema = {
    "active": Property(only_off, False),
    "dtmf_iterations": Property(whole(1, 30), 2),
    "dtmf_media": MEDIA,
    "dtmf_timeout": Property(whole(0, 120), 2),
    "method": Property(text(("DTMF", "SILENCE").__contains__), "SILENCE"),
    "silence_iterations": Property(whole(1, 30), 1),
    "silence_media": MEDIA,
    "silence_ms": Property(whole(50, 10_000), 1_800),
    "silence_timeout": Property(whole(0, 120), 3),
}

_SCHEMAS: dict[str, Schema] = {
    PACKAGE_CALL_TRACKING: CALL_TRACKING,
    PACKAGE_CLICK_TO_CALL: {
        "medias": {"A_ringtone": MEDIA, "A_welcome": MEDIA, "AB_bridge": MEDIA, "B_whisper": MEDIA},
        "options": {
            "A_attempts": Property(whole(1, 5), 1),
            "A_retrypause": Property(whole(30, 300), 30),
            "A_vms_detect": _DETECTION,
            "B_vms_detect": _DETECTION,
            **RECORDING,
        },
        "vms": VMS,
    },
    PACKAGE_REAL_TIME: {
        "data_format": Property(text(("JSON",).__contains__), "JSON"),
        "login": Property(text(_CREDENTIAL.fullmatch), ""),
        "password": Property(text(_CREDENTIAL.fullmatch), ""),
        "url": Property(text(_url), ""),
    },
    PACKAGE_ACTIONS: {
        "format": Property(text(("YAML",).__contains__), "YAML"),
        "script": Property(_script, ""),
    },
}


def schema_of(package: str) -> Schema:
    return _SCHEMAS[package]


def complete_params(account: Account, package: str, stored: Any) -> dict[str, Any]:
    """What an app has stored, in the vendor's order, with defaults where it says nothing."""
    return completed(account, _SCHEMAS[package], stored)


async def new_params(asking: Asking, path: str, value: Any) -> dict[str, Any]:
    """The `params` of `apps.create`, for the `package` checked before."""
    return await applied(asking, path, _SCHEMAS[asking.checked["package"]], {}, value)


async def edited_params(asking: Asking, path: str, value: Any) -> dict[str, Any]:
    """The `params` of `apps.edit`, on top of what the checked `app` has."""
    app: App = asking.checked["app"]
    return await applied(asking, path, _SCHEMAS[app.package], app.params, value)
