"""The access token between runs: one file in the user's cache folder, for the owner's eyes only.

The API gives one token a minute; a token lives a day (`breezeway-api.md`, section 1.2).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

LOCK_POLL_S = 0.1

logger = logging.getLogger(__name__)
_told: set[str] = set()


@dataclass(frozen=True)
class Token:
    """An access token and the instant (UTC) from which a new one is fetched; repr without the token."""

    access_token: str = field(repr=False)
    expires_at: datetime
    renew_at: datetime


def user_cache_dir() -> Path | None:
    """`$XDG_CACHE_HOME/breezeway`, else `~/.cache/breezeway`, on macOS `~/Library/Caches/breezeway`.

    None for a user without a home folder.
    """
    configured = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(configured):  # the XDG standard says to ignore a relative one
        return Path(configured) / "breezeway"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "breezeway"
    return home / ".cache" / "breezeway"


class TokenCache:
    """The cache entry of one key pair. A folder that cannot be used means no cache, never an error."""

    def __init__(self, folder: Path | None, base_url: str, client_id: str, client_secret: str) -> None:
        # The secret is part of the key: another secret must not profit from the old one's token.
        secret_hash = hashlib.sha256(client_secret.encode()).hexdigest()
        name = hashlib.sha256("\0".join((base_url, client_id, secret_hash)).encode()).hexdigest()
        self._folder = folder
        self.path = folder / f"{name}.json" if folder else Path(os.devnull)
        self._lock_path = folder / f"{name}.lock" if folder else Path(os.devnull)

    @contextmanager
    def locked(self, sleep: Callable[[float], object]) -> Iterator[None]:
        """Keeps other processes out, so that ten with one key pair make one token call.

        The system releases the lock of a dead process. Asks again instead of blocking, since `sleep` may
        call the wait off.
        """
        descriptor = self._open_lock() if self._folder else None
        if descriptor is None:
            yield
            return
        try:
            while not _try_lock(descriptor):
                sleep(LOCK_POLL_S)
            yield
        finally:
            os.close(descriptor)

    def read(self) -> Token | None:
        """The stored token, expired or not; None where the file is missing, unreadable or not private."""
        if self._folder is None:
            return None
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        if not _is_private(os.fstat(descriptor)):
            os.close(descriptor)
            logger.warning("Token cache file ignored: it must belong to this user alone, mode 0600.")
            return None
        with open(descriptor, encoding="utf-8") as file:
            try:
                entry = json.load(file)
                token = entry["access_token"]
                expires_at = datetime.fromtimestamp(float(entry["expires_at"]), timezone.utc)
                renew_at = datetime.fromtimestamp(float(entry["renew_at"]), timezone.utc)
            except (OSError, ValueError, KeyError, TypeError, OverflowError):
                return None  # cut off or of another version: fetched again
        if not isinstance(token, str) or not token:
            return None
        return Token(token, expires_at, renew_at)

    def write(self, token: Token) -> None:
        """Replaces the entry in one step: a reader sees the old or the new one."""
        if self._folder is None:
            _tell_once("this user has no home folder")
            return
        entry = {
            "access_token": token.access_token,
            "expires_at": token.expires_at.timestamp(),
            "renew_at": token.renew_at.timestamp(),
        }
        temporary = ""
        try:
            self._make_folder()
            descriptor, temporary = tempfile.mkstemp(dir=self._folder, suffix=".tmp")  # made with mode 0600
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(entry, file)
            os.replace(temporary, self.path)
        except OSError as e:
            _tell_once(e.strerror or type(e).__name__)
            if temporary:
                with suppress(OSError):
                    os.unlink(temporary)

    def _make_folder(self) -> None:
        assert self._folder is not None
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _open_lock(self) -> int | None:
        try:
            self._make_folder()
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            return os.open(self._lock_path, flags, 0o600)
        except OSError:
            return None


def _tell_once(why: str) -> None:
    """In one line a process: every key pair would say the same."""
    if why not in _told:
        _told.add(why)
        logger.warning(
            "Token not kept for the next run: %s. Next: set XDG_CACHE_HOME to a folder of this user's own.",
            why,
        )


def _is_private(about: os.stat_result) -> bool:
    """A plain file of this user that nobody else may read: others could have put a token of theirs there."""
    is_ours = stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid()
    return is_ours and not stat.S_IMODE(about.st_mode) & 0o077


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        # A file system without locks counts as locked: a second token call is the smaller evil.
        return e.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EINTR)
    return True
