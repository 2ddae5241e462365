"""The dialects that have a reference, as one table, and how an example becomes a request."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from httpx import AsyncClient, Response

from ringtrail.dialects import agendize, fonedynamics, invox, optico
from ringtrail.dialects.agendize.reference import REFERENCE as AGENDIZE
from ringtrail.dialects.fonedynamics.reference import REFERENCE as FONEDYNAMICS
from ringtrail.dialects.invox.reference import REFERENCE as INVOX
from ringtrail.dialects.optico.reference import REFERENCE as OPTICO
from ringtrail.httpkit.dialect import Dialect
from ringtrail.httpkit.reference import Example, Operation, Reference, openapi_document
from ringtrail.httpkit.reference_page import SHOWN_URL
from tests.dialects.agendize.furnished import furnish as furnish_agendize
from tests.dialects.conftest import BASE_URL
from tests.dialects.fonedynamics.furnished import furnish as furnish_fonedynamics
from tests.dialects.invox.furnished import furnish as furnish_invox
from tests.dialects.optico.furnished import furnish as furnish_optico
from tests.dialects.surfaces import keys_of
from tests.fixtures import World

Furnish = Callable[[World, Path], Awaitable[dict[str, str]]]
"""Makes what examples name, and tells {as it is shown: as it is}."""


class Documented(NamedTuple):
    dialect: Dialect
    reference: Reference
    furnish: Furnish

    def document(self) -> dict[str, Any]:
        return openapi_document(self.reference, BASE_URL)


DOCUMENTED = (
    Documented(optico.DIALECT, OPTICO, furnish_optico),
    Documented(invox.DIALECT, INVOX, furnish_invox),
    Documented(agendize.DIALECT, AGENDIZE, furnish_agendize),
    Documented(fonedynamics.DIALECT, FONEDYNAMICS, furnish_fonedynamics),
)


def in_world(text: str, real: Mapping[str, str]) -> str:
    """The text with what is shown replaced by what is there."""
    for shown, there in {**real, SHOWN_URL: BASE_URL}.items():
        text = text.replace(shown, there)
    return text


class Asker:
    """Sends a dialect's examples. real: {as shown: as it is}."""

    def __init__(self, documented: Documented, world: World, client: AsyncClient, real: Mapping[str, str]) -> None:
        self._prefix, self._client, self._real = documented.reference.prefix, client, real
        self._credentials = dict(keys_of(world.account.sid).headers[documented.dialect.name])

    async def ask(self, operation: Operation, example: Example, query: str | None = None) -> Response:
        """query: instead of the example's."""
        asked = example.query if query is None else query
        url = self._prefix + operation.path_of(example) + (f"?{asked}" if asked else "")
        headers = {} if operation.security == () else dict(self._credentials)
        headers |= {name: in_world(value, self._real) for name, value in example.headers.items()}
        content = None
        if example.body is not None:
            headers.setdefault("content-type", operation.body_media)
            text = example.body if isinstance(example.body, str) else json.dumps(example.body)
            content = in_world(text, self._real)
        return await self._client.request(operation.method, in_world(url, self._real), headers=headers, content=content)

    def expected(self, example: Example) -> Any:
        return json.loads(in_world(json.dumps(example.answer), self._real))
