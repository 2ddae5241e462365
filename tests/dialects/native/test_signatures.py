"""Standard Webhooks signatures, held against another implementation; keys that change over."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from ringtrail.dialects.native.signatures import (
    add_key,
    check_secret,
    headers_of,
    live,
    new_private_key,
    new_secret,
    public_key,
    sign_v1,
    sign_v1a,
    signed_text,
)
from ringtrail.model.errors import DomainError

NOW = datetime(2026, 7, 14, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BODY = '{"type":"call.ended","é":1}'.encode()


def test_a_v1_signature_is_what_the_projects_own_library_makes() -> None:
    secret = new_secret()
    ours = sign_v1(secret, signed_text("evt_1", int(NOW.timestamp()), BODY))
    assert ours == Webhook(secret).sign("evt_1", NOW, BODY.decode())


def test_the_example_of_the_standard() -> None:
    """Of the specification's reference implementations."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signed = signed_text("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
    assert sign_v1(secret, signed) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_v1a_signature_is_verified_by_the_public_key() -> None:
    private = new_private_key()
    signed = signed_text("evt_1", 5, BODY)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key(private).removeprefix("whpk_")))
    key.verify(base64.b64decode(sign_v1a(private, signed).removeprefix("v1a,")), b"evt_1.5." + BODY)


def test_every_live_key_signs_and_no_other() -> None:
    secrets: dict[str, Any] = {}
    old, new, private = new_secret(), new_secret(), new_private_key()
    add_key(secrets, "v1", old, NOW, NOW)
    add_key(secrets, "v1a", private, NOW, NOW)
    add_key(secrets, "v1", new, NOW, NOW + DAY)
    signed = b"evt_1.%d." % int((NOW + DAY / 2).timestamp()) + BODY
    headers = headers_of(secrets, "evt_1", NOW + DAY / 2, BODY)
    expected = [
        "v1," + base64.b64encode(hmac.new(base64.b64decode(key[6:]), signed, hashlib.sha256).digest()).decode()
        for key in (new, old)
    ]
    assert headers["webhook-signature"].split(" ")[:2] == expected
    assert [item.partition(",")[0] for item in headers["webhook-signature"].split(" ")] == ["v1", "v1", "v1a"]
    later = headers_of(secrets, "evt_1", NOW + DAY, BODY)["webhook-signature"]
    assert [item.partition(",")[0] for item in later.split(" ")] == ["v1", "v1a"]


def test_a_second_rotation_does_not_lengthen_what_was_to_end_sooner() -> None:
    secrets: dict[str, Any] = {}
    for key, old_until in (("a", NOW), ("b", NOW + timedelta(hours=1)), ("c", NOW + DAY)):
        add_key(secrets, "v1", key, NOW, old_until)
    for after, alive in ((timedelta(minutes=1), "cba"), (timedelta(hours=2), "cb"), (DAY, "c")):
        assert "".join(item["key"] for item in live(secrets, "v1", NOW + after)) == alive


def test_without_an_overlap_the_old_key_ends_at_once() -> None:
    secrets: dict[str, Any] = {}
    add_key(secrets, "v1", "a", NOW, NOW)
    add_key(secrets, "v1", "b", NOW, NOW)
    assert [item["key"] for item in secrets["v1"]] == ["b"]


def test_never_more_than_five_keys_of_a_kind() -> None:
    secrets: dict[str, Any] = {}
    for key in "abcdefgh":
        add_key(secrets, "v1", key, NOW, NOW + DAY)
    assert "".join(item["key"] for item in secrets["v1"]) == "hgfed"


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_secret_of_ones_own(size: int) -> None:
    text = "whsec_" + base64.b64encode(bytes(size)).decode()
    assert check_secret(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "whsec_", "secret", "whsec_" + base64.b64encode(bytes(23)).decode(), "whsec_" + base64.b64encode(bytes(65)).decode(), base64.b64encode(bytes(32)).decode(), "whsec_!!!!" + "A" * 40, "whsec_" + "A" * 33],
)  # fmt: skip
def test_what_is_no_secret(text: str) -> None:
    with pytest.raises(DomainError):
        check_secret(text)
