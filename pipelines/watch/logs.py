"""Log lines on stderr, as text or as JSON, one a line."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from breezeway_source.errors import ConfigError

KEEP_DAYS = 30
FILE_NAME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{6}_\d+\.log")  # as named below; other files are left alone


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_logging(*, verbose: bool, quiet: bool, as_json: bool) -> None:
    """Send the log of this project to stderr; `verbose` adds tracebacks, `quiet` leaves problems only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(as_json))
    logger = logging.getLogger("breezeway")
    for old in logger.handlers:
        old.close()
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)


def log_to_folder(folder: Path, started_at: datetime, *, as_json: bool) -> Path:
    """Log to a file of this run's own, too; files of runs older than KEEP_DAYS go.

    Raises ConfigError for a folder that cannot be made or written.
    """
    file = folder / f"{started_at:%Y-%m-%dT%H%M%S}_{os.getpid()}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")
    except OSError as e:
        raise ConfigError(
            f"sources.breezeway.log_folder {str(folder)!r} cannot be written: {e.strerror or type(e).__name__}."
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
    return JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
