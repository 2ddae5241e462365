"""What a person needs first: the page, the credentials, one request per API, where to send a call."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ringtrail.config import Settings


def banner(settings: Settings, *, own_asterisk: bool) -> str:
    """Printed when everything runs. Without a demo account: only the addresses."""
    demo = read_demo(settings.data)
    lines = ["", "ringtrail is running.", "", f"  Dashboard   {settings.base_url}/"]
    if demo:
        login = demo["credentials"]["dashboard"]
        lines.append(f"              login {login['login']}, password {login['password']}")
    lines.append(f"  API docs    {settings.base_url}/api/v1/docs")
    lines.append(f"  Health      {settings.base_url}/healthz  /readyz  /metrics")
    lines += _sip(settings, own_asterisk)
    if demo:
        lines += ["  Numbers", *_numbers(demo)]
        lines += ["", f"  One request per API, for the account {demo['account']['name']!r}:"]
        for name, command in requests(settings.base_url, demo["credentials"]):
            lines += ["", f"  # {name}", f"  {command}"]
    return "\n".join(
        [*lines, "", f"  Data {settings.data}, logs {settings.data / 'logs'}. Ctrl-C stops everything.", ""]
    )


def read_demo(data: Path) -> dict[str, Any] | None:
    """The demo account's description, if one was seeded in this data folder."""
    try:
        demo: dict[str, Any] = json.loads((data / "demo.json").read_text())
    except FileNotFoundError:
        return None
    return demo


def _sip(settings: Settings, own_asterisk: bool) -> Iterator[str]:
    if not own_asterisk:
        yield "  SIP         the Asterisk that RINGTRAIL_ARI_URL names"
        return
    yield f"  SIP         sip:{settings.sip_host}:{settings.sip_port} (UDP), calls accepted from {settings.trunk_sources}"
    yield f"              outbound legs go to {settings.trunk_peer}; `make demo` answers there and makes calls"


def _numbers(demo: dict[str, Any]) -> Iterator[str]:
    for number in demo["numbers"]:
        yield f"              {number['number']} {number['name']}: {number['what']} (target {number['target']})"


def requests(base: str, keys: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    """(API, a curl command that works as it is) for the account with these credentials."""
    today = datetime.now(UTC).date()
    days = f"start_date={today - timedelta(days=7)}&end_date={today + timedelta(days=1)}"
    yield "native", _curl(f"{base}/api/v1/calls", "-H", f"Authorization: Bearer {keys['native']['token']}")
    optico = f"{base}/data-api?api_key={keys['optico']['api_key']}&type=calls&{days}&page=1&limit=10"
    yield "Optico Data API", _curl(optico)
    yield "INVOX", _curl(f"{base}/api/v2/calls", "-H", f"X-API-Key: {keys['invox']['token']}")
    agendize = keys["agendize"]
    yield (
        "Agendize",
        _curl(f"{base}/api/2.0/calls", "-H", f"apiKey: {agendize['apiKey']}", "-H", f"token: {agendize['token']}"),
    )
    fone = keys["fonedynamics"]
    yield (
        "Fone Dynamics",
        _curl(f"{base}/v2/Accounts/{fone['AccountSid']}/Calls", "-u", f"{fone['AccountSid']}:{fone['token']}"),
    )
    callr = keys["callr"]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "apps.get_list", "params": [True]})
    yield (
        "CALLR (JSON-RPC)",
        _curl(
            f"{base}/json-rpc/v1.1/", "-u", f"{callr['login']}:{callr['password']}",
            "-H", "Content-Type: application/json-rpc; charset=utf-8", "-d", body,
        ),
    )  # fmt: skip


def _curl(url: str, *options: str) -> str:
    return shlex.join(["curl", "-sS", *options, url])
