"""Properties, and what is read of them one by one (`breezeway-api.md`, section 3)."""

from __future__ import annotations

from .model import Column, child, root

_PROPERTY_ID = Column("property_id", "bigint", "Breezeway's id of the property.")

_PHOTOS = child(
    "properties",
    "photos",
    "property_photos",
    "One photo of a property.",
    _PROPERTY_ID,
    Column("photo_id", "bigint", "Id of the photo; null where the API gives none."),
    Column("url", "text", "Address of the photo, which may change between reads."),
    Column("default", "bool", "Whether it is the property's main photo."),
    Column("caption", "text", "Caption; null if none."),
    Column("original_url", "text", "Address the photo was taken over from; null if none."),
)

PROPERTIES = root(
    "properties",
    "One property, whatever its status.",
    (_PROPERTY_ID,),
    Column("company_id", "bigint", "Breezeway's id of the company."),
    Column("name", "text", "Name of the property."),
    Column("display", "text", "Short display name; null if none."),
    Column("status", "text", "Life cycle: active, inactive, pending_delete or deleted."),
    Column("address1", "text", "First line of the address.", personal=True),
    Column("address2", "text", "Second line of the address; null if none.", personal=True),
    Column("building", "text", "Building or complex; null if none.", personal=True),
    Column("city", "text", "City or town."),
    Column("state", "text", "State or province, usually its code."),
    Column("zipcode", "text", "Postal code."),
    Column("country", "text", "Country code as the API writes it, in either case, such as us or US."),
    Column("latitude", "double", "Latitude in degrees, north positive; null if unknown."),
    Column("longitude", "double", "Longitude in degrees, east positive; null if unknown."),
    Column("bedrooms", "bigint", "Number of bedrooms; null if not given."),
    Column("bathrooms", "decimal", "Number of bathrooms, where halves may occur; null if not given."),
    Column("living_area", "decimal", "Living area in the unit the company uses; null if not given."),
    Column("year_built", "bigint", "Year of construction; null if not given."),
    Column("wifi_name", "text", "Name of the wireless network; null if none.", personal=True),
    Column("wifi_password", "text", "Password of the wireless network; null if none.", personal=True),
    Column("access_code", "text", "Door code for staff; null if none.", personal=True),
    Column("guest_access_code", "text", "Door code for guests; null if none.", personal=True),
    Column("internal_code", "text", "Internal code of the property; null if none.", personal=True),
    Column(
        "notes", "json", "Notes by topic, such as about, access or trash_info; null if none.", personal=True
    ),
    Column("groups", "json", "Groups of the property as a list of id, name, parent_group_id; null if none."),
    Column("tags", "json", "Tags where the list gives them; the full ones are in property_tags."),
    Column(
        "reference_company_id", "text", "Id of the company in the property management system; null if none."
    ),
    Column(
        "reference_property_id", "text", "Id in the property management system, not unique; null if none."
    ),
    Column("reference_external_property_id", "text", "Id of the listing at the sales channel; null if none."),
    children=(_PHOTOS,),
    personal_unknown=True,
)

_CONTACTS = child(
    "property_details",
    "contacts",
    "property_contacts",
    "One contact of a property.",
    _PROPERTY_ID,
    Column("contact_id", "bigint", "Id of the contact; null where the API gives none."),
    Column("contact_type", "text", "Type or role of the contact, such as owner; null if not given."),
    Column(
        "name",
        "text",
        "Full name, joined from first and last name where only those are given.",
        personal=True,
    ),
    Column("first_name", "text", "First name; null if not given.", personal=True),
    Column("last_name", "text", "Last name; null if not given.", personal=True),
    Column("email", "text", "E-mail address, the first if there are several; null if none.", personal=True),
    Column("emails", "json", "All e-mail addresses as a list, where the API gives one.", personal=True),
    Column("phone", "text", "Phone number, the first if there are several; null if none.", personal=True),
    Column("phones", "json", "All phone numbers as a list, where the API gives one.", personal=True),
    personal_unknown=True,
)

_TAGS = child(
    "property_details",
    "tags",
    "property_tags",
    "One tag of a property.",
    _PROPERTY_ID,
    Column("tag_id", "bigint", "Id of the tag (tags, tag_kind property)."),
    Column("name", "text", "Name of the tag."),
    Column("description", "text", "Description of the tag; null if none."),
    Column("company_id", "bigint", "Breezeway's id of the company; null if not given."),
)

PROPERTY_DETAILS = root(
    "property_details",
    "One property whose contacts and tags have been read.",
    (_PROPERTY_ID,),
    children=(_CONTACTS, _TAGS),
)
