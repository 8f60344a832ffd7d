-- Every live stay belongs to a loaded property. severity: warn
select
    region_code,
    reservation_id
from reservations
where
    region_code = :region_code
    and property_pk is null
    and deleted_at is null;
