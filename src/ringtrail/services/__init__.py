"""The verbs. A stack: controller > recorder > calls · entered calls · history · buttons · messages · recordings · analytics ·
webhooks > webhook ledger · jobs · phone-in > media · exports > stock > apps · sub accounts > numbers · money > oauth · api keys > accounts.

`Services` is what an edge (dialect, dashboard) is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ringtrail.ports.clock import Clock
from ringtrail.ports.sound import Studio
from ringtrail.services.accounts import Accounts
from ringtrail.services.analytics import Analytics
from ringtrail.services.api_keys import ApiKeys
from ringtrail.services.apps import Apps
from ringtrail.services.buttons import Buttons
from ringtrail.services.calls import Calls
from ringtrail.services.clicks import Clicks
from ringtrail.services.commands import Commands
from ringtrail.services.egress import Policy, networks_of
from ringtrail.services.entered_calls import EnteredCalls
from ringtrail.services.exports import Exports
from ringtrail.services.history import History
from ringtrail.services.jobs import Jobs
from ringtrail.services.lookups import Lookups
from ringtrail.services.media import Media
from ringtrail.services.messages import Messages
from ringtrail.services.money import Money
from ringtrail.services.numbers import Numbers
from ringtrail.services.oauth import OAuth
from ringtrail.services.phone_in import PhoneIn
from ringtrail.services.recording_links import RecordingLinks
from ringtrail.services.recordings import Recordings
from ringtrail.services.sip import Sip
from ringtrail.services.stock import Stock
from ringtrail.services.sub_accounts import SubAccounts
from ringtrail.services.vault import Vault
from ringtrail.services.webhook_ledger import WebhookLedger
from ringtrail.services.webhooks import Webhooks
from ringtrail.storage.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    accounts: Accounts
    sub_accounts: SubAccounts
    api_keys: ApiKeys
    oauth: OAuth
    numbers: Numbers
    lookups: Lookups
    stock: Stock
    money: Money
    apps: Apps
    calls: Calls
    entered_calls: EnteredCalls
    history: History
    buttons: Buttons
    clicks: Clicks
    commands: Commands
    sip: Sip
    messages: Messages
    recordings: Recordings
    recording_links: RecordingLinks
    analytics: Analytics
    webhooks: Webhooks
    webhook_ledger: WebhookLedger
    jobs: Jobs
    media: Media
    exports: Exports
    phone_in: PhoneIn


def build_services(
    database: Database,
    clock: Clock,
    *,
    recordings_folder: str,
    media_folder: str = "",
    studio: Studio | None = None,
    secret_key: str = "",
    egress_allowed_networks: str = "",
    recording_link_days: int = 0,
) -> Services:
    """media_folder: beside the recordings unless told; studio: None: no sounds can be made.
    secret_key: see Vault; without one, what is sealed or signed is good for as long as the services live."""
    sounds = Path(media_folder or recordings_folder + "/media")
    numbers, vault, ledger = Numbers(database, clock), Vault(secret_key), WebhookLedger(database)
    jobs = Jobs(database, clock)
    return Services(
        accounts=Accounts(database, clock),
        sub_accounts=SubAccounts(database, clock),
        api_keys=ApiKeys(database, clock, vault),
        oauth=OAuth(database, clock),
        numbers=numbers,
        lookups=Lookups(),
        stock=Stock(database, clock, numbers),
        money=Money(database, clock),
        apps=Apps(database, clock, numbers),
        calls=Calls(database),
        entered_calls=EnteredCalls(database, clock, recordings_folder),
        history=History(database, clock, studio, recordings_folder),
        buttons=Buttons(database, clock),
        clicks=Clicks(database, clock),
        commands=Commands(database, clock),
        sip=Sip(database, clock, vault),
        messages=Messages(database, clock),
        recordings=Recordings(database, clock, recordings_folder),
        recording_links=RecordingLinks(vault, clock, valid_days=recording_link_days),
        analytics=Analytics(database),
        webhooks=Webhooks(database, clock, vault, Policy(networks_of(egress_allowed_networks)), ledger),
        webhook_ledger=ledger,
        jobs=jobs,
        media=Media(database, clock, studio, sounds),
        exports=Exports(database, clock, jobs, sounds / "exports"),
        phone_in=PhoneIn(database, clock),
    )
