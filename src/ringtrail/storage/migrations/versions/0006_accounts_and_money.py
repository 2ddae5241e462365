"""What CALLR's clients administer: sub accounts, money, numbers for sale, media, jobs, API sessions, SIP subscribers."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

SCHEMA = """
ALTER TABLE accounts
    ADD parent_id         bigint REFERENCES accounts,     -- the master account; null: it is one
    ADD hash              text,                           -- 8 characters A-Z 0-9, public
    ADD locale            text NOT NULL DEFAULT 'en_US',
    ADD profile           jsonb NOT NULL DEFAULT '{}',    -- company, names, addresses, e-mails, phones
    ADD disabled_at       timestamptz,
    ADD archived_at       timestamptz,
    ADD barred            text[] NOT NULL DEFAULT '{}',   -- of: calls_in, calls_out, sms_in, sms_out
    ADD billing_mode      text NOT NULL DEFAULT 'postpaid' CHECK (billing_mode IN ('prepaid', 'postpaid')),
    ADD tariff            text,                           -- whose rates; null: nothing is rated
    ADD warning_micro     bigint,                         -- balance at which its owner is warned
    ADD shutdown_micro    bigint,                         -- balance at which paid work stops
    ADD most_sub_accounts integer NOT NULL DEFAULT 100,   -- quotas: -1 is unlimited
    ADD most_dids         integer NOT NULL DEFAULT -1,
    ADD most_dids_bought  integer NOT NULL DEFAULT -1,    -- within the days below
    ADD dids_bought_days  integer NOT NULL DEFAULT 30,
    ADD media_free_s      integer NOT NULL DEFAULT 36000,
    ADD media_paid_s      integer NOT NULL DEFAULT 0;
UPDATE accounts SET hash = upper(substr(md5(sid), 1, 8));
ALTER TABLE accounts ALTER hash SET NOT NULL, ALTER hash SET DEFAULT upper(substr(md5(gen_random_uuid()::text), 1, 8)),
    ADD UNIQUE (hash);
CREATE INDEX accounts_by_parent ON accounts (parent_id) WHERE parent_id IS NOT NULL;

ALTER TABLE credentials ADD updated_at timestamptz NOT NULL DEFAULT now();

-- Tokens that a credential has made for a while. They are found by their digests; sealed, because the API lists them.
CREATE TABLE api_sessions (
    account_id        bigint NOT NULL REFERENCES accounts,
    id                bigint GENERATED ALWAYS AS IDENTITY,
    credential_id     bigint NOT NULL,
    token_hash        bytea NOT NULL UNIQUE,
    refresh_hash      bytea NOT NULL UNIQUE,
    secrets           bytea NOT NULL,
    valid_until       timestamptz NOT NULL,
    refreshable_until timestamptz NOT NULL,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, credential_id) REFERENCES credentials (account_id, id) ON DELETE CASCADE
);

-- --- money: millionths of the account's currency unit; a cent is 10,000 -----------------------------------------------

-- The longest prefix of a number wins. Of minutes: price a minute, charged in steps of increment_s after least_s at least;
-- of messages: price a segment; of numbers: price a month and once.
CREATE TABLE rates (
    tariff      text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('call_in', 'call_out', 'message_in', 'message_out', 'number')),
    prefix      text NOT NULL,                            -- E.164 with '+'; of numbers: country/type/class
    label       text NOT NULL DEFAULT '',
    price_micro bigint NOT NULL CHECK (price_micro >= 0),
    setup_micro bigint NOT NULL DEFAULT 0 CHECK (setup_micro >= 0),
    increment_s integer NOT NULL DEFAULT 1 CHECK (increment_s > 0),
    least_s     integer NOT NULL DEFAULT 0 CHECK (least_s >= 0),
    PRIMARY KEY (tariff, kind, prefix)
);

CREATE TABLE balances (
    account_id    bigint PRIMARY KEY REFERENCES accounts,
    balance_micro bigint NOT NULL DEFAULT 0,
    warned_at     timestamptz,                            -- since its last rise above the level
    shut_at       timestamptz
);

-- Append-only: what became of the balance. One fact is booked once, whoever repeats it.
CREATE TABLE ledger_entries (
    account_id    bigint NOT NULL REFERENCES accounts,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),  -- under the lock: grows with the ids
    kind          text NOT NULL,                          -- call_in, call_out, message_in, message_out, number, top_up, transfer, correction
    about         text NOT NULL,                          -- what was booked: a leg's id, a message's sid, a DID and its month
    amount_micro  bigint NOT NULL,                        -- negative: a debit
    balance_micro bigint NOT NULL,                        -- after it
    note          text NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, kind, about)
);
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'ledger_entries is append-only'; END $$;
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();

