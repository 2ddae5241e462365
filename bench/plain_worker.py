"""`ringtrail work` with one renderer more, whose body is a constant: `python -m bench.plain_worker`.

What it costs is the ledger's and HTTP's part of a delivery; a vendor's renderer reads and writes the call besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringtrail import app, cli
from ringtrail.services.deliverer import Deliverer
from ringtrail.services.webhooks import Attempt, Render, WebhookRequest, singly

_BODY = b'{"id":"%d","text":"' + b"0" * 900 + b'"}'
_HEADERS = {"Content-Type": "application/json"}


@singly
async def plain(attempt: Attempt) -> WebhookRequest:
    body = _BODY % attempt.event.about
    return WebhookRequest(method="POST", address=attempt.endpoint.address, headers=_HEADERS, body=body)


class _WithPlain(Deliverer):
    def __init__(
        self, database: Any, clock: Any, webhooks: Any, egress: Any, renders: Mapping[str, Render], **options: Any
    ) -> None:
        super().__init__(database, clock, webhooks, egress, {**renders, "plain": plain}, **options)


if __name__ == "__main__":
    app.Deliverer = _WithPlain  # type: ignore[attr-defined]
    cli.main(["work"])
