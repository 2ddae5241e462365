"""Everything that an inbound call needs to know, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ringtrail.model.button import CallOrder
from ringtrail.storage.database import Connection


class RouteRow(NamedTuple):
    did_hash: str
    account_id: int
    property_id: int
    number_e164: str
    expires_at: Any
    expired_redirect_e164: str | None
    source: str | None
    medium: str | None
    campaign: str | None
    content: str | None
    offline_description: str | None
    app_hash: str | None
    package: str | None
    params: dict[str, Any] | None
    country: str
    billing_increment_s: int
    outbound_prefixes: list[str]
    recording_enabled: bool  # of the property
    caller_blocked: bool
    media: dict[str, str]  # {media id as text: path relative to the media folder}
    takes_phone_in: bool


# Nothing may be dialled for an account that is disabled or barred from it, or whose credit is used up.
_MAY_DIAL = (
    "CASE WHEN o.disabled_at IS NOT NULL OR 'calls_out' = ANY(o.barred) OR EXISTS (SELECT FROM balances b WHERE b.account_id = o.id"
    " AND b.shut_at IS NOT NULL) THEN '{}' ELSE o.outbound_prefixes END"
)


async def route(connection: Connection, numbers: list[str], caller_e164: str | None) -> RouteRow | None:
    """The DID that carries one of `numbers`, with its account, app, block list verdict and media. None: not ours, or of an
    account that takes no calls."""
    cursor = await connection.execute(
        (
            "SELECT d.hash, d.account_id, d.property_id, d.number_e164, d.expires_at, d.expired_redirect_e164, d.source,"
            " d.medium, d.campaign, d.content, d.offline_description, a.hash, a.package, a.params, o.country,"
            f" o.billing_increment_s, {_MAY_DIAL}, p.call_recording_enabled, EXISTS (SELECT 1 FROM blocked_callers b"
            " WHERE b.account_id = d.account_id AND b.number_e164 = %s), (SELECT coalesce(jsonb_object_agg(m.id, m.path), '{}')"
            " FROM media m WHERE m.account_id IN (0, d.account_id) AND m.status = 'ready' AND a.params IS NOT NULL AND m.id IN ("
            " (a.params #>> '{medias,welcome}')::bigint, (a.params #>> '{medias,ringtone}')::bigint,"
            " (a.params #>> '{medias,whisper}')::bigint, (a.params #>> '{medias,bridge}')::bigint,"
            " (a.params #>> '{vms,intro}')::bigint)), d.app_hash IS NULL AND EXISTS (SELECT 1 FROM phone_in_numbers n"
            " WHERE n.account_id = d.account_id AND n.did_hash = d.hash)"
            " FROM dids d JOIN accounts o ON o.id = d.account_id"
            " JOIN properties p ON p.account_id = d.account_id AND p.id = d.property_id"
            " LEFT JOIN apps a ON a.account_id = d.account_id AND a.hash = d.app_hash"
            " WHERE d.number_e164 = ANY(%s) AND o.disabled_at IS NULL AND NOT 'calls_in' = ANY(o.barred) LIMIT 1"
        ).encode(),
        (caller_e164, numbers),
    )
    row = await cursor.fetchone()
    return RouteRow._make(row) if row else None


class PhoneRouteRow(NamedTuple):
    account_id: int
    property_id: int
    country: str
    billing_increment_s: int
    outbound_prefixes: list[str]
    cli: str
    privacy: str


async def phone_route(connection: Connection, subscriber_id: int) -> PhoneRouteRow | None:
    """What a call from a subscriber's phone needs to know; it belongs to the account's first property. None: no such subscriber,
    or an account without a property."""
    cursor = await connection.execute(
        f"SELECT o.id, p.id, o.country, o.billing_increment_s, {_MAY_DIAL}, s.cli, s.privacy FROM sip_subscribers s"
        " JOIN accounts o ON o.id = s.account_id JOIN properties p ON p.account_id = o.id"
        " WHERE s.id = %s AND p.active ORDER BY p.id LIMIT 1".encode(),
        (subscriber_id,),
    )
    row = await cursor.fetchone()
    return PhoneRouteRow._make(row) if row else None


class OrderRouteRow(NamedTuple):
    country: str
    billing_increment_s: int
    outbound_prefixes: list[str]
    shown_e164: str | None
    recording_enabled: bool  # of the property
    media: dict[str, str]  # as of RouteRow


async def order_route(connection: Connection, order: CallOrder, media: Sequence[int] = ()) -> OrderRouteRow:
    """What a call that we place ourselves needs to know."""
    cursor = await connection.execute(
        f"SELECT o.country, o.billing_increment_s, {_MAY_DIAL}, (SELECT min(number_e164) FROM dids d"
        " WHERE d.account_id = o.id AND d.property_id = %s), coalesce((SELECT p.call_recording_enabled FROM properties p"
        " WHERE p.account_id = o.id AND p.id = %s), false), (SELECT coalesce(jsonb_object_agg(m.id, m.path), '{}')"
        " FROM media m WHERE m.account_id IN (0, o.id) AND m.id = ANY(%s)) FROM accounts o WHERE o.id = %s".encode(),
        (order.property_id, order.property_id, list(media), order.account_id),
    )
    row = await cursor.fetchone()
    assert row is not None
    return OrderRouteRow._make(row)
