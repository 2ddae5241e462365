"""`ringtrail rates`, `credit` and `billing`: what things cost, and who has paid. They print JSON; rates are printed as the file
that they were read from. Amounts are typed and shown in currency units, '12.50'."""

from __future__ import annotations

import argparse
import asyncio
import csv
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from ringtrail.config import load
from ringtrail.model.account import Account
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.money import Balance, BillingMode, LedgerEntry, Rate
from ringtrail.services import Services
from ringtrail.services.money import COLUMNS, micro_of, rates_of, units

TARIFF = "standard"
NO_LEVEL = "none"


def add_to(add: Callable[..., argparse.ArgumentParser]) -> None:
    rates = add("rates", _rates, "What calls, messages and numbers cost, by tariff.")
    actions = rates.add_subparsers(dest="action", required=True, metavar="ACTION")
    read = actions.add_parser("import", help="Give a tariff the rates of a CSV file, and no others.")
    read.add_argument("file", type=Path, metavar="FILE.csv", help=f"with the columns {','.join(COLUMNS)}")
    read.add_argument("--tariff", default=TARIFF, help=f"its name; {TARIFF}")
    shown = actions.add_parser("list", help="List the tariffs, or the rates of one.")
    shown.add_argument("--tariff", help="print its rates, as a file for import")
    credit = add("credit", _credit, "Add to what an account has; less than nothing is a correction.")
    credit.add_argument("account", metavar="ACCOUNT_SID")
    credit.add_argument("amount", metavar="AMOUNT", type=_amount, help="in the account's currency: 12.50")
    credit.add_argument(
        "--reference", help="an invoice, a payment: one reference is booked once, however often you ask"
    )
    credit.add_argument("--note", default="", help="for people")
    billing = add("billing", _billing, "Show what an account has and its newest entries; set how it pays.")
    billing.add_argument("account", metavar="ACCOUNT_SID")
    _add_terms(billing)
    billing.add_argument("--entries", type=_count, default=20, metavar="N", help="how many are shown; 20")


def _add_terms(billing: argparse.ArgumentParser) -> None:
    tariff = billing.add_mutually_exclusive_group()
    tariff.add_argument("--tariff", help="whose rates it is charged from now on")
    tariff.add_argument("--no-tariff", action="store_true", help="it is charged nothing")
    billing.add_argument(
        "--mode", choices=[mode.value for mode in BillingMode],
        help="prepaid begins with a shutdown level of 0, unless it has one",
    )  # fmt: skip
    for level, meaning in (("warning", "it is told"), ("shutdown", "nothing that costs is begun for it")):
        billing.add_argument(
            f"--{level}", type=_level, metavar="AMOUNT", help=f"at this balance {meaning}; `{NO_LEVEL}`: never"
        )


def _amount(text: str) -> int:
    try:
        return micro_of(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is {exc}") from None


def _level(text: str) -> int | str:
    return NO_LEVEL if text == NO_LEVEL else _amount(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 9999")
    return int(text)


def _rates(arguments: argparse.Namespace) -> int:
    if arguments.action == "import":
        new = _read(arguments.file)
        _worked(lambda services: services.money.set_tariff(arguments.tariff, new))
        _print({"tariff": arguments.tariff, "rates": len(new)})
    elif arguments.tariff is None:
        tariffs = _worked(lambda services: services.money.tariffs())
        _print([{"tariff": name, "rates": number} for name, number in tariffs])
    else:
        _print_rates(_worked(lambda services: services.money.rates_of_tariff(arguments.tariff)))
    return 0


def _read(path: Path) -> list[Rate]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return rates_of(lines)
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise DomainError(ErrorCode.UNREADABLE, detail=f"{path}: {exc}") from exc


def _print_rates(rates: list[Rate]) -> None:
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(COLUMNS)
    for rate in rates:
        lines.writerow((
            rate.kind, rate.prefix, units(rate.price_micro), units(rate.setup_micro), rate.increment_s, rate.least_s,
            rate.label,
        ))  # fmt: skip


def _credit(arguments: argparse.Namespace) -> int:
    if arguments.amount == 0:
        raise DomainError(ErrorCode.OUT_OF_RANGE, "amount", "nothing is to be booked")

    async def work(services: Services) -> dict[str, Any]:
        account = await _account(services, arguments.account)
        reference, note = arguments.reference, arguments.note
        balance = await services.money.top_up(account.id, arguments.amount, about=reference, note=note)
        return _shown(account, balance)

    _print(_worked(work))
    return 0


def _billing(arguments: argparse.Namespace) -> int:
    async def work(services: Services) -> dict[str, Any]:
        account = await _account(services, arguments.account)
        balance = await services.money.balance(account.id)
        if terms := _terms(arguments, balance):
            balance = await services.money.set_terms(account.id, **terms)
        entries = await services.money.entries(account.id, limit=arguments.entries)
        tariff = await services.money.tariff_name(account.id)
        return _shown(account, balance) | {"tariff": tariff, "entries": [_entry(entry) for entry in entries]}

    _print(_worked(work))
    return 0


def _terms(arguments: argparse.Namespace, before: Balance) -> dict[str, Any]:
    """What `Money.set_terms` is asked for."""
    terms: dict[str, Any] = {}
    if arguments.tariff or arguments.no_tariff:
        terms["tariff"] = arguments.tariff
    if arguments.mode:
        terms["mode"] = BillingMode(arguments.mode)
    if terms.get("mode") is BillingMode.PREPAID and before.shutdown_micro is None:
        terms["shutdown_micro"] = 0
    for key, level in (("warning_micro", arguments.warning), ("shutdown_micro", arguments.shutdown)):
        if level is not None:
            terms[key] = None if level == NO_LEVEL else level
    return terms


async def _account(services: Services, sid: str) -> Account:
    from ringtrail.admin import account_of

    return await account_of(services, sid)


def _shown(account: Account, balance: Balance) -> dict[str, Any]:
    return {
        "account": account.sid, "name": account.name, "mode": balance.mode, "currency": balance.currency,
        "balance": units(balance.balance_micro), "warning": _level_shown(balance.warning_micro),
        "shutdown": _level_shown(balance.shutdown_micro), "used_up": balance.shut,
    }  # fmt: skip


def _level_shown(micro: int | None) -> str | None:
    return None if micro is None else units(micro)


def _entry(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "at": entry.at, "kind": entry.kind, "about": entry.about, "amount": units(entry.amount_micro),
        "balance": units(entry.balance_micro), "note": entry.note,
    }  # fmt: skip


def _worked(work: Callable[[Services], Awaitable[Any]]) -> Any:
    from ringtrail.admin import with_services
    from ringtrail.supervisor.parts import running_database

    with running_database(load()) as settings:
        return asyncio.run(with_services(settings, work))


def _print(result: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(result)).decode())
