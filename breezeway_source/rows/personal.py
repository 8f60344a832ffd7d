"""What becomes of personal data: kept, replaced by a keyed hash, or left out.

`personal_data` in the configuration. Which columns hold personal data is said in the data dictionary
(`columns`), after `breezeway-api.md`, section 11.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from ..errors import ConfigError, unknown_name

MODES: Final = ("keep", "hash", "drop")
_HASH_CHARS = 32


class PersonalData:
    """One run's way with personal values. Raises ConfigError for an unknown mode, or `hash` without a key."""

    def __init__(self, mode: str = "keep", key: str | None = None) -> None:
        if mode not in MODES:
            raise unknown_name("personal_data", mode, MODES)
        if mode == "hash" and not (key and key.strip()):
            raise ConfigError(
                'personal_data = "hash" needs a secret key: set `sources.breezeway.personal_data_key` '
                "in .dlt/secrets.toml or SOURCES__BREEZEWAY__PERSONAL_DATA_KEY."
            )
        self.mode = mode
        self._key = (key or "").encode()

    def __repr__(self) -> str:
        return f"PersonalData({self.mode!r})"  # never the key

    @property
    def fingerprint(self) -> str:
        """Tells this mode and key from others, without giving the key away."""
        if self.mode != "hash":
            return self.mode
        return f"hash {hmac.digest(self._key, b'fingerprint of the key', 'sha256').hex()[:8]}"

    @property
    def keeps(self) -> bool:
        return self.mode == "keep"

    @property
    def drops(self) -> bool:
        return self.mode == "drop"

    def mask(self, value: Any) -> Any:
        """The value as it may be stored: itself, "h:" and 32 hex digits for each scalar in it, or None.

        The same text and key give the same hash, so hashed rows still join and count.
        """
        if self.mode == "keep":
            return value
        if self.mode == "drop" or value is None:
            return None
        if isinstance(value, dict):
            return {key: self.mask(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.mask(item) for item in value]
        if value == "":
            return value
        plain = ("true" if value else "false") if isinstance(value, bool) else str(value)
        digest = hmac.digest(self._key, plain.encode("utf-8", "replace"), "sha256")
        return f"h:{digest.hex()[:_HASH_CHARS]}"
