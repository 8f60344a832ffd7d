"""The configuration of the source: plain dlt keys below `sources.breezeway`, checked before anything is sent.

Every key is read from dlt's providers in dlt's order (environment, secrets.toml, config.toml), by its exact place.
A dlt `@configspec` was tried and left: its walk up the sections takes `NAME` and `SOURCES__BASE_URL` of the
environment for keys nobody set, also beside explicit values, and it passes over unknown keys (dlt 1.31). Around it,
the list of regions, exact places, refusals and ranges would be code as they are here, and it beside them.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import dlt
import pendulum
from dlt.common.configuration.exceptions import ConfigProviderException, ConfigurationException
from dlt.common.configuration.providers.environ import EnvironProvider

from . import arguments
from .address import API, url_of_the_api
from .errors import ConfigError, unknown_name, unreadable
from .region_codes import REGIONS, env_name, refuse_unknown, with_environment
from .rows.personal import PersonalData

SECTION = "sources.breezeway"
PERSONAL_DATA_MODES = ("keep", "hash", "drop")
TASK_DETAIL_MODES = ("auto", "on", "off")

_REGION_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_REGION_KEYS = ("name", "time_zone", "client_id", "client_secret", "company_id")
_DATASET_NAME = re.compile(r"^[a-z][a-z0-9_]{0,29}$")  # PostgreSQL's 63 are shared with `_staging_<region>`
_SPOKEN = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
T = TypeVar("T")
_time_zones = functools.cache(zoneinfo.available_timezones)  # opens every file there is


@dataclass(frozen=True)
class Settings:
    """What all regions share; the defaults are those of the README's table of keys."""

    base_url: str = API
    start_date: pendulum.Date = pendulum.Date(2024, 1, 1)
    requests_per_minute: float = 180.0
    lookback_days: int = 3
    personal_data: str = "keep"
    personal_data_key: str | None = None
    task_detail: str = "auto"
    details_per_run: int = 2000
    details_days: int = 30
    max_link_lookups: int = 200
    piece_properties: int = 250
    log_folder: str | None = None
    max_new_columns: int = 100
    marts: bool = True
    page_names: bool = False
    dataset_name: str = "breezeway"


@dataclass(frozen=True)
class Region:
    """One region: its code (part of every key), its name for people, its key pair.

    `time_zone` is an IANA name, for the days and clock times of marts; None stands for UTC.
    """

    code: str
    name: str
    client_id: str | None = None
    client_secret: str | None = None
    company_id: int | None = None
    time_zone: str | None = None

    def __repr__(self) -> str:
        return f"Region({self.code!r})"

    def key_pair(self) -> tuple[str, str]:
        """The key pair; raises ConfigError naming the missing keys, never their values."""
        missing = [key for key in ("client_id", "client_secret") if not getattr(self, key)]
        if missing or self.client_id is None or self.client_secret is None:
            names = " and ".join(f"{SECTION}.regions.{self.code}.{key}" for key in missing)
            raise ConfigError(
                f"Region {self.code!r} has no credentials: set {names} in .dlt/secrets.toml, "
                f"or {env_name(f'{SECTION}.regions.{self.code}.{missing[0]}')} in the environment."
            )
        return self.client_id, self.client_secret


def read_settings() -> Settings:
    """The settings as configured. Raises ConfigError for an unknown key or a value out of range."""
    known = [field.name for field in fields(Settings)]
    for name in _table(SECTION):
        if name not in (*known, "region", "regions"):
            raise unknown_name(f"configuration key below [{SECTION}]", name, [*known, "regions"])
    settings = Settings(
        base_url=url_of_the_api(f"{SECTION}.base_url", _text("base_url") or API),
        start_date=_value("start_date", _day, Settings.start_date, "a day such as 2024-01-01"),
        requests_per_minute=_value(
            "requests_per_minute",
            _at_least(1.0, float),
            Settings.requests_per_minute,
            "a number of 1 or more",
        ),
        # In which zone the API's days are counted is unknown: without overlap the run before may have missed some.
        lookback_days=_count("lookback_days", Settings.lookback_days, lowest=1),
        personal_data=_choice("personal_data", PERSONAL_DATA_MODES, Settings.personal_data),
        personal_data_key=_text("personal_data_key"),
        task_detail=_choice("task_detail", TASK_DETAIL_MODES, Settings.task_detail),
        details_per_run=_count("details_per_run", Settings.details_per_run),
        details_days=_count("details_days", Settings.details_days),
        max_link_lookups=_count("max_link_lookups", Settings.max_link_lookups),
        piece_properties=_count("piece_properties", Settings.piece_properties, lowest=1),
        log_folder=_text("log_folder"),
        max_new_columns=_count("max_new_columns", Settings.max_new_columns),
        marts=_switch("marts", Settings.marts),
        page_names=_switch("page_names", Settings.page_names),
        dataset_name=_value(
            "dataset_name",
            _matching(_DATASET_NAME),
            Settings.dataset_name,
            "at most 30 lower-case letters, digits and _, a letter first",
        ),
    )
    PersonalData(settings.personal_data, settings.personal_data_key)  # refuses `hash` without a key
    return settings


def read_regions() -> dict[str, Region]:
    """All configured regions by code, in the order of config.toml."""
    tables = _table(REGIONS)
    for code, table in tables.items():
        if not isinstance(table, Mapping):
            raise ConfigError(f"{SECTION}.regions.{code} is not a table: write [{SECTION}.regions.{code}].")
        for key in table:
            if key not in _REGION_KEYS:
                raise unknown_name(f"key below [{SECTION}.regions.{code}]", key, _REGION_KEYS)
    codes = with_environment(tables)
    for code in codes:
        if not _REGION_NAME.match(code) or code == "all":
            raise ConfigError(
                f"Region {code!r} in [{SECTION}.regions] is no usable code: lower-case letters, digits and _."
            )
    return {code: _region(code) for code in codes}


