-- Every task says why it has a stay or has none, and has one exactly when it says so. severity: error
select
    region_code,
    task_id
from tasks
where
    region_code = :region_code
    and (
        link_status is null
        or (link_status = 'linked') <> (reservation_pk is not null)
        or (link_status = 'no_link_at_source')
        <> (linked_reservation_id is null and linked_reservation_external_id is null)
        or reservation_pk <> linked_reservation_id
    );
