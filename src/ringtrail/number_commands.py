"""`ringtrail numbers`: what accounts may buy, and how much of it. What is for sale is printed as the file that it was read from."""

from __future__ import annotations

import argparse
import asyncio
import csv
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from ringtrail.config import load
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import AreaCode, NumberQuota, StockNumber
from ringtrail.model.phone_in import PhoneInNumber
from ringtrail.seeding import make_media
from ringtrail.services import Services
from ringtrail.services.apps import CLI_OF_CALLS, CLI_OF_MESSAGES
from ringtrail.services.money import units
from ringtrail.services.numbers import is_e164
from ringtrail.services.stock_file import COLUMNS, Item, items_of

NO_LIMIT = "none"


def add_to(numbers: argparse.ArgumentParser) -> None:
    """Everything that follows `ringtrail numbers`."""
    actions = numbers.add_subparsers(dest="action", required=True, metavar="ACTION")
    text = "Put the numbers of a CSV file up for sale, all or none; what is there already is brought up to date."
    read = actions.add_parser("import", help=text, description=text)
    read.add_argument("file", type=Path, metavar="FILE.csv", help=f"with columns of {','.join(COLUMNS)}")
    text = "Print what is for sale and held by nobody, as a file for import."
    shown = actions.add_parser("list", help=text, description=text)
    shown.add_argument("--country", metavar="CODE", help="ISO 3166-1 alpha-2")

    _add_phone_in(actions)
    _add_cli(actions)

    text = "Show how many numbers an account may have and buy, and set it."
    quota = actions.add_parser("quota", help=text, description=text)
    quota.add_argument("account", metavar="ACCOUNT_SID")
    quota.add_argument("--owned", type=_limit, metavar="N", help=f"it may own so many; `{NO_LIMIT}`: without end")
    quota.add_argument("--bought", type=_limit, metavar="N", help=f"and buy so many within the days; or `{NO_LIMIT}`")
    quota.add_argument("--days", type=_days, metavar="N", help="1 to 366")


def _add_phone_in(actions: Any) -> None:
    text = "Say which numbers ask their callers for a code, and record a medium."
    phone_in = actions.add_parser("phone-in", help=text, description=text)
    what = phone_in.add_subparsers(dest="what", required=True, metavar="ACTION")
    for name, text in (
        ("add", "A number of an account, without an app, takes recordings from now on."),
        ("remove", "It takes none any more."),
    ):
        what.add_parser(name, help=text, description=text).add_argument("number", type=_number, metavar="+NUMBER")
    text = "Print those that there are."
    what.add_parser("list", help=text, description=text)


def _add_cli(actions: Any) -> None:
    text = "Say which numbers, and names of senders, an account may show besides its own numbers."
    cli = actions.add_parser("cli", help=text, description=text)
    what = cli.add_subparsers(dest="what", required=True, metavar="ACTION")
    for name, text in (
        ("add", "Let the account show it. Whether it may is for you to know."),
        ("remove", "It may not any more."),
        ("list", "Print those that there are."),
    ):
        action = what.add_parser(name, help=text, description=text)
        action.add_argument("account", metavar="ACCOUNT_SID")
        if name != "list":
            action.add_argument("number", metavar="+NUMBER", help="of messages: or a name")
        action.add_argument("--for", dest="kind", choices=[CLI_OF_CALLS, CLI_OF_MESSAGES], default=CLI_OF_CALLS)


def _number(text: str) -> str:
    if not is_e164(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not '+' and 7 to 15 digits")
    return text


def _limit(text: str) -> int:
    if text == NO_LIMIT:
        return -1
    if not (text.isascii() and text.isdigit() and len(text) <= 7):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number from 0 to 9999999 nor {NO_LIMIT}")
    return int(text)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 366):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 366")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "import":
        items = _read(arguments.file)
        written = _worked(lambda services: services.stock.take_in(items, _progress(len(items))))
        result = {"numbers": len(items), "for_sale": written, "passed_over": len(items) - written}
        print(msgspec.json.format(msgspec.json.encode(result)).decode())
    elif arguments.action == "quota":
        quota = _worked(lambda services: _quota(services, arguments))
        print(msgspec.json.format(msgspec.json.encode(quota)).decode())
    elif arguments.action == "phone-in":
        numbers = _worked(lambda services: _phone_in(services, arguments))
        print(msgspec.json.format(msgspec.json.encode([number._asdict() for number in numbers])).decode())
    elif arguments.action == "cli":
        clis = _worked(lambda services: _cli(services, arguments))
        print(msgspec.json.format(msgspec.json.encode(clis)).decode())
    else:
        _print(*_worked(lambda services: _for_sale(services, arguments.country)))
    return 0


def _read(path: Path) -> list[Item]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return items_of(lines)
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise DomainError(ErrorCode.UNREADABLE, detail=f"{path}: {exc}") from exc


def _progress(total: int) -> Callable[[int], None]:
    """One line that is written again and again, where somebody looks."""

    def show(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} numbers", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show


async def _quota(services: Services, arguments: argparse.Namespace) -> NumberQuota:
    from ringtrail.admin import account_of

    account = await account_of(services, arguments.account)
    return await services.stock.set_quota(
        account.id, most_owned=arguments.owned, most_bought=arguments.bought, days=arguments.days
    )


async def _phone_in(services: Services, arguments: argparse.Namespace) -> list[PhoneInNumber]:
    """All of them, when it is done."""
    if arguments.what == "add":
        await services.phone_in.add_number(arguments.number)
        make_media(load())
    elif arguments.what == "remove":
        await services.phone_in.remove_number(arguments.number)
    return await services.phone_in.numbers()


async def _cli(services: Services, arguments: argparse.Namespace) -> list[str]:
    """All of them, when it is done."""
    from ringtrail.admin import account_of

    account, kind = await account_of(services, arguments.account), arguments.kind
    if arguments.what == "add":
        await services.apps.authorize_cli(account.id, kind, arguments.number)
    elif arguments.what == "remove":
        await services.apps.withdraw_cli(account.id, kind, arguments.number)
    return list((await services.apps.authorized_clis(account.id, kind))[1])


async def _for_sale(services: Services, country: str | None) -> tuple[list[StockNumber], dict[int, AreaCode]]:
    found = await services.stock.find(country=country and country.upper())
    return found, {area.id: area for area, _ in await services.stock.areas()}


def _print(numbers: Iterable[StockNumber], areas: dict[int, AreaCode]) -> None:
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(COLUMNS)
    for number in numbers:
        area = areas.get(number.area_code_id or 0)
        lines.writerow((
            number.number_e164, number.country, number.line_type, number.class_, area.intl_prefix if area else "",
            area.label if area else "", _units(number.month_micro), _units(number.setup_micro), number.contract_months,
            " ".join(number.capabilities),
        ))  # fmt: skip


def _units(micro: int | None) -> str:
    return "" if micro is None else units(micro)


def _worked(work: Callable[[Services], Awaitable[Any]]) -> Any:
    from ringtrail.admin import with_services
    from ringtrail.supervisor.parts import running_database

    with running_database(load()) as settings:
        return asyncio.run(with_services(settings, work))
