"""OAuth 2.0: programs that act for an account with its consent."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

SCHEMA = """
-- A program, registered by the operator; it belongs to no account.
CREATE TABLE oauth_clients (
    client_id     text PRIMARY KEY,
    secret_hash   bytea NOT NULL,
    name          text NOT NULL,
    redirect_uris text[] NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);

-- Codes and tokens are kept as SHA-256 digests only.
CREATE TABLE oauth_codes (
    account_id            bigint NOT NULL REFERENCES accounts,
    code_hash             bytea NOT NULL UNIQUE,
    client_id             text NOT NULL REFERENCES oauth_clients,
    redirect_uri          text,
    scope                 text NOT NULL,
    code_challenge        text,
    code_challenge_method text,
    expires_at            timestamptz NOT NULL,
    used_at               timestamptz,
    PRIMARY KEY (account_id, code_hash)
);

CREATE TABLE oauth_tokens (
    account_id        bigint NOT NULL REFERENCES accounts,
    id                bigint GENERATED ALWAYS AS IDENTITY,
    client_id         text NOT NULL REFERENCES oauth_clients,
    scope             text NOT NULL,
    code_hash         bytea,                              -- the code that this family of tokens began with
    access_hash       bytea NOT NULL UNIQUE,
    access_expires_at timestamptz NOT NULL,
    refresh_hash      bytea UNIQUE,
    created_at        timestamptz NOT NULL DEFAULT now(),
    revoked_at        timestamptz,
    PRIMARY KEY (account_id, id)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP TABLE oauth_tokens, oauth_codes, oauth_clients")
