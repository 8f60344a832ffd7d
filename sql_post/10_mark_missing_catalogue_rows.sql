-- mark_missing_catalogue_rows: sets deleted_at on catalogue rows that the last complete read of their
-- catalogue no longer held. Reads entity_reads (one row per region, entity and scope: that last read).
-- for each: list that is read whole
-- A read whose own rows are not all here marks nothing: the load that brought its line was broken off between
-- the two, and its working folder lost. A row that is seen again arrives with deleted_at null.
-- Tags are read per kind (task, property, reservation), so each kind has its own last read.

with

complete_reads as (
    select
        coalesce(entity_reads.scope, '') as scope,
        entity_reads.read_at
    from entity_reads
    where
        entity_reads.region_code = :region_code
        and entity_reads.entity = ':table'
        and entity_reads.row_count <= (
            select count(*)
            from :table
            where
                :table.region_code = :region_code
                and :scope = coalesce(entity_reads.scope, '')
                and :table.synced_at >= entity_reads.read_at
        )
)

update :table
set deleted_at = complete_reads.read_at
from complete_reads
where
    :table.region_code = :region_code
    and :table.deleted_at is null
    and :scope = complete_reads.scope
    and :table.synced_at < complete_reads.read_at;
