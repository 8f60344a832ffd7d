-- due: one row per check-out from yesterday to in 14 days that has no clean, or one with nobody assigned.
-- Reads mart_upcoming_turns.
select
    region_code,
    reservation_id,
    property_id,
    property_name,
    checkout_date,
    checkout_time,
    next_checkin_date,
    next_checkin_time,
    is_same_day_turn,
    clean_state
from mart_upcoming_turns
where needs_attention
order by
    coalesce(next_checkin_date, checkout_date),
    next_checkin_time,
    checkout_date,
    region_code,
    reservation_id;
