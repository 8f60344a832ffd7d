-- mart_stay_turnovers: one row per live stay, cancelled ones too: its cost, and its turn to the next stay.
-- Key: region_code, reservation_id. Reads reservations, tasks, tasks__assignments, regions, mart_task_money.
-- Knows no today.
with

zone as (
    select coalesce(max(time_zone), 'UTC') as time_zone
    from regions
    where region_code = :region_code
),

picked as (
    select reservations.reservation_id
    from touched_properties
    inner join reservations on touched_properties.property_id = reservations.property_id
    where reservations.region_code = :region_code

    union all

    select reservations.reservation_id
    from reservations
    where
        reservations.region_code = :region_code
        and reservations.property_id is null
        and exists (
            select 1
            from touched_properties
            where touched_properties.property_id is null
        )
),

stays as (
    select
        reservations.region_code,
        reservations.reservation_id,
        reservations.property_id,
        reservations.status,
        reservations.type_stay_code,
        reservations.type_reservation_code,
        reservations.checkin_date,
        reservations.checkin_time,
        reservations.checkout_date,
        reservations.checkout_time,
        coalesce(lower(reservations.status) in ('cancelled', 'canceled'), false) as is_cancelled
    from picked
    inner join reservations on picked.reservation_id = reservations.reservation_id
    where
        reservations.region_code = :region_code
        and reservations.deleted_at is null
        and coalesce(lower(reservations.status), '') <> 'deleted'
),

turns as (
    select
        reservation_id,
        property_id,
        checkin_date,
        checkin_time,
        checkout_date,
        checkout_time,
        -- places in the order of arrival and of departure, for "the first after" and "the last before"
        row_number() over (
            partition by property_id
            order by checkin_date asc, checkin_time asc nulls last, reservation_id asc
        ) as arrival,
        row_number() over (
            partition by property_id
            order by checkout_date asc, checkout_time asc nulls first, reservation_id asc
        ) as departure
    from stays
    where
        not is_cancelled
        and coalesce(lower(type_reservation_code), '') not in ('hold', 'block', 'maintenance', 'lockoff')
        and checkout_date > checkin_date
        and property_id is not null
),

-- Departures and arrivals of a property in one row of days; on one day the departure comes first.
calendar as (
    select
        property_id,
        reservation_id,
        checkout_date as on_day,
        false as is_arrival,
        cast(null as bigint) as arrival
    from turns

    union all

    select
        property_id,
        reservation_id,
        checkin_date as on_day,
        true as is_arrival,
        arrival
    from turns
),

following as (
    select
        property_id,
        reservation_id,
        is_arrival,
        min(arrival) over (
            partition by property_id
            order by on_day desc, is_arrival desc
        ) as next_arrival
    from calendar
),

turns_with_next as (
    select
        turns.reservation_id,
        turns.property_id,
        turns.checkout_date,
        turns.departure,
        next_turns.reservation_id as next_reservation_id,
        next_turns.checkin_date as next_checkin_date,
        next_turns.checkin_time as next_checkin_time
    from turns
    inner join following on turns.reservation_id = following.reservation_id and not following.is_arrival
    left join turns as next_turns
        on following.property_id = next_turns.property_id and following.next_arrival = next_turns.arrival
),

-- Housekeeping tasks of these stays, and unlinked ones at these properties. Conditions are booleans here:
-- PostgreSQL takes an equation of something computed for one row in 200, and plans loops within loops.
picked_cleans as (
    select tasks.task_id
    from stays
    inner join tasks on stays.reservation_id = tasks.reservation_pk
    where
        tasks.region_code = :region_code
        and coalesce(lower(tasks.type_department) = 'housekeeping', false)

    union all

    select tasks.task_id
    from touched_properties
    inner join tasks on touched_properties.property_id = tasks.property_id
    where
        tasks.region_code = :region_code
        and tasks.reservation_pk is null
        and coalesce(lower(tasks.type_department) = 'housekeeping', false)
),

