"""The page for newcomers: what it gives to verify a webhook verifies ours, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringtrail.dialects.native.signatures import headers_of, new_private_key, new_secret
from ringtrail.services.deliverer import MOST_TRIES, PAUSES_S

PAGE = (Path(__file__).parents[2] / "docs/how-to/webhooks.md").read_text()
BODY = '{"id":"evt_00000000002v5","data":{"name":"Zoé ☎"}}'.encode()
SECRET = new_secret()

Verify = Callable[[str, Mapping[str, str], bytes], bool]


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def in_python(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    return bool(names["verified"](secret, headers, body))


def in_node(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    asked = json.dumps([secret, headers, body.decode("latin-1")])
    program = f"{block('js')}\nconst [s, h, b] = {asked};\nconsole.log(verified(s, h, Buffer.from(b, 'latin1')));"
    done = subprocess.run(
        ["node", "--input-type=module", "-"], input=program, capture_output=True, text=True, check=True, timeout=20
    )
    return {"true\n": True, "false\n": False}[done.stdout]


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js here")


def signed(secret: str = SECRET, *, age_s: int = 0) -> dict[str, str]:
    keys = {"v1": [{"key": secret, "until": None}], "v1a": [{"key": new_private_key(), "until": None}]}
    return headers_of(keys, "evt_00000000002v5", datetime.now(UTC) - timedelta(seconds=age_s), BODY)


@pytest.mark.parametrize("verify", [in_python, pytest.param(in_node, marks=needs_node)])
def test_the_code_on_the_page_verifies_what_we_send_and_nothing_else(verify: Verify) -> None:
    good = signed()
    assert verify(SECRET, good, BODY)
    rotated = good | {"webhook-signature": f"{signed(new_secret())['webhook-signature']} {good['webhook-signature']}"}
    assert verify(SECRET, rotated, BODY)
    assert not verify(new_secret(), good, BODY)
    assert not verify(SECRET, good, BODY.replace(b"data", b"Data"))
    assert not verify(SECRET, good | {"webhook-id": "evt_00000000002v6"}, BODY)
    assert not verify(SECRET, signed(age_s=400), BODY)
    assert not verify(SECRET, good | {"webhook-timestamp": "soon"}, BODY)
    assert not verify(SECRET, good | {"webhook-signature": "v1,é v2,AAAA v1"}, BODY)
    assert not verify(SECRET, {}, BODY)


def test_the_page_tells_the_pauses_between_tries() -> None:
    assert "after 10 seconds, 5 minutes, 30 minutes,\nthen 2, 5, 10, 14, 20 and 24 hours: ten tries" in PAGE
    assert PAUSES_S == (10, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
    assert MOST_TRIES == 10
