"""`ringtrail import callr`: an account moves in from CALLR, or from another ringtrail.

First it plans: what is new, what is here already, what differs, what cannot come. Then it asks, unless --yes says so. What is
done is done thing by thing; whoever stops it types the same command again. Exit codes are those of `terraform plan
-detailed-exitcode`: 0 nothing is left to do, 1 something failed, 2 nothing was changed and there is something to do.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime

from ringtrail.config import load

URL = "https://api.callr.com/json-rpc/v1.1/"
KEY, LOGIN, PASSWORD = "CALLR_API_KEY", "CALLR_LOGIN", "CALLR_PASS"
"""In the environment, where no `ps` shows them: as the vendor's own samples call them."""


def add_to(imports: argparse.ArgumentParser) -> None:
    """Everything that follows `ringtrail import`."""
    sources = imports.add_subparsers(dest="source", required=True, metavar="SOURCE")
    text = (
        "From CALLR's API v1, which ringtrail speaks too: what the account has there is read, nothing is changed there."
    )
    callr = sources.add_parser("callr", help=text, description=text)
    callr.add_argument(
        "--account", metavar="ACCOUNT", help="where to: sid, hash or name; not needed where there is one"
    )
    callr.add_argument("--url", default=URL, help=f"where from; {URL}")
    for name, variable, meaning in (
        ("--api-key", KEY, "of the account there"),
        ("--login", LOGIN, "instead of a key"),
        ("--password", PASSWORD, "of the login"),
    ):
        callr.add_argument(name, default=os.environ.get(variable), help=f"{meaning}; or in {variable}")
    _add_wishes(callr)
    callr.add_argument("--per-second", type=_rate, metavar="N", help="requests at most; 4")
    callr.add_argument("--yes", action="store_true", help="do it, do not ask")
    callr.add_argument("--json", action="store_true", help="for scripts: one JSON object, when all is over")


def _add_wishes(callr: argparse.ArgumentParser) -> None:
    callr.add_argument("--only", type=_kinds, default=frozenset(), metavar="KIND,...", help="as the plan names them")
    callr.add_argument("--from", dest="from_at", type=_day, metavar="YYYY-MM-DD", help="history from then on only; UTC")
    callr.add_argument("--again", action="store_true", help="read history that an earlier run has read, too")
    callr.add_argument("--update", action="store_true", help="what is here and differs becomes as it is there")
    callr.add_argument("--no-logins", action="store_true", help="make no logins for the accounts below")
    callr.add_argument(
        "--webhook-secret", type=_secret, action="append", default=[], metavar="HASH=SECRET",
        help="what a webhook is signed with, where the old account does not show it",
    )  # fmt: skip


def _kinds(text: str) -> frozenset[str]:
    from ringtrail.dialects.callr.migration.run import NAMES

    found = frozenset(text.split(","))
    if unknown := found - set(NAMES):
        raise argparse.ArgumentTypeError(f"{min(unknown)!r} is none of {', '.join(NAMES)}")
    return found


def _day(text: str) -> datetime:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: YYYY-MM-DD") from None
    if day > datetime.now(UTC):
        raise argparse.ArgumentTypeError(f"{text!r} is still to come")
    return day


def _secret(text: str) -> tuple[str, str]:
    hash_, equals, secret = text.partition("=")
    if not equals or not hash_ or not secret:
        raise argparse.ArgumentTypeError("not HASH=SECRET")
    return hash_, secret


def _rate(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.01 <= found <= 1_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0.01 to 1000")
    return found


def run(arguments: argparse.Namespace) -> int:
    from ringtrail import logs
    from ringtrail.admin import with_services
    from ringtrail.import_admin import moved
    from ringtrail.supervisor.parts import running_database

    logs.configure(level="error", log_format="text", process="import", stream=sys.stderr)
    with running_database(load()) as settings:
        return asyncio.run(with_services(settings, lambda services: moved(services, settings, arguments)))
