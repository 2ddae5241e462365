"""The command line. Errors are one sentence on standard error that says what to do, with exit code 1."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import msgspec
import uvloop

import ringtrail
from ringtrail import import_commands, money_commands, number_commands, webhook_commands
from ringtrail.admin import LOGIN_DIALECTS, TOKEN_DIALECTS
from ringtrail.config import ENV_PREFIX, ConfigError, Settings, load, reference
from ringtrail.model.attribution import StaticAttribution
from ringtrail.services import Services

REFERENCE_PAGE = Path("docs/reference/configuration.md")
INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


def main(argv: list[str] | None = None) -> None:
    arguments = _parser().parse_args(argv)
    try:
        _check_text(vars(arguments).values())
        sys.exit(arguments.run(arguments))
    except BrokenPipeError:  # whoever read our output has seen enough: `... tail | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        print("ringtrail: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except _expected() as exc:
        print(f"ringtrail: {exc}", file=sys.stderr)
        sys.exit(1)


def _check_text(values: Iterable[object]) -> None:
    """What is not UTF-8 comes from the shell as lone surrogates, which nothing can write down."""
    from ringtrail.model.errors import DomainError, ErrorCode

    for value in values:
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise DomainError(ErrorCode.UNREADABLE, detail="an argument is not UTF-8")


def _expected() -> tuple[type[Exception], ...]:
    """What may go wrong without being a bug; each carries its own advice."""
    from ringtrail.engines.asterisk.install import InstallError
    from ringtrail.model.errors import DomainError
    from ringtrail.supervisor.leftovers import AlreadyRunningError
    from ringtrail.supervisor.postgres import PostgresError
    from ringtrail.supervisor.preflight import PreflightError
    from ringtrail.supervisor.secrets import SecretsError
    from ringtrail.supervisor.tree import ChildError

    return (
        ConfigError, InstallError, DomainError, AlreadyRunningError, PostgresError, PreflightError, ChildError,
        SecretsError,
    )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ringtrail",
        description="Call tracking on your own machine. Settings: `ringtrail config`.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run, name=name)
        return command

    add("up", _up, "Set up what is missing and run everything until Ctrl-C.")
    add("serve", _part, "Run only the web server: APIs and dashboard.")
    add("control", _part, "Run only the call controller.")
    add("work", _part, "Run only the background worker.")
    add("migrate", _migrate, "Bring the database to the newest schema.")
    add("seed", _seed, "Make the demo account, if there is none.")
    doctor = add("doctor", _doctor, "Check a set-up and say what is wrong and what to do.")
    doctor.add_argument("--json", action="store_true", help="for scripts: a JSON array of findings")
    config = add("config", _config, "Show every setting with its default, meaning and value in force.")
    shape = config.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="for scripts: a JSON object, secrets left out")
    shape.add_argument("--markdown", action="store_true", help="print the reference page")
    shape.add_argument("--check", action="store_true", help="only say whether the settings can be used")
    recount = add("recount", _recount, "Compare the kept sums with a recount of the calls.")
    recount.add_argument("--rebuild", action="store_true", help="count again and keep the result")
    simulate = add("simulate", _simulate, "Run scenario tables on the simulator and say what differs.")
    simulate.add_argument("file", type=Path, nargs="+", help="text with scenarios: docs/explanation/scenarios.md")
    simulate.add_argument("--json", action="store_true", help="for scripts: a JSON array of results")
    _add_operating(add)
    add("version", _version, "Print the version.")
    return parser


def _add_operating(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Commands that print JSON: their output is for scripts as well as for people."""
    account = add("account", _account, "Create an account: it may dial nothing until `ringtrail allow`.")
    account.add_argument("account_name", metavar="NAME")
    account.add_argument("--site", default="main", help="name of its first property")
    account.add_argument("--timezone", default="Europe/Paris", help="IANA")
    account.add_argument("--country", default="FR", help="ISO 3166-1 alpha-2")
    account.add_argument("--currency", default="EUR", help="ISO 4217")
    add("accounts", _accounts, "List the accounts.")
    allow = add("allow", _allow, "Say which numbers an account may dial; replaces the list it had.")
    allow.add_argument("account", metavar="ACCOUNT_SID")
    allow.add_argument("prefixes", nargs="*", metavar="+PREFIX", help="none: it may dial nothing")
    key = add("key", _key, "Make a key for one API; its secret is shown once.")
    key.add_argument("account", metavar="ACCOUNT_SID")
    key.add_argument("dialect", choices=[*TOKEN_DIALECTS, *LOGIN_DIALECTS])
    key.add_argument("--login", help="for callr and dashboard")
    number = add("number", _number, "Enter a number that your trunk delivers to us.")
    number.add_argument("account", metavar="ACCOUNT_SID")
    number.add_argument("number", metavar="NUMBER")
    number.add_argument("--label", help="a name for people")
    for word in ("source", "medium", "campaign", "content"):
        number.add_argument(f"--{word}", help="what the number stands for")
    number.add_argument("--offline", help="description of an offline source: a leaflet, a sign")
    number_commands.add_to(add("numbers", number_commands.run, "Numbers for sale, and those that record by phone."))
    import_commands.add_to(add("import", import_commands.run, "Move an account in from elsewhere, and its history."))
    oauth = add("oauth", _oauth, "Programs that may ask an account's owner for access (OAuth 2.0).")
    actions = oauth.add_subparsers(required=True, metavar="ACTION", dest="action")
    program = actions.add_parser("add", help="Register a program; its secret is shown once.")
    program.add_argument("program", metavar="NAME", help="what owners of accounts are shown")
    program.add_argument(
        "--redirect", metavar="URI", action="append", required=True, help="where it may send browsers back to"
    )
    actions.add_parser("list", help="List the programs.")
    gone = actions.add_parser("remove", help="Take a program's access away, at once and in every account.")
    gone.add_argument("client_id", metavar="CLIENT_ID")
    money_commands.add_to(add)
    webhook_commands.add_to(
        add("webhooks", webhook_commands.run, "Say who is told of what happens, and see what they were told.")
    )