def given_region(
    code: str | None, *, client_id: str | None = None, client_secret: str | None = None
) -> Region:
    """The region named, else that of `sources.breezeway.region`; a given key pair goes before a configured one.

    A region whose key pair is found needs no table of its own. Raises ConfigError for one that has neither.
    """
    client_id = arguments.text("client_id", client_id, secret=True)
    client_secret = arguments.text("client_secret", client_secret, secret=True)
    known = read_regions()
    code = arguments.text(
        "region", code, f"one of {', '.join(known)}" if known else "a region's code"
    ) or _text("region")
    if code is None:
        raise ConfigError(
            f"Which region? Name one of {', '.join(known) or 'yours'}, or set {SECTION}.region."
        )
    region = known.get(code)
    if region is None:
        region = _region(code) if _REGION_NAME.match(code) and code != "all" else None
        if region is None or not (client_id or region.client_id):
            raise unknown_name("region", code, known)
    return dataclasses.replace(
        region,
        client_id=client_id or region.client_id,
        client_secret=client_secret or region.client_secret,
    )


def select_regions(names: Iterable[str], regions: Mapping[str, Region]) -> list[Region]:
    """The named regions once each, in the order of the configuration; `all` names every one."""
    wanted = set(names)
    refuse_unknown(wanted, regions)
    if not regions:
        raise ConfigError(f"No region is configured: add [{SECTION}.regions.<code>] to .dlt/config.toml.")
    return [region for code, region in regions.items() if "all" in wanted or code in wanted]


def _region(code: str) -> Region:
    place = f"regions.{code}"
    return Region(
        code=code,
        name=_text(f"{place}.name") or code.replace("_", " ").title(),
        client_id=_text(f"{place}.client_id"),
        client_secret=_text(f"{place}.client_secret"),
        company_id=_value(f"{place}.company_id", _at_least(1, int), None, "a whole number"),
        time_zone=_time_zone(f"{place}.time_zone"),
    )


def _table(field: str) -> dict[str, Any]:
    """A TOML table merged over the files; the environment has no tables."""
    *sections, key = field.split(".")
    merged: dict[str, Any] = {}
    try:
        providers = [*dlt.secrets.config_providers, *dlt.config.config_providers]
    except ConfigProviderException as e:
        raise unreadable(e) from e
    for provider in reversed(providers):
        if isinstance(provider, EnvironProvider) or provider.is_empty:
            continue
        table, _ = provider.get_value(key, dict, "", *sections)
        if table is None:
            continue
        if not isinstance(table, Mapping):
            raise ConfigError(f"{field} is not a table: write [{field}] in .dlt/config.toml.")
        merged.update(table)
    return merged


def _raw(key: str) -> Any:
    """The configured value of one key or None; secrets.toml holds any key, so it is asked before config.toml."""
    field = f"{SECTION}.{key}"
    try:
        # Asked for as `str`, a secret would stay in the trace that dlt leaves in the working folder (1.31).
        value: Any = dlt.secrets.get(field)
        return dlt.config.get(field) if value is None else value
    except ConfigurationException as e:
        raise ConfigError(f"{field} cannot be read: {type(e).__name__}.") from e


def _text(key: str) -> str | None:
    value = _raw(key)
    if isinstance(value, (list, Mapping)):  # its text would be taken for a name, or sent as a secret
        raise ConfigError(
            f"{SECTION}.{key} is {'a list' if isinstance(value, list) else 'a table'}; write one value."
        )
    text = "" if value is None else str(value).strip()
    # In a locale without UTF-8 Python leaves the environment's letters as surrogates, which no file can hold.
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") or None


def _value(key: str, parse: Callable[[str], T], default: T, wanted: str) -> T:
    text = _text(key)
    if text is None:
        return default
    try:
        return parse(text)
    except ValueError as e:
        raise ConfigError(f"{SECTION}.{key} is {text!r}; it must be {wanted}.") from e


def _at_least(lowest: T, kind: Callable[[str], T]) -> Callable[[str], T]:
    def parse(text: str) -> T:
        number = kind(text)
        if not number >= lowest:  # type: ignore[operator]
            raise ValueError(text)
        return number

    return parse


def _count(key: str, default: int, lowest: int = 0) -> int:
    return _value(key, _at_least(lowest, int), default, f"a whole number of {lowest} or more")


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.match(text):
            raise ValueError(text)
        return text

    return parse


def _switch(key: str, default: bool) -> bool:
    def parse(text: str) -> bool:
        if text.lower() not in _SPOKEN:
            raise ValueError(text)
        return _SPOKEN[text.lower()]

    return _value(key, parse, default, "true or false")


def _time_zone(key: str) -> str | None:
    """A zone that databases know too, in the spelling they know. None where nothing is set."""
    name = _text(key)
    if name is None:
        return None
    known = _time_zones()
    if name in known:
        return name
    folded = {zone.rpartition("/")[2].lower(): zone for zone in sorted(known)}
    folded |= {zone.lower(): zone for zone in known}
    near = difflib.get_close_matches(name.lower().replace(" ", "_"), folded, n=1)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    raise ConfigError(
        f"{SECTION}.{key} is {name!r}; it must be the IANA name of a time zone, such as America/New_York.{hint}"
    )


def _day(text: str) -> pendulum.Date:
    return pendulum.from_format(text, "YYYY-MM-DD").date()


def _choice(key: str, known: tuple[str, ...], default: str) -> str:
    text = _text(key) or default
    if text not in known:
        raise unknown_name(f"value of {SECTION}.{key}", text, known)
    return text
