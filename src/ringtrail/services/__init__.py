"""The verbs. A stack: controller > recorder > calls · entered calls · buttons · messages · recordings · analytics > apps >
numbers > accounts.

`Services` is what an edge (dialect, dashboard) is given.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringtrail.ports.clock import Clock
from ringtrail.services.accounts import Accounts
from ringtrail.services.analytics import Analytics
from ringtrail.services.apps import Apps
from ringtrail.services.buttons import Buttons
from ringtrail.services.calls import Calls
from ringtrail.services.entered_calls import EnteredCalls
from ringtrail.services.messages import Messages
from ringtrail.services.numbers import Numbers
from ringtrail.services.recordings import Recordings
from ringtrail.storage.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    accounts: Accounts
    numbers: Numbers
    apps: Apps
    calls: Calls
    entered_calls: EnteredCalls
    buttons: Buttons
    messages: Messages
    recordings: Recordings
    analytics: Analytics


def build_services(database: Database, clock: Clock, *, recordings_folder: str) -> Services:
    numbers = Numbers(database, clock)
    return Services(
        accounts=Accounts(database, clock),
        numbers=numbers,
        apps=Apps(database, clock, numbers),
        calls=Calls(database),
        entered_calls=EnteredCalls(database, clock, recordings_folder),
        buttons=Buttons(database, clock),
        messages=Messages(database, clock),
        recordings=Recordings(database, clock, recordings_folder),
        analytics=Analytics(database),
    )
