"""What an operator does from the command line before there are pages for it: accounts, keys, numbers, allow-lists,
programs."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from ringtrail.config import Settings
from ringtrail.model.account import Account, Property
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import DID
from ringtrail.ports.clock import SystemClock
from ringtrail.services import Services, build_services
from ringtrail.services.numbers import to_e164
from ringtrail.sound.studio import LocalStudio
from ringtrail.storage.database import Database

T = TypeVar("T")

TOKEN_DIALECTS = ("optico", "invox", "agendize", "fonedynamics", "native")
LOGIN_DIALECTS = ("callr", "dashboard")


async def with_services(settings: Settings, work: Callable[[Services], Awaitable[T]]) -> T:
    database = Database(settings.database_url, max_connections=2)
    await database.open()
    services = build_services(
        database, SystemClock(), recordings_folder=str(settings.recordings_dir), media_folder=str(settings.media_dir),
        studio=LocalStudio(Path(settings.cache_dir)), secret_key=settings.secret_key,
        egress_allowed_networks=settings.egress_allowed_networks, recording_link_days=settings.recording_link_days,
    )  # fmt: skip
    try:
        return await work(services)
    finally:
        await database.close()


async def create_account(
    services: Services, *, name: str, timezone: str, country: str, currency: str, site: str
) -> tuple[Account, Property]:
    """An account that may dial nothing yet, with its first property."""
    account = await services.accounts.create(
        name=name, timezone=timezone, country=country, currency=currency, outbound_prefixes=()
    )
    return account, await services.accounts.add_property(account.id, site, timezone=timezone)


async def allow(services: Services, account_sid: str, prefixes: tuple[str, ...]) -> Account:
    """Let an account dial numbers that begin with these E.164 prefixes, and no others."""
    for prefix in prefixes:
        if not (prefix.startswith("+") and prefix[1:].isdigit() and len(prefix) <= 16):
            raise DomainError(ErrorCode.BAD_FORMAT, field="prefix", detail=f"{prefix!r} is not '+' and digits")
    account = await account_of(services, account_sid)
    return await services.accounts.allow_outbound(account.id, prefixes)


async def create_key(services: Services, account_sid: str, dialect: str, login: str | None) -> dict[str, str]:
    """A new key for one API. What is returned is shown once and kept only as a digest."""
    account = await account_of(services, account_sid)
    secret = secrets.token_hex(16)
    if dialect in LOGIN_DIALECTS:
        if not login:
            raise DomainError(ErrorCode.MISSING, field="login", detail=f"{dialect} wants --login")
        await services.accounts.add_password(account.id, dialect, login, secret)
        return {"login": login, "password": secret}
    first = (await services.accounts.properties(account.id))[0]
    match dialect:
        case "agendize":
            key = {"apiKey": secrets.token_hex(16), "token": secret}
            await services.accounts.add_token(account.id, dialect, "\n".join(key.values()))
        case "fonedynamics":
            key = {"AccountSid": account.sid, "token": secret}
            await services.accounts.add_token(account.id, dialect, "\n".join(key.values()))
        case "optico":
            key = {"api_key": secret}
            await services.accounts.add_token(account.id, dialect, secret, property_id=first.id)
        case _:
            key = {"token": secret}
            await services.accounts.add_token(account.id, dialect, secret)
    return key


async def add_number(
    services: Services, account_sid: str, number: str, *, name: str | None, attribution: StaticAttribution
) -> DID:
    """A DID that your trunk delivers to us, in the account's first property."""
    account = await account_of(services, account_sid)
    number_e164 = to_e164(number, account.country)
    if number_e164 is None:
        raise DomainError(ErrorCode.BAD_FORMAT, field="number", detail=f"{number!r} is not a phone number")
    first = (await services.accounts.properties(account.id))[0]
    return await services.numbers.add(
        account_id=account.id, property_id=first.id, number_e164=number_e164, friendly_name=name, attribution=attribution
    )  # fmt: skip


async def register_program(services: Services, name: str, redirect_uris: list[str]) -> dict[str, object]:
    """A program that may ask owners of accounts for access. Its secret is shown once and kept only as a digest."""
    program, secret = await services.oauth.register(name, redirect_uris)
    return {
        "client_id": program.client_id, "client_secret": secret, "name": program.name,
        "redirect_uris": program.redirect_uris,
    }  # fmt: skip


async def account_of(services: Services, sid: str | None) -> Account:
    """The account with this sid; None: the only one that there is."""
    if sid is not None:
        account = await services.accounts.by_sid(sid)
        if account is None:
            advice = f"there is no account {sid!r}; `ringtrail accounts` lists them"
            raise DomainError(ErrorCode.NOT_FOUND, "account", advice)
        return account
    accounts = await services.accounts.all()
    if len(accounts) != 1:
        advice = "say which one with --account; `ringtrail accounts` lists them"
        raise DomainError(
            ErrorCode.MISSING, "account", advice if accounts else "make one with `ringtrail account NAME`"
        )
    return accounts[0]
