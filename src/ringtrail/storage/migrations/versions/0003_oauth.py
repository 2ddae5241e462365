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
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz
);

-- One consent: its code and the family of tokens that began with it. Whoever issues or revokes locks this row first.
-- Codes and tokens are kept as SHA-256 digests only.
CREATE TABLE oauth_grants (
    account_id      bigint NOT NULL REFERENCES accounts,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    client_id       text NOT NULL REFERENCES oauth_clients,
    credential_id   bigint NOT NULL,                      -- the dashboard's login that consented
    scope           text NOT NULL,
    redirect_uri    text,                                 -- null: not named, the program's only one
    code_challenge  text,                                 -- S256; null: without PKCE
    code_hash       bytea NOT NULL UNIQUE,
    code_expires_at timestamptz NOT NULL,
    code_used_at    timestamptz,
    revoked_at      timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, credential_id) REFERENCES credentials (account_id, id) ON DELETE CASCADE
);

CREATE TABLE oauth_tokens (
    account_id        bigint NOT NULL,
    id                bigint GENERATED ALWAYS AS IDENTITY,
    grant_id          bigint NOT NULL,
    access_hash       bytea NOT NULL UNIQUE,
    access_expires_at timestamptz NOT NULL,
    refresh_hash      bytea NOT NULL UNIQUE,
    refreshed_at      timestamptz,                        -- the refresh token was redeemed
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, grant_id) REFERENCES oauth_grants (account_id, id) ON DELETE CASCADE
);
CREATE INDEX oauth_tokens_by_grant ON oauth_tokens (account_id, grant_id);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP TABLE oauth_tokens, oauth_grants, oauth_clients")
