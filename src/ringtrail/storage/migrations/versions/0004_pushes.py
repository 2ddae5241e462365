"""What is told to subscribers: endpoints, events, deliveries."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

SCHEMA = """
CREATE TABLE endpoints (
    account_id   bigint NOT NULL REFERENCES accounts,
    hash         text NOT NULL UNIQUE,
    dialect      text NOT NULL,                           -- whose payload it is sent
    property_id  bigint,                                  -- null: the whole account
    name         text NOT NULL DEFAULT '',
    address      text NOT NULL,
    event_types  text[] NOT NULL,                         -- what it wants to be told
    enabled      boolean NOT NULL DEFAULT true,
    disabled_why text,                                    -- null: its owner wants it so
    paused_until timestamptz,                             -- it asked for a rest (Retry-After)
    settings     json NOT NULL DEFAULT '{}',              -- the dialect's own, without secrets; in the order given
    secrets      bytea,                                   -- the dialect's own, encrypted JSON
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, hash)
);

-- Written in the transaction of what they tell, by who holds the account's counters: ids of an account grow with its
-- commits. `about` is the id of the call; `detail` is what can no longer be read from it.
CREATE TABLE events (
    account_id  bigint NOT NULL REFERENCES accounts,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    type        text NOT NULL,
    property_id bigint NOT NULL,
    about       bigint NOT NULL,
    at          timestamptz NOT NULL,                     -- of the fact: an entered call may be years old
    written_at  timestamptz NOT NULL DEFAULT now(),
    detail      jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (account_id, id)
);
CREATE INDEX events_written_at ON events (written_at);

-- `about` repeats the event's, because those of one call go one after the other.
CREATE TABLE deliveries (
    account_id    bigint NOT NULL,
    event_id      bigint NOT NULL,
    endpoint_hash text NOT NULL,
    about         bigint NOT NULL,
    due_at        timestamptz,                            -- when to try; in a try: its lease; null: delivered or given up
    tries         smallint NOT NULL DEFAULT 0,
    tried_at      timestamptz,                            -- the newest try, its length and what came of it
    took_ms       integer,
    last_status   smallint,
    last_error    text,
    last_answer   text,                                   -- the beginning of the answer's body
    delivered_at  timestamptz,
    PRIMARY KEY (account_id, event_id, endpoint_hash),
    FOREIGN KEY (account_id, event_id) REFERENCES events (account_id, id) ON DELETE CASCADE,
    FOREIGN KEY (account_id, endpoint_hash) REFERENCES endpoints (account_id, hash) ON DELETE CASCADE
);
CREATE INDEX deliveries_due ON deliveries (account_id, endpoint_hash, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_in_order ON deliveries (account_id, endpoint_hash, about, event_id) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_by_endpoint ON deliveries (account_id, endpoint_hash, event_id);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP TABLE deliveries, events, endpoints")
