-- place_reservations: sets property_pk of stays whose property is loaded. Reads reservations, properties.
-- Runs after link_tasks, which takes a null property_pk as the sign of a new or changed stay.
update reservations
set property_pk = properties.property_id
from properties
where
    reservations.region_code = :region_code
    and reservations.property_pk is null
    and properties.region_code = reservations.region_code
    and properties.property_id = reservations.property_id;
