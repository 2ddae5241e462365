"""The test vectors of the reference, computed by other means than the code's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ringtrail.model.events import EventType

PAGE = (Path(__file__).parents[3] / "docs/reference/webhooks.md").read_text()
VECTORS = dict(re.findall(r"^### (.+?)\n\n`.+?```text\n(.+?)```$", PAGE, re.DOTALL | re.MULTILINE))


def fields(title: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in VECTORS[title].splitlines())


def standard_text(found: dict[str, str]) -> bytes:
    return f"{found['webhook-id']}.{found['webhook-timestamp']}.{found['body']}".encode()


def test_every_scheme_has_its_vector() -> None:
    schemes = {title.partition(":")[0] for title in VECTORS}
    assert schemes == {"Native", "CALLR", "Agendize", "INVOX"}
    assert len(VECTORS) == 8


def test_standard_webhooks_v1() -> None:
    found = fields("Native: `v1` of Standard Webhooks 1.0.0")
    key = base64.b64decode(found["key"].removeprefix("whsec_"))
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))  # RFC 2104, by hand
    digest = hashlib.sha256(outer + hashlib.sha256(inner + standard_text(found)).digest()).digest()
    assert found["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_standard_webhooks_v1a() -> None:
    found = fields("Native: `v1a` of Standard Webhooks 1.0.0")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(found["key"].removeprefix("whpk_")))
    scheme, _, signature = found["webhook-signature"].partition(",")
    assert scheme == "v1a"
    key.verify(base64.b64decode(signature), standard_text(found))
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), standard_text(found) + b" ")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA1", "SHA256 (the default)", "SHA512"])
def test_callr(algorithm: str) -> None:
    found = fields(f"CALLR: `hmac_algo` {algorithm}")
    digest = hmac.new(found["key"].encode(), found["body"].encode(), algorithm.split()[0].lower()).digest()
    assert found["X-CALLR-HmacSignature"] == base64.b64encode(digest).decode()


def test_agendize() -> None:
    found = fields("Agendize: a key of `cryptoKeyIds`")
    digest = hmac.new(bytes.fromhex(found["key"]), found["body"].encode(), "sha256").hexdigest()
    assert found["X-Agendize-Signature-crm"] == digest


def test_invox() -> None:
    found = fields("INVOX: the token")
    assert found["X-API-Key"] == found["key"]


@pytest.mark.parametrize("type_", EventType)
def test_every_type_is_on_the_page_with_an_example(type_: EventType) -> None:
    assert f"\n### {type_}\n" in PAGE
    assert f'"type": "{type_}"' in PAGE
