"""What the project notes about its own work: regions, proofs of deletion, reads and runs."""

from __future__ import annotations

from .model import REGION, SYNCED, Column, Table

_ENTITY = Column("entity", "text", "Name of the entity, such as tasks.")

REGIONS = Table(
    "regions",
    "One region that has been loaded.",
    ("region_code",),
    (
        REGION,
        Column("name", "text", "Name of the region as configured."),
        Column("company_id", "bigint", "Breezeway's id of the company as configured; null if not set."),
        Column("time_zone", "text", "IANA name of the region's time zone as configured; null counts as UTC."),
        SYNCED,
    ),
)

DELETION_PROOFS = Table(
    "deletion_proofs",
    "One answer of the API to the question by id whether a task or stay is still there.",
    ("region_code", "entity", "record_id", "asked_at"),
    (
        REGION,
        Column("entity", "text", "What was asked for: tasks or reservations."),
        Column("record_id", "bigint", "Id of the task or stay."),
        Column("property_id", "bigint", "Id of its property; null if unknown."),
        Column("asked_at", "timestamp", "Start of the run that asked, UTC."),
        Column("status_code", "bigint", "HTTP status of the answer; null if there was none."),
        Column("answer", "text", "What it proves: not_found, deleted, alive or no_proof."),
        Column("reason", "text", "Why it was asked: reconcile or link_lookup."),
    ),
)

ENTITY_READS = Table(
    "entity_reads",
    "The last complete read of one catalogue.",
    ("region_code", "entity", "scope"),
    (
        REGION,
        _ENTITY,
        Column("scope", "text", "Part of the catalogue: the tag_kind of tags, otherwise an empty text."),
        Column("read_at", "timestamp", "Start of the run that read it, UTC."),
        Column("row_count", "bigint", "Number of rows it gave."),
    ),
)

SYNC_RUNS = Table(
    "sync_runs",
    "One run's work on one entity of one region.",
    ("run_id", "region_code", "entity"),
    (
        Column("run_id", "text", "Id of the run, shared by all its regions and entities."),
        REGION,
        _ENTITY,
        Column("started_at", "timestamp", "When the run started, UTC."),
        Column("finished_at", "timestamp", "When the run ended, UTC."),
        Column("status", "text", "How it went: ok, partial or failed."),
        Column("exit_code", "bigint", "Exit code of the region: 0 to 4."),
        Column(
            "requests",
            "bigint",
            "Data requests sent for the entity, retries included; lists read for others count to the first one.",
        ),
        Column("retries", "bigint", "Requests sent again."),
        Column("refusals", "bigint", "Answers that told us to slow down."),
        Column("rows", "bigint", "Distinct rows the run wrote."),
        Column("failures", "bigint", "Properties or records that could not be read."),
        Column("schema_changes", "json", "New columns as a list of texts; null if none."),
        Column("tasks_total", "bigint", "Live tasks of the region after the run."),
        Column("tasks_linked", "bigint", "Of these, tasks that carry a link to a stay."),
        Column("tasks_resolved", "bigint", "Of these, tasks whose reservation_pk is set."),
        Column("code_version", "text", "Version of the code that ran."),
        Column("message", "text", "What went wrong, in one line; null if nothing did."),
        Column("reading", "text", "How much was read: whole, changes or part (beside the cursor)."),
        Column("listed", "bigint", "Rows the API's lists gave, unchanged ones included."),
        Column("live_rows", "bigint", "Rows of the entity that live after the run; null if it failed."),
        Column(
            "null_columns",
            "json",
            "Columns null in all rows the run wrote (empty) and in most of them (sparse); null below 20 rows.",
        ),
        Column(
            "problems", "json", "Open problems of the region after the run, on one row of it; null elsewhere."
        ),
    ),
)

BOOKKEEPING = (REGIONS, DELETION_PROOFS, ENTITY_READS, SYNC_RUNS)
