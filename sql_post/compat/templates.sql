-- templates: one row per live entry, with the old schema's id.
create or replace view :compat.templates as
select
    templates.template_id as id,
    templates.region_code,
    templates.template_id,
    templates.name,
    templates.department,
    templates.synced_at,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at
from :dataset.templates
where templates.deleted_at is null;
