"""Every parser: what it takes, what is empty, what does not fit."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from breezeway_source.rows import amounts, values
from breezeway_source.rows.values import MISFIT

UTC = timezone.utc


@pytest.mark.parametrize("kind", values.PARSERS)
@pytest.mark.parametrize("empty", [None, "", " ", "\t\n", "\u00a0", {}, []], ids=repr)
def test_empty_is_null_for_every_kind(kind: str, empty: Any) -> None:
    assert values.PARSERS[kind](empty) is None


@pytest.mark.parametrize("kind", values.PARSERS)
@pytest.mark.parametrize(
    "odd",
    [
        "n/a",
        "\x00",
        "\ud800",
        "9" * 5000,
        "1e999999",
        "-",
        ".",
        ",",
        "'",
        "$",
        "USD",
        "2031-13-45",
        "99:99:99",
    ]
    + [10**400, -(10**400), 1e308, float("nan"), float("-inf"), Decimal("1E+999"), Decimal("NaN")]
    + [True, 0, {"a": {"b": [1]}}, [None], [[]], object(), ("x",), b"x"],
    ids=lambda odd: repr(odd)[:20],
)
def test_no_parser_ever_raises(kind: str, odd: Any) -> None:
    values.PARSERS[kind](odd)
    amounts.money(odd)
    amounts.duration_seconds(odd)
    json.dumps(values.jsonable(odd))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (42, 42),
        ("42", 42),
        (" 42 ", 42),
        ("-7", -7),
        (2.0, 2),
        ("2.0", 2),
        (Decimal(2), 2),
        (Decimal("2.00"), 2),
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (str(-(2**63)), -(2**63)),
        (2**63, MISFIT),
        (str(2**63), MISFIT),
        (float(2**63), MISFIT),
        (Decimal("1E+30"), MISFIT),
        (2.5, MISFIT),
        ("2.5", MISFIT),
        ("1,200", MISFIT),
        ("0x10", MISFIT),
        ("1_000", MISFIT),
        ("٤٢", MISFIT),
        (True, MISFIT),
        (False, MISFIT),
        (math.inf, MISFIT),
        ([1], MISFIT),
        ({"id": 1}, MISFIT),
    ],
)
def test_whole_numbers_fit_64_bits_or_do_not_fit(given: Any, expected: Any) -> None:
    result = values.bigint(given)
    assert result == expected
    assert result is MISFIT or type(result) is int


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (2, "2.0000"),
        (0, "0.0000"),
        (20.5, "20.5000"),
        (0.1, "0.1000"),
        (Decimal("35.0"), "35.0000"),
        ("12.34", "12.3400"),
        ("-3", "-3.0000"),
        ("+3", "3.0000"),
        (".5", "0.5000"),
        ("5.", "5.0000"),
        ("1e3", "1000.0000"),
        ("$5", "5.0000"),
        ("-$5", "-5.0000"),
        ("$-5", "-5.0000"),
        ("5 €", "5.0000"),
        ("120.00 USD", "120.0000"),
        ("120.00USD", "120.0000"),
        ("USD 120", "120.0000"),
        ("1,200.50 USD", "1200.5000"),
        ("1.200,50 EUR", "1200.5000"),
        ("1 200,50 EUR", "1200.5000"),
        ("1\u00a0200,50", "1200.5000"),
        ("1'200.50 CHF", "1200.5000"),
        ("1,200", "1200.0000"),
        ("1,200,300", "1200300.0000"),
        ("1.200.300", "1200300.0000"),
        ("1,234,567.89", "1234567.8900"),
        ("12,5", "12.5000"),
        ("1.200", "1.2000"),
        (Decimal("0.00005"), "0.0000"),
        (Decimal("0.00015"), "0.0002"),
        (Decimal("0.00025"), "0.0002"),
        (10**15, "1000000000000000.0000"),
        ("99999999999999999999.9999", "99999999999999999999.9999"),
    ],
)
def test_amounts_are_read_and_rounded_half_even_to_four_decimals(given: Any, expected: str) -> None:
    assert str(values.decimal(given)) == expected


@pytest.mark.parametrize(
    "given",
    [
        "n/a",
        "abc",
        "1,20,0",
        "1.2.3",
        "1,2,3.4",
        "12.34,56",
        "1,200.5,0",
        "1 2",
        "1,,2",
        "USD",
        "USD 5 EUR",
        "5 US",
    ]
    + [
        "--5",
        "5-",
        "1/2",
        "50%",
        "٤٢",
        "1_000",
        "NaN",
        "Infinity",
        "1e400",
        10**20,
        -(10**20),
        10**5000,
        True,
    ]
    + [math.nan, math.inf, Decimal("NaN"), Decimal("-Infinity"), "99999999999999999999.99995", [1]],
    ids=lambda given: str(given)[:20] if not isinstance(given, int) else "integer",
)
def test_amounts_that_leave_a_doubt_do_not_fit(given: Any) -> None:
    assert values.decimal(given) is MISFIT


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("120.00 USD", (Decimal("120.00"), "USD")),
        ("USD 120", (Decimal(120), "USD")),
        ("1,200.50 usd", (Decimal("1200.50"), "USD")),
        ("1.200,50 EUR", (Decimal("1200.50"), "EUR")),
        ("$5", (Decimal(5), None)),
        ("-3 USD", (Decimal(-3), "USD")),
        (" 7 ", (Decimal(7), None)),
        (55.5, (Decimal("55.5"), None)),
        (3, (Decimal(3), None)),
        ("n/a", None),
        ("", None),
        (None, None),
        (True, None),
        ({"amount": 1}, None),
    ],
)
def test_money_gives_amount_and_currency(given: Any, expected: Any) -> None:
    assert amounts.money(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (44.12, 44.12),
        ("44.12", 44.12),
        ("-69.1034", -69.1034),
        (Decimal("44.1201"), 44.1201),
        (3, 3.0),
        ("44.12 USD", MISFIT),
        ("north", MISFIT),
        (math.nan, MISFIT),
        ("inf", MISFIT),
        (True, MISFIT),
    ],
)
def test_doubles_are_finite(given: Any, expected: Any) -> None:
    assert values.double(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [(True, True), (1, True), (1.0, True), ("true", True), ("Yes", True), ("1", True), (Decimal(1), True)]
    + [(False, False), (0, False), ("FALSE", False), ("no", False), ("0", False)]
    + [(2, MISFIT), ("maybe", MISFIT), ([True], MISFIT), (math.nan, MISFIT)],
)
def test_booleans_come_in_several_words(given: Any, expected: Any) -> None:
    assert values.boolean(given) is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2031-03-09", date(2031, 3, 9)),
        (" 2031-03-09 ", date(2031, 3, 9)),
        ("2031-03-09T00:00:00", date(2031, 3, 9)),
        ("2031-03-09T23:30:00-05:00", date(2031, 3, 9)),
        ("2028-02-29", date(2028, 2, 29)),
        ("2031-02-29", MISFIT),
        ("0000-01-01", MISFIT),
        ("2031-03", MISFIT),
        ("03/09/2031", MISFIT),
        ("20310309", MISFIT),
        ("2031-03-09 or so", MISFIT),
        ("tomorrow", MISFIT),
        (20310309, MISFIT),
        (True, MISFIT),
    ],
)
def test_days_are_taken_as_written(given: Any, expected: Any) -> None:
    assert values.day(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("16:00:00", time(16)),
        ("16:00", time(16)),
        ("9:05", time(9, 5)),
        ("16:00:00.25", time(16, 0, 0, 250000)),
        ("4:30 PM", time(16, 30)),
        ("12:00 am", time(0)),
        ("24:00:00", MISFIT),
        ("27:00:01", MISFIT),
        ("16:60", MISFIT),
        ("13:00 PM", MISFIT),
        ("16:00:00+02:00", MISFIT),
        ("4pm", MISFIT),
        (16, MISFIT),
    ],
)
def test_times_of_day(given: Any, expected: Any) -> None:
    assert values.clock_time(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2031-02-11T00:28:25", datetime(2031, 2, 11, 0, 28, 25, tzinfo=UTC)),
        ("2031-02-11 00:28:25", datetime(2031, 2, 11, 0, 28, 25, tzinfo=UTC)),
        ("2031-02-11T00:28", datetime(2031, 2, 11, 0, 28, tzinfo=UTC)),
        ("2031-02-12T09:00:01+00:00", datetime(2031, 2, 12, 9, 0, 1, tzinfo=UTC)),
        ("2031-02-12T09:00:01Z", datetime(2031, 2, 12, 9, 0, 1, tzinfo=UTC)),
        ("2031-02-12T09:00:01-0500", datetime(2031, 2, 12, 14, 0, 1, tzinfo=UTC)),
        ("2031-02-12T09:00:01.5+02:00", datetime(2031, 2, 12, 7, 0, 1, 500000, tzinfo=UTC)),
        ("2031-02-12T09:00:01.123456", datetime(2031, 2, 12, 9, 0, 1, 123456, tzinfo=UTC)),
        (" 2031-02-12T09:00:01 ", datetime(2031, 2, 12, 9, 0, 1, tzinfo=UTC)),
        ("2031-02-12", datetime(2031, 2, 12, tzinfo=UTC)),
        (1900000000, datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)),
        ("1900000000", datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)),
        (1900000000000, datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)),
        (datetime(2031, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), datetime(2031, 1, 1, tzinfo=UTC)),
        ("16:00", MISFIT),
        ("2031", MISFIT),
        ("2031-02", MISFIT),
        ("2031-02-30T00:00:00", MISFIT),
        ("0001-01-01T00:00:00+05:00", MISFIT),
        ("2031-01-01/2031-02-01", MISFIT),
        ("soon", MISFIT),
        (10**30, MISFIT),
        (True, MISFIT),
        ({"at": 1}, MISFIT),
    ],
)
def test_instants_are_aware_and_in_utc(given: Any, expected: Any) -> None:
    result = values.timestamp(given)
    assert result == expected
    assert result is MISFIT or (type(result) is datetime and result.tzinfo is UTC)


NO_TIMES = [0, "1970-01-01T00:00:00", "0001-01-01T00:00:00Z", "0000-00-00 00:00:00", "9999-12-31T23:59:59"]


@pytest.mark.parametrize("given", NO_TIMES)
def test_what_programs_write_for_no_time_is_none(given: Any) -> None:
    assert values.timestamp(given) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("x", "x"),
        (" x ", " x "),
        ("two\nlines\t\u00fc\u00df \U0001f600", "two\nlines\t\u00fc\u00df \U0001f600"),
        ("a\x00b", "ab"),
        ("\x00", None),
        ("a\ud800b", "a\ufffdb"),
        ("\uf026120.00", "120.00"),
        (5, "5"),
        (Decimal("35.0"), "35.0"),
        (2.5, "2.5"),
        (True, "true"),
        (False, "false"),
        ({"a": [1, Decimal("1.5"), "\u00fc"]}, '{"a": [1, 1.5, "\u00fc"]}'),
        (["x"], '["x"]'),
    ],
)
def test_anything_can_be_text(given: Any, expected: Any) -> None:
    assert values.text(given) == expected


def test_text_of_any_length_stays_whole() -> None:
    assert values.text("x" * 100_000) == "x" * 100_000


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        (["x"], ["x"]),
        ("Wipe counters", ["Wipe counters"]),
        (5, [5]),
        (False, [False]),
        ([Decimal(2), Decimal("1.5")], [2, 1.5]),
        ([Decimal("0.12345678901234567890")], ["0.12345678901234567890"]),
        ([2**70], [str(2**70)]),
        ([math.nan], ["nan"]),
        ({"k\x00": "v\x00\udfff"}, {"k": "v\ufffd"}),
        (
            {"monday": [{"start": "09:00:00"}], "sunday": []},
            {"monday": [{"start": "09:00:00"}], "sunday": []},
        ),
    ],
)
def test_json_is_what_every_writer_accepts(given: Any, expected: Any) -> None:
    result = values.json(given)
    assert result == expected
    json.dumps(result, allow_nan=False).encode()


def test_json_deeper_than_writers_allow_is_kept_as_text() -> None:
    deep: Any = "bottom"
    for _ in range(300):
        deep = [deep]
    assert "bottom" in json.dumps(values.json(deep))


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("2:06:58", 7618),
        ("9:06:58", 32818),
        ("02:06", 7560),
        ("27:00:01", 97201),
        ("100:00:00", 360000),
        ("0:00:00", 0),
        ("0:00:59.9", 59),
        ("1 day, 2:00:00", 93600),
        ("2 days, 0:00:01", 172801),
        ("2:60:00", None),
        ("2:00:60", None),
        ("7618", None),
        ("", None),
        (7618, None),
        (None, None),
        ("two hours", None),
    ],
)
def test_durations_may_exceed_a_day(given: Any, seconds: int | None) -> None:
    assert amounts.duration_seconds(given) == seconds
