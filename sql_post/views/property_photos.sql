-- property_photos: one row per photo of a live property. Reads properties__photos, properties.
create or replace view property_photos as
select
    properties.region_code,
    properties.property_id,
    properties__photos.photo_id,
    properties__photos.url,
    properties__photos."default",
    properties__photos.caption,
    properties__photos.original_url
from properties__photos
inner join properties
    on
        properties__photos.region_code = properties.region_code
        and properties__photos.property_id = properties.property_id
where properties.deleted_at is null;
