"""Stays (`breezeway-api.md`, section 4)."""

from __future__ import annotations

from .model import Column, child, root

_RESERVATION_ID = Column("reservation_id", "bigint", "Breezeway's id of the stay.")

_TAGS = child(
    "reservations",
    "tags",
    "reservation_tags",
    "One tag of a stay.",
    _RESERVATION_ID,
    Column("tag_id", "bigint", "Id of the tag (tags, tag_kind reservation)."),
    Column("name", "text", "Name of the tag."),
    Column("description", "text", "Description of the tag; null if none."),
    Column("company_id", "bigint", "Breezeway's id of the company; null if not given."),
)

_GUESTS = child(
    "reservations",
    "guests",
    "reservation_guests",
    "One guest of a stay, who has no id of their own.",
    _RESERVATION_ID,
    Column("position", "bigint", "Place of the guest in the stay's list, from 0."),
    Column("first_name", "text", "First name; null if not given.", personal=True),
    Column("last_name", "text", "Last name; null if not given.", personal=True),
    Column("emails", "json", "E-mail addresses as a list; null if none.", personal=True),
    Column(
        "phone_numbers", "json", "Phone numbers as a list of objects or texts; null if none.", personal=True
    ),
    personal_unknown=True,
)

RESERVATIONS = root(
    "reservations",
    "One stay; a cancelled one is a live row, and one moved to another property comes back under a new id.",
    (_RESERVATION_ID,),
    Column("property_id", "bigint", "Id of the property (properties)."),
    Column("status", "text", "Status as the API writes it, such as active."),
    Column("checkin_date", "date", "Day of arrival, local to the property."),
    Column("checkin_time", "time", "Time of arrival, local to the property; null if unset."),
    Column("checkin_early", "bool", "Whether an early arrival was agreed; null if not said."),
    Column("checkout_date", "date", "Day of departure, local to the property."),
    Column("checkout_time", "time", "Time of departure, local to the property; null if unset."),
    Column("checkout_late", "bool", "Whether a late departure was agreed; null if not said."),
    Column("access_code", "text", "Door code of the stay; null if none.", personal=True),
    Column(
        "guide_url", "text", "Address of the guest guide, which gives access; null if none.", personal=True
    ),
    Column("note", "text", "Note on the stay, of any length; null if none.", personal=True),
    Column("flags", "json", "Flags of the stay as a list; null if none."),
    Column("type_guest_code", "text", "Code of the kind of guest, such as guest or owner; null if unset."),
    Column("type_guest_name", "text", "Name of the kind of guest."),
    Column("type_stay_code", "text", "Code of the kind of stay, such as guest or owner; null if unset."),
    Column("type_stay_name", "text", "Name of the kind of stay."),
    Column("type_reservation_code", "text", "Code of the kind of reservation, such as booking or hold."),
    Column("type_reservation_name", "text", "Name of the kind of reservation."),
    Column("adults", "bigint", "Number of adults; null if not given."),
    Column("children", "bigint", "Number of children; null if not given."),
    Column("pets", "bigint", "Number of pets; null if not given."),
    Column("source", "text", "Where the booking came from; null if not given."),
    Column("reference_reservation_id", "text", "Id in the property management system; null if none."),
    Column(
        "reference_property_id", "text", "The property's id in the property management system; null if none."
    ),
    Column("reference_external_property_id", "text", "Id of the listing at the sales channel; null if none."),
    Column("created_at", "timestamp", "When the stay was entered, UTC, where the API gives it."),
    Column("updated_at", "timestamp", "When the stay was last changed, UTC, where the API gives it."),
    Column("property_pk", "bigint", "Id of the property, set once that property is in `properties`."),
    Column(
        "content_hash",
        "text",
        "Hash of the stay and its lines as stored: a stay read again with the same one is not written.",
    ),
    children=(_TAGS, _GUESTS),
    personal_unknown=True,
)