def _up(_: argparse.Namespace) -> int:
    from ringtrail.supervisor.up import up

    up(load())
    return 0


def _part(arguments: argparse.Namespace) -> int:
    from ringtrail import app, logs
    from ringtrail.supervisor.parts import with_parts

    settings = with_parts(load())
    logs.configure(level=settings.log_level, log_format=settings.log_format, process=arguments.name)
    gc.freeze()  # what is loaded by now stays; only what a call or request makes is worth looking through, and rarely
    gc.set_threshold(20_000, 20, 50)
    part = {"serve": app.serve, "control": app.control, "work": app.work}[arguments.name]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(part(settings))
    return 0


def _migrate(_: argparse.Namespace) -> int:
    from ringtrail.storage.schema import migrate
    from ringtrail.supervisor.parts import running_database

    with running_database(load()) as settings:
        migrate(settings.database_url)
    print("the schema is the newest")
    return 0


def _seed(_: argparse.Namespace) -> int:
    from ringtrail import app
    from ringtrail.storage.schema import migrate
    from ringtrail.supervisor.parts import running_database

    with running_database(load()) as settings:
        migrate(settings.database_url)
        asyncio.run(app.seed_demo(settings))
    print(f"the demo account is described in {settings.data / 'demo.json'}")
    return 0


def _recount(arguments: argparse.Namespace) -> int:
    from ringtrail import app
    from ringtrail.supervisor.parts import running_database

    with running_database(load()) as settings:
        differences = asyncio.run(app.recount(settings, arguments.rebuild))
    if not differences:
        print("the kept sums equal a recount of the calls")
        return 0
    print(f"{differences} kept sums differed from a recount of the calls")
    print("they were counted again" if arguments.rebuild else "`ringtrail recount --rebuild` counts them again")
    return 0 if arguments.rebuild else 1


def _simulate(arguments: argparse.Namespace) -> int:
    from ringtrail import logs
    from ringtrail.engines.simulator.scenario import ScenarioError, parse
    from ringtrail.simulate import run_scenario

    logs.configure(level="error", log_format="text", process="simulate")
    try:
        outcomes = [run_scenario(scenario) for path in arguments.file for scenario in parse(path.read_text())]
    except (ScenarioError, OSError, UnicodeDecodeError) as exc:
        print(f"ringtrail: {exc}", file=sys.stderr)
        return 1
    if arguments.json:
        results = [{"title": item.scenario.title, "differences": item.differences} for item in outcomes]
        print(msgspec.json.format(msgspec.json.encode(results)).decode())
    else:
        for item in outcomes:
            print(f"{'differs' if item.differences else 'ok     '}  {item.scenario.title}")
            print("".join(f"         {difference}\n" for difference in item.differences), end="")
    return 1 if any(item.differences for item in outcomes) else 0


