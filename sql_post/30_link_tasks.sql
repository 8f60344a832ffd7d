-- link_tasks: sets reservation_pk, property_pk and link_status of tasks. Reads tasks, reservations,
-- properties, deletion_proofs. Only these tasks are examined, and only rows whose values change are written:
--   * link_status null: new or changed, since a merge nulls what was computed here before;
--   * link_status 'reservation_not_loaded' or property_pk null: what was missing may have come;
--   * tasks of a stay whose property_pk is null: the stay is new, changed or has just been marked deleted.
with

examined as (
    select
        task_id,
        property_id,
        linked_reservation_id,
        reservation_pk,
        property_pk,
        link_status
    from tasks
    where
        region_code = :region_code
        and (link_status is null or link_status = 'reservation_not_loaded' or property_pk is null)

    union all

    select
        tasks.task_id,
        tasks.property_id,
        tasks.linked_reservation_id,
        tasks.reservation_pk,
        tasks.property_pk,
        tasks.link_status
    from reservations
    inner join tasks
        on
            reservations.region_code = tasks.region_code
            and reservations.reservation_id = tasks.linked_reservation_id
    where
        reservations.region_code = :region_code
        and reservations.property_pk is null
        -- not a second time what the first half holds
        and tasks.link_status <> 'reservation_not_loaded'
        and tasks.property_pk is not null
),

-- Stays that the source, asked by id, did not have, and has not shown since.
unknown_stays as (
    select record_id
    from deletion_proofs
    where
        region_code = :region_code
        and entity = 'reservations'
        and answer in ('not_found', 'deleted', 'alive')
    group by record_id
    having
        max(case when answer <> 'alive' then asked_at end) is not null
        and (
            max(case when answer = 'alive' then asked_at end) is null
            or max(case when answer = 'alive' then asked_at end)
            < max(case when answer <> 'alive' then asked_at end)
        )
),

resolved as (
    select
        examined.task_id,
        examined.reservation_pk as old_reservation_pk,
        examined.property_pk as old_property_pk,
        examined.link_status as old_link_status,
        properties.property_id as property_pk,
        case when reservations.deleted_at is null then reservations.reservation_id end as reservation_pk,
        case
            when examined.linked_reservation_id is null then 'no_link_at_source'
            when reservations.deleted_at is not null then 'reservation_deleted'
            when reservations.reservation_id is not null then 'linked'
            when unknown_stays.record_id is not null then 'reservation_not_found'
            else 'reservation_not_loaded'
        end as link_status
    from examined
    left join reservations
        on
            examined.linked_reservation_id = reservations.reservation_id
            and reservations.region_code = :region_code
    left join properties
        on
            examined.property_id = properties.property_id
            and properties.region_code = :region_code
    left join unknown_stays on examined.linked_reservation_id = unknown_stays.record_id
)

update tasks
set
    reservation_pk = resolved.reservation_pk,
    property_pk = resolved.property_pk,
    link_status = resolved.link_status
from resolved
where
    tasks.region_code = :region_code
    and tasks.task_id = resolved.task_id
    and (
        resolved.old_link_status is distinct from resolved.link_status
        or resolved.old_reservation_pk is distinct from resolved.reservation_pk
        or resolved.old_property_pk is distinct from resolved.property_pk
    );
