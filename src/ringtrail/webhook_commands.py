"""`ringtrail webhooks ...`: what can be typed, and how the log reads. Commands that change something print JSON, those that
show something print tables, or JSON with --json."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from ringtrail.config import load
from ringtrail.mail.wording import printable
from ringtrail.model.account import Account
from ringtrail.model.webhook import AttemptRecord, DeliveryRecord, DeliveryState
from ringtrail.services import Services

T = TypeVar("T")

_ADDABLE = ("native", "invox", "mail")


def add_to(webhooks: argparse.ArgumentParser) -> None:
    """Everything that follows `ringtrail webhooks`."""
    actions = webhooks.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, text: str, *positional: str, json: bool = False) -> argparse.ArgumentParser:
        parser = actions.add_parser(name, help=text, description=text)
        parser.add_argument("--account", metavar="ACCOUNT_SID", help="not needed where there is only one")
        for item in positional:
            parser.add_argument(item, metavar=item.upper())
        if json:
            parser.add_argument("--json", action="store_true", help="for scripts")
        return parser

    _add_add(action("add", "Tell a URL, or somebody by e-mail, what happens from now on. A secret is shown once."))
    action("list", "List the account's endpoints, those of its API clients too, and how each does.", json=True)
    action("remove", "Tell an endpoint nothing any more, and forget its log.", "hash")
    action("test", "Send an endpoint an event that says no more than that it is a test.", "hash")
    _add_switches(action)
    log = action("log", "Show what was, or is to be, told to whom, newest event first.", json=True)
    _add_filters(log)
    log.add_argument("--state", choices=[state.value for state in DeliveryState])
    log.add_argument("--limit", type=_count, default=50, help="how many lines at most; 50")
    attempts = action(
        "attempts", "Show each try to tell an event: what was sent, what was answered.", "event", json=True
    )
    attempts.add_argument("endpoint", nargs="?", metavar="HASH", help="only this endpoint's")
    tail = action("tail", "Show each try as it ends, until Ctrl-C.", json=True)
    _add_filters(tail)
    tail.add_argument("-n", dest="last", type=_count, default=10, metavar="N", help="newest tries to begin with; 10")
    _add_replay(action("replay", "Tell an endpoint again, from the log.", "hash"))
    key = action("key", "Show the key that signs what the account's Agendize watches are sent.")
    key.add_argument("key_id", metavar="KEY_ID", help="one of the watch's cryptoKeyIds")


def _add_add(new: argparse.ArgumentParser) -> None:
    new.add_argument("--dialect", required=True, choices=_ADDABLE, help="in whose form")
    new.add_argument("--url", required=True, help="https://..., or an e-mail address for the dialect mail")
    new.add_argument("--events", metavar="TYPE,...", help="which, or `all`; else what is usual for the dialect")
    new.add_argument("--name", default="", help="for people")
    new.add_argument("--property", metavar="PROPERTY_SID", help="only what concerns this property")
    new.add_argument("--token", help="invox: sent as X-API-Key; `-` reads it from standard input")
    new.add_argument("--form", action="store_true", help="invox: form encoding instead of JSON")


def _add_switches(action: Callable[..., argparse.ArgumentParser]) -> None:
    enable = action("enable", "Tell an endpoint again what happens, and what it missed.", "hash")
    enable.add_argument("--no-replay", action="store_true", help="only what happens from now on")
    disable = action("disable", "Tell an endpoint nothing until it is enabled.", "hash")
    disable.add_argument("--admin", action="store_true", help="so that only you can enable it, not its owner")
    disable.add_argument("--why", help="for whoever wonders")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint", metavar="HASH")
    parser.add_argument("--event", metavar="EVENT")
    parser.add_argument("--type", dest="types", metavar="TYPE,...")
    parser.add_argument("--status", type=int, help="HTTP status of the (newest) answer")
    parser.add_argument("--failed", action="store_true", help="whose (newest) try failed")
    _add_times(parser)


def _add_times(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="from_at", metavar="TIME", help="ISO 8601, in the account's time zone if it says none"
    )
    parser.add_argument("--to", dest="to_at", metavar="TIME", help="likewise; what was at that instant is left out")


def _add_replay(replay: argparse.ArgumentParser) -> None:
    replay.add_argument("--event", metavar="EVENT", help="this one")
    _add_times(replay)
    replay.add_argument("--all", dest="everything", action="store_true", help="whatever is kept")
    replay.add_argument("--undelivered", action="store_true", help="only what it was not delivered yet")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 9999")
    return int(text)


# --- running ----------------------------------------------------------------------------------------------------------


def run(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "list":
            _print_list(arguments)
        case "log":
            _print_log(arguments)
        case "attempts":
            _print_attempts(arguments)
        case "tail":
            _worked(lambda services: _tail(services, arguments))
        case _:
            _print_json(_worked(lambda services: _changed(services, arguments)))
    return 0


def _worked(work: Callable[[Services], Awaitable[T]]) -> T:
    from ringtrail.admin import with_services
    from ringtrail.supervisor.parts import running_database

    with running_database(load()) as settings:
        return asyncio.run(with_services(settings, work))


async def _changed(services: Services, arguments: argparse.Namespace) -> dict[str, Any]:
    from ringtrail import webhook_admin as admin

    account = arguments.account
    match arguments.action:
        case "add":
            return await admin.add(services, account, _new_endpoint(arguments))
        case "remove":
            return dict(await admin.remove(services, account, arguments.hash))
        case "test":
            return dict(await admin.test(services, account, arguments.hash))
        case "enable":
            return await admin.enable(services, account, arguments.hash, replay=not arguments.no_replay)
        case "disable":
            return await admin.disable(
                services, account, arguments.hash, by_operator=arguments.admin, why=arguments.why
            )
        case "replay":
            return await admin.replay(services, account, arguments.hash, _asked(admin.Range, arguments))
        case _:
            return dict(await admin.signing_key(services, account, arguments.key_id))


def _new_endpoint(arguments: argparse.Namespace) -> Any:
    from ringtrail.webhook_admin import NewEndpoint

    token: str | None = arguments.token
    if token == "-":  # noqa: S105
        token = sys.stdin.buffer.readline().decode("utf-8", "replace").rstrip("\r\n")
    return NewEndpoint(
        dialect=arguments.dialect, address=arguments.url, event_types=arguments.events, name=arguments.name,
        property_sid=arguments.property, token=token, form=arguments.form,
    )  # fmt: skip


def _asked(kind: type[T], arguments: argparse.Namespace) -> T:
    """A dataclass from the arguments that have its fields' names."""
    known: Iterable[str] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: value for name, value in vars(arguments).items() if name in known})


