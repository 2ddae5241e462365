"""Who the benchmark's calls belong to: accounts, properties, apps, DIDs and the keys that read them."""

from __future__ import annotations

from dataclasses import dataclass

from ringtrail.model.account import Account
from ringtrail.model.app import PACKAGE_CALL_TRACKING
from ringtrail.model.attribution import StaticAttribution
from ringtrail.ports.clock import SystemClock
from ringtrail.services import Services, build_services
from ringtrail.storage.accounts import account_by_id
from ringtrail.storage.database import Database

KEYS = {
    "optico": "bench-optico-key-0000000000000000",
    "invox": "bench-invox-token-0000000000000000",
    "native": "rt_bench_00000000000000000000000000",
}
AGENDIZE_KEY, AGENDIZE_TOKEN = "bench-agendize-key-0000", "bench-agendize-token-0000"
FONE_TOKEN = "bench-fone-token-0000000000000000"
CALLR_LOGIN = ("bench", "bench-password")
"""Fixed, so that a kept data set can be read again. They open nothing but made-up calls."""

SOURCES = (
    ("Google Ads", "cpc"), ("Google", "organic"), ("Bing Ads", "cpc"), ("Facebook", "social"), ("Newsletter", "email"),
    ("Leaflet", "print"), ("Radio", "audio"), (None, None),
)  # fmt: skip
"""(source, medium) of DIDs, in turn. The last one is a number that nothing is known of."""

CAMPAIGNS = ("spring", "summer", "brand", "always-on", "sale")


@dataclass(frozen=True, slots=True)
class Tenant:
    """An account to make. share: its part of all calls."""

    name: str
    share: float
    properties: int
    apps: int
    dids: int


TENANTS = (
    Tenant("Bench Retail", 0.80, 6, 8, 400),
    Tenant("Bench Garages", 0.08, 3, 3, 40),
    Tenant("Bench Clinics", 0.06, 2, 2, 30),
    Tenant("Bench Hotels", 0.04, 2, 2, 20),
    Tenant("Bench Lawyers", 0.02, 1, 1, 10),
)


async def make(database: Database) -> list[Account]:
    """All tenants, the first with one key a dialect (Optico's for its biggest property)."""
    services = build_services(database, SystemClock(), recordings_folder="/nonexistent")
    accounts = [await _make(services, tenant, number) for number, tenant in enumerate(TENANTS)]
    await _add_keys(services, accounts[0])
    return accounts


async def made(database: Database) -> list[Account]:
    """The tenants as they were made, in the same order."""
    async with database.reading() as connection:
        found = await (await connection.execute("SELECT id FROM accounts ORDER BY id")).fetchall()
        accounts = [await account_by_id(connection, row[0]) for row in found]
    return [account for account in accounts if account is not None]


async def _make(services: Services, tenant: Tenant, number: int) -> Account:
    account = await services.accounts.create(
        name=tenant.name, timezone="Europe/Paris", country="FR", currency="EUR", outbound_prefixes=("+33",)
    )
    properties = [
        await services.accounts.add_property(account.id, f"www.{n}.example") for n in range(tenant.properties)
    ]
    apps = [
        await services.apps.create(account.id, PACKAGE_CALL_TRACKING, f"App {n}", {"options": {"record_calls": n % 2 == 0}})
        for n in range(tenant.apps)
    ]  # fmt: skip
    for n in range(tenant.dids):
        source, medium = SOURCES[n % len(SOURCES)]
        await services.numbers.add(
            account_id=account.id,
            property_id=properties[n % len(properties)].id,
            number_e164=f"+3397{number:02d}{n:05d}",
            friendly_name=f"Number {n}",
            app_hash=apps[n % len(apps)].hash,
            attribution=StaticAttribution(
                source=source, medium=medium, campaign=CAMPAIGNS[n % len(CAMPAIGNS)] if source else None
            ),
        )
    return account


async def _add_keys(services: Services, account: Account) -> None:
    biggest = (await services.accounts.properties(account.id))[0]
    add = services.accounts.add_token
    await add(account.id, "optico", KEYS["optico"], property_id=biggest.id)
    await add(account.id, "invox", KEYS["invox"])
    await add(account.id, "native", KEYS["native"])
    await add(account.id, "agendize", f"{AGENDIZE_KEY}\n{AGENDIZE_TOKEN}")
    await add(account.id, "fonedynamics", f"{account.sid}\n{FONE_TOKEN}")
    await services.accounts.add_password(account.id, "callr", *CALLR_LOGIN)