def _with_services(work: Callable[[Services], Awaitable[object]]) -> int:
    from ringtrail.admin import with_services
    from ringtrail.supervisor.parts import running_database

    with running_database(load()) as settings:
        result = asyncio.run(with_services(settings, work))
    print(msgspec.json.format(msgspec.json.encode(result)).decode())
    return 0


def _account(arguments: argparse.Namespace) -> int:
    from ringtrail.admin import create_account

    async def work(services: Services) -> object:
        account, site = await create_account(
            services, name=arguments.account_name, timezone=arguments.timezone, country=arguments.country,
            currency=arguments.currency, site=arguments.site,
        )  # fmt: skip
        return {"account": account, "property": site}

    return _with_services(work)


def _accounts(_: argparse.Namespace) -> int:
    return _with_services(lambda services: services.accounts.all())


def _allow(arguments: argparse.Namespace) -> int:
    from ringtrail.admin import allow

    return _with_services(lambda services: allow(services, arguments.account, tuple(arguments.prefixes)))


def _key(arguments: argparse.Namespace) -> int:
    from ringtrail.admin import create_key

    return _with_services(lambda services: create_key(services, arguments.account, arguments.dialect, arguments.login))


def _number(arguments: argparse.Namespace) -> int:
    from ringtrail.admin import add_number

    attribution = StaticAttribution(
        source=arguments.source, medium=arguments.medium, campaign=arguments.campaign, content=arguments.content,
        offline_description=arguments.offline,
    )  # fmt: skip
    return _with_services(
        lambda services: add_number(
            services, arguments.account, arguments.number, name=arguments.label, attribution=attribution
        )
    )


def _oauth(arguments: argparse.Namespace) -> int:
    from ringtrail.admin import register_program

    match arguments.action:
        case "add":
            return _with_services(lambda services: register_program(services, arguments.program, arguments.redirect))
        case "list":
            return _with_services(lambda services: services.oauth.programs())
        case _:
            return _with_services(lambda services: services.oauth.remove(arguments.client_id))


def _doctor(arguments: argparse.Namespace) -> int:
    from ringtrail.supervisor.doctor import examine

    checks = asyncio.run(examine(load()))
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(checks)).decode())
    else:
        for check in checks:
            print(
                f"{check.status:<5}{check.name}: {check.found}" + (f"\n     → {check.advice}" if check.advice else "")
            )
    return 1 if any(check.status == "fail" for check in checks) else 0


def _config(arguments: argparse.Namespace) -> int:
    if arguments.markdown:
        print(markdown(), end="")
        return 0
    settings = load()
    if arguments.check:
        print("the settings can be used")
    elif arguments.json:
        print(msgspec.json.format(msgspec.json.encode(_shown(settings))).decode())
    else:
        for (key, default, meaning), value in zip(reference(), _shown(settings).values(), strict=True):
            print(f"{ENV_PREFIX}{key.upper()}={value}\n    {meaning} Default: {default or 'empty'}.")
    return 0


def _shown(settings: Settings) -> dict[str, object]:
    """{key: value in force}, without the passwords in URLs."""
    from ringtrail.logs import redacted

    values: dict[str, object] = msgspec.structs.asdict(settings)
    return {key: redacted(key, value) for key, value in values.items()}


def markdown() -> str:
    """docs/reference/configuration.md."""
    rows = [
        f"| `{key}` | {f'`{default}`' if default else 'empty'} | {meaning} |" for key, default, meaning in reference()
    ]
    return "\n".join([_REFERENCE_HEAD, "| key | default | meaning |", "|---|---|---|", *rows, ""])


_REFERENCE_HEAD = f"""\
# Configuration

Printed by `ringtrail config --markdown`; a test compares the two, so edit `src/ringtrail/config.py` instead.

A setting is read from the environment, else from a file, else its default holds. In the environment a key is written in
capitals after `{ENV_PREFIX}`: `{ENV_PREFIX}HTTP_PORT=8010`. The file is `ringtrail.toml` in the working folder, or the
one that `{ENV_PREFIX}CONFIG` names; there a key is written as it is: `http_port = 8010`. An unknown key in the file or a
value that cannot be used stops the start with a message that names the key. `ringtrail config` shows the values in
force.
"""


def _version(_: argparse.Namespace) -> int:
    print(f"ringtrail {ringtrail.__version__}")
    return 0


if __name__ == "__main__":
    main()
