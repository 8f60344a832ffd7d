-- supplies: one row per live entry, with the old schema's id.
create or replace view :compat.supplies as
select
    supplies.supply_id as id,
    supplies.region_code,
    supplies.supply_id,
    supplies.company_id,
    supplies.name,
    supplies.description,
    supplies.size,
    supplies.internal_id,
    supplies.unit_cost,
    supplies.stock_count,
    supplies.low_stock_alert,
    supplies.low_stock_count,
    supplies.supply_category_id,
    supplies.type_stock_status_code,
    supplies.type_stock_status_name,
    supplies.is_billable,
    supplies.markup_pricing_type,
    supplies.markup_rate,
    supplies.supply_unit_type,
    supplies.total_price,
    supplies.created_at,
    supplies.updated_at,
    supplies.synced_at
from :dataset.supplies
where supplies.deleted_at is null;
