"""Moving in from elsewhere, recording a medium by phone, exported CDRs, money in the rollups."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

SCHEMA = """
-- How far an import of history has come, by where it comes from and what it reads.
CREATE TABLE import_progress (
    account_id bigint NOT NULL REFERENCES accounts,
    source     text NOT NULL,                             -- digest of the old account's URL and credential
    what       text NOT NULL,                             -- calls, messages, recordings
    since_at   timestamptz NOT NULL,                      -- everything from here
    until_at   timestamptz NOT NULL,                      -- to there has been taken over
    PRIMARY KEY (account_id, source, what)
);
ALTER TABLE messages ADD imported boolean NOT NULL DEFAULT false;  -- sent or received elsewhere

ALTER TABLE messages ADD billing_mode text;               -- the account's when it was accepted; null: older than this

-- What is over is forgotten after a while.
CREATE INDEX click_to_calls_over ON click_to_calls ((coalesce(finished_at, scheduled_at, created_at)));
CREATE INDEX call_orders_over ON call_orders (claimed_at) WHERE click_hash IS NULL;
CREATE INDEX endpoints_dynamic ON endpoints (account_id, dialect, md5(address)) WHERE dynamic;
CREATE INDEX endpoints_asking ON endpoints (account_id) WHERE NOT dynamic;

-- --- recording a medium by phone --------------------------------------------------------------------------------------

-- Which DIDs take it, while they have no app and are still that account's.
CREATE TABLE phone_in_numbers (
    account_id bigint NOT NULL REFERENCES accounts,
    did_hash   text NOT NULL REFERENCES dids (hash) ON DELETE CASCADE,
    PRIMARY KEY (account_id, did_hash)
);

-- Codes that can be typed; one that was typed is deleted.
CREATE TABLE phone_codes (
    account_id bigint NOT NULL,
    media_id   bigint NOT NULL,
    code       text NOT NULL UNIQUE,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, media_id),
    FOREIGN KEY (account_id, media_id) REFERENCES media (account_id, id) ON DELETE CASCADE
);

-- What callers who typed a code say, until it is in its medium. What never ends is forgotten.
CREATE TABLE phone_recordings (
    account_id bigint NOT NULL,
    path       text NOT NULL,                             -- relative to the recordings folder, without extension
    media_id   bigint NOT NULL,
    created_at timestamptz NOT NULL,
    ended_at   timestamptz,                               -- it is whole and to be kept
    PRIMARY KEY (account_id, path),
    FOREIGN KEY (account_id, media_id) REFERENCES media (account_id, id) ON DELETE CASCADE
);

-- Codes that were none, of the last while: nobody shall find one by trying.
CREATE TABLE phone_code_failures (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    caller text NOT NULL,                                 -- E.164; empty: withheld
    at     timestamptz NOT NULL
);

ALTER TABLE engine_nodes ADD registrar boolean;           -- subscribers' phones can register with it; NULL: not said

-- Callers' own legs of calls that we placed are outbound calls, like those to targets.
ALTER TABLE legs ADD placed boolean NOT NULL DEFAULT false;
UPDATE legs l SET placed = true FROM calls c
    WHERE c.account_id = l.account_id AND c.id = l.call_id AND l.role = 'caller' AND c.trigger IN ('web', 'api');
UPDATE endpoints SET event_types = event_types || '{call.started}'
    WHERE dialect = 'callr' AND event_types = '{leg.started}';
UPDATE endpoints SET event_types = event_types || '{call.ended}'
    WHERE dialect = 'callr' AND event_types = '{leg.ended}';

-- Correcting a call used to take from its caller's leg what that had cost.
UPDATE legs l SET debit_micro = c.debit_micro, cost_label = c.cost_label FROM calls c
    WHERE c.account_id = l.account_id AND c.id = l.call_id AND l.id = c.id AND l.debit_micro IS NULL AND c.debit_micro IS NOT NULL;
