-- mart_upcoming_turns: one row per turn that leaves yesterday to in 14 days, on the region's own day. Reads
-- mart_stay_turnovers, properties, regions.
create or replace view mart_upcoming_turns as
with

turns as (
    select
        mart_stay_turnovers.region_code,
        mart_stay_turnovers.reservation_id,
        cast(current_timestamp at time zone coalesce(regions.time_zone, 'UTC') as date) as today,
        mart_stay_turnovers.property_id,
        mart_stay_turnovers.status,
        mart_stay_turnovers.type_stay_code,
        mart_stay_turnovers.type_reservation_code,
        mart_stay_turnovers.checkin_date,
        mart_stay_turnovers.checkout_date,
        mart_stay_turnovers.checkout_time,
        mart_stay_turnovers.is_cancelled,
        mart_stay_turnovers.is_turn,
        mart_stay_turnovers.nights,
        mart_stay_turnovers.checkout_month,
        mart_stay_turnovers.count_tasks,
        mart_stay_turnovers.count_tasks_finished,
        mart_stay_turnovers.count_tasks_without_cost,
        mart_stay_turnovers.stay_cost,
        mart_stay_turnovers.clean_cost,
        mart_stay_turnovers.owner_amount,
        mart_stay_turnovers.guest_amount,
        mart_stay_turnovers.rate_paid_amount,
        mart_stay_turnovers.next_reservation_id,
        mart_stay_turnovers.next_checkin_date,
        mart_stay_turnovers.next_checkin_time,
        mart_stay_turnovers.is_same_day_turn,
        mart_stay_turnovers.window_minutes,
        mart_stay_turnovers.clean_basis,
        mart_stay_turnovers.clean_state,
        mart_stay_turnovers.count_cleans,
        mart_stay_turnovers.clean_finished_local,
        mart_stay_turnovers.is_on_time,
        mart_stay_turnovers.slack_minutes,
        properties.name as property_name
    from mart_stay_turnovers
    left join regions on mart_stay_turnovers.region_code = regions.region_code
    left join properties
        on
            mart_stay_turnovers.region_code = properties.region_code
            and mart_stay_turnovers.property_id = properties.property_id
    where
        mart_stay_turnovers.is_turn
        -- the same for every region, so that an index of days serves; each region's own day decides below
        and mart_stay_turnovers.checkout_date between cast(current_timestamp as date) - 3
        and cast(current_timestamp as date) + 16
)

select
    region_code,
    reservation_id,
    today,
    cast(checkout_date - today as bigint) as days_ahead,
    property_id,
    status,
    type_stay_code,
    type_reservation_code,
    checkin_date,
    checkout_date,
    checkout_time,
    is_cancelled,
    is_turn,
    nights,
    checkout_month,
    count_tasks,
    count_tasks_finished,
    count_tasks_without_cost,
    stay_cost,
    clean_cost,
    owner_amount,
    guest_amount,
    rate_paid_amount,
    next_reservation_id,
    next_checkin_date,
    next_checkin_time,
    is_same_day_turn,
    window_minutes,
    clean_basis,
    clean_state,
    count_cleans,
    clean_finished_local,
    is_on_time,
    slack_minutes,
    property_name,
    clean_state in ('none', 'unassigned') as needs_attention
from turns
where checkout_date between today - 1 and today + 14;
