"""What the source function is given: understood, or refused in one line that names the argument."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pendulum
import pytest
from dlt.common.runtime.run_context import RunContext, switched_run_context

from breezeway_source import breezeway_source
from breezeway_source import source as source_module
from breezeway_source.address import url_of_the_api
from breezeway_source.entities.endpoints import ENDPOINTS
from breezeway_source.errors import ConfigError
from breezeway_source.plan import Plan, plan_of
from breezeway_source.settings import read_settings

SECRET = "canary-of-the-argument"


class Text(str, enum.Enum):
    TASKS = "tasks"
    SMOKY = "smoky"


class WholeNumber:
    """As those of numpy are."""

    def __index__(self) -> int:
        return 2001


class NoDay(datetime):
    """As pandas' NaT is: a datetime, the year of which is none."""

    @property
    def year(self) -> Any:
        return float("nan")


class Undecided:
    """As arrays are: several values, and neither true nor false."""

    def __iter__(self) -> Iterator[Any]:
        return iter([WholeNumber()])

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")

    def __eq__(self, other: object) -> Any:
        return Undecided()

    __hash__ = None  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One region, and an address where nothing listens."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(
        '[sources.breezeway]\nbase_url = "http://127.0.0.1:1"\n', "utf-8"
    )
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        '[sources.breezeway.regions.smoky]\nclient_id = "id"\nclient_secret = "secret"\n', "utf-8"
    )
    with switched_run_context(RunContext(str(tmp_path))):
        yield


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that the source makes of its arguments."""
    made: list[Plan] = []

    def noted(*args: Any, **options: Any) -> Plan:
        made.append(plan_of(*args, **options))
        return made[-1]

    monkeypatch.setattr(source_module, "plan_of", noted)
    return made


NO_TEXT = (
    5,
    0,
    True,
    1.5,
    b"smoky",
    [],
    ["smoky"],
    {},
    date(2026, 3, 1),
    object(),
    Path("smoky"),
    Undecided(),
)
EMPTY = ("", " ")
WRONG: dict[str, tuple[Any, ...]] = {
    "region": (*NO_TEXT, *EMPTY, "Smoky", "all", "smoky,austin"),
    "entities": (
        *(5, 0, True, 1.5, b"tasks", [], (), {"tasks": 1}, [1], [None], [["tasks"]], object(), Undecided()),
        *(*EMPTY, "task", "tasks,people", {"tasks", "x"}, iter(["x"])),
    ),
    "client_id": (*NO_TEXT, *EMPTY),
    "client_secret": (*NO_TEXT, *EMPTY),
    "base_url": (*NO_TEXT, *EMPTY, "x", "https://[::1", "https://a.test:x", "https://a b.test", "ftp://a.test"),
    "since": (5, 0, True, 1.5, b"", [], timedelta(3), object(), NoDay(2026, 3, 1), *EMPTY, "1/3/2026", "2026-02-30"),
    "until": (5, 0, True, [], timedelta(3), NoDay(2026, 3, 1), *EMPTY, "yesterday"),
    "full": (5, 0, 1, "no", "false", "true", "", [], object(), Undecided()),
    "properties": (
        *(0, -1, True, 1.5, b"2001", [], set(), {}, {2001: "x"}, object(), [True], [2001.0], [None], [[2001]], [2**63]),
        *(*EMPTY, "x", "2001,2002", ["harbour"], [Decimal("1.5")]),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in WRONG.items() for value in values],
    ids=lambda v: v if isinstance(v, str) and v.isidentifier() else type(v).__name__,
)
def test_a_wrong_argument_is_refused_in_one_line_that_names_it(name: str, value: Any) -> None:
    given = {"region": "smoky", **({"since": "2020-01-01"} if name == "until" else {}), name: value}
    with pytest.raises(ConfigError) as told:
        breezeway_source(**given)
    text = str(told.value)
    known = {"region": "nknown region", "entities": "nknown entity"}
    assert text.startswith(name) or known.get(name, name) in text
    assert "\n" not in text and len(text) < 300


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"entities": "tasks"}, {"entities": ("tasks",)}),
        ({"entities": {"people", "tasks"}}, {"entities": ("tasks", "people")}),
        ({"entities": iter(["tasks"])}, {"entities": ("tasks",)}),
        ({"entities": Text.TASKS}, {"entities": ("tasks",)}),
        ({"entities": None}, {"entities": tuple(ENDPOINTS)}),
        ({"region": " smoky\n"}, {}),
        ({"region": Text.SMOKY}, {}),
        ({"since": date(2026, 3, 1)}, {"since": pendulum.Date(2026, 3, 1)}),
        ({"since": " 2026-03-01 "}, {"since": pendulum.Date(2026, 3, 1)}),
        ({"since": datetime(2026, 3, 1, 23)}, {"since": pendulum.Date(2026, 3, 1)}),
        (
            {"since": datetime(2026, 3, 1, 23, tzinfo=timezone(timedelta(hours=-8)))},
            {"since": pendulum.Date(2026, 3, 2)},
        ),
        ({"since": None, "until": None}, {"since": None, "until": None}),
        ({"full": None}, {"full": False}),
        ({"full": True}, {"full": True}),
        ({"properties": 2001}, {"properties": {2001}}),
        ({"properties": "2001"}, {"properties": {2001}}),
        ({"properties": [2001, "2002", WholeNumber()]}, {"properties": {2001, 2002}}),
        ({"properties": Undecided()}, {"properties": {2001}}),
        ({"properties": (n for n in (7, 8))}, {"properties": {7, 8}}),
        ({"properties": None}, {"properties": set()}),
        ({"client_id": dlt.config.value, "client_secret": dlt.secrets.value, "base_url": None}, {}),
    ],
)
def test_what_can_mean_one_thing_alone_is_understood(
    given: dict[str, Any], meant: dict[str, Any], plans: list[Plan]
) -> None:
    assert breezeway_source(**{"region": "smoky", **given}).name == "breezeway_smoky"
    assert {name: getattr(plans[0], name) for name in meant} == meant


@pytest.mark.parametrize(
    ("name", "value"),
    itertools.product(
        ("client_id", "client_secret", "base_url"),
        ([SECRET], SECRET.encode(), f"https://user:{SECRET}@a.test", f"https://a.test/?token={SECRET}"),
    ),
)
def test_no_secret_is_shown(name: str, value: Any) -> None:
    if name != "base_url" and isinstance(value, str):
        value = {value: value}
    with pytest.raises(ConfigError) as told:
        breezeway_source("smoky", **{name: value})
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    "key", ["base_url", "personal_data", "personal_data_key", "log_folder", "start_date"]
)
@pytest.mark.parametrize("value", [["canary"], {"a": "canary"}], ids=["list", "table"])
def test_a_key_of_several_values_is_refused_and_not_read_as_a_text(key: str, value: Any) -> None:
    with dlt.config.values({f"sources.breezeway.{key}": value}), pytest.raises(ConfigError) as told:
        read_settings()
    assert str(told.value).startswith(f"sources.breezeway.{key} is a ") and "canary" not in str(told.value)


@pytest.mark.parametrize("url", ["https://[::1", "https://a.test:x", "https://a.test/#x", "https://*.test"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(ConfigError, match="it must be like https://api.breezeway.io"):
        url_of_the_api("base_url", url)