ALTER TABLE call_hours
    ADD credit_micro bigint NOT NULL DEFAULT 0,
    ADD debit_micro  bigint NOT NULL DEFAULT 0;
"""

RECOUNT = """
DELETE FROM call_hours;
INSERT INTO call_hours (account_id, dimension, key, hour_at, calls, answered, ring_s, talk_s, total_s, connected_s, handled_s,
                        billed_s, revenue_minor, credit_micro, debit_micro)
WITH spread AS (
    SELECT account_id, dimension, key, date_trunc('hour', started_at, 'UTC') AS hour_at, (answered_at IS NOT NULL)::int AS answered,
           ring_s, talk_s, total_s, connected_s, handled_s, billed_s, revenue_minor,
           greatest(0, revenue_minor) * 10000::bigint AS credit_micro,
           coalesce(debit_micro, greatest(0, -revenue_minor) * 10000::bigint) AS debit_micro
    FROM calls c, LATERAL (VALUES
        ('account', ''), ('property', property_id::text), ('source', coalesce(source, '')), ('disposition', disposition),
        {of_calls}) AS d (dimension, key)
    WHERE ended_at IS NOT NULL AND key IS NOT NULL
    UNION ALL
    SELECT l.account_id, dimension, key, date_trunc('hour', l.started_at, 'UTC'), (l.answered_at IS NOT NULL)::int, 0,
           l.talk_s, l.total_s, l.talk_s, l.talk_s, l.talk_s, 0, 0, coalesce(l.debit_micro, 0)
    FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id,
         LATERAL (VALUES {of_legs}) AS d (dimension, key)
    WHERE {outbound} AND c.ended_at IS NOT NULL
)
SELECT account_id, dimension, key, hour_at, count(*), sum(answered), sum(ring_s), sum(talk_s), sum(total_s), sum(connected_s),
       sum(handled_s), sum(billed_s), sum(revenue_minor), sum(credit_micro), sum(debit_micro)
FROM spread GROUP BY 1, 2, 3, 4;
DELETE FROM call_days;
INSERT INTO call_days SELECT account_id, dimension, key, date_trunc('day', hour_at, 'UTC'), sum(calls) FROM call_hours
    WHERE dimension IN ('account', 'property', 'inbound', 'outbound') GROUP BY 1, 2, 3, 4;
"""
CAME_IN = "trigger NOT IN ('web', 'api')"
AFTER = {
    "of_calls": f"('inbound', CASE WHEN {CAME_IN} THEN '' END), ('app', CASE WHEN {CAME_IN} THEN coalesce(app_hash, '') END),"
    f" ('did', CASE WHEN {CAME_IN} THEN did_hash || '/' || coalesce(cost_label, '') END)",
    "of_legs": "('outbound', ''), ('outbound_to', concat(c.app_hash, '/', l.number_country, '/', l.cost_label))",
    "outbound": "(l.role = 'target' OR l.placed)",
}
BEFORE = {
    "of_calls": "('did', did_hash), ('app', coalesce(app_hash, ''))",
    "of_legs": "('outbound', '')",
    "outbound": "l.role = 'target'",
}

BACK = """
ALTER TABLE call_hours DROP credit_micro, DROP debit_micro;
UPDATE endpoints SET event_types = array_remove(array_remove(event_types, 'call.started'), 'call.ended')
    WHERE dialect = 'callr' AND event_types && '{leg.started,leg.ended}';
ALTER TABLE legs DROP placed;
ALTER TABLE engine_nodes DROP registrar;
DROP TABLE phone_code_failures, phone_recordings, phone_codes, phone_in_numbers;
DROP INDEX endpoints_asking, endpoints_dynamic, call_orders_over, click_to_calls_over;
ALTER TABLE messages DROP imported, DROP billing_mode;
DROP TABLE import_progress;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
    op.execute(RECOUNT.format(**AFTER))


def downgrade() -> None:
    op.execute(RECOUNT.format(**BEFORE))
    op.execute(BACK)
