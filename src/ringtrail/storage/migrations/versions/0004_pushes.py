"""What is told to subscribers: endpoints, events, deliveries."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

SCHEMA = """
CREATE TABLE endpoints (
    account_id  bigint NOT NULL REFERENCES accounts,
    hash        text NOT NULL UNIQUE,
    dialect     text NOT NULL,                            -- whose payload it is sent
    property_id bigint,                                   -- null: the whole account
    name        text NOT NULL DEFAULT '',
    address     text NOT NULL,
    enabled     boolean NOT NULL DEFAULT true,
    settings    jsonb NOT NULL DEFAULT '{}',              -- the dialect's own, without secrets
    secrets     bytea,                                    -- the dialect's own, encrypted JSON
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, hash)
);

-- Written in the transaction of what they tell. `about` is the id of the call or message.
CREATE TABLE events (
    account_id  bigint NOT NULL REFERENCES accounts,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    type        text NOT NULL,
    property_id bigint NOT NULL,
    about       bigint NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE TABLE deliveries (
    account_id    bigint NOT NULL,
    event_id      bigint NOT NULL,
    endpoint_hash text NOT NULL,
    due_at        timestamptz,                            -- null: delivered, or given up
    tries         smallint NOT NULL DEFAULT 0,
    last_status   smallint,
    last_error    text,
    delivered_at  timestamptz,
    PRIMARY KEY (account_id, event_id, endpoint_hash),
    FOREIGN KEY (account_id, event_id) REFERENCES events (account_id, id) ON DELETE CASCADE,
    FOREIGN KEY (account_id, endpoint_hash) REFERENCES endpoints (account_id, hash) ON DELETE CASCADE
);
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP TABLE deliveries, events, endpoints")
