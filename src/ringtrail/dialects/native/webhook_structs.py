"""Endpoints and the ledger as JSON: what is read and what is written."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ringtrail.dialects.native.event_structs import Event, EventId, Hash, Sid, Subject
from ringtrail.dialects.native.responses import Count, Instant
from ringtrail.model.events import EventType
from ringtrail.model.webhook import DeliveryState, DisabledBy

Address: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\x00-\x20]+$", max_length=2000,
        description="Where events are posted to. A name is looked up at each try, and private networks are refused.",
        examples=["https://crm.example.org/calls"],
    ),
]  # fmt: skip
Name: TypeAlias = Annotated[
    str, Meta(pattern=r"^[^\x00]*$", max_length=200, description="For people.", examples=["CRM"])
]
Types: TypeAlias = Annotated[list[EventType], Meta(min_length=1, max_length=100)]
Secret: TypeAlias = Annotated[str, Meta(pattern=r"^whsec_[A-Za-z0-9+/]+={0,2}$", max_length=100)]
Status: TypeAlias = Annotated[int, Meta(ge=100, le=599)]

OVERLAP_S, LONGEST_OVERLAP_S = 86_400, 7 * 86_400

# --- what is read ---------------------------------------------------------------------------------------------------


class NewEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A URL to be told of what happens from now on."""

    address: Address
    event_types: Annotated[Types | UnsetType, Meta(description="Left out: every type that there is now.")] = UNSET
    name: Name = ""
    property: Annotated[Sid | UnsetType | None, Meta(description="Tell of this property only, by its `sid`. Left out: of all that your token sees.")] = UNSET  # fmt: skip
    enabled: bool = True
    secret: Annotated[Secret | UnsetType, Meta(description="Yours: `whsec_` and the base64 of 24 to 64 bytes. Left out: we make one of 32.")] = UNSET  # fmt: skip
    ed25519: Annotated[bool, Meta(description="Sign with a key pair too (`v1a`), whose public half is in `public_keys`.")] = False  # fmt: skip


class EndpointChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    address: Address | UnsetType = UNSET
    event_types: Types | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    property: Sid | UnsetType | None = UNSET
    ed25519: Annotated[bool | UnsetType, Meta(description="`true` makes a key pair where there is none, `false` forgets it.")] = UNSET  # fmt: skip


class Enabling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to go on."""

    replay: Annotated[bool, Meta(description="Tell it what it missed since it began to fail or was disabled. `false`: nothing from before now, not even what still waits.")] = True  # fmt: skip


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new key."""

    signature: Annotated[Literal["v1", "v1a"], Meta(description="Which kind of key.")] = "v1"
    secret: Annotated[Secret | UnsetType, Meta(description="Yours, for `v1`. Left out: we make one.")] = UNSET
    overlap_s: Annotated[int, Meta(ge=0, le=LONGEST_OVERLAP_S, description="How long the old key signs as well.")] = OVERLAP_S  # fmt: skip


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events, of those that are kept. Nothing given: all of them."""

    after: Annotated[EventId | UnsetType, Meta(description="Those that come after this one.")] = UNSET
    from_: Annotated[str | UnsetType, Meta(description="Instead of `after`: those written at this instant or later.", extra_json_schema={"format": "date-time"})] = msgspec.field(name="from", default=UNSET)  # fmt: skip
    until: Annotated[EventId | UnsetType, Meta(description="Up to this one, inclusive.")] = UNSET
    to: Annotated[str | UnsetType, Meta(description="Instead of `until`: those written before this instant.", extra_json_schema={"format": "date-time"})] = UNSET  # fmt: skip
    delivered_too: Annotated[bool, Meta(description="`false`: only what was not delivered to it yet.")] = True


# --- what is written ------------------------------------------------------------------------------------------------


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """What verifies `v1a` signatures."""

    key: Annotated[str, Meta(pattern=r"^whpk_[A-Za-z0-9+/]{43}=$", description="`whpk_` and the base64 of the 32 bytes.")]  # fmt: skip
    until: Annotated[Instant | None, Meta(description="When it signs no more; null: until it is replaced.")]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A subscriber's URL."""

    hash: Hash
    dialect: Annotated[str, Meta(description="Whose payload it is sent. Only `native` ones are made and changed here.", examples=["native"])]  # fmt: skip
    property: Annotated[Sid | None, Meta(description="Told of this property only; null: of the whole account.")]
    name: str
    address: str
    event_types: list[EventType]
    enabled: bool
    disabled_by: Annotated[DisabledBy | None, Meta(description="`system`: it failed for too long, or answered 410.")]
    disabled_why: str | None
    disabled_at: Instant | None
    failing_since: Annotated[Instant | None, Meta(description="Its first failure after its last success.")]
    public_keys: Annotated[list[PublicKey], Meta(description="Newest first; none: it has no ed25519 key.")]
    created_at: Instant
    updated_at: Instant


