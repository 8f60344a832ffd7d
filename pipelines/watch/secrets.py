"""The one place that takes the run's secrets out of every text that leaves it, whoever wrote the text.

Drivers quote whole addresses, HTTP libraries proxies, tracebacks anything. What is secret is learnt from the
configuration (every value with a telling name) and from the run (tokens); besides, whatever looks like an address
with a user in it loses the user. Report, printed lines, log lines, notices and `sync_runs` pass here.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "***"
SHORTEST = 4  # a shorter one cannot be told from other text; in an address it goes all the same

# Names of keys and variables whose values are secret, in any configuration.
_TELLING = re.compile(
    r"(^|_|pg)(password|passwd|passphrase|pwd|secret|token|private_key|api_?key|access_?key|key|client_id|hook|"
    r"webhook|credentials?|proxy|dsn|database_url)$",
    re.IGNORECASE,
)
# These hold an address or a path besides: only what stands before its @ is secret.
_ADDRESS = re.compile(r"(credentials?|proxy|dsn|url)$", re.IGNORECASE)
_USER = re.compile(r"(?P<scheme>\b[A-Za-z][\w+.-]*:/{1,3})(?P<user>[^\s'\"<>|]+)@")
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_USER, rf"\g<scheme>{MASK}@"),
    (re.compile(r"(?i)\b(password|passwd|pwd|secret|token|api_?key)(\s*=\s*)('[^']*'|[^\s&;,'\")]+)"), rf"\1\2{MASK}"),
    (re.compile(r"\b(JWT|Bearer|Basic)\s+[\w.~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*"), MASK),
    (re.compile(r"https://hooks\.slack\.com/\S+"), MASK),
)  # fmt: skip

T = TypeVar("T")


class Secrets:
    """What must not be told; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._plain: set[str] = set()
        self._told_later: list[Callable[[], Iterable[str]]] = []
        self._pattern: re.Pattern[str] | None = None

    def learn(self, *values: str | None) -> None:
        """Values that are secret in themselves, in every spelling a text may have them in."""
        forms = {form for value in values if value for form in _forms(value)}
        with self._lock:
            if not forms <= self._known:
                self._known |= forms
                self._pattern = None

    def learn_address(self, address: str) -> None:
        """User and password of an address, also of one nobody can parse; where it has none, nothing."""
        user, at, _rest = address.rpartition("@")
        if not at:
            return
        user = re.sub(r"^[A-Za-z][\w+.-]*:/{1,3}", "", user)
        _, colon, password = user.partition(":")
        self.learn(password or None, user)
        if colon:
            # With an unescaped sign in it, drivers take a part for the host, and quote that.
            self.learn(*(part for part in re.split(r"[@/#?]", password) if part != password))
            self.learn(base64.b64encode(unquote(user).encode()).decode())

    def spare(self, *words: str) -> None:
        """Words that stand in texts anyway: a password that is one of them cannot be told from it."""
        with self._lock:
            self._plain |= {word.lower() for word in words if word}
            self._pattern = None

    def ask(self, source: Callable[[], Iterable[str]]) -> None:
        """Values that come up later, such as tokens: asked for at every text."""
        with self._lock:
            self._told_later.append(source)

    def clean(self, text: str) -> str:
        """The text without secrets."""
        with self._lock:
            later = list(self._told_later)
        for source in later:
            self.learn(*source())
        with self._lock:
            if self._pattern is None:
                self._pattern = _one_of(self._known, self._plain)
            pattern = self._pattern
        text = pattern.sub(MASK, text) if pattern else text
        for shape, mask in _PATTERNS:
            text = shape.sub(mask, text)
        return text

    def clean_all(self, value: T) -> T:
        """The same for every text inside lists and dictionaries, keys included."""
        if isinstance(value, str):
            return self.clean(value)  # type: ignore[return-value]
        if isinstance(value, Mapping):
            return {self.clean_all(key): self.clean_all(inner) for key, inner in value.items()}  # type: ignore[return-value]
        if isinstance(value, (list, tuple)):
            return type(value)(self.clean_all(inner) for inner in value)
        return value

    def learn_environment(self) -> None:
        """Everything the environment holds under a telling name."""
        for name, value in os.environ.items():
            if name not in ("PWD", "OLDPWD"):  # folders, as every shell names them
                self._learn_named(name, value)

    def learn_configuration(self) -> None:
        """Everything the environment and dlt's files hold under a telling name. Raises nothing."""
        import dlt  # noqa: PLC0415 - a mistyped option is answered without waiting for it
        from dlt.common.configuration.providers.environ import EnvironProvider  # noqa: PLC0415

        self.learn_environment()
        try:
            providers = [*dlt.secrets.config_providers, *dlt.config.config_providers]
        except Exception:  # noqa: BLE001 - a file that is no TOML: told where the configuration is read
            return
        for provider in providers:
            if not isinstance(provider, EnvironProvider) and not provider.is_empty:
                self._learn_table(getattr(provider, "_config_doc", {}))

    def _learn_table(self, table: Any) -> None:
        for name, value in _leaves(table):
            self._learn_named(name, value)

    def _learn_named(self, name: str, value: str) -> None:
        if "://" in value and "@" in value:
            self.learn_address(value)
        if not _TELLING.search(name):
            return
        if value.lstrip().startswith("{"):
            with contextlib.suppress(ValueError):  # no document of credentials, so a text like any other
                self._learn_table(json.loads(value))
        if _ADDRESS.search(name):
            self.learn_address(value)
        else:
            self.learn(value)


def _leaves(table: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """(name of the key, text) of everything in a document."""
    if isinstance(table, Mapping):
        for key, value in table.items():
            yield from _leaves(value, str(key))
    elif isinstance(table, (list, tuple)):
        for value in table:
            yield from _leaves(value, name)
    elif isinstance(table, str):
        yield name, table


def _forms(value: str) -> set[str]:
    """The value as written, encoded or decoded for addresses, escaped in quoted text; of several lines, each."""
    decoded = {value, unquote(value), unquote_plus(value)}
    forms = set(decoded)
    for text in decoded:
        forms |= {
            quote(text),
            quote(text, safe=""),
            quote_plus(text),
            repr(text)[1:-1],
            json.dumps(text)[1:-1],
        }
    lines = value.splitlines()
    forms |= {line.strip() for line in lines if len(lines) > 1 and len(line.strip()) > 12}
    if "://" in value:  # an address that is secret as a whole, and in its parts
        path = value.partition("://")[2].partition("/")[2]
        forms |= {f"/{path}", *(part for part in re.split(r"[/?&=]", path) if len(part) >= 12)}
    return {form for form in forms if len(form) >= SHORTEST}


def _one_of(known: Iterable[str], plain: set[str]) -> re.Pattern[str] | None:
    """Longest first, so that no part of one is left standing; words of letters only where they stand alone."""
    words = sorted((word for word in known if word.lower() not in plain), key=len, reverse=True)
    shapes = [
        rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])"
        if len(word) < 8 or word.isalpha()
        else re.escape(word)
        for word in words
    ]
    return re.compile("|".join(shapes)) if shapes else None


# The secrets of this process: log lines of other people's threads cannot be handed an object.
SECRETS = Secrets()
clean = SECRETS.clean


class CleanFormatter(logging.Formatter):
    """A formatter whose lines, tracebacks included, hold no secret."""

    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))
