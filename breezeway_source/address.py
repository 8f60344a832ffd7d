"""Where the API is: an address to which a key pair may be sent."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from .errors import ConfigError

API = "https://api.breezeway.io"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent there: https, or plain http to this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "http":
        return parts.hostname in _LOOPBACK
    return parts.scheme == "https" and bool(parts.hostname)


def url_of_the_api(name: str, text: str) -> str:
    """Refuses what is no address, and what would send credentials in the clear.

    Raises ConfigError, which shows no address that may hold a secret; `name` is that of the key or argument.
    """
    if "@" in text:
        raise ConfigError(f"{name} holds credentials; set client_id and client_secret instead.")
    if "?" in text or "#" in text:
        raise ConfigError(f"{name} goes on after ? or #; it must be like {API}.")
    try:
        requests.Request("GET", text).prepare()
        is_one = text.lower().startswith(("http://", "https://")) and bool(urlsplit(text).hostname)
    except ValueError:  # all that requests says of an address is one
        is_one = False
    if not is_one:
        raise ConfigError(f"{name} is {text!r}; it must be like {API}.")
    if not is_private(text):
        raise ConfigError(f"{name} is {text!r}; http is allowed to this machine only: use https.")
    return text.rstrip("/")
