-- mark_proven_deletions: sets deleted_at on tasks and stays that two separate runs (two asked_at) asked for
-- by id and did not get. Reads deletion_proofs. Only questions of a reconciliation count, no answer 'alive'
-- may lie between or after them, and the row must be older than both: an old pair of proofs cannot mark a
-- row that came back. Unless the row itself says deleted: a list that still shows it does not revive it.
-- deleted_at is the time of the second proof.

with

judged as (
    select
        record_id,
        asked_at,
        answer,
        reason,
        -- The last time the source still had the record: whatever was answered before proves nothing.
        max(case when answer = 'alive' then asked_at end) over (partition by record_id) as alive_at
    from deletion_proofs
    where
        region_code = :region_code
        and entity = 'tasks'
),

-- Proofs newer than the row itself: a row read again afterwards was alive then, if it does not say otherwise.
proofs as (
    select
        tasks.task_id,
        judged.asked_at,
        row_number() over (partition by tasks.task_id order by judged.asked_at) as proof_number
    from judged
    inner join tasks on judged.record_id = tasks.task_id
    where
        judged.answer in ('not_found', 'deleted')
        and judged.reason = 'reconcile'
        and (judged.alive_at is null or judged.asked_at > judged.alive_at)
        and tasks.region_code = :region_code
        and tasks.deleted_at is null
        and (tasks.synced_at < judged.asked_at or lower(tasks.task_status_code) = 'deleted')
)

-- link_status null is how the history of tasks and the marts recognise it, as a row just written.
update tasks
set
    deleted_at = proofs.asked_at,
    link_status = null
from proofs
where
    tasks.region_code = :region_code
    and tasks.task_id = proofs.task_id
    and proofs.proof_number = 2;

-- property_pk null is how the next scripts recognise stays that are new or changed: tasks of a stay that has
-- just vanished are linked anew.
with

judged as (
    select
        record_id,
        asked_at,
        answer,
        reason,
        -- The last time the source still had the record: whatever was answered before proves nothing.
        max(case when answer = 'alive' then asked_at end) over (partition by record_id) as alive_at
    from deletion_proofs
    where
        region_code = :region_code
        and entity = 'reservations'
),

-- Proofs newer than the row itself: a row read again afterwards was alive then, if it does not say otherwise.
proofs as (
    select
        reservations.reservation_id,
        judged.asked_at,
        row_number() over (partition by reservations.reservation_id order by judged.asked_at) as proof_number
    from judged
    inner join reservations on judged.record_id = reservations.reservation_id
    where
        judged.answer in ('not_found', 'deleted')
        and judged.reason = 'reconcile'
        and (judged.alive_at is null or judged.asked_at > judged.alive_at)
        and reservations.region_code = :region_code
        and reservations.deleted_at is null
        and (reservations.synced_at < judged.asked_at or lower(reservations.status) = 'deleted')
)

update reservations
set
    deleted_at = proofs.asked_at,
    property_pk = null
from proofs
where
    reservations.region_code = :region_code
    and reservations.reservation_id = proofs.reservation_id
    and proofs.proof_number = 2;
