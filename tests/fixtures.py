"""Example data: one account with a property, a DID, an app and the golden call of the docs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ringtrail.model.account import Account, Property
from ringtrail.model.app import App
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Call, Leg, LegRole, Recording, RecordingKind, TraceEntry
from ringtrail.model.cause import Cause, Disposition, HangupBy
from ringtrail.model.ids import CallIds
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.number import DID
from ringtrail.ports.clock import SystemClock
from ringtrail.services import Services, build_services
from ringtrail.storage.apps import app_of_did
from ringtrail.storage.calls import save_calls
from ringtrail.storage.database import Database

GOLDEN_START = datetime(2026, 7, 14, 9, 5, 10, tzinfo=UTC)

TOKENS = {
    "optico": "d4t4_5f4dcc3b5aa765d61d8327deb882cf99",
    "invox": "invox-token-0123456789abcdef0123456789abcdef",
    "agendize": "agendize-token-0123456789abcdef01234567",
    "callr": "c" * 100,
    "native": "rt_live_0123456789abcdef0123456789abcdef",
}
"""One random-looking token a dialect. Fone Dynamics uses login = Account.sid with FONE_TOKEN; CALLR also a login."""
FONE_TOKEN = "fone-token-0123456789abcdef0123456789abcdef"
CALLR_LOGIN = ("demo", "s3cret:é")
AGENDIZE_API_KEY = "agendize-key-0123456789abcdef01234567"


@dataclass
class World:
    """An account with everything that a reading API needs."""

    database: Database
    services: Services
    account: Account
    property: Property
    app: App
    did: DID
    ids: CallIds

    async def save(self, *calls: Call) -> None:
        await save_calls(self.database, calls)

    def golden(self, **changes: object) -> Call:
        """The call of `reporting-dialects` section 9: answered after 11 s, 199 s of talk, hung up by the caller."""
        return golden_call(self.account, self.property, self.did, self.app, self.ids, **changes)


async def build_world(database: Database, folder: Path, *, name: str = "Optimists Ltd") -> World:
    services = build_services(database, SystemClock(), recordings_folder=str(folder))
    account = await services.accounts.create(
        name=name, timezone="Europe/Paris", country="FR", currency="EUR", outbound_prefixes=("+33",)
    )
    item = await services.accounts.add_property(account.id, "www.mysite.com")
    app = await services.apps.create(account.id, "CALLTRACKING10", "Main line", {})
    did = await services.numbers.add(
        account_id=account.id,
        property_id=item.id,
        number_e164=f"+3391234{account.id:04d}",
        friendly_name="Front desk",
        app_hash=app.hash,
        attribution=StaticAttribution(
            source="Google Ads", medium="cpc", campaign="summer", content="banner-3", offline_description="Leaflet 7"
        ),
    )
    return World(database, services, account, item, app, did, CallIds(1))


async def own_route(world: World, did: DID) -> App | None:
    """The app that `Numbers.route_to` made, if the DID is still sent there."""
    async with world.database.reading() as connection:
        app = await app_of_did(connection, did.account_id, did.hash)
    return app if app is not None and app.hash == did.app_hash else None


async def add_credentials(world: World, suffix: str = "") -> None:
    """Every dialect's credentials for the world's account. `suffix` makes a second account's differ."""
    accounts, account_id = world.services.accounts, world.account.id
    for dialect, token in TOKENS.items():
        property_id = world.property.id if dialect == "optico" else None
        if dialect != "agendize":
            await accounts.add_token(account_id, dialect, token + suffix, property_id=property_id)
    await accounts.add_token(account_id, "agendize", f"{AGENDIZE_API_KEY}{suffix}\n{TOKENS['agendize']}{suffix}")
    await accounts.add_token(account_id, "fonedynamics", f"{world.account.sid}\n{FONE_TOKEN}{suffix}")
    await accounts.add_password(account_id, "callr", CALLR_LOGIN[0] + suffix, CALLR_LOGIN[1])
    await accounts.add_password(account_id, "dashboard", "demo" + suffix, "correct horse")


def golden_call(account: Account, item: Property, did: DID, app: App, ids: CallIds, **changes: object) -> Call:
    start = changes.pop("started_at", GOLDEN_START)
    assert isinstance(start, datetime)
    answered, ended = start + timedelta(seconds=11), start + timedelta(seconds=210)
    call_id = ids.next(int(start.timestamp() * 1000))
    caller_leg = Leg(
        id=call_id, engine_leg_id=f"a-{call_id}", role=LegRole.CALLER, position=0, number_e164="+33612345678",
        number_country="FR", number_line_type="MOBILE", started_at=start, answered_at=answered, ended_at=ended,
        cause=Cause.NORMAL_CLEARING, hangup_by=HangupBy.CALLER, disposition=Disposition.ANSWERED, codec="alaw",
    )  # fmt: skip
    target_leg = Leg(
        id=ids.next(int(start.timestamp() * 1000)), engine_leg_id=f"b-{call_id}", role=LegRole.TARGET, position=1,
        number_e164="+33987654321", number_country="FR", number_line_type="FIXED", started_at=start + timedelta(seconds=1),
        ringing_at=start + timedelta(seconds=2), answered_at=answered, ended_at=ended, cause=Cause.NORMAL_CLEARING,
        hangup_by=HangupBy.CALLER, disposition=Disposition.ANSWERED, codec="alaw",
    )  # fmt: skip
    call = Call(
        id=call_id, account_id=account.id, property_id=item.id, node="test", started_at=start, state=State.ENDED,
        stage=Stage.BRIDGED, tracking_number_e164=did.number_e164, did_hash=did.hash, app_hash=app.hash,
        caller_number_e164="+33612345678", caller_withheld=False, caller_name="Alice", caller_country="FR",
        caller_line_type="MOBILE", caller_region=None, attribution=did.attribution, legs=(caller_leg, target_leg),
        answered_at=answered, bridged_at=answered, ended_at=ended, disposition=Disposition.ANSWERED,
        disposition_raw="ANSWERED", hangup_cause=Cause.NORMAL_CLEARING, hangup_by=HangupBy.CALLER,
        destination_number_e164="+33987654321", destination_country="FR", destination_line_type="FIXED",
        trace=(TraceEntry(at=start, what="offered", detail={"did": did.number_e164}),),
    )  # fmt: skip
    return replace(call, **changes)  # type: ignore[arg-type]


def with_recording(call: Call, hash_: str = "REC0RD1N") -> Call:
    recording = Recording(
        hash=hash_, call_id=call.id, kind=RecordingKind.CALL, path=f"{call.id}", started_at=call.started_at, status="ready"
    )  # fmt: skip
    return replace(call, recordings=(recording,))