ALTER TABLE calls ADD debit_micro bigint, ADD cost_label text;  -- of the caller's leg; null: not rated, no rate
ALTER TABLE legs ADD debit_micro bigint, ADD cost_label text;
ALTER TABLE messages ADD debit_micro bigint;
CREATE INDEX messages_to_be_answered ON messages (account_id, sender, recipient_e164, created_at)
    WHERE settings ? 'reply_endpoint';

-- --- numbers for sale -------------------------------------------------------------------------------------------------

CREATE TABLE area_codes (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country      text NOT NULL,
    line_type    text NOT NULL,                           -- as dids.line_type
    intl_prefix  text NOT NULL,                           -- digits after '+': 331
    local_prefix text NOT NULL,                           -- 01
    label        text NOT NULL,
    UNIQUE (country, line_type, intl_prefix)
);

ALTER TABLE number_stock
    ADD hash            text NOT NULL DEFAULT upper(substr(md5(gen_random_uuid()::text), 1, 8)) UNIQUE,  -- its DID's to be
    ADD class           text NOT NULL DEFAULT 'CLASSIC' CHECK (class IN ('CLASSIC', 'GOLD')),
    ADD area_code_id    bigint REFERENCES area_codes,
    ADD month_micro     bigint,                           -- null: as the tariff has it
    ADD setup_micro     bigint,
    ADD contract_months integer NOT NULL DEFAULT 1,
    ADD order_token     text;                             -- held for this order until it expires
CREATE INDEX number_stock_by_area ON number_stock (area_code_id, class, number_e164);
CREATE INDEX number_stock_held ON number_stock (order_token) WHERE order_token IS NOT NULL;

CREATE TABLE number_orders (
    account_id   bigint NOT NULL REFERENCES accounts,
    token        text NOT NULL UNIQUE,                    -- 40 characters
    area_code_id bigint NOT NULL REFERENCES area_codes,
    class        text NOT NULL,
    mode         text NOT NULL CHECK (mode IN ('RANDOM', 'SEQUENTIAL')),
    quantity     integer NOT NULL,
    state        text NOT NULL DEFAULT 'reserved' CHECK (state IN ('reserved', 'bought', 'cancelled')),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, token)
);

ALTER TABLE dids
    ADD class           text NOT NULL DEFAULT 'CLASSIC',
    ADD area_code_id    bigint REFERENCES area_codes,
    ADD month_micro     bigint,
    ADD setup_micro     bigint,
    ADD bought_at       timestamptz,
    ADD contract_end_at timestamptz,
    ADD list_month_micro bigint,                          -- what the stock asked, for when it goes back; null: as the tariff has it
    ADD list_setup_micro bigint,
    ADD contract_months integer NOT NULL DEFAULT 1;

-- Each purchase, for the quota: a number that was given back counts too.
CREATE TABLE number_purchases (
    account_id  bigint NOT NULL REFERENCES accounts,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    number_e164 text NOT NULL,
    bought_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX number_purchases_by_time ON number_purchases (account_id, bought_at);

CREATE TABLE authorized_clis (
    account_id  bigint NOT NULL REFERENCES accounts,
    kind        text NOT NULL CHECK (kind IN ('CALL', 'SMS')),
    number      text NOT NULL,                            -- E.164, or of messages a sender's name
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, kind, number)
);

-- --- media and jobs ---------------------------------------------------------------------------------------------------

CREATE SEQUENCE media_ids START 1000;                     -- below: what is built in
ALTER TABLE media
    ADD hash        text,
    ADD tags        jsonb NOT NULL DEFAULT '{}',          -- {key: [values]}; CATEGORY and LANGUAGE are special
    ADD content     text,                                 -- what is said
    ADD voice       text,
    ADD rate        smallint,
    ADD status      text NOT NULL DEFAULT 'ready',        -- pending_content, pending_conversion, processing, ready, error
    ADD duration_ms integer,
    ADD size_bytes  bigint,
    ADD created_at  timestamptz NOT NULL DEFAULT now(),
    ADD updated_at  timestamptz NOT NULL DEFAULT now();
CREATE UNIQUE INDEX media_by_hash ON media (hash) WHERE hash IS NOT NULL;

-- Files that were uploaded and are not yet used.
CREATE TABLE uploads (
    account_id bigint NOT NULL REFERENCES accounts,
    name       text NOT NULL,
    path       text NOT NULL,
    size_bytes bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, name)
);

-- Work that is asked for now and done by a worker. Claimed with a lease, as deliveries are.
CREATE TABLE jobs (
    account_id    bigint NOT NULL REFERENCES accounts,
    id            text NOT NULL UNIQUE,                   -- 30 digits and letters
    kind          text NOT NULL,
    status        text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'done', 'canceled')),
    percent       numeric(5, 2) NOT NULL DEFAULT 0,
    input         jsonb NOT NULL,
    result        jsonb,
    error         jsonb,
    endpoint_hash text,                                   -- a dynamic endpoint that is told of it
    tries         smallint NOT NULL DEFAULT 0,
    due_at        timestamptz,                            -- when to begin; while it runs: its lease; null: over
    created_at    timestamptz NOT NULL,
    done_at       timestamptz,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;

