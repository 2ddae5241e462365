"""Where an inbound call goes: DID, account, app settings, or why it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ringtrail.model.app import (
    PACKAGE_CALL_TRACKING,
    CallTrackingSettings,
    Target,
    call_tracking_settings,
    click_to_call_settings,
)
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.button import CallOrder
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.sip import MAX_RING_TIMEOUT_S
from ringtrail.services.numbers import is_e164, to_e164
from ringtrail.storage import routing as store
from ringtrail.storage.apps import may_show
from ringtrail.storage.database import Database
from ringtrail.voice.phone_in import PROMPTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One answer. refused: the Disposition of a call that goes nowhere; None: `settings` say where it goes."""

    account_id: int
    property_id: int
    country: str
    billing_increment_s: int
    outbound_prefixes: tuple[str, ...]
    did_hash: str
    tracking_number_e164: str
    attribution: StaticAttribution
    app_hash: str | None
    settings: CallTrackingSettings
    media_paths: dict[int, str]  # {media id: absolute path without extension}
    refused: Disposition | None = None
    redirected_expired: bool = False
    takes_phone_in: bool = False  # its callers record a medium
    shown_to_caller_e164: str | None = None  # the CLI of a call that we place ourselves; None: withheld
    phone_cli_e164: str | None = None  # the CLI of a subscriber who calls; None: there is none to show
    phone_withheld: bool = False  # it is not shown to who is called


class Routing:
    """Looks routes up in the database; while that is away, gives the last known answer for the same number."""

    def __init__(self, database: Database, *, default_country: str, media_folder: Path) -> None:
        self._database = database
        self._default_country = default_country
        self._media_folder = media_folder
        self._last_known: dict[str, store.RouteRow] = {}

    async def find(self, dialled: str, caller_e164: str | None, now: datetime) -> Route | None:
        """None: the number is nobody's. Raises DomainError UNAVAILABLE if the database is away and nothing is known."""
        try:
            async with self._database.reading() as connection:
                row = await store.route(connection, self.readings(dialled), caller_e164)
        except DomainError as exc:
            if exc.code is not ErrorCode.UNAVAILABLE or dialled not in self._last_known:
                raise
            row = self._last_known[dialled]
        if row is None:
            self._last_known.pop(dialled, None)
            return None
        if len(self._last_known) > 50_000:
            self._last_known.clear()
        self._last_known[dialled] = row
        return self._route(row, now)

    async def of_phone(self, subscriber_id: int, dialled: str) -> Route | None:
        """Of a call that a subscriber dials; read as a number of the account's country. None: it is no number, or the
        subscriber is gone.

        [inferred]: a number that may not be dialled leaves a record of a failed call; a CLI that is not the account's any more
        is not shown, nor is any with `privacy` full; the called phone rings for as long as any may.
        """
        async with self._database.reading() as connection:
            row = await store.phone_route(connection, subscriber_id)
            shows = row is not None and await may_show(connection, row.account_id, row.cli)
        number = to_e164(dialled, row.country) if row else None
        if row is None or number is None or not is_e164(number):
            return None
        target = Target(number_e164=number, ring_timeout_s=MAX_RING_TIMEOUT_S)
        return Route(
            account_id=row.account_id, property_id=row.property_id, country=row.country,
            billing_increment_s=row.billing_increment_s, outbound_prefixes=tuple(row.outbound_prefixes), did_hash="",
            tracking_number_e164="", attribution=StaticAttribution(), app_hash=None,
            settings=CallTrackingSettings(targets=(target,)), media_paths={},
            phone_cli_e164=row.cli if shows else None, phone_withheld=row.privacy != "off",
        )  # fmt: skip

    async def of_order(self, order: CallOrder) -> Route:
        """Whose ordered call it is. A button's visitor sees a number of the property, so that calling back is tracked too."""
        click = order.click
        settings = click_to_call_settings(click.params, click.b_targets) if click else CallTrackingSettings()
        async with self._database.reading() as connection:
            row = await store.order_route(connection, order, settings.media)
        return Route(
            account_id=order.account_id, property_id=order.property_id, country=row.country,
            billing_increment_s=row.billing_increment_s, outbound_prefixes=tuple(row.outbound_prefixes), did_hash="",
            tracking_number_e164="", attribution=StaticAttribution(), app_hash=click.app_hash if click else None,
            settings=settings if row.recording_enabled else replace(settings, record_calls=False),
            media_paths=self._media_paths(row.media), shown_to_caller_e164=click.cli if click else row.shown_e164,
        )  # fmt: skip

    def _media_paths(self, media: Mapping[str, str]) -> dict[int, str]:
        return {int(id_): str(self._media_folder / path) for id_, path in media.items()}

    def readings(self, dialled: str) -> list[str]:
        """The E.164 numbers that the dialled digits may mean: as sent, with '+', and as a national number."""
        digits = dialled.lstrip("+")
        national = to_e164(dialled, self._default_country)
        return [number for number in dict.fromkeys((dialled, f"+{digits}", national)) if number]

    def caller(self, number: str | None) -> str | None:
        """The caller's E.164 number, or None if what was sent is not a number."""
        if not number or sum(character.isdigit() for character in number) < 4:
            return None
        return to_e164(number, self._default_country)

    def _route(self, row: store.RouteRow, now: datetime) -> Route:
        route = Route(
            account_id=row.account_id,
            property_id=row.property_id,
            country=row.country,
            billing_increment_s=row.billing_increment_s,
            outbound_prefixes=tuple(row.outbound_prefixes),
            did_hash=row.did_hash,
            tracking_number_e164=row.number_e164,
            attribution=StaticAttribution(
                source=row.source,
                medium=row.medium,
                campaign=row.campaign,
                content=row.content,
                offline_description=row.offline_description,
            ),
            app_hash=row.app_hash,
            settings=_settings(row),
            media_paths=self._media_paths(row.media),
        )
        if row.caller_blocked:
            return replace(route, refused=Disposition.BLOCKED)
        if row.expires_at is not None and row.expires_at <= now:
            return _expired(route, row.expired_redirect_e164)
        if row.takes_phone_in:
            return replace(
                route, takes_phone_in=True, media_paths=self._media_paths({str(id_): str(id_) for id_ in PROMPTS})
            )
        if row.app_hash is None or row.package != PACKAGE_CALL_TRACKING:  # no other package can answer a call yet
            return replace(route, refused=Disposition.UNASSIGNED)
        return route


def _settings(row: store.RouteRow) -> CallTrackingSettings:
    """What the app says; but a property that may not record calls has none recorded."""
    settings = call_tracking_settings(row.params or {})
    return settings if row.recording_enabled else replace(settings, record_calls=False)


def _expired(route: Route, redirect_e164: str | None) -> Route:
    if redirect_e164 is None:
        return replace(route, refused=Disposition.EXPIRED)
    settings = CallTrackingSettings(targets=(Target(number_e164=redirect_e164),))
    return replace(route, settings=settings, redirected_expired=True)
