"""The ledger of webhooks: every event is kept, every attempt is noted, endpoints know since when they fail."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

SCHEMA = """
ALTER TABLE events
    ALTER COLUMN property_id DROP NOT NULL,               -- null: of the account
    ADD COLUMN endpoint_hash text;                        -- told besides those that asked for the type
CREATE INDEX events_at ON events (account_id, at);
CREATE INDEX events_about ON events (account_id, about);

ALTER TABLE endpoints
    ADD COLUMN dynamic boolean NOT NULL DEFAULT false,    -- made by a request that names a URL for one thing
    ADD COLUMN disabled_by text,                          -- owner, admin or system; null: enabled
    ADD COLUMN disabled_at timestamptz,
    ADD COLUMN failing_since timestamptz;                 -- its first failure after its last success
UPDATE endpoints SET disabled_by = CASE WHEN disabled_why IS NULL THEN 'owner' ELSE 'system' END, disabled_at = updated_at
    WHERE NOT enabled;
ALTER TABLE endpoints DROP COLUMN enabled;

ALTER TABLE deliveries DROP COLUMN last_answer;           -- now with the attempt
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (account_id, endpoint_hash, due_at, event_id) WHERE due_at IS NOT NULL;

CREATE TABLE attempts (
    account_id       bigint NOT NULL,
    id               bigint GENERATED ALWAYS AS IDENTITY,
    event_id         bigint NOT NULL,
    endpoint_hash    text NOT NULL,
    number           smallint NOT NULL,                   -- 0: the first of its delivery, or of its replay
    at               timestamptz NOT NULL,
    took_ms          integer NOT NULL,
    method           text,                                -- null: nothing could be sent
    address          text NOT NULL,
    request_headers  jsonb NOT NULL DEFAULT '{}',         -- secrets blacked out
    request_body     text,                                -- bodies: their beginnings
    status           smallint,
    response_headers jsonb NOT NULL DEFAULT '{}',
    response_body    text,
    error            text,                                -- null: delivered
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, event_id, endpoint_hash) REFERENCES deliveries ON DELETE CASCADE
);
CREATE INDEX attempts_of_delivery ON attempts (account_id, event_id, endpoint_hash);
CREATE INDEX attempts_of_endpoint ON attempts (account_id, endpoint_hash, id);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP TABLE attempts")
    op.execute("ALTER TABLE deliveries ADD COLUMN last_answer text")
    op.execute("DROP INDEX deliveries_due")
    op.execute("CREATE INDEX deliveries_due ON deliveries (account_id, endpoint_hash, due_at) WHERE due_at IS NOT NULL")
    op.execute("ALTER TABLE endpoints ADD COLUMN enabled boolean NOT NULL DEFAULT true")
    op.execute("UPDATE endpoints SET enabled = disabled_by IS NULL")
    op.execute(
        "ALTER TABLE endpoints DROP COLUMN dynamic, DROP COLUMN disabled_by, DROP COLUMN disabled_at,"
        " DROP COLUMN failing_since"
    )
    op.execute("DROP INDEX events_at, events_about")
    op.execute("DELETE FROM events WHERE property_id IS NULL")
    op.execute("ALTER TABLE events ALTER COLUMN property_id SET NOT NULL, DROP COLUMN endpoint_hash")
