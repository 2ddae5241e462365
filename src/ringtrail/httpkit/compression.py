"""Answers in gzip for those who take it, by the weights of RFC 9110 section 12.5.3."""

from __future__ import annotations

from litestar.config.compression import CompressionConfig
from litestar.datastructures import Headers
from litestar.middleware import DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware
from litestar.types import Receive, Scope, Send

_CODING = "gzip"


class _Gzip(CompressionMiddleware):
    """Litestar's own compresses for whoever has the word in the header, `gzip;q=0` included."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accepted = ",".join(Headers.from_scope(scope).getall("accept-encoding", []))
        if takes_gzip(accepted):
            send = self.create_compression_send_wrapper(send=send, compression_encoding=_CODING, scope=scope)
        await self.app(scope, receive, send)


GZIP = DefineMiddleware(
    _Gzip,
    # A full page is 3 MB; higher levels stall the event loop.
    config=CompressionConfig(backend="gzip", gzip_compress_level=4),
)


def takes_gzip(accepted: str) -> bool:
    """Whether gzip is named, itself or by `*`, and not less welcome than the plain answer."""
    weights = dict(_weighted(item) for item in accepted.lower().split(","))
    anything = weights.get("*", 0.0)
    gzip = weights.get(_CODING, weights.get("x-gzip", anything))
    return gzip > 0 and gzip >= weights.get("identity", anything)


def _weighted(item: str) -> tuple[str, float]:
    """(coding, weight) of one item; a weight that is none counts as 0."""
    coding, _, weight = (part.strip() for part in item.partition(";"))
    try:
        return coding, float(weight.removeprefix("q=")) if weight else 1.0
    except ValueError:
        return coding, 0.0
