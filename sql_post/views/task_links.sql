-- task_links: one row per task: the stay and the property it leads to, and why it has a stay or has none.
-- Reads tasks, reservations, properties, deletion_proofs. The one rule of the links: 30_link_tasks.sql writes
-- its result into tasks.
create or replace view task_links as
with

examined as (
    select
        region_code,
        task_id,
        property_id,
        linked_reservation_id,
        linked_reservation_external_id
    from tasks
),

-- the rule of the links, of the tasks in `examined`
-- A link that carries the external id alone leads to the one live stay with that reference.
external_stays as (
    select
        region_code,
        reference_reservation_id,
        min(reservation_id) as reservation_id
    from reservations
    where
        deleted_at is null
        and reference_reservation_id in (
            select examined.linked_reservation_external_id
            from examined
            where examined.linked_reservation_id is null
        )
    group by region_code, reference_reservation_id
    having count(*) = 1
),

-- Stays that the source, asked by id, did not have, and has not shown since.
unknown_stays as (
    select
        region_code,
        record_id
    from deletion_proofs
    where
        entity = 'reservations'
        and answer in ('not_found', 'deleted', 'alive')
        and record_id in (select examined.linked_reservation_id from examined)
    group by region_code, record_id
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
        examined.region_code,
        examined.task_id,
        case
            when reservations.deleted_at is null then coalesce(
                reservations.reservation_id, external_stays.reservation_id
            )
        end as reservation_pk,
        properties.property_id as property_pk,
        case
            when
                examined.linked_reservation_id is null and examined.linked_reservation_external_id is null
                then 'no_link_at_source'
            when reservations.deleted_at is not null then 'reservation_deleted'
            when
                reservations.reservation_id is not null or external_stays.reservation_id is not null
                then 'linked'
            when unknown_stays.record_id is not null then 'reservation_not_found'
            else 'reservation_not_loaded'
        end as link_status
    from examined
    left join reservations
        on
            examined.region_code = reservations.region_code
            and examined.linked_reservation_id = reservations.reservation_id
    left join external_stays
        on
            examined.region_code = external_stays.region_code
            and examined.linked_reservation_external_id = external_stays.reference_reservation_id
            and examined.linked_reservation_id is null
    left join properties
        on
            examined.region_code = properties.region_code
            and examined.property_id = properties.property_id
    left join unknown_stays
        on
            examined.region_code = unknown_stays.region_code
            and examined.linked_reservation_id = unknown_stays.record_id
)
-- end of the rule

select
    region_code,
    task_id,
    reservation_pk,
    property_pk,
    cast(link_status as varchar) as link_status
from resolved;
