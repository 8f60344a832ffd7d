-- property_tags: one row per tag of a live property. Reads property_details__tags, properties.
create or replace view property_tags as
select
    properties.region_code,
    properties.property_id,
    property_details__tags.tag_id,
    property_details__tags.name,
    property_details__tags.description,
    property_details__tags.company_id
from property_details__tags
inner join properties
    on
        property_details__tags.region_code = properties.region_code
        and property_details__tags.property_id = properties.property_id
where properties.deleted_at is null;
