"""Passwords between our own processes and the key to what is kept encrypted: made up once per data folder, kept in
`secrets.json`, readable by us only."""

from __future__ import annotations

import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import msgspec


class SecretsError(Exception):
    """The kept secrets cannot be used; the message says what to do."""


def _new() -> str:
    return secrets.token_hex(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    ari_password: str = field(default_factory=_new)
    ami_password: str = field(default_factory=_new)
    secret_key: str = field(default_factory=_new)  # opens the secrets of endpoints, signs links


def load_secrets(data: Path) -> Secrets:
    """The folder's secrets; what is missing is made and kept. Raises SecretsError."""
    path = data / "secrets.json"
    kept = _read(path) if path.exists() else {}
    loaded = Secrets(**kept)
    if asdict(loaded) != kept:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, msgspec.json.encode(asdict(loaded)))
    return loaded


def _read(path: Path) -> dict[str, str]:
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except msgspec.DecodeError as exc:
        raise SecretsError(f"{path} cannot be read ({exc}); remove it and new secrets are made") from exc
    return {item.name: kept[item.name] for item in fields(Secrets) if item.name in kept}


def write_private(path: Path, content: bytes) -> None:
    """Write the whole file or nothing, mode 0600 from its first moment."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)