cleans as (
    select
        tasks.task_id,
        tasks.property_id,
        tasks.reservation_pk as reservation_id,
        coalesce(
            tasks.scheduled_date, cast(tasks.finished_at at time zone zone.time_zone as date)
        ) as on_day,
        tasks.finished_at at time zone zone.time_zone as finished_local,
        coalesce(
            lower(tasks.task_status_code) in ('finished', 'approved')
            or (lower(tasks.task_status_code) = 'closed' and tasks.finished_at is not null),
            false
        ) as is_finished,
        (
            tasks.started_at is not null
            or coalesce(lower(tasks.task_status_stage), '') = 'in_progress'
        ) as is_begun
    from picked_cleans
    inner join tasks on picked_cleans.task_id = tasks.task_id
    cross join zone
    where
        tasks.region_code = :region_code
        and tasks.deleted_at is null
        and coalesce(lower(tasks.task_status_code), '') not in ('deleted', 'request_rejected')
),

linked_cleans as (
    select
        cleans.task_id,
        stays.reservation_id,
        stays.property_id,
        stays.checkin_date,
        coalesce(cleans.on_day is null or cleans.on_day >= stays.checkout_date, false) as is_after,
        case
            when cleans.on_day is null or cleans.on_day >= stays.checkout_date then false
            else coalesce(cleans.on_day <= stays.checkin_date, false)
        end as is_before
    from cleans
    inner join stays on cleans.reservation_id = stays.reservation_id
),

-- The last departure up to each day on which a clean before an arrival asks for it.
departures as (
    select
        property_id,
        on_day,
        max(departure) over (
            partition by property_id
            order by on_day asc, is_question asc
        ) as departure,
        is_question
    from (
        select
            property_id,
            checkout_date as on_day,
            departure,
            false as is_question
        from turns

        union all

        select distinct
            property_id,
            checkin_date as on_day,
            cast(null as bigint) as departure,
            true as is_question
        from linked_cleans
        where is_before
    ) as asked
),

cleans_by_link as (
    select
        linked_cleans.task_id,
        turns.reservation_id
    from linked_cleans
    inner join turns on linked_cleans.reservation_id = turns.reservation_id
    where linked_cleans.is_after

    union all

    select
        linked_cleans.task_id,
        turns.reservation_id
    from linked_cleans
    inner join departures
        on
            linked_cleans.property_id = departures.property_id
            and linked_cleans.checkin_date = departures.on_day
            and departures.is_question
    inner join turns
        on departures.property_id = turns.property_id and departures.departure = turns.departure
    where linked_cleans.is_before
),

-- Only where no linked clean decides, an unlinked one counts for the last departure up to its day.
open_turns as (
    select
        property_id,
        reservation_id,
        departure,
        checkout_date,
        coalesce(next_checkin_date, checkout_date + 7) as last_day
    from turns_with_next
    where not exists (
        select 1
        from cleans_by_link
        where cleans_by_link.reservation_id = turns_with_next.reservation_id
    )
),

open_departures as (
    select
        property_id,
        task_id,
        on_day,
        max(departure) over (
            partition by property_id
            order by on_day asc, is_question asc
        ) as departure
    from (
        select
            property_id,
            cast(null as bigint) as task_id,
            checkout_date as on_day,
            departure,
            false as is_question
        from open_turns

        union all

        select
            property_id,
            task_id,
            on_day,
            cast(null as bigint) as departure,
            true as is_question
        from cleans
        where
            reservation_id is null
            and on_day is not null
            and property_id is not null
    ) as asked
),

cleans_of_turns as (
    select
        task_id,
        reservation_id,
        'link' as basis
    from cleans_by_link

    union all

    select
        open_departures.task_id,
        open_turns.reservation_id,
        'day' as basis
    from open_departures
    inner join open_turns
        on
            open_departures.property_id = open_turns.property_id
            and open_departures.departure = open_turns.departure
            and open_departures.on_day <= open_turns.last_day
    where open_departures.task_id is not null
),

assigned as (
    select distinct assignments.task_id
    from cleans_of_turns
    inner join tasks__assignments as assignments on cleans_of_turns.task_id = assignments.task_id
    where assignments.region_code = :region_code
),

turn_cleans as (
    select
        cleans_of_turns.reservation_id,
        max(cleans_of_turns.basis) as basis,
        count(*) as count_cleans,
        sum(case when cleans.is_finished then 1 else 0 end) as count_finished,
        sum(case when cleans.is_finished or cleans.is_begun then 1 else 0 end) as count_begun,
        sum(case when cleans.is_finished or assigned.task_id is not null then 1 else 0 end) as count_assigned,
        count(cleans.finished_local) as count_timed,
        max(cleans.finished_local) as finished_local
    from cleans_of_turns
    inner join cleans on cleans_of_turns.task_id = cleans.task_id
    left join assigned on cleans_of_turns.task_id = assigned.task_id
    group by cleans_of_turns.reservation_id
),

