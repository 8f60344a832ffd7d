"""What can go wrong, and with which exit code a run then ends.

BreezewayError
├── ConfigError    the run cannot start: fix the command line or .dlt/   exit 2
├── ApiError       the API refused after the allowed retries             exit 3
│   └── AuthError  no usable token                                       exit 3
└── CheckFailed    rows were loaded, a check found bad ones              exit 4
"""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Iterable


class BreezewayError(Exception):
    """Base of all errors of this project; the text is one line a person can act on."""

    exit_code = 1


class ConfigError(BreezewayError):
    """The run cannot start: the command line or the configuration is wrong."""

    exit_code = 2


class ApiError(BreezewayError):
    """The API refused, or did not answer properly within the allowed attempts.

    `permanent` is true for an answer that repeating the request does not change (403, 404, 422).
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        path: str = "",
        permanent: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.path = path
        self.permanent = permanent


class AuthError(ApiError):
    """No usable token: wrong credentials, an inactive client, or a second 401 for one request."""


class CheckFailed(BreezewayError):
    """Rows were loaded, and a check of severity error found bad ones."""

    exit_code = 4


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """The error for a name nobody knows: the name, the nearest one, all of them."""
    names = list(known)
    nearest = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return ConfigError(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(names) or 'none'}.")


def unreadable(error: Exception) -> ConfigError:
    """The error for configuration that dlt cannot read: a file that is no TOML, mostly."""
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    marked = [path for path in getattr(error, "full_paths", ()) if _begins_with_a_mark(path)]
    if marked:
        return ConfigError(
            f"{marked[0]} begins with a byte order mark (BOM), which is no TOML. Next: save it as UTF-8 without BOM."
        )
    return ConfigError(
        f"The configuration cannot be read: {text}. Next: correct the file; it is TOML, in UTF-8."
    )


def _begins_with_a_mark(path: str) -> bool:
    """As editors of Windows write one in front of UTF-8 and UTF-16."""
    try:
        with open(path, "rb") as file:
            return file.read(3).startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    except OSError:
        return False