-- --- click-to-call of apps, commands to live calls ----------------------------------------------------------------------

CREATE TABLE click_to_calls (
    account_id   bigint NOT NULL REFERENCES accounts,
    hash         text NOT NULL UNIQUE,                    -- 8 characters A-Z 0-9, public
    app_hash     text NOT NULL,
    a_targets    jsonb NOT NULL,                          -- [{number, timeout}]
    b_targets    jsonb NOT NULL,
    params       jsonb NOT NULL,                          -- the app's, as they were then
    cli          text,                                    -- null: withheld
    cdr_field    text,
    created_at   timestamptz NOT NULL,
    scheduled_at timestamptz,
    position     integer NOT NULL DEFAULT 0,              -- of the try that is ordered or was made last
    cancelled_at timestamptz,
    finished_at  timestamptz,
    PRIMARY KEY (account_id, hash)
);
CREATE INDEX click_to_calls_by_app ON click_to_calls (account_id, app_hash, created_at);
CREATE INDEX click_to_calls_open ON click_to_calls (account_id, hash) WHERE finished_at IS NULL;
ALTER TABLE call_orders
    ADD click_hash text,                                  -- whose try it is; then button_hash is ''
    ADD position   integer NOT NULL DEFAULT 0;
CREATE INDEX call_orders_by_click ON call_orders (account_id, click_hash, position) WHERE click_hash IS NOT NULL;

CREATE TABLE call_commands (
    account_id bigint NOT NULL REFERENCES accounts,
    id         bigint GENERATED ALWAYS AS IDENTITY,
    node       text NOT NULL,                             -- whose call it is
    leg_id     bigint NOT NULL,
    created_at timestamptz NOT NULL,
    done_at    timestamptz,
    worked     boolean,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX call_commands_waiting ON call_commands (node) WHERE done_at IS NULL;

-- --- SIP ---------------------------------------------------------------------------------------------------------------

CREATE TABLE sip_subscribers (
    account_id     bigint NOT NULL REFERENCES accounts,
    id             bigint GENERATED ALWAYS AS IDENTITY,
    username       text NOT NULL UNIQUE,
    secrets        bytea NOT NULL,                        -- the password, sealed
    cli            text NOT NULL DEFAULT 'BLOCKED',
    codecs         text[] NOT NULL DEFAULT '{}',
    privacy        text NOT NULL DEFAULT 'full',
    ring_timeout_s integer NOT NULL DEFAULT 30,
    srtp           boolean NOT NULL DEFAULT false,
    vms            jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE TABLE sip_trunks (
    account_id bigint NOT NULL REFERENCES accounts,
    id         bigint GENERATED ALWAYS AS IDENTITY,
    kind       text NOT NULL CHECK (kind IN ('origination', 'termination')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute(
        "DROP TABLE call_commands, click_to_calls; ALTER TABLE call_orders DROP click_hash, DROP position;"
        " DROP TABLE sip_trunks, sip_subscribers, jobs, uploads, authorized_clis, number_purchases, number_orders, ledger_entries, balances,"
        " rates, api_sessions; DROP FUNCTION ledger_is_append_only; DROP SEQUENCE media_ids;"
        " ALTER TABLE media DROP hash, DROP tags, DROP content, DROP voice, DROP rate, DROP status, DROP duration_ms,"
        " DROP size_bytes, DROP created_at, DROP updated_at;"
        " ALTER TABLE dids DROP class, DROP area_code_id, DROP month_micro, DROP setup_micro, DROP bought_at,"
        " DROP contract_end_at, DROP list_month_micro, DROP list_setup_micro, DROP contract_months;"
        " ALTER TABLE number_stock DROP hash, DROP class, DROP area_code_id, DROP month_micro, DROP setup_micro,"
        " DROP contract_months, DROP order_token;"
        " DROP TABLE area_codes;"
        " DROP INDEX messages_to_be_answered; ALTER TABLE calls DROP debit_micro, DROP cost_label; ALTER TABLE legs DROP debit_micro, DROP cost_label; ALTER TABLE messages DROP debit_micro;"
        " ALTER TABLE credentials DROP updated_at;"
        " ALTER TABLE accounts DROP parent_id, DROP hash, DROP locale, DROP profile, DROP disabled_at, DROP archived_at,"
        " DROP barred, DROP billing_mode, DROP tariff, DROP warning_micro, DROP shutdown_micro, DROP most_sub_accounts,"
        " DROP most_dids, DROP most_dids_bought, DROP dids_bought_days, DROP media_free_s, DROP media_paid_s"
    )
