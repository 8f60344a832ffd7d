-- link_tasks: sets reservation_pk, property_pk and link_status of tasks, by the rule in views/task_links.sql.
-- Only these tasks are examined, and only rows whose values change are written:
--   * link_status null: new or changed, since a merge nulls what was computed here before;
--   * link_status 'reservation_not_loaded' or property_pk null: what was missing may have come;
--   * tasks of a stay whose property_pk is null: the stay is new, changed or has just been marked deleted.
--     They lead to it by its id or its reference, or led to it when it had another reference.
with

new_stays as (
    select
        reservation_id,
        reference_reservation_id
    from reservations
    where
        region_code = :region_code
        and property_pk is null
),

examined as (
    select
        region_code,
        task_id,
        property_id,
        linked_reservation_id,
        linked_reservation_external_id
    from tasks
    where
        region_code = :region_code
        and (link_status is null or link_status = 'reservation_not_loaded' or property_pk is null)

    union

    select
        tasks.region_code,
        tasks.task_id,
        tasks.property_id,
        tasks.linked_reservation_id,
        tasks.linked_reservation_external_id
    from new_stays
    inner join tasks on new_stays.reservation_id = tasks.linked_reservation_id
    where tasks.region_code = :region_code

    union

    select
        tasks.region_code,
        tasks.task_id,
        tasks.property_id,
        tasks.linked_reservation_id,
        tasks.linked_reservation_external_id
    from new_stays
    inner join tasks on new_stays.reference_reservation_id = tasks.linked_reservation_external_id
    where
        tasks.region_code = :region_code
        and tasks.linked_reservation_id is null

    union

    select
        tasks.region_code,
        tasks.task_id,
        tasks.property_id,
        tasks.linked_reservation_id,
        tasks.linked_reservation_external_id
    from new_stays
    inner join tasks on new_stays.reservation_id = tasks.reservation_pk
    where tasks.region_code = :region_code
),

:rule_of_the_links

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
        tasks.link_status is distinct from resolved.link_status
        or tasks.reservation_pk is distinct from resolved.reservation_pk
        or tasks.property_pk is distinct from resolved.property_pk
    );
