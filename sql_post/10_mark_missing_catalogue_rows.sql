-- mark_missing_catalogue_rows: sets deleted_at on catalogue rows that the last complete read of their
-- catalogue no longer held. Reads entity_reads (one row per region, entity and scope: that last read).
-- A read whose own rows are not all here marks nothing: the load that brought its line was broken off between
-- the two, and its working folder lost. A row that is seen again arrives with deleted_at null.

with

complete_reads as (
    select entity_reads.read_at
    from entity_reads
    where
        entity_reads.region_code = :region_code
        and entity_reads.entity = 'properties'
        and coalesce(entity_reads.scope, '') = ''
        and entity_reads.row_count <= (
            select count(*)
            from properties
            where
                properties.region_code = :region_code
                and properties.synced_at >= entity_reads.read_at
        )
)

update properties
set deleted_at = complete_reads.read_at
from complete_reads
where
    properties.region_code = :region_code
    and properties.deleted_at is null
    and properties.synced_at < complete_reads.read_at;

with

complete_reads as (
    select entity_reads.read_at
    from entity_reads
    where
        entity_reads.region_code = :region_code
        and entity_reads.entity = 'people'
        and coalesce(entity_reads.scope, '') = ''
        and entity_reads.row_count <= (
            select count(*)
            from people
            where
                people.region_code = :region_code
                and people.synced_at >= entity_reads.read_at
        )
)

update people
set deleted_at = complete_reads.read_at
from complete_reads
where
    people.region_code = :region_code
    and people.deleted_at is null
    and people.synced_at < complete_reads.read_at;

with

complete_reads as (
    select entity_reads.read_at
    from entity_reads
    where
        entity_reads.region_code = :region_code
        and entity_reads.entity = 'supplies'
        and coalesce(entity_reads.scope, '') = ''
        and entity_reads.row_count <= (
            select count(*)
            from supplies
            where
                supplies.region_code = :region_code
                and supplies.synced_at >= entity_reads.read_at
        )
)

update supplies
set deleted_at = complete_reads.read_at
from complete_reads
where
    supplies.region_code = :region_code
    and supplies.deleted_at is null
    and supplies.synced_at < complete_reads.read_at;

with

complete_reads as (
    select entity_reads.read_at
    from entity_reads
    where
        entity_reads.region_code = :region_code
        and entity_reads.entity = 'templates'
        and coalesce(entity_reads.scope, '') = ''
        and entity_reads.row_count <= (
            select count(*)
            from templates
            where
                templates.region_code = :region_code
                and templates.synced_at >= entity_reads.read_at
        )
)

update templates
set deleted_at = complete_reads.read_at
from complete_reads
where
    templates.region_code = :region_code
    and templates.deleted_at is null
    and templates.synced_at < complete_reads.read_at;

with

complete_reads as (
    select entity_reads.read_at
    from entity_reads
    where
        entity_reads.region_code = :region_code
        and entity_reads.entity = 'subdepartments'
        and coalesce(entity_reads.scope, '') = ''
        and entity_reads.row_count <= (
            select count(*)
            from subdepartments
            where
                subdepartments.region_code = :region_code
                and subdepartments.synced_at >= entity_reads.read_at
        )
)

update subdepartments
set deleted_at = complete_reads.read_at
from complete_reads
where
    subdepartments.region_code = :region_code
    and subdepartments.deleted_at is null
    and subdepartments.synced_at < complete_reads.read_at;

-- Tags are read per kind (task, property, reservation), so each kind has its own last read.
with

complete_reads as (
    select
        entity_reads.scope,
        entity_reads.read_at
    from entity_reads
    where
        entity_reads.region_code = :region_code
        and entity_reads.entity = 'tags'
        and entity_reads.row_count <= (
            select count(*)
            from tags
            where
                tags.region_code = :region_code
                and tags.tag_kind = entity_reads.scope
                and tags.synced_at >= entity_reads.read_at
        )
)

update tags
set deleted_at = complete_reads.read_at
from complete_reads
where
    tags.region_code = :region_code
    and tags.deleted_at is null
    and tags.tag_kind = complete_reads.scope
    and tags.synced_at < complete_reads.read_at;
