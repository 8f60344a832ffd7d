-- Every line belongs to the loaded version of its parent; none is left over. severity: error
-- for each: child table
-- Of parents that were written since; of all, and of no parent, when everything is read.
select
    ':table' as table_name,
    :table.region_code,
    :table.:parent_id as parent_id
from :parent
inner join :table
    on
        :parent.region_code = :table.region_code
        and :parent.:parent_id = :table.:parent_id
where
    :parent.region_code = :region_code
    and :parent.synced_at >= :since
    and :parent._dlt_id <> :table._dlt_root_id

union all

select
    ':table' as table_name,
    :table.region_code,
    :table.:parent_id as parent_id
from :table
where
    :reads_all
    and :table.region_code = :region_code
    and not exists (
        select 1
        from :parent
        where
            :parent.region_code = :region_code
            and :parent.:parent_id = :table.:parent_id
    );
