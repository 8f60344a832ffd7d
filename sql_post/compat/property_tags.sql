-- property_tags: one row per live tag that is defined for properties, under the old schema's names.
create or replace view :compat.property_tags as
select
    tags.tag_id as id,
    tags.region_code,
    tags.tag_id,
    tags.name as tag_name,
    tags.description,
    tags.company_id,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    tags.synced_at
from :dataset.tags
where
    tags.tag_kind = 'property'
    and tags.deleted_at is null;
