-- property_contacts: one row per contact of a live property, under the old schema's names.
create or replace view :compat.property_contacts as
select
    property_contacts.contact_id as id,
    property_contacts.region_code,
    property_contacts.property_id,
    property_contacts.contact_id,
    property_contacts.contact_type,
    property_contacts.name,
    property_contacts.email,
    property_contacts.phone,
    property_contacts.first_name,
    property_contacts.last_name,
    property_contacts.emails,
    property_contacts.phones,
    property_contacts.property_id as property_pk,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    properties.synced_at
from :dataset.property_contacts
inner join :dataset.properties
    on
        property_contacts.region_code = properties.region_code
        and property_contacts.property_id = properties.property_id;
