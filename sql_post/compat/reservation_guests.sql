-- reservation_guests: one row per guest of a live stay, under the old schema's names.
create or replace view :compat.reservation_guests as
select
    row_number()
        over (
            order by
                reservation_guests.region_code, reservation_guests.reservation_id, reservation_guests.position
        )
        as id,
    reservation_guests.region_code,
    reservation_guests.reservation_id,
    reservation_guests.position,
    reservation_guests.first_name,
    reservation_guests.last_name,
    reservation_guests.emails,
    reservation_guests.phone_numbers,
    reservation_guests.reservation_id as reservation_pk,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    reservations.synced_at
from :dataset.reservation_guests
inner join :dataset.reservations
    on
        reservation_guests.region_code = reservations.region_code
        and reservation_guests.reservation_id = reservations.reservation_id;
