"""The verbs. A stack: controller > recorder > calls · recordings · analytics > apps > numbers > accounts.

`Services` is what an edge (dialect, dashboard) is given.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringtrail.ports.clock import Clock
from ringtrail.services.accounts import Accounts
from ringtrail.services.analytics import Analytics
from ringtrail.services.apps import Apps
from ringtrail.services.calls import Calls
from ringtrail.services.numbers import Numbers
from ringtrail.services.recordings import Recordings
from ringtrail.storage.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    accounts: Accounts
    numbers: Numbers
    apps: Apps
    calls: Calls
    recordings: Recordings
    analytics: Analytics


def build_services(database: Database, clock: Clock, *, recordings_folder: str) -> Services:
    numbers = Numbers(database, clock)
    return Services(
        accounts=Accounts(database, clock),
        numbers=numbers,
        apps=Apps(database, clock, numbers),
        calls=Calls(database),
        recordings=Recordings(database, clock, recordings_folder),
        analytics=Analytics(database),
    )