stay_money as (
    select
        priced.reservation_id,
        count(*) as count_tasks,
        sum(case when priced.is_finished then 1 else 0 end) as count_tasks_finished,
        sum(case when priced.task_cost is null then 1 else 0 end) as count_tasks_without_cost,
        sum(priced.task_cost) as stay_cost,
        sum(case when lower(priced.type_department) = 'housekeeping' then priced.task_cost end) as clean_cost,
        sum(priced.owner_amount) as owner_amount,
        sum(priced.guest_amount) as guest_amount,
        sum(case when priced.is_finished then priced.rate_paid_amount end) as rate_paid_amount
    from stays
    inner join mart_task_money as priced on stays.reservation_id = priced.reservation_id
    where priced.region_code = :region_code
    group by priced.reservation_id
),

judged as (
    select
        turns_with_next.reservation_id,
        turns_with_next.next_reservation_id,
        turns_with_next.next_checkin_date,
        turns_with_next.next_checkin_time,
        coalesce(turn_cleans.basis, 'none') as clean_basis,
        case
            when turn_cleans.count_cleans is null then 'none'
            when turn_cleans.count_finished = turn_cleans.count_cleans then 'finished'
            when turn_cleans.count_begun > 0 then 'in_progress'
            when turn_cleans.count_assigned = turn_cleans.count_cleans then 'assigned'
            else 'unassigned'
        end as clean_state,
        turn_cleans.count_cleans,
        case
            when
                turn_cleans.count_finished = turn_cleans.count_cleans
                and turn_cleans.count_timed = turn_cleans.count_cleans
                then turn_cleans.finished_local
        end as clean_finished_local
    from turns_with_next
    left join turn_cleans on turns_with_next.reservation_id = turn_cleans.reservation_id
)

select
    stays.region_code,
    stays.reservation_id,
    stays.property_id,
    stays.status,
    stays.type_stay_code,
    stays.type_reservation_code,
    stays.checkin_date,
    stays.checkout_date,
    stays.checkout_time,
    stays.is_cancelled,
    judged.reservation_id is not null as is_turn,
    cast(
        case when stays.checkout_date > stays.checkin_date then stays.checkout_date - stays.checkin_date end
        as bigint
    ) as nights,
    cast(date_trunc('month', cast(stays.checkout_date as timestamp)) as date) as checkout_month,
    cast(coalesce(stay_money.count_tasks, 0) as bigint) as count_tasks,
    cast(coalesce(stay_money.count_tasks_finished, 0) as bigint) as count_tasks_finished,
    cast(coalesce(stay_money.count_tasks_without_cost, 0) as bigint) as count_tasks_without_cost,
    cast(stay_money.stay_cost as decimal(38, 2)) as stay_cost,
    cast(stay_money.clean_cost as decimal(38, 2)) as clean_cost,
    cast(stay_money.owner_amount as decimal(38, 2)) as owner_amount,
    cast(stay_money.guest_amount as decimal(38, 2)) as guest_amount,
    cast(stay_money.rate_paid_amount as decimal(38, 2)) as rate_paid_amount,
    judged.next_reservation_id,
    judged.next_checkin_date,
    judged.next_checkin_time,
    judged.next_checkin_date = stays.checkout_date as is_same_day_turn,
    cast(
        floor(
            extract(
                epoch from
                (judged.next_checkin_date + judged.next_checkin_time)
                - (stays.checkout_date + stays.checkout_time)
            ) / 60
        ) as bigint
    ) as window_minutes,
    judged.clean_basis,
    judged.clean_state,
    cast(coalesce(judged.count_cleans, 0) as bigint) as count_cleans,
    judged.clean_finished_local,
    case
        when cast(judged.clean_finished_local as date) < judged.next_checkin_date then true
        when cast(judged.clean_finished_local as date) > judged.next_checkin_date then false
        else judged.clean_finished_local <= judged.next_checkin_date + judged.next_checkin_time
    end as is_on_time,
    cast(
        floor(
            extract(
                epoch from
                (judged.next_checkin_date + judged.next_checkin_time) - judged.clean_finished_local
            ) / 60
        ) as bigint
    ) as slack_minutes
from stays
left join judged on stays.reservation_id = judged.reservation_id
left join stay_money on stays.reservation_id = stay_money.reservation_id
