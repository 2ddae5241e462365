"""The first schema: accounts, keys, numbers, apps, calls by month, counters, rollups."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

SCHEMA = """
CREATE TABLE accounts (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid                 text NOT NULL UNIQUE,
    name                text NOT NULL,
    timezone            text NOT NULL DEFAULT 'UTC',
    country             text NOT NULL DEFAULT 'FR',
    currency            text NOT NULL DEFAULT 'EUR',
    billing_increment_s integer NOT NULL DEFAULT 60 CHECK (billing_increment_s > 0),
    outbound_prefixes   text[] NOT NULL DEFAULT '{}',     -- nothing may be dialled until somebody allows it
    created_at          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE properties (
    account_id    bigint NOT NULL REFERENCES accounts,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    sid           text NOT NULL UNIQUE,
    name          text NOT NULL,
    timezone      text,                                   -- null: each dialect's own default
    active        boolean NOT NULL DEFAULT true,
    masks_callers boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, id)
);

-- A key's secret is never stored. 'sha256' is for long random tokens (found by their digest), 'scrypt' for passwords
-- (found by login).
CREATE TABLE credentials (
    account_id   bigint NOT NULL REFERENCES accounts,
    id           bigint GENERATED ALWAYS AS IDENTITY,
    property_id  bigint,
    dialect      text NOT NULL,
    login        text,
    scheme       text NOT NULL CHECK (scheme IN ('sha256', 'scrypt')),
    secret_hash  bytea NOT NULL,
    salt         bytea,
    label        text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, property_id) REFERENCES properties (account_id, id)
);
CREATE UNIQUE INDEX credentials_by_digest ON credentials (dialect, secret_hash) WHERE scheme = 'sha256';
CREATE UNIQUE INDEX credentials_by_login ON credentials (dialect, login) WHERE scheme = 'scrypt';

CREATE TABLE web_sessions (
    account_id    bigint NOT NULL REFERENCES accounts,
    token_hash    bytea NOT NULL,
    credential_id bigint NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, token_hash),
    FOREIGN KEY (account_id, credential_id) REFERENCES credentials (account_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX web_sessions_by_token ON web_sessions (token_hash);

-- account_id 0 holds what is built in and belongs to everybody.
CREATE TABLE media (
    account_id bigint NOT NULL,
    id         bigint NOT NULL,
    name       text NOT NULL,
    category   text NOT NULL,
    path       text NOT NULL,                             -- relative to the media folder, without extension
    PRIMARY KEY (account_id, id)
);

CREATE TABLE apps (
    account_id bigint NOT NULL REFERENCES accounts,
    hash       text NOT NULL UNIQUE,
    package    text NOT NULL,
    name       text NOT NULL,
    params     jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, hash)
);

CREATE TABLE dids (
    account_id            bigint NOT NULL REFERENCES accounts,
    hash                  text NOT NULL UNIQUE,
    property_id           bigint NOT NULL,
    number_e164           text NOT NULL UNIQUE,
    country               text NOT NULL,
    line_type             text NOT NULL,
    friendly_name         text,
    app_hash              text,
    assigned_at           timestamptz,
    expires_at            timestamptz,
    expired_redirect_e164 text,
    source                text,
    medium                text,
    campaign              text,
    content               text,
    offline_description   text,
    PRIMARY KEY (account_id, hash),
    FOREIGN KEY (account_id, property_id) REFERENCES properties (account_id, id),
    FOREIGN KEY (account_id, app_hash) REFERENCES apps (account_id, hash)
);

CREATE TABLE blocked_callers (
    account_id  bigint NOT NULL REFERENCES accounts,
    number_e164 text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, number_e164)
);

-- One row an account. A transaction that hands out a value holds the row until it commits, so values become visible
-- in order: whoever has seen n never later meets a smaller one.
CREATE TABLE call_counters (
    account_id bigint PRIMARY KEY REFERENCES accounts,
    creation   bigint NOT NULL DEFAULT 0,
    change     bigint NOT NULL DEFAULT 0
);

