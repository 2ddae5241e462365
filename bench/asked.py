"""Requests to each API, as the benchmark's first account (Optico: its biggest property) sends them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from bench.tenants import AGENDIZE_KEY, AGENDIZE_TOKEN, CALLR_LOGIN, FONE_TOKEN, KEYS


class Asked(NamedTuple):
    """One HTTP request."""

    path: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None  # POSTed if there is one

    def raw(self, host: str) -> bytes:
        """What goes over the wire."""
        headers = {"Host": host, **self.headers} | ({"Content-Length": str(len(self.body))} if self.body else {})
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{'POST' if self.body else 'GET'} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + (self.body or b"")


def optico(**parameters: object) -> Asked:
    """Ten months of the biggest property."""
    given = {
        "type": "calls",
        "start_date": "2026-01-01",
        "end_date": "2026-10-31",
        "page": 1,
        "limit": 5000,
    } | parameters
    return Asked(f"/data-api?{urlencode(given)}&api_key={KEYS['optico']}")


def invox(**parameters: object) -> Asked:
    return Asked(f"/api/v2/calls?{urlencode(parameters)}", {"X-API-Key": KEYS["invox"]})


def agendize(path: str = "", **parameters: object) -> Asked:
    """path: below the list, `/<id>`."""
    headers = {"apiKey": AGENDIZE_KEY, "token": AGENDIZE_TOKEN}
    return Asked(f"/api/2.0/calls{path}?{urlencode(parameters)}", headers)


def fonedynamics(sid: str, **parameters: object) -> Asked:
    return Asked(f"/v2/Accounts/{sid}/Calls?{urlencode(parameters)}", {"Authorization": _basic(sid, FONE_TOKEN)})


def fonedynamics_call(sid: str, call_sid: str) -> Asked:
    return Asked(f"/v2/Calls/{call_sid}", {"Authorization": _basic(sid, FONE_TOKEN)})


def callr(type_: str, quantity: int, offset: int = 0, **filters: str) -> Asked:
    return callr_rpc("cdr.search", {"type": type_, **filters}, {"offset": offset, "quantity": quantity})


def callr_rpc(method: str, *params: object) -> Asked:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    headers = {"Authorization": _basic(*CALLR_LOGIN), "Content-Type": "application/json"}
    return Asked("/json-rpc/v1.1", headers, msgspec.json.encode(body))


def native(limit: int, cursor: str | None = None) -> Asked:
    path = f"/api/v1/calls?order=oldest&limit={limit}" + (f"&cursor={cursor}" if cursor else "")
    return Asked(path, {"Authorization": f"Bearer {KEYS['native']}"})


def native_call(call_id: str) -> Asked:
    return Asked(f"/api/v1/calls/{call_id}", {"Authorization": f"Bearer {KEYS['native']}"})


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
