"""Log lines on stderr, as text or as JSON, one a line; none of them, whoever wrote it, holds a secret."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from breezeway_source.errors import ConfigError
from pipelines.database.places import shown, why
from pipelines.watch.secrets import CleanFormatter, clean

KEEP_DAYS = 30
# Generic for type checkers alone (Python 3.10).
if TYPE_CHECKING:
    _Stream = logging.StreamHandler[TextIO]
else:
    _Stream = logging.StreamHandler
FILE_NAME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{6}_\d+\.log")  # as named below; other files are left alone


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname.lower(), "message": clean(record.getMessage())}
        if record.exc_info:
            line["trace"] = clean(self.formatException(record.exc_info))
        return json.dumps(line)


class Lines(_Stream):
    """Standard error; a line that cannot be written is no reason for a traceback, which could not be either."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        pass


class OthersLines(logging.Filter):
    """What dlt logs by itself, tracebacks of whole load jobs among it: shown with --verbose, without secrets."""

    def __init__(self, *, shown: bool) -> None:
        super().__init__()
        self._shown = shown

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = clean(record.getMessage()), None
        if record.exc_info:
            record.exc_text = clean(logging.Formatter().formatException(record.exc_info))
        return self._shown


def set_up_logging(*, verbose: bool, quiet: bool, as_json: bool) -> None:
    """Send the log of this project to stderr; `verbose` adds tracebacks and dlt's lines, `quiet` leaves problems."""
    handler = Lines(sys.stderr)
    handler.setFormatter(_formatter(as_json))
    logger = logging.getLogger("breezeway")
    for old in logger.handlers:
        old.close()
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    dlt_logger = logging.getLogger("dlt")  # a filter of its handler would go when dlt makes that anew
    dlt_logger.filters[:] = [OthersLines(shown=verbose)]
    logging.captureWarnings(True)
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(CleanFormatter())
    threading.excepthook = _thread_failed


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    """What ends a thread is told where the thread is waited for."""
    if args.exc_value is not None:
        logging.getLogger("breezeway").debug("a thread ended", exc_info=args.exc_value)


def log_to_folder(folder: Path, started_at: datetime, *, as_json: bool) -> Path:
    """Log to a file of this run's own, too; files of runs older than KEEP_DAYS go.

    Raises ConfigError for a folder that cannot be made or written.
    """
    file = folder / f"{started_at:%Y-%m-%dT%H%M%S}_{os.getpid()}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8", errors="replace")
    except OSError as e:
        raise ConfigError(
            f"sources.breezeway.log_folder {shown(folder)} cannot be written: {why(e)}. Next: name another."
        ) from e
    handler.setFormatter(_formatter(as_json))
    logging.getLogger("breezeway").addHandler(handler)
    _drop_old(folder, started_at - timedelta(days=KEEP_DAYS))
    return file


def _drop_old(folder: Path, before: datetime) -> None:
    for file in folder.iterdir():
        if FILE_NAME.fullmatch(file.name) and file.name < f"{before:%Y-%m-%dT%H%M%S}":
            file.unlink(missing_ok=True)


def _formatter(as_json: bool) -> logging.Formatter:
    return JsonLines() if as_json else CleanFormatter("%(asctime)s %(levelname)s %(message)s")