CREATE TABLE calls (
    account_id            bigint NOT NULL,
    id                    bigint NOT NULL,
    property_id           bigint NOT NULL,
    creation_seq          bigint NOT NULL,
    change_seq            bigint NOT NULL,
    node                  text NOT NULL,
    started_at            timestamptz NOT NULL,
    answered_at           timestamptz,
    caller_answered_at    timestamptz,
    bridged_at            timestamptz,
    ended_at              timestamptz,
    ring_s                integer NOT NULL DEFAULT 0,
    talk_s                integer NOT NULL DEFAULT 0,
    total_s               integer NOT NULL DEFAULT 0,
    connected_s           integer NOT NULL DEFAULT 0,
    handled_s             integer NOT NULL DEFAULT 0,
    billed_s              integer NOT NULL DEFAULT 0,
    billing_increment_s   integer NOT NULL DEFAULT 60,
    state                 text NOT NULL,
    disposition           text NOT NULL,
    stage                 text NOT NULL,
    disposition_raw       text,
    hangup_cause          smallint,
    hangup_by             text,
    trigger               text NOT NULL,
    caller_number         text,
    caller_withheld       boolean NOT NULL,
    caller_name           text,
    caller_country        text,
    caller_line_type      text,
    caller_region         text,
    caller_is_new         boolean NOT NULL,
    tracking_number       text NOT NULL,
    did_hash              text NOT NULL,
    destination_number    text,
    destination_country   text,
    destination_line_type text,
    app_hash              text,
    source                text,
    medium                text,
    campaign              text,
    content               text,
    offline_description   text,
    redirected            boolean NOT NULL DEFAULT false,
    redirected_expired    boolean NOT NULL DEFAULT false,
    keypad                text,
    external_id           text,
    revenue_minor         bigint NOT NULL DEFAULT 0,
    recording_hash        text,
    recording_kind        text,
    PRIMARY KEY (account_id, started_at, id)
) PARTITION BY RANGE (started_at);
CREATE UNIQUE INDEX calls_by_id ON calls (account_id, id, started_at);
CREATE INDEX calls_by_creation ON calls (account_id, creation_seq);
CREATE INDEX calls_by_change ON calls (account_id, change_seq);
CREATE INDEX calls_by_property ON calls (account_id, property_id, started_at, id);
CREATE INDEX calls_by_tracking_number ON calls (account_id, tracking_number, started_at);
CREATE INDEX calls_live ON calls (node) WHERE ended_at IS NULL;

CREATE TABLE legs (
    account_id      bigint NOT NULL,
    call_id         bigint NOT NULL,
    id              bigint NOT NULL,
    engine_leg_id   text NOT NULL,
    role            text NOT NULL,
    position        smallint NOT NULL,
    number          text,
    number_country  text,
    number_line_type text,
    started_at      timestamptz NOT NULL,
    ringing_at      timestamptz,
    answered_at     timestamptz,
    ended_at        timestamptz,
    cause           smallint,
    sip_status      smallint,
    hangup_by       text,
    disposition     text NOT NULL,
    raw             text,
    codec           text,
    talk_s          integer NOT NULL DEFAULT 0,
    total_s         integer NOT NULL DEFAULT 0,
    billed_s        integer NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, started_at, id)
) PARTITION BY RANGE (started_at);
CREATE INDEX legs_by_call ON legs (account_id, call_id);
CREATE INDEX legs_by_engine_id ON legs (engine_leg_id);

-- The story of a call, one row a call: [{"at": ..., "what": ..., "detail": {...}}, ...]
CREATE TABLE call_traces (
    account_id bigint NOT NULL,
    call_id    bigint NOT NULL,
    started_at timestamptz NOT NULL,
    trace      jsonb NOT NULL,
    PRIMARY KEY (account_id, started_at, call_id)
) PARTITION BY RANGE (started_at);

CREATE TABLE recordings (
    account_id  bigint NOT NULL,
    hash        text NOT NULL,
    call_id     bigint NOT NULL,
    kind        text NOT NULL,
    path        text NOT NULL,
    status      text NOT NULL,
    started_at  timestamptz NOT NULL,
    duration_ms integer,
    size_bytes  bigint,
    per_leg     boolean NOT NULL DEFAULT false,
    read_at     timestamptz,
    PRIMARY KEY (account_id, hash)
);
CREATE INDEX recordings_by_call ON recordings (account_id, call_id);
CREATE INDEX recordings_by_time ON recordings (account_id, started_at);
CREATE INDEX recordings_unfinished ON recordings (status) WHERE status IN ('recording', 'processing');

-- The first call of a caller to a property: later ones are repeats.
CREATE TABLE first_calls (
    account_id    bigint NOT NULL,
    property_id   bigint NOT NULL,
    caller_number text NOT NULL,
    call_id       bigint NOT NULL,
    PRIMARY KEY (account_id, property_id, caller_number)
);

CREATE TABLE call_hours (
    account_id    bigint NOT NULL,
    dimension     text NOT NULL,
    hour_at       timestamptz NOT NULL,
    key           text NOT NULL,
    calls         bigint NOT NULL,
    answered      bigint NOT NULL,
    ring_s        bigint NOT NULL,
    talk_s        bigint NOT NULL,
    total_s       bigint NOT NULL,
    connected_s   bigint NOT NULL,
    handled_s     bigint NOT NULL,
    billed_s      bigint NOT NULL,
    revenue_minor bigint NOT NULL,
    PRIMARY KEY (account_id, dimension, key, hour_at)
);

-- Where the flight recorder was last read to, per engine node.
CREATE TABLE engine_nodes (
    node           text PRIMARY KEY,
    reconciled_at  timestamptz NOT NULL,
    seen_at        timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute(
        "DROP TABLE engine_nodes, call_hours, first_calls, recordings, call_traces, legs, calls, call_counters,"
        " blocked_callers, dids, apps, media, web_sessions, credentials, properties, accounts"
    )
