-- Every live stay has a status known to mean that it is on, or off (cancelled, canceled). severity: warn
select
    region_code,
    reservation_id,
    status
from reservations
where
    region_code = :region_code
    and deleted_at is null
    and lower(status) not in ('active', 'cancelled', 'canceled', 'deleted');
