"""The next step behind an error's text, for a person: the right one, and "run again" only where that can help.

The texts are those of databases, drivers and operating systems; what this project says itself names its own way out.
"""

from __future__ import annotations

import re

# Text of an error -> next step. The first that fits counts; an error that names its own way out fits none.
# Trying again in a moment is in vain, but the package is good: it is loaded when the obstacle has gone.
LASTING: tuple[tuple[str, str], ...] = (
    (
        r"read-only|readonly|ReadOnly|attached in read",
        "give the loading user write access (a standby? default_transaction_read_only? the file's owner?), then "
        "run again: what was read waits in the working folder and is loaded first",
    ),
    (
        r"No space left|[Dd]isk full|could not extend file|[Cc]ould not write|File too large|[Qq]uota exceeded",
        "free space (or move the database or the working folder, DLT_DATA_DIR), then run again: what was read "
        "waits in the working folder and is loaded first",
    ),
)
WAYS_OUT: tuple[tuple[str, str], ...] = (
    (
        r"no credentials: set|Check client_id|is being loaded by|close it, or let it finish|--check|run again",
        "",
    ),
    (
        r"with a new token too",
        "the key pair was revoked or lost its rights: see its page in Breezeway, replace it, then run --check",
    ),
    (
        r"Token request",
        "the next run asks again; if it lasts, see whether something else uses the key pair (one token a minute)",
    ),
    *LASTING,
    (
        r"at most 1600 columns|[Tt]ooManyColumns|row is too big",
        "the table is full: drop columns nobody reads, or lower max_new_columns, so that unknown fields stay in "
        "`unparsed`",
    ),
    (
        r"refused what was read",
        "look at the column or value it names (--verbose shows the statement): a type changed by hand, a constraint "
        "or trigger of somebody else's; put it right, for the same rows come again",
    ),
    (
        r"too many clients|remaining connection slots|too many connections",
        "the database has no connection left: load fewer regions at once, or raise max_connections; the next run "
        "loads what this one read",
    ),
    (
        r"[Oo]ut of memory|OutOfMemory|Cannot allocate|MemoryError",
        "give the machine or the database more memory",
    ),
    (
        r"could not translate host name|Name or service not known|nodename nor servname",
        "the host's name in the destination's credentials is unknown here: correct it, or see the machine's DNS",
    ),
    (r'database "[^"]*" does not exist', "create it, or correct its name in the destination's credentials"),
    (
        r"password authentication failed|no pg_hba.conf|role \"[^\"]*\" (does not exist|is not permitted)",
        "set the right destination.postgres.credentials, then --check",
    ),
    (
        r"SSL|certificate",
        "see sslmode in the database's address, and whether the server offers what it asks for",
    ),
    (
        r"cannot be reached|[Cc]onnection refused|could not connect|server closed the connection|timeout expired|"
        r"[Cc]onnection reset|No route to host|terminating connection|the database system is",
        "see whether the database is up and reachable from here, then run again: nothing is lost",
    ),
    (r"permission denied|must be owner", "grant the right to the loading user (--check lists what it needs)"),
    (
        r"[Rr]elation .* does not exist|UndefinedTable|Table with name .* does not exist|UndefinedRelation",
        "somebody dropped a table that dlt takes for there: delete this region's rows from _dlt_version, the next run "
        "makes it again, and --full fills it",
    ),
    (
        r"lock timeout|LockNotAvailable|canceling statement due to lock",
        "end the session that holds the table (pg_stat_activity); the next run loads what this one read",
    ),
    (
        r"no complete answer|after \d+ attempts|^5\d\d for|in a row",
        "the next run asks again from the same cursor; if it lasts, ask Breezeway's support whether the API is up",
    ),
    (r"No module named|ModuleNotFound", "pip install -r requirements.txt in the environment that runs this"),
    (
        r"PermissionError|Permission denied",
        "give the loading user the right to the file or folder it names (the working folder: DLT_DATA_DIR)",
    ),
)
ELSE_NEXT = (
    "nothing is lost, the next run goes on where this one stopped; if it ends so too, --verbose adds the traceback, "
    "which tells whom to ask"
)


def with_next(error: str) -> str:
    """The error with its next step, unless it names one itself."""
    if "Next: " in error:
        return error
    step = next((step for pattern, step in WAYS_OUT if re.search(pattern, error)), ELSE_NEXT)
    return f"{error.rstrip('.')}. Next: {step}." if step else error


def is_lasting(error: str) -> bool:
    """Whether trying the same again in a moment is in vain: a full disk, a read-only database."""
    return any(re.search(pattern, error) for pattern, _ in LASTING)
