"""`breezeway_compat`: the names of the schema before this one, and its joins, on both databases and two regions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from databases import Database
from loading import Loader
from test_verification import REGIONS, two_regions  # noqa: F401

from pipelines.compat import __main__ as compat
from pipelines.database.ddl import SQL_DIR

SCHEMA = "breezeway_compat"
# Every old table with its old columns.
OLD_NAMES = {
    "regions": "id region_code region_name company_id breezeway_company_id is_active created_at updated_at synced_at",
    "properties": "id region_code property_id property_name property_status property_address1 property_address2 "
    "property_city property_state property_zipcode property_country property_building property_display "
    "latitude_numeric longitude_numeric property_notes_general property_notes_access property_notes_guest_access "
    "property_notes_direction property_notes_trash_info property_notes_wifi created_at updated_at synced_at",
    "reservations": "id region_code reservation_id reservation_status reservation_note property_pk created_at "
    "updated_at synced_at checkin_date checkout_date adults children pets source",
    "tasks": "id region_code task_id task_name task_description task_status task_paused template_task_id rate_paid "
    "task_status_stage type_department type_priority scheduled_date started_at finished_at created_by_id "
    "created_by_name finished_by_id finished_by_name checkin_date checkout_date total_cost total_time estimated_time "
    "estimated_rate billable itemized_cost task_series_id parent_task_id reservation_pk property_pk "
    "linked_reservation_id created_at updated_at synced_at",
    "task_assignments": "id region_code task_pk assignee_id assignee_name created_at updated_at synced_at",
    "task_photos": "id region_code task_pk photo_id url caption is_default created_at updated_at synced_at",
    "property_photos": "id region_code property_pk photo_id url caption is_default created_at updated_at synced_at",
    "task_comments": "id region_code task_pk task_id comment_id comment created_at updated_at synced_at",
    "task_requirements": "id region_code task_pk task_id section_name action response created_at updated_at synced_at",
    "task_supplies": "id region_code task_pk supply_usage_id supply_id name quantity unit_cost total_price bill_to "
    "billable markup_pricing_type markup_rate created_at updated_at synced_at",
    "task_costs": "id region_code task_pk cost_id cost description bill_to type_cost_id type_cost_code "
    "type_cost_name created_at updated_at synced_at",
    "task_tags": "id region_code task_pk tag_pk tag_id tag_name created_at updated_at synced_at",
    "reservation_tags": "id region_code reservation_pk tag_pk tag_id tag_name created_at updated_at synced_at",
    "reservation_guests": "id region_code reservation_pk first_name last_name created_at updated_at synced_at",
    "property_contacts": "id region_code property_pk contact_id name email phone created_at updated_at synced_at",
    "people": "id region_code person_id person_name emails created_at updated_at synced_at",
    "supplies": "id region_code supply_id name created_at updated_at synced_at",
    "templates": "id region_code template_id name department created_at updated_at synced_at",
    "subdepartments": "id region_code subdepartment_id name created_at updated_at synced_at",
    "tags": "id region_code tag_id tag_name created_at updated_at synced_at",
    "property_tags": "id region_code tag_id tag_name created_at updated_at synced_at",
    "reservation_tasks": "id region_code reservation_pk task_pk created_at updated_at synced_at",
    "etl_sync_log": "id region_code entity_type sync_status sync_started_at sync_completed_at "
    "last_successful_sync_at records_processed records_new records_updated records_deleted api_calls_made "
    "error_message created_at updated_at synced_at",
}


def test_the_old_names_and_joins_give_the_rows_of_today(
    two_regions: Loader,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The views are made twice."""
    loaded, kind = two_regions, two_regions.database.kind
    monkeypatch.setenv(f"DESTINATION__{kind.upper()}__CREDENTIALS", loaded.database.url)
    assert compat.main(["--destination", kind]) == 0
    assert compat.main(["--destination", kind]) == 0
    assert {path.stem for path in (SQL_DIR / "compat").glob("*.sql")} == set(OLD_NAMES)
    for table, columns in OLD_NAMES.items():
        listed = ", ".join(columns.split())
        rows = loaded.query(f"select {listed} from {SCHEMA}.{table}")
        assert {row[1] for row in rows} <= set(REGIONS), table
        assert rows, table

    # Old joins, by id and ..._pk; ids of the two regions differ here as they do at the source.
    ((joined,),) = loaded.query(
        f"select count(*) from {SCHEMA}.tasks inner join {SCHEMA}.properties on tasks.property_pk = properties.id"
    )
    ((tasks,),) = loaded.query("select count(*) from tasks where deleted_at is null")
    assert joined == tasks > 0
    linked = loaded.query(
        f"""
        select tasks.region_code, sum(task_costs.cost)
        from {SCHEMA}.tasks
        inner join {SCHEMA}.reservations on tasks.reservation_pk = reservations.id
        inner join {SCHEMA}.task_costs on task_costs.task_pk = tasks.id
        group by tasks.region_code order by 1"""
    )
    ours = loaded.query(
        """
        select tasks.region_code, sum(task_costs.cost)
        from tasks
        inner join task_costs on task_costs.region_code = tasks.region_code and task_costs.task_id = tasks.task_id
        where tasks.reservation_pk is not null and tasks.deleted_at is null
        group by tasks.region_code order by 1"""
    )
    assert linked == ours and {region for region, _ in ours} == set(REGIONS)
    for tags in ("task_tags", "reservation_tags"):
        ((fanned,),) = loaded.query(
            f"select count(*) from {SCHEMA}.{tags} inner join {SCHEMA}.tags "
            f"on {tags}.tag_pk = tags.id and {tags}.region_code = tags.region_code"
        )
        ((own,),) = loaded.query(f"select count(*) from {SCHEMA}.{tags}")
        assert fanned <= own, tags

    # A row a column: what was renamed holds what it held.
    assert loaded.query(
        f"select id, property_name, property_status, property_notes_general from {SCHEMA}.properties order by 1"
    ) == loaded.query(
        "select property_id, name, status, notes ->> 'about' from properties where deleted_at is null order by 1"
    )
    assert loaded.query(f"select id, task_status, rate_paid from {SCHEMA}.tasks order by 1") == loaded.query(
        "select task_id, task_status_code, rate_paid_amount from tasks where deleted_at is null order by 1"
    )
    log = loaded.query(
        f"select region_code, entity_type, sync_status, records_processed, records_new, api_calls_made "
        f"from {SCHEMA}.etl_sync_log"
    )
    assert len(log) == 20 and {row[2] for row in log} == {"ok"}
    assert all(row[4] is None for row in log)

    # The last run is shown, and the last good one.
    people = "where region_code = 'austin' and entity = 'people'"
    ((first, first_ended),) = loaded.query(f"select started_at, finished_at from sync_runs {people}")
    second = first + timedelta(hours=1)
    loaded.query(
        "insert into sync_runs (region_code, entity, run_id, status, started_at, finished_at, _dlt_load_id, _dlt_id) "
        f"select region_code, entity, 'later', 'failed', %s, %s, 'later', 'later' from sync_runs {people}",
        second,
        second,
    )
    assert loaded.query(
        "select sync_started_at, sync_status, last_successful_sync_at "
        f"from {SCHEMA}.etl_sync_log where region_code = 'austin' and entity_type = 'people'"
    ) == [(second, "failed", first_ended)]


def test_without_a_load_it_says_what_to_do(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = f"DESTINATION__{database.kind.upper()}__CREDENTIALS"
    monkeypatch.setenv(key, database.url)
    assert compat.main(["--destination", database.kind]) == 2
    assert "load a region first" in capsys.readouterr().err
    assert compat.main(["--destination", "nowhere"]) == 2
