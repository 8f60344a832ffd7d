"""What is waited for in the database, and for how long: our own sessions by name, a stranger's not at all.

A deadlock or lost connection is tried again. Where a table is held, it depends by whom: another region's load ends by
itself, however long it merges; somebody's open transaction may last for ever.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg2
from dlt.common.destination.exceptions import DestinationTerminalException, DestinationTransientException
from dlt.load.exceptions import LoadClientJobFailed
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from breezeway_source.errors import BreezewayError
from pipelines.database.causes import chain, find_cause
from pipelines.database.ddl import LOCK_TIMEOUT_STATE
from pipelines.database.destinations import SESSION_PREFIX, Target
from pipelines.database.locks import connect
from pipelines.database.waits import waiting

ATTEMPTS = 4
OURS_WAIT_S = 1800.0
OURS_POLL_S = 1.0

log = logging.getLogger("breezeway")
T = TypeVar("T")

# Whoever holds a lock on a table of the dataset; what only reads is in the way of a change of the table alone.
_HOLDERS = """
    select distinct activity.application_name, activity.usename, activity.pid, activity.xact_start
    from pg_locks as locks
    join pg_class on pg_class.oid = locks.relation
    join pg_namespace on pg_namespace.oid = pg_class.relnamespace
    join pg_stat_activity as activity on activity.pid = locks.pid
    where locks.granted and locks.locktype = 'relation' and pg_namespace.nspname = %s
    and locks.database = (select oid from pg_database where datname = current_database())
    and locks.pid <> pg_backend_pid()
    and (%s or locks.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
    order by activity.xact_start"""


class TableBusy(BreezewayError):
    """A stranger's transaction holds a table that must be written or altered. The package stays pending."""


def persistent(
    target: Target, step: Callable[[], T], *, lasting: Callable[[str], bool], alters: bool = False
) -> T:
    """Run a step of the load; a deadlock or lost connection is tried again with back-off, what is `lasting` is not.

    Where tables are held by our own sessions, they are waited for. Raises TableBusy naming a stranger's.
    """
    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=15),
        retry=retry_if_exception(lambda error: is_transient(error, lasting)),
        reraise=True,
    )
    deadline, told = time.monotonic() + OURS_WAIT_S, ""
    while True:
        try:
            result: T = retrying(step)
            return result
        except Exception as e:
            if target.postgres is None or not is_held_up(e) or time.monotonic() >= deadline:
                raise
            names = ", ".join(_our_holders(target, e, alters=alters))
            if names and names != told:
                log.info("waiting for %s, which holds a table", names)
            told = names
            with waiting(f"the database ({names or 'a table was held'})"):
                time.sleep(OURS_POLL_S)


def is_transient(error: BaseException, lasting: Callable[[str], bool]) -> bool:
    """Whether the database may answer the same statement well in a moment. What we say ourselves is final."""
    if isinstance(error, BreezewayError) or is_held_up(error) or is_refused(error, lasting):
        return False
    if any(lasting(str(link)) for link in chain(error)):
        return False
    return find_cause(error, DestinationTransientException) is not None


# Classes of PostgreSQL's codes for what a statement holds: values, keys, names, limits, a trigger's own; not rights.
_REFUSED = ("22", "23", "42", "54", "0A", "P0")
_RIGHTS = "42501"
_NO_RIGHT = re.compile(r"permission denied|must be owner|InsufficientPrivilege", re.IGNORECASE)


def is_refused(error: BaseException, lasting: Callable[[str], bool]) -> bool:
    """Whether the database refuses the rows themselves, so that the same package will never be loaded."""
    if isinstance(error, BreezewayError) or is_held_up(error):
        return False
    links = list(chain(error))
    if any(lasting(str(link)) or _NO_RIGHT.search(str(link)) for link in links):
        return False
    codes = [
        code for link in links if (code := getattr(getattr(link, "dbapi_exception", link), "pgcode", None))
    ]
    if codes:
        return str(codes[-1]).startswith(_REFUSED) and codes[-1] != _RIGHTS
    return any(isinstance(link, (DestinationTerminalException, LoadClientJobFailed)) for link in links)


def is_held_up(error: BaseException) -> bool:
    """Whether a statement waited for a lock until `lock_timeout` expired."""
    return any(
        getattr(getattr(link, "dbapi_exception", link), "pgcode", None) == LOCK_TIMEOUT_STATE
        or "canceling statement due to lock timeout" in str(link)
        for link in chain(error)
    )


def _our_holders(target: Target, error: Exception, *, alters: bool) -> list[str]:
    """Names of our own sessions that hold tables, none where they have just ended. Raises TableBusy."""
    connection = connect(target)
    try:
        with connection.cursor() as cursor:
            cursor.execute(_HOLDERS, (target.dataset, alters))
            rows = cursor.fetchall()
    except psycopg2.Error:
        raise error from None
    finally:
        connection.close()
    others = [row for row in rows if not (row[0] or "").startswith(SESSION_PREFIX)]
    if others:
        what = "A table must get a new column" if alters else "A table must be written"
        raise TableBusy(
            f"{what}, but lock_timeout expired: {'; '.join(map(_session, others))} holds it. "
            "End that transaction; the next run loads what this one has read."
        ) from error
    return [row[0] for row in rows]


def _session(row: tuple[Any, ...]) -> str:
    name, user, pid, since = row
    words = [f"user {user} (pid {pid}{f', {name}' if name else ''})"]
    return " ".join([*words, f"in a transaction since {since:%Y-%m-%d %H:%M:%S %Z}"] if since else words)
