"""Endpoints and the ledger into their structs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ringtrail.dialects.native.event_ids import event_text
from ringtrail.dialects.native.events import subject_of
from ringtrail.dialects.native.signatures import live, public_key
from ringtrail.dialects.native.vocabulary import instant, optional_instant
from ringtrail.dialects.native.webhook_structs import (
    Answered,
    Attempt,
    Delivery,
    Endpoint,
    EndpointWithSecret,
    PublicKey,
    Sent,
)
from ringtrail.model import webhook as model
from ringtrail.model.account import Account
from ringtrail.model.errors import DomainError
from ringtrail.model.events import EventType
from ringtrail.services import Services

DIALECT = "native"


async def endpoint_out(services: Services, endpoint: model.Endpoint) -> Endpoint:
    return Endpoint(**await _fields(services, endpoint))


async def endpoint_with_secret(services: Services, endpoint: model.Endpoint, secret: str | None) -> EndpointWithSecret:
    return EndpointWithSecret(**await _fields(services, endpoint), secret=secret)


async def _fields(services: Services, endpoint: model.Endpoint) -> dict[str, Any]:
    sids = {item.id: item.sid for item in await services.accounts.properties(endpoint.account_id)}
    return {
        "hash": endpoint.hash,
        "dialect": endpoint.dialect,
        "property": sids[endpoint.property_id] if endpoint.property_id is not None else None,
        "name": endpoint.name,
        "address": endpoint.address,
        "event_types": list(endpoint.event_types),
        "enabled": endpoint.enabled,
        "disabled_by": endpoint.disabled_by,
        "disabled_why": endpoint.disabled_why,
        "disabled_at": optional_instant(endpoint.disabled_at),
        "failing_since": optional_instant(endpoint.failing_since),
        "public_keys": await _public_keys(services, endpoint),
        "created_at": instant(endpoint.created_at),
        "updated_at": instant(endpoint.updated_at),
    }


async def _public_keys(services: Services, endpoint: model.Endpoint) -> list[PublicKey]:
    if endpoint.dialect != DIALECT or not endpoint.settings.get("ed25519"):
        return []
    try:
        secrets = await services.webhooks.secrets(endpoint)
    except DomainError:  # sealed with a key of the operator's that is lost: they sign nothing either
        return []
    return public_keys(secrets, datetime.now(UTC))


def public_keys(secrets: Mapping[str, Any], now: datetime) -> list[PublicKey]:
    return [
        PublicKey(
            key=public_key(item["key"]),
            until=optional_instant(datetime.fromisoformat(item["until"]) if item["until"] else None),
        )
        for item in live(secrets, "v1a", now)
    ]


def delivery_out(record: model.DeliveryRecord, account: Account) -> Delivery:
    type_ = EventType(record.event_type)
    return Delivery(
        event=event_text(record.event_id), type=type_, subject=subject_of(type_, record.about, account),
        event_at=instant(record.event_at), endpoint=record.endpoint_hash, state=record.state,
        due_at=optional_instant(record.due_at), tries=record.tries, tried_at=optional_instant(record.tried_at),
        took_ms=record.took_ms, status=record.last_status, error=record.last_error,
        delivered_at=optional_instant(record.delivered_at),
    )  # fmt: skip


def attempt_out(record: model.AttemptRecord) -> Attempt:
    sent = answered = None
    if record.method is not None:
        sent = Sent(
            method=record.method, address=record.address, headers=dict(record.request_headers), body=record.request_body
        )  # fmt: skip
    if record.status is not None:
        answered = Answered(status=record.status, headers=dict(record.response_headers), body=record.response_body)
    return Attempt(
        number=record.number, at=instant(record.at), took_ms=record.took_ms, delivered=record.error is None,
        error=record.error, request=sent, response=answered,
    )  # fmt: skip
