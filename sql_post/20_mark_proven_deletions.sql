-- mark_proven_deletions: sets deleted_at on tasks and stays that two separate runs (two asked_at) asked for
-- by id and did not get. Reads deletion_proofs. Only questions of a reconciliation count, no answer 'alive'
-- may lie between or after them, and the row must be older than both: an old pair of proofs cannot mark a
-- row that came back. deleted_at is the time of the second proof.

with

-- The last time the source still had the record: whatever was answered before proves nothing.
alive as (
    select
        record_id,
        max(asked_at) as alive_at
    from deletion_proofs
    where
        region_code = :region_code
        and entity = 'tasks'
        and answer = 'alive'
    group by record_id
),

-- Proofs newer than the row itself: a row read again afterwards was alive then.
proofs as (
    select distinct
        tasks.task_id,
        deletion_proofs.asked_at
    from deletion_proofs
    inner join tasks
        on
            deletion_proofs.region_code = tasks.region_code
            and deletion_proofs.record_id = tasks.task_id
    left join alive on deletion_proofs.record_id = alive.record_id
    where
        deletion_proofs.region_code = :region_code
        and deletion_proofs.entity = 'tasks'
        and deletion_proofs.reason = 'reconcile'
        and deletion_proofs.answer in ('not_found', 'deleted')
        and deletion_proofs.asked_at > tasks.synced_at
        and (alive.alive_at is null or deletion_proofs.asked_at > alive.alive_at)
        and tasks.deleted_at is null
),

numbered as (
    select
        task_id,
        asked_at,
        row_number() over (partition by task_id order by asked_at) as proof_number
    from proofs
)

update tasks
set
    deleted_at = numbered.asked_at
from numbered
where
    tasks.region_code = :region_code
    and tasks.task_id = numbered.task_id
    and tasks.deleted_at is null
    and numbered.proof_number = 2;

-- property_pk null is how the next scripts recognise stays that are new or changed: tasks of a stay that has
-- just vanished are linked anew.
with

-- The last time the source still had the record: whatever was answered before proves nothing.
alive as (
    select
        record_id,
        max(asked_at) as alive_at
    from deletion_proofs
    where
        region_code = :region_code
        and entity = 'reservations'
        and answer = 'alive'
    group by record_id
),

-- Proofs newer than the row itself: a row read again afterwards was alive then.
proofs as (
    select distinct
        reservations.reservation_id,
        deletion_proofs.asked_at
    from deletion_proofs
    inner join reservations
        on
            deletion_proofs.region_code = reservations.region_code
            and deletion_proofs.record_id = reservations.reservation_id
    left join alive on deletion_proofs.record_id = alive.record_id
    where
        deletion_proofs.region_code = :region_code
        and deletion_proofs.entity = 'reservations'
        and deletion_proofs.reason = 'reconcile'
        and deletion_proofs.answer in ('not_found', 'deleted')
        and deletion_proofs.asked_at > reservations.synced_at
        and (alive.alive_at is null or deletion_proofs.asked_at > alive.alive_at)
        and reservations.deleted_at is null
),

numbered as (
    select
        reservation_id,
        asked_at,
        row_number() over (partition by reservation_id order by asked_at) as proof_number
    from proofs
)

update reservations
set
    deleted_at = numbered.asked_at,
    property_pk = null
from numbered
where
    reservations.region_code = :region_code
    and reservations.reservation_id = numbered.reservation_id
    and reservations.deleted_at is null
    and numbered.proof_number = 2;
