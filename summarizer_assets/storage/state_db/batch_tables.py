"""The tables of batch jobs."""

import sqlalchemy as sa

from summarizer_assets.storage.state_db.database import METADATA

JOBS = sa.Table(
    "batch_jobs",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("root", sa.String, nullable=False, index=True),
    sa.Column("bucket", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),  # that planned it
    sa.Column("account", sa.String, nullable=False),  # a hash of the base URL and the key
    sa.Column("model", sa.String, nullable=False),
    sa.Column("prompt_version", sa.String, nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("authors", sa.Integer, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),  # estimated input
    sa.Column("reserve", sa.BigInteger, nullable=False, server_default="0"),  # nano-dollars
    sa.Column("state", sa.String, nullable=False),
    sa.Column("planned_at", sa.Float, nullable=False),
    sa.Column("digest", sa.String),  # of the file's bytes
    sa.Column("file_id", sa.String),
    sa.Column("intent_at", sa.Float),  # when it was about to be made
    sa.Column("absent_at", sa.Float),  # when a full list did not show it
    sa.Column("remote_id", sa.String),
    sa.Column("remote_status", sa.String),
    sa.Column("completed", sa.Integer),  # requests, by the provider's count
    sa.Column("output_file_id", sa.String),
    sa.Column("error_file_id", sa.String),
    sa.Column("expires_at", sa.Float),
    sa.Column("checked_at", sa.Float),
    sa.Column("ended_at", sa.Float),  # when a final status was first seen
    sa.Column("missed_at", sa.Float),  # since when it answers 404
    sa.Column("verdict", sa.String),  # what follows from the last look
    sa.Column("settled_at", sa.Float),
    sa.Column("reason", sa.String),  # why it failed, was lost or was cancelled, for a person
    # Columns of later versions: null in a row of an older one.
    sa.Column("factor", sa.Float),  # of the price, as it was sent; null: nobody knew it
    sa.Column("waiting_since", sa.Float),  # when its authors first were in a job, if in an earlier one
    sa.Column("delete_at", sa.Float),  # when its files are to be deleted; null: there is nothing to delete
)

REQUESTS = sa.Table(
    "batch_requests",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("authors", sa.String, nullable=False),  # JSON
    sa.Column("hashes", sa.String, nullable=False),  # JSON
    sa.Column("trim", sa.Integer, nullable=False),
    sa.Column("complaint", sa.String),
    sa.Column("second", sa.Boolean, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("bound", sa.Integer, nullable=False),
    sa.Column("reserve", sa.BigInteger, nullable=False),
)
