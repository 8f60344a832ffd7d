"""The configuration: dlt's files and environment in dlt's order, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pendulum
import pytest
from dlt.common.runtime.run_context import RunContext, switched_run_context

from breezeway_source.errors import ConfigError
from breezeway_source.settings import Settings, read_regions, read_settings, select_regions
from pipelines.load.calling import configuration

Configured = Callable[..., None]
SMOKY = '[sources.breezeway.regions.smoky]\nname = "Smoky Mountains"\n'


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Configured]:
    """Makes a project of its own with these texts for `.dlt/config.toml` and `.dlt/secrets.toml`."""
    with ExitStack() as stack:

        def configure(config: str = "", secrets: str = "") -> None:
            (tmp_path / ".dlt").mkdir()
            (tmp_path / ".dlt" / "config.toml").write_text(config, "utf-8")
            (tmp_path / ".dlt" / "secrets.toml").write_text(secrets, "utf-8")
            stack.enter_context(switched_run_context(RunContext(str(tmp_path))))

        yield configure


def test_without_any_key_the_defaults_hold(configured: Configured) -> None:
    configured()
    assert read_settings() == Settings()
    assert read_regions() == {}


def test_every_key_is_read_from_the_file(configured: Configured) -> None:
    configured(
        """
        [sources.breezeway]
        base_url = "https://api.example.test/"
        start_date = "2025-02-03"
        requests_per_minute = 90.5
        lookback_days = 5
        personal_data = "hash"
        task_detail = "off"
        details_per_run = 7
        details_days = 8
        max_link_lookups = 9
        piece_properties = 10
        log_folder = "logs"
        max_new_columns = 11
        marts = false
        page_names = true
        dataset_name = "acme_rentals"
        """,
        '[sources.breezeway]\npersonal_data_key = "invented"\n',
    )
    assert read_settings() == Settings(
        "https://api.example.test",
        pendulum.Date(2025, 2, 3),
        90.5,
        5,
        "hash",
        "invented",
        "off",
        7,
        8,
        9,
        10,
        "logs",
        11,
        False,
        True,
        "acme_rentals",
    )


def test_the_environment_overrides_secrets_and_secrets_override_config(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(
        "[sources.breezeway]\nlookback_days = 1\ndetails_days = 1\ndetails_per_run = 1\n",
        "[sources.breezeway]\nlookback_days = 2\ndetails_days = 2\n",
    )
    monkeypatch.setenv("SOURCES__BREEZEWAY__LOOKBACK_DAYS", "3")
    settings = read_settings()
    assert (settings.lookback_days, settings.details_days, settings.details_per_run) == (3, 2, 1)


def test_a_day_is_read_as_toml_writes_it_too(configured: Configured) -> None:
    configured("[sources.breezeway]\nstart_date = 2025-02-03\n")
    assert read_settings().start_date == pendulum.Date(2025, 2, 3)


def test_a_region_is_put_together_from_both_files_and_the_environment(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(
        SMOKY + "[sources.breezeway.regions.austin]\n",
        '[sources.breezeway.regions.smoky]\nclient_id = "id"\nclient_secret = "of the file"\ncompany_id = 9001\n',
    )
    monkeypatch.setenv("SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_SECRET", "of the environment")
    monkeypatch.setenv("SOURCES__BREEZEWAY__REGIONS__NEW_REGION__CLIENT_ID", "only there")
    regions = read_regions()
    assert list(regions) == ["smoky", "austin", "new_region"]
    assert (regions["smoky"].name, regions["smoky"].company_id) == ("Smoky Mountains", 9001)
    assert regions["smoky"].key_pair() == ("id", "of the environment")
    assert (regions["austin"].name, regions["new_region"].name) == ("Austin", "New Region")
    assert "of the environment" not in repr(regions)


def test_a_name_of_the_environment_that_is_none_of_ours_is_not_taken(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(SMOKY)
    for name in ("NAME", "CLIENT_ID", "SOURCES__CLIENT_SECRET", "LOOKBACK_DAYS"):
        monkeypatch.setenv(name, "77")
    assert read_settings().lookback_days == 3
    region = read_regions()["smoky"]
    assert (region.name, region.client_id, region.client_secret) == ("Smoky Mountains", None, None)


def test_regions_are_selected_once_each_in_the_order_of_the_configuration(configured: Configured) -> None:
    configured("".join(SMOKY.replace("smoky", name) for name in ("nashville", "austin", "smoky")))
    known = read_regions()
    assert [r.code for r in select_regions(["smoky", "austin", "smoky"], known)] == ["austin", "smoky"]
    assert [r.code for r in select_regions(["all", "smoky"], known)] == ["nashville", "austin", "smoky"]


def test_missing_credentials_name_the_keys_and_never_a_value(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(SMOKY)
    monkeypatch.setenv("SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_ID", "canary-client")
    with pytest.raises(ConfigError) as told:
        read_regions()["smoky"].key_pair()
    assert str(told.value) == (
        "Region 'smoky' has no credentials: set sources.breezeway.regions.smoky.client_secret in "
        ".dlt/secrets.toml, or SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_SECRET in the environment."
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            "[sources.breezeway]\nlookback_day = 3\n",
            "Unknown configuration key below [sources.breezeway] 'lookback_day'. Did you mean 'lookback_days'? ",
        ),
        (
            '[sources.breezeway.regions.smoky]\nclient_key = "x"\n',
            "Unknown key below [sources.breezeway.regions.smoky] 'client_key'. Did you mean 'client_",
        ),
        (
            '[sources.breezeway]\npersonal_data = "hsh"\n',
            "Unknown value of sources.breezeway.personal_data 'hsh'. Did you mean 'hash'? ",
        ),
        (
            "[sources.breezeway]\nlookback_days = 0\n",
            "sources.breezeway.lookback_days is '0'; it must be a whole number of 1 or more.",
        ),
        (
            "[sources.breezeway]\ndetails_days = -1\n",
            "sources.breezeway.details_days is '-1'; it must be a whole number of 0 or more.",
        ),
        (
            '[sources.breezeway]\nmarts = "maybe"\n',
            "sources.breezeway.marts is 'maybe'; it must be true or false.",
        ),
        (
            '[sources.breezeway]\ndataset_name = "Acme Rentals"\n',
            "sources.breezeway.dataset_name is 'Acme Rentals'; it must be at most 30 lower-case letters",
        ),
        (
            f'{SMOKY}time_zone = "America/NewYork"\n',
            "sources.breezeway.regions.smoky.time_zone is 'America/NewYork'; it must be the IANA name of a time zone, "
            "such as America/New_York. Did you mean 'America/New_York'?",
        ),
        (
            '[sources.breezeway]\nstart_date = "2025-02-30"\n',
            "sources.breezeway.start_date is '2025-02-30'; it must be a day such as 2024-01-01.",
        ),
        (
            "[sources.breezeway]\nrequests_per_minute = 0\n",
            "sources.breezeway.requests_per_minute is '0'; it must be a number of 1 or more.",
        ),
        (
            "[sources.breezeway]\nrequests_per_minute = nan\n",
            "sources.breezeway.requests_per_minute is 'nan'; it must be a number of 1 or more.",
        ),
        (
            '[sources]\nbreezeway = "x"\n',
            "sources.breezeway is not a table: write [sources.breezeway] in .dlt/config.toml.",
        ),
        (
            '[sources.breezeway.regions]\nsmoky = "x"\n',
            "sources.breezeway.regions.smoky is not a table: write [sources.breezeway.regions.smoky].",
        ),
        (
            '[sources.breezeway.regions."hill country"]\n',
            "Region 'hill country' in [sources.breezeway.regions] is no usable code",
        ),
        (
            "[sources.breezeway.regions.all]\n",
            "Region 'all' in [sources.breezeway.regions] is no usable code",
        ),
    ],
)
def test_a_wrong_configuration_is_told_in_one_line(configured: Configured, config: str, message: str) -> None:
    configured(config)
    with pytest.raises(ConfigError) as told:
        configuration()
    assert str(told.value).startswith(message)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("america/new_york", "America/New_York"),
        ("New York", "America/New_York"),
        ("Amerika/Los_Angeles", "America/Los_Angeles"),
        ("US/Pacfic", "US/Pacific"),
        ("chicago", "America/Chicago"),
    ],
)
def test_a_misspelt_time_zone_is_answered_with_the_nearest(
    configured: Configured, written: str, near: str
) -> None:
    configured(f'{SMOKY}time_zone = "{written}"\n')
    with pytest.raises(ConfigError, match=f"Did you mean '{near}'"):
        read_regions()


def test_a_region_has_its_time_zone_or_none(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(f'{SMOKY}time_zone = "America/New_York"\n[sources.breezeway.regions.austin]\n')
    assert [region.time_zone for region in read_regions().values()] == ["America/New_York", None]
    monkeypatch.setenv("SOURCES__BREEZEWAY__REGIONS__AUSTIN__TIME_ZONE", "America/Chicago")
    assert read_regions()["austin"].time_zone == "America/Chicago"


@pytest.mark.parametrize(
    ("written", "meant"), [("true", True), ("1", True), ("FALSE", False), ("off", False)]
)
def test_a_switch_of_the_environment_is_a_word(
    configured: Configured, monkeypatch: pytest.MonkeyPatch, written: str, meant: bool
) -> None:
    configured()
    monkeypatch.setenv("SOURCES__BREEZEWAY__PAGE_NAMES", written)
    assert read_settings().page_names is meant
