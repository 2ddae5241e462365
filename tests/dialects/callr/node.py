"""Receivers of webhooks that are written in JavaScript."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    body: bytes
    signature: str
    secret: str
    algorithm: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """raw: the signature holds over the body; again: over JSON.stringify(JSON.parse(body)), which is `text`."""

    raw: bool
    again: bool
    text: bytes


async def verdicts(signed: list[Signed]) -> list[Verdict]:
    asked = [
        {
            "body": base64.b64encode(item.body).decode(), "signature": item.signature, "secret": item.secret,
            "algorithm": item.algorithm,
        }
        for item in signed
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "verify_signatures.js"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(json.dumps(asked).encode()), 60)
    assert process.returncode == 0, err.decode()
    return [Verdict(item["raw"], item["again"], base64.b64decode(item["text"])) for item in json.loads(out)]
