-- reservation_guests: one row per guest of a live stay. Reads reservations__guests, reservations.
create or replace view reservation_guests as
select
    reservations.region_code,
    reservations.reservation_id,
    reservations__guests.position,
    reservations__guests.first_name,
    reservations__guests.last_name,
    reservations__guests.emails,
    reservations__guests.phone_numbers
from reservations__guests
inner join reservations
    on
        reservations__guests.region_code = reservations.region_code
        and reservations__guests.reservation_id = reservations.reservation_id
where reservations.deleted_at is null;
