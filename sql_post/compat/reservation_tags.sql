-- reservation_tags: one row per tag of a live stay, under the old schema's names.
create or replace view :compat.reservation_tags as
select
    reservation_tags.tag_id as id,
    reservation_tags.region_code,
    reservation_tags.reservation_id,
    reservation_tags.tag_id,
    reservation_tags.name as tag_name,
    reservation_tags.description,
    reservation_tags.company_id,
    reservation_tags.reservation_id as reservation_pk,
    reservation_tags.tag_id as tag_pk,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    reservations.synced_at
from :dataset.reservation_tags
inner join :dataset.reservations
    on
        reservation_tags.region_code = reservations.region_code
        and reservation_tags.reservation_id = reservations.reservation_id;