# --- showing ----------------------------------------------------------------------------------------------------------


def _print_list(arguments: argparse.Namespace) -> None:
    from ringtrail import webhook_admin as admin

    found = _worked(lambda services: admin.endpoints(services, arguments.account))
    if arguments.json:
        return _print_json(found)
    rows = [
        (item["hash"], item["dialect"], _condition(item), str(item["waiting"]), item["address"], item["name"])
        for item in found
    ]
    return _print_table(("HASH", "DIALECT", "STATUS", "WAITING", "ADDRESS", "NAME"), rows, "no endpoints")


def _condition(item: dict[str, Any]) -> str:
    if not item["enabled"]:
        why = f": {item['disabled_why']}" if item["disabled_why"] else ""
        return f"disabled by {item['disabled_by']} {_utc(item['disabled_at'])}{why}"
    if item["failing_since"]:
        return f"failing since {_utc(item['failing_since'])}"
    return "works" if item["delivered_at"] else "not used yet"


def _print_log(arguments: argparse.Namespace) -> None:
    from ringtrail import webhook_admin as admin

    account, found = _worked(
        lambda services: admin.log(services, arguments.account, _asked(admin.Filters, arguments), arguments.limit)
    )
    if arguments.json:
        return _print_json([record._asdict() | {"state": record.state} for record in found])
    head = ("EVENT", "TYPE", "HAPPENED", "ENDPOINT", "STATE", "TRIES", "STATUS", "MS", "WHAT WENT WRONG")
    return _print_table(head, [_log_row(record, account) for record in found], "nothing was, or is to be, told")


def _log_row(record: DeliveryRecord, account: Account) -> tuple[str, ...]:
    state = record.state.value.replace("_", " ")
    if record.state is DeliveryState.WAITING and record.due_at and record.tried_at:
        state = f"again {_local(record.due_at, account)}"
    return (
        str(record.event_id), record.event_type, _local(record.event_at, account), record.endpoint_hash, state,
        str(record.tries), _or_dash(record.last_status), _or_dash(record.took_ms), record.last_error or "",
    )  # fmt: skip


def _print_attempts(arguments: argparse.Namespace) -> None:
    from ringtrail import webhook_admin as admin

    account, found = _worked(
        lambda services: admin.attempts(services, arguments.account, arguments.event, arguments.endpoint)
    )
    if arguments.json:
        return _print_json([record._asdict() for record in found])
    return print("\n\n".join("\n".join(_told(record, account)) for record in found))


def _told(record: AttemptRecord, account: Account) -> list[str]:
    """One try with everything that is known of it."""
    lines = [_line(record, account)]
    if record.method:
        lines += [
            f"  > {record.method} {printable(record.address)}",
            *_message(record.request_headers, record.request_body, ">"),
        ]
    if record.status is not None:
        lines += [f"  < {record.status}", *_message(record.response_headers, record.response_body, "<")]
    return lines


def _message(headers: Any, body: str | None, mark: str) -> list[str]:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["", *body.splitlines()]
    return [f"  {mark} {printable(line)}".rstrip() for line in lines]


async def _tail(services: Services, arguments: argparse.Namespace) -> None:
    from ringtrail import admin, webhook_admin

    account = await admin.account_of(services, arguments.account)
    asked = _asked(webhook_admin.Filters, arguments)
    async for record in webhook_admin.tail(services, account, asked, arguments.last):
        if arguments.json:
            print(msgspec.json.encode(record._asdict()).decode(), flush=True)
        else:
            print(_line(record, account), flush=True)


def _line(record: AttemptRecord, account: Account) -> str:
    outcome = "delivered" if record.error is None else printable(record.error)
    return (
        f"{_local(record.at, account)}  event {record.event_id} {record.event_type}, try {record.number + 1}"
        f" to {record.endpoint_hash} {printable(record.endpoint_name or record.address)}"
        f"  {_or_dash(record.status)} in {record.took_ms} ms: {outcome}"
    )


def _print_json(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value)).decode())


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
    if not rows:
        return print(nothing)
    lines = [head, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return None


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def _local(instant: datetime, account: Account) -> str:
    return f"{instant.astimezone(ZoneInfo(account.timezone)):%Y-%m-%d %H:%M:%S}"


def _utc(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%MZ}"