class EndpointWithSecret(Endpoint, frozen=True, kw_only=True):
    """An endpoint with its new secret, which is never shown again."""

    secret: Annotated[str | None, Meta(description="`whsec_…`; null if its ed25519 key was the one that was replaced.")]


class EndpointList(msgspec.Struct, frozen=True, kw_only=True):
    """Oldest first."""

    endpoints: list[Endpoint]


class Enabled(msgspec.Struct, frozen=True, kw_only=True):
    """An enabled endpoint, and how many events are due to it now."""

    endpoint: Endpoint
    due: Count


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """How many events are on their way now."""

    due: Count


class EventTypeItem(msgspec.Struct, frozen=True, kw_only=True):
    """One type of event."""

    type: EventType
    meaning: str
    subscribable: Annotated[bool, Meta(description="`false`: it comes unasked.")]
    example: Event


class EventTypeList(msgspec.Struct, frozen=True, kw_only=True):
    """All that there are."""

    event_types: list[EventTypeItem]


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    """Oldest first, without a gap."""

    events: list[Event]
    next_after: Annotated[EventId, Meta(description="`after` of your next request, also when there are no events. Keep it.")]  # fmt: skip


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event to one endpoint."""

    event: EventId
    type: EventType
    subject: Subject
    event_at: Annotated[Instant, Meta(description="When the event happened.")]
    endpoint: Hash
    state: DeliveryState
    due_at: Annotated[Instant | None, Meta(description="When it is tried next; null: delivered or given up.")]
    tries: Annotated[int, Meta(ge=0, description="Since it was first due, or was replayed.")]
    tried_at: Instant | None
    took_ms: Count | None
    status: Annotated[Status | None, Meta(description="HTTP status of the newest attempt.")]
    error: str | None
    delivered_at: Instant | None


class DeliveryList(msgspec.Struct, frozen=True, kw_only=True):
    """Newest event first."""

    deliveries: list[Delivery]
    next_cursor: Annotated[str | None, Meta(description="Null: this was the last page.")]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it was sent."""

    method: str
    address: str
    headers: Annotated[dict[str, str], Meta(description="What holds a secret is blacked out.")]
    body: Annotated[str | None, Meta(description="Its beginning.")]


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the endpoint answered."""

    status: Status
    headers: dict[str, str]
    body: Annotated[str | None, Meta(description="Its beginning.")]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request of a delivery."""

    number: Annotated[int, Meta(ge=0, description="0: the first, or the first of a replay.")]
    at: Instant
    took_ms: Count
    delivered: bool
    error: str | None
    request: Annotated[Sent | None, Meta(description="Null: nothing could be sent.")]
    response: Annotated[Answered | None, Meta(description="Null: there was no answer.")]


class AttemptList(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    attempts: list[Attempt]
    next_cursor: Annotated[str | None, Meta(description="Null: this was the last page.")]
