"""Timeouts and keepalives of Postgres connections, and remedies for their errors.

By default a client waits minutes for an unreachable server, and a server keeps the locks of a client that vanished
within a transaction for two hours, which blocks claims, ledger and rate limits of all runs. The timeouts here end both
well within the lease of a claim, which is 60 s.
"""

import re

import sqlalchemy as sa

#: Parameters of libpq. A lost network is noticed after about 15 s, whether sending or waiting for a response.
_CLIENT = {
    "application_name": "summarizer",
    "connect_timeout": "10",  # seconds per address of the host
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "15000",  # milliseconds
}

#: Server settings of our sessions. The wait for a lock is longer than its holder may stay idle.
_SERVER = {
    "idle_in_transaction_session_timeout": "20s",
    "lock_timeout": "30s",
    "statement_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
}

_GRANTS = "see `Least privilege` in docs/hardening.md"
_BY_CODE = {
    "28P01": "correct the password in SUMMARIZER_STATE",
    "28000": "let this user in (pg_hba.conf), or correct the user in SUMMARIZER_STATE",
    "3D000": "make the database (createdb), or correct its name in SUMMARIZER_STATE",
    "42501": f"grant it to the user of SUMMARIZER_STATE; {_GRANTS}",
    "3F000": f"make the schema, or correct search_path in SUMMARIZER_STATE; {_GRANTS}",
    "55P03": "another session holds the rows: look for it in pg_stat_activity. Run again once it is gone",
    "57014": "the server has too much to do, or another session holds the rows: look into pg_stat_activity",
    "53300": "the server takes no more connections: raise its max_connections, or run less at once",
}
#: Patterns for connection errors without a code; the first match counts.
_BY_TEXT = (
    (r"root certificate file .* does not exist", "name the authority's file by sslrootcert=… in SUMMARIZER_STATE"),
    (
        r"certificate verify failed",
        "the server's certificate is of another authority: name that one's file by sslrootcert=… in SUMMARIZER_STATE",
    ),
    (
        r"server certificate for .* does not match|host name",
        "write the host into SUMMARIZER_STATE as its certificate names it",
    ),
    (
        r"does not support SSL",
        "switch TLS on at the server, or leave sslmode out of SUMMARIZER_STATE where the network may be trusted",
    ),
    (r"password authentication failed|no password supplied", "correct the password in SUMMARIZER_STATE"),
    (r"no pg_hba\.conf entry", "let this host and user in (pg_hba.conf), or ask by TLS: sslmode=verify-full"),
    (r"database .* does not exist", "make the database (createdb), or correct its name in SUMMARIZER_STATE"),
    (r"role .* does not exist", "make the user (createuser), or correct it in SUMMARIZER_STATE"),
    (r"too many clients|remaining connection slots", _BY_CODE["53300"]),
    (r"unsupported startup parameter", "let PgBouncer pass `options` on: ignore_startup_parameters = options"),
    (
        r"closed .*unexpectedly|idle-in-transaction timeout",
        "the server ended the connection: it was stopped, or we were suspended within a transaction; run again",
    ),
)


def held_well(url: sa.URL) -> sa.URL:
    """The URL with these parameters added; values in its query take precedence, and so do `options` in it."""
    own = url.query.get("options", ())
    options = [f"-c {name}={value}" for name, value in _SERVER.items()] + ([own] if isinstance(own, str) else [*own])
    return url.set(query={**_CLIENT, **url.query, "options": " ".join(options)})


def speaks_libpq(url: sa.URL) -> bool:
    """Whether the URL's driver uses libpq, so that `held_well` applies."""
    return url.get_backend_name() == "postgresql" and url.get_driver_name() in {"psycopg2", "psycopg"}


def remedy(error: BaseException) -> str:
    """The remedy for an error of a driver that uses libpq."""
    code = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    if code in _BY_CODE:
        return _BY_CODE[code]
    text = str(error)
    found = next((said for pattern, said in _BY_TEXT if re.search(pattern, text)), None)
    return found or "see that it runs and can be reached, or correct SUMMARIZER_STATE"
