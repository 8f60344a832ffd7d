-- task_linkage: one row per region: how many live tasks carry a link to a stay, and how many of those links
-- resolved to a loaded stay. Reads tasks.
create or replace view task_linkage as
with

counted as (
    select
        region_code,
        count(*) as total_tasks,
        count(coalesce(cast(linked_reservation_id as varchar), linked_reservation_external_id)) as linked,
        count(reservation_pk) as resolved
    from tasks
    where deleted_at is null
    group by region_code
)

select -- noqa: ST06
    region_code,
    total_tasks,
    linked,
    resolved,
    linked - resolved as unresolved,
    -- the same type on both databases, which disagree about the product's
    cast(round(100.0 * linked / nullif(total_tasks, 0), 1) as double precision) as linked_pct,
    cast(round(100.0 * resolved / nullif(linked, 0), 1) as double precision) as resolution_pct
from counted;
