"""What API clients write: entered calls, messages, buttons, click-to-call orders, numbers for sale, property settings."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

SCHEMA = """
ALTER TABLE calls
    ADD client_id   text,                                 -- an API client's own link to its CRM
    ADD button_hash text,                                 -- the click-to-call button that caused the call
    ADD timezone    text,                                 -- IANA, as an API client named it; null: the property's
    ADD recording_ready boolean NOT NULL DEFAULT false;
UPDATE calls c SET recording_ready = true FROM recordings r
    WHERE r.account_id = c.account_id AND r.call_id = c.id AND r.status = 'ready';
CREATE INDEX calls_by_button ON calls (account_id, button_hash, started_at) WHERE button_hash IS NOT NULL;

-- A level above call_hours, for the dimensions whose pages are jumped in: account, property, outbound. Days of UTC.
CREATE TABLE call_days (
    account_id bigint NOT NULL,
    dimension  text NOT NULL,
    key        text NOT NULL,
    day_at     timestamptz NOT NULL,
    calls      bigint NOT NULL,
    PRIMARY KEY (account_id, dimension, key, day_at)
);
INSERT INTO call_days SELECT account_id, dimension, key, date_trunc('day', hour_at, 'UTC'), sum(calls) FROM call_hours
    WHERE dimension IN ('account', 'property', 'outbound') GROUP BY 1, 2, 3, 4;

ALTER TABLE properties
    ADD main_domain             text,
    ADD sms_enabled             boolean NOT NULL DEFAULT true,
    ADD call_recording_enabled  boolean NOT NULL DEFAULT true,
    ADD integrations_enabled    boolean NOT NULL DEFAULT false;

ALTER TABLE apps ADD did_hash text;                       -- the app serves this DID alone: it is the DID's own routing
CREATE UNIQUE INDEX apps_by_did ON apps (account_id, did_hash) WHERE did_hash IS NOT NULL;

ALTER TABLE dids
    ADD region       text,
    ADD city         text,
    ADD capabilities text[] NOT NULL DEFAULT '{voice}',   -- voice, sms, mms
    ADD settings     jsonb NOT NULL DEFAULT '{}';         -- what a dialect keeps with a number and we do not act on

-- Numbers that the operator has and nobody owns yet. Buying deletes the row in the transaction that adds the DID.
CREATE TABLE number_stock (
    number_e164  text PRIMARY KEY,
    country      text NOT NULL,
    line_type    text NOT NULL,
    region       text,
    city         text,
    capabilities text[] NOT NULL DEFAULT '{voice}',
    added_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE buttons (
    account_id   bigint NOT NULL REFERENCES accounts,
    hash         text NOT NULL UNIQUE,
    property_id  bigint NOT NULL,
    name         text NOT NULL,
    target_e164  text NOT NULL,
    max_talk_s   integer,
    settings     jsonb NOT NULL DEFAULT '{}',             -- what a dialect keeps with a button: countries, opening hours
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    deleted_at   timestamptz,
    PRIMARY KEY (account_id, hash),
    FOREIGN KEY (account_id, property_id) REFERENCES properties (account_id, id)
);

-- A click-to-call that was asked for. Whoever claims it has to make it one call, once: call_id is chosen by the claim.
CREATE TABLE call_orders (
    account_id   bigint NOT NULL REFERENCES accounts,
    id           bigint GENERATED ALWAYS AS IDENTITY,
    property_id  bigint NOT NULL,
    button_hash  text NOT NULL,
    visitor_e164 text NOT NULL,
    target_e164  text NOT NULL,
    max_talk_s   integer,
    due_at       timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    node         text,
    call_id      bigint,
    claimed_at   timestamptz,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX call_orders_due ON call_orders (due_at) WHERE claimed_at IS NULL;
CREATE INDEX call_orders_claimed ON call_orders (node, claimed_at) WHERE claimed_at IS NOT NULL;

CREATE TABLE messages (
    account_id     bigint NOT NULL REFERENCES accounts,
    id             bigint GENERATED ALWAYS AS IDENTITY,
    sid            text NOT NULL UNIQUE,
    property_id    bigint NOT NULL,
    direction      text NOT NULL CHECK (direction IN ('in', 'out')),
    sender         text NOT NULL,                         -- E.164, or a name of 1 to 11 characters
    recipient_e164 text NOT NULL,
    body           text NOT NULL,
    encoding       text NOT NULL,                         -- gsm, unicode
    segments       smallint NOT NULL,
    status         text NOT NULL,                         -- see model/message.py
    error_code     text,
    receipt_wanted boolean NOT NULL DEFAULT true,
    external_id    text,
    settings       jsonb NOT NULL DEFAULT '{}',           -- what a dialect keeps with a message: forwarding, webhooks
    created_at     timestamptz NOT NULL,
    scheduled_at   timestamptz,
    due_at         timestamptz,                           -- null: nothing left to do
    submitted_at   timestamptz,
    delivered_at   timestamptz,
    received_at    timestamptz,
    transport_id   text,                                  -- what the carrier calls a received message
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, property_id) REFERENCES properties (account_id, id)
);
CREATE INDEX messages_by_time ON messages (account_id, property_id, created_at, id);
CREATE INDEX messages_of_account ON messages (account_id, created_at, id);
CREATE UNIQUE INDEX messages_by_transport_id ON messages (account_id, transport_id) WHERE transport_id IS NOT NULL;
CREATE INDEX messages_due ON messages (due_at) WHERE due_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute(
        "DROP TABLE call_days, messages, call_orders, buttons, number_stock;"
        " ALTER TABLE dids DROP region, DROP city, DROP capabilities, DROP settings;"
        " ALTER TABLE apps DROP did_hash;"
        " ALTER TABLE properties DROP main_domain, DROP sms_enabled, DROP call_recording_enabled, DROP integrations_enabled;"
        " ALTER TABLE calls DROP client_id, DROP button_hash, DROP timezone, DROP recording_ready"
    )
