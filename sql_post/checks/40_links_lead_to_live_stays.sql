-- Every resolved link leads to a stay of the same region that is not deleted. severity: error
select
    tasks.region_code,
    tasks.task_id
from tasks
left join reservations
    on
        tasks.region_code = reservations.region_code
        and tasks.reservation_pk = reservations.reservation_id
        and reservations.deleted_at is null
where
    tasks.region_code = :region_code
    and tasks.reservation_pk is not null
    and reservations.reservation_id is null;
