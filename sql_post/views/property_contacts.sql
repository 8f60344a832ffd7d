-- property_contacts: one row per contact of a live property. Reads property_details__contacts, properties.
create or replace view property_contacts as
select
    properties.region_code,
    properties.property_id,
    property_details__contacts.contact_id,
    property_details__contacts.contact_type,
    property_details__contacts.name,
    property_details__contacts.email,
    property_details__contacts.phone,
    property_details__contacts.first_name,
    property_details__contacts.last_name,
    property_details__contacts.emails,
    property_details__contacts.phones
from property_details__contacts
inner join properties
    on
        property_details__contacts.region_code = properties.region_code
        and property_details__contacts.property_id = properties.property_id
where properties.deleted_at is null;
