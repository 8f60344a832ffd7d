-- reservation_tags: one row per tag of a live stay. Reads reservations__tags, reservations.
create or replace view reservation_tags as
select
    reservations.region_code,
    reservations.reservation_id,
    reservations__tags.tag_id,
    reservations__tags.name,
    reservations__tags.description,
    reservations__tags.company_id
from reservations__tags
inner join reservations
    on
        reservations__tags.region_code = reservations.region_code
        and reservations__tags.reservation_id = reservations.reservation_id
where reservations.deleted_at is null;
