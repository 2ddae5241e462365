"""Test vectors of every way in which a webhook is signed: fixed keys and bodies, signed by the code that signs what is sent."""

from __future__ import annotations

import base64
from typing import NamedTuple

from ringtrail.dialects.agendize import webhooks as agendize
from ringtrail.dialects.callr import webhooks as callr
from ringtrail.dialects.callr.webhook_options import ALGORITHMS, DEFAULT_ALGORITHM
from ringtrail.dialects.native import signatures as native
from ringtrail.dialects.native.webhook_examples import SECRET

BODY = '{"id":"evt_00000000002v6","type":"call.ended","subject":"call:422137815040065"}'
EVENT_ID, TIMESTAMP = "evt_00000000002v6", 1_784_020_120
PRIVATE_KEY = (
    native.PRIVATE
    + base64.b64encode(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")).decode()
)
"""Of RFC 8032 section 7.1, test 1."""
CALLR_SECRET = "correct horse battery staple"  # noqa: S105 - the documentation's own
AGENDIZE_KEY_ID, AGENDIZE_KEY = "crm", bytes(range(32))
INVOX_TOKEN = "t0ken-of-the-receiver"  # noqa: S105 - the documentation's own


class Example(NamedTuple):
    """title: whose, and which. rule: what is computed, in words. given: what the receiver has. header, value: what it gets."""

    title: str
    rule: str
    given: dict[str, str]
    header: str
    value: str


def examples() -> list[Example]:
    signed = native.signed_text(EVENT_ID, TIMESTAMP, BODY.encode())
    sent = {"webhook-id": EVENT_ID, "webhook-timestamp": str(TIMESTAMP)}
    return [
        Example(
            "Native: `v1` of Standard Webhooks 1.0.0",
            "base64 of HMAC-SHA-256 over `<webhook-id>.<webhook-timestamp>.<body>`, under the bytes whose base64 stands behind"
            " `whsec_`. The header has one such signature for each key that is alive, separated by spaces: one that fits is"
            " enough. Refuse a timestamp that is more than five minutes off.",
            {"key": SECRET, **sent},
            "webhook-signature",
            native.sign_v1(SECRET, signed),
        ),
        Example(
            "Native: `v1a` of Standard Webhooks 1.0.0",
            "base64 of the Ed25519 signature (RFC 8032) of the same text. The public key is the base64 behind `whpk_`, which"
            " the endpoint shows in `public_keys`.",
            {"key": native.public_key(PRIVATE_KEY), **sent},
            "webhook-signature",
            native.sign_v1a(PRIVATE_KEY, signed),
        ),
        *(
            Example(
                f"CALLR: `hmac_algo` {algorithm}{' (the default)' if algorithm == DEFAULT_ALGORITHM else ''}",
                f"base64 of the binary HMAC-{algorithm} over the body, under `hmac_secret` as UTF-8 text.",
                {"key": CALLR_SECRET},
                callr.SIGNATURE,
                callr.signature(BODY.encode(), CALLR_SECRET, algorithm),
            )
            for algorithm in ALGORITHMS
        ),
        Example(
            "Agendize: a key of `cryptoKeyIds`",
            "HMAC-SHA-256 over the body in hex, under the account's key of that id, which the operator reads with"
            " `ringtrail webhooks key`. The header's name ends with the id; one header for each.",
            {"key": AGENDIZE_KEY.hex()},
            agendize.SIGNATURE + AGENDIZE_KEY_ID,
            agendize.sign(AGENDIZE_KEY, BODY.encode()),
        ),
        Example(
            "INVOX: the token",
            "no signature: the token itself, as it was given when the endpoint was made.",
            {"key": INVOX_TOKEN},
            "X-API-Key",
            INVOX_TOKEN,
        ),
    ]


def block(example: Example) -> str:
    """What the page shows of it: one `name: value` a line."""
    lines = {**example.given, "body": BODY, example.header: example.value}
    return "".join(f"{name}: {value}\n" for name, value in lines.items())
