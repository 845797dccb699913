"""How a connection to Postgres is held, so that a cut network or a vanished run keeps nobody waiting; and its errors.

By itself a client waits for minutes for a server that the network has lost, and a server for two hours for a client
that vanished in the middle of a transaction, with the rows it locked: those of claims, money and limits of all runs.
All of it is to be over well within the lease of a claim, which is 60 s.
"""

import re

import sqlalchemy as sa

#: For libpq, by its own names. A cut network is noticed after about 15 s, whether we speak or wait for an answer.
_CLIENT = {
    "application_name": "summarizer",
    "connect_timeout": "10",  # seconds, for each address of the host's name
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "15000",  # milliseconds
}

#: For the server, for our sessions only. Who waits for a lock waits for longer than whoever holds it may do nothing.
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
#: Of errors without a code, those of a connection. The first that is found.
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
    """The URL with what it does not say itself: a value in its query stays, and `options` in it have the last word."""
    own = url.query.get("options", ())
    options = [f"-c {name}={value}" for name, value in _SERVER.items()] + ([own] if isinstance(own, str) else [*own])
    return url.set(query={**_CLIENT, **url.query, "options": " ".join(options)})


def speaks_libpq(url: sa.URL) -> bool:
    """Whether its driver is one to which `held_well` means something."""
    return url.get_backend_name() == "postgresql" and url.get_driver_name() in {"psycopg2", "psycopg"}


def remedy(error: BaseException) -> str:
    """What to do about an error of a driver that uses libpq."""
    code = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    if code in _BY_CODE:
        return _BY_CODE[code]
    text = str(error)
    found = next((said for pattern, said in _BY_TEXT if re.search(pattern, text)), None)
    return found or "see that it runs and can be reached, or correct SUMMARIZER_STATE"
