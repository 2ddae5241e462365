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
    until_at   timestamptz NOT NULL,                      -- everything before it has been taken over
    PRIMARY KEY (account_id, source, what)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP TABLE import_progress")
