-- property_photos: one row per photo of a live property, under the old schema's names.
create or replace view :compat.property_photos as
select
    property_photos.photo_id as id,
    property_photos.region_code,
    property_photos.property_id,
    property_photos.photo_id,
    property_photos.url,
    property_photos."default" as is_default,
    property_photos.caption,
    property_photos.original_url,
    property_photos.property_id as property_pk,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    properties.synced_at
from :dataset.property_photos
inner join :dataset.properties
    on
        property_photos.region_code = properties.region_code
        and property_photos.property_id = properties.property_id;
