-- mark_missing_catalogue_rows: sets deleted_at on catalogue rows that the last complete read of their
-- catalogue no longer held. Reads entity_reads (one row per region, entity and scope: that last read).
-- A row that is seen again arrives with deleted_at null; nothing is cleared here.

update properties
set deleted_at = entity_reads.read_at
from entity_reads
where
    properties.region_code = :region_code
    and properties.deleted_at is null
    and entity_reads.region_code = properties.region_code
    and entity_reads.entity = 'properties'
    and coalesce(entity_reads.scope, '') = ''
    and properties.synced_at < entity_reads.read_at;

update people
set deleted_at = entity_reads.read_at
from entity_reads
where
    people.region_code = :region_code
    and people.deleted_at is null
    and entity_reads.region_code = people.region_code
    and entity_reads.entity = 'people'
    and coalesce(entity_reads.scope, '') = ''
    and people.synced_at < entity_reads.read_at;

update supplies
set deleted_at = entity_reads.read_at
from entity_reads
where
    supplies.region_code = :region_code
    and supplies.deleted_at is null
    and entity_reads.region_code = supplies.region_code
    and entity_reads.entity = 'supplies'
    and coalesce(entity_reads.scope, '') = ''
    and supplies.synced_at < entity_reads.read_at;

update templates
set deleted_at = entity_reads.read_at
from entity_reads
where
    templates.region_code = :region_code
    and templates.deleted_at is null
    and entity_reads.region_code = templates.region_code
    and entity_reads.entity = 'templates'
    and coalesce(entity_reads.scope, '') = ''
    and templates.synced_at < entity_reads.read_at;

update subdepartments
set deleted_at = entity_reads.read_at
from entity_reads
where
    subdepartments.region_code = :region_code
    and subdepartments.deleted_at is null
    and entity_reads.region_code = subdepartments.region_code
    and entity_reads.entity = 'subdepartments'
    and coalesce(entity_reads.scope, '') = ''
    and subdepartments.synced_at < entity_reads.read_at;

-- Tags are read per kind (task, property, reservation), so each kind has its own last read.
update tags
set deleted_at = entity_reads.read_at
from entity_reads
where
    tags.region_code = :region_code
    and tags.deleted_at is null
    and entity_reads.region_code = tags.region_code
    and entity_reads.entity = 'tags'
    and entity_reads.scope = tags.tag_kind
    and tags.synced_at < entity_reads.read_at;
