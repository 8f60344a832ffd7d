"""The documented read endpoints: one function each, by path (`breezeway-api.md`, sections 2 to 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import unquote

from .answers import Answer, Ask, json_answer, not_found, unprocessable
from .paging import bare, date_test, day_window, in_order, page_of, paged, within
from .stores import Row, Rows, Stores, public

STAY_DATES = ("checkin_date", "checkout_date", "created_at", "updated_at")
SUFFIXES = ("lt", "le", "gt", "ge")
TASK_DAYS = ("scheduled_date", "created_at", "finished_at", "updated_at")


class Manners(Protocol):
    """What is contradictory or unknown about the live API, and can be switched (the Sandbox has these)."""

    past_end: str
    """A page of stays past the end: "empty", or "upcoming" (the first page of the upcoming stays)."""
    no_match: str
    """Stay filters that match nothing: "upcoming" (all upcoming stays) or "empty"."""
    updated_keeps_default_window: bool
    """Whether `created_at_*` and `updated_at_*` alone leave the default check-out window in force."""

    def tells_totals(self, endpoint: str) -> bool:
        """Whether a paged list says `total_pages` and `total_results`."""
        ...


def resolve(path: str) -> tuple[str, int, str]:
    """(endpoint, id, reference) of a path without trailing slash. Raises a 404 for an unknown one."""
    if path in ANSWERS:
        return path, 0, ""
    parts = path.split("/")  # ["", "task", "123", "comments"]
    if len(parts) >= 3 and parts[2].isdigit():
        endpoint = "/".join([*parts[:2], "{id}", *parts[3:]])
        if endpoint in ANSWERS:
            return endpoint, int(parts[2]), ""
    if len(parts) == 5 and parts[1] == "property" and parts[2] == "external-id" and parts[4] == "contacts":
        return "/property/external-id/{ref}/contacts", 0, unquote(parts[3])
    raise not_found(f"No such path: {path}.")


# -- properties ----------------------------------------------------------------------------------


def properties(ask: Ask, manners: Manners) -> Answer:
    rows = in_order(ask, ask.world.listed_properties())
    return paged(ask, rows, totals=manners.tells_totals("/property"))


def property_by_id(ask: Ask, manners: Manners) -> Answer:
    return json_answer(public(_known(ask.world.properties, ask.record_id)))


def property_contacts(ask: Ask, manners: Manners) -> Answer:
    _known(ask.world.properties, ask.record_id)
    return bare(ask.world.contacts.get(ask.record_id, []))


def property_contacts_by_reference(ask: Ask, manners: Manners) -> Answer:
    rows = _by_reference(ask.world, ask.reference)
    if not rows:
        raise not_found("Property not found.")
    return bare([contact for row in rows for contact in ask.world.contacts.get(row["id"], [])])


def property_own_tags(ask: Ask, manners: Manners) -> Answer:
    _known(ask.world.properties, ask.record_id)
    return bare(ask.world.property_tag_links.get(ask.record_id, []))


def properties_by_reference(ask: Ask, manners: Manners) -> Answer:
    reference = ask.first("reference_property_id")
    if not reference:
        raise unprocessable("reference_property_id is required.")
    return bare(_by_reference(ask.world, reference))


def _by_reference(world: Stores, reference: str) -> list[Row]:
    rows = [row for row in world.properties.values() if row.get("reference_property_id") == reference]
    return [row for row in rows if row["id"] not in world.hidden_properties]


# -- stays ---------------------------------------------------------------------------------------


def reservations(ask: Ask, manners: Manners) -> Answer:
    wanted = _integers(ask, "property_id")
    rows = in_order(ask, _stays(ask, manners, lambda row: not wanted or row["property_id"] in wanted))
    limit, page = page_of(ask)
    totals = manners.tells_totals("/reservation")
    if manners.past_end == "upcoming" and page > 1 and (page - 1) * limit >= len(rows):
        upcoming = in_order(ask, ask.world.stays_by_checkout(ask.world.today))
        body: Row = {"limit": limit, "page": page}
        if totals:
            body |= {"total_pages": -(-len(upcoming) // limit), "total_results": len(upcoming)}
        return json_answer({**body, "results": [public(row) for row in upcoming[:limit]]})
    return paged(ask, rows, totals=totals)


def reservations_by_reference(ask: Ask, manners: Manners) -> Answer:
    reference = ask.first("reference_property_id")
    if not reference:
        raise unprocessable("reference_property_id is required.")
    homes = {row["id"] for row in _by_reference(ask.world, reference)}
    return bare(_stays(ask, manners, lambda row: row["property_id"] in homes))


def _stays(ask: Ask, manners: Manners, belongs: Callable[[Row], bool]) -> list[Row]:
    """The stays the filters let through; by default those not checked out before today."""
    tests: list[Callable[[Row], bool]] = [belongs]
    first, last = "", "9999-12-31"
    windowed = filtered = False
    for name in STAY_DATES:
        for suffix in SUFFIXES:
            for text in ask.query.get(f"{name}_{suffix}", ()):
                tests.append(date_test(name, suffix, text))
                filtered = True
                windowed = windowed or name in ("checkin_date", "checkout_date")
                # The check-out bounds also narrow the look-up; the tests stay exact.
                if name == "checkout_date" and suffix in ("ge", "gt"):
                    first = max(first, text[:10])
                elif name == "checkout_date":
                    last = min(last, text[:10])
    if not filtered or (not windowed and manners.updated_keeps_default_window):
        first = max(first, ask.world.today)
    rows = [row for row in ask.world.stays_by_checkout(first, last) if all(test(row) for test in tests)]
    if not rows and manners.no_match == "upcoming":
        return ask.world.stays_by_checkout(ask.world.today)
    return rows


def reservation_by_id(ask: Ask, manners: Manners) -> Answer:
    return json_answer(public(_known(ask.world.reservations, ask.record_id)))


def reservation_own_tags(ask: Ask, manners: Manners) -> Answer:
    return bare(_known(ask.world.reservations, ask.record_id).get("tags") or [])


def reservation_tasks(ask: Ask, manners: Manners) -> Answer:
    _known(ask.world.reservations, ask.record_id)
    return bare(ask.world.tasks_of_stay(ask.record_id), _list_row(ask.world))


# -- tasks ---------------------------------------------------------------------------------------


def tasks(ask: Ask, manners: Manners) -> Answer:
    rows = ask.world.listed_tasks(_home(ask))
    department = ask.first("type_department")
    if department:
        rows = [row for row in rows if row["type_department"] == department]
    for name in TASK_DAYS:
        window = day_window(ask, name)
        if window:
            rows = [row for row in rows if within(row, name, window)]
    assignees = _integers(ask, "assignee_ids")
    if assignees:
        rows = [row for row in rows if any(line["assignee_id"] in assignees for line in row["assignments"])]
    return paged(ask, in_order(ask, rows), totals=manners.tells_totals("/task"), serve=_list_row(ask.world))


def _home(ask: Ask) -> int:
    """The property of a task list, by exactly one selector. Raises a 422."""
    # `property_id` is another name of the reference, so a Breezeway id there is not found.
    reference = ask.first("reference_property_id") or ask.first("property_id")
    home = ask.first("home_id")
    if bool(home) == bool(reference):
        raise unprocessable("Include only one of home_id or reference_property_id.")
    if reference:
        found = _by_reference(ask.world, reference)
        if not found:
            raise unprocessable("Property not found.")
        return int(found[0]["id"])
    if not home or not home.isdigit() or int(home) not in ask.world.properties:
        raise unprocessable("Property not found.")
    return int(home)


def _list_row(world: Stores) -> Callable[[Row], Row]:
    if not world.task_list_omits_money:
        return public
    return lambda row: {
        key: value
        for key, value in row.items()
        if key not in ("costs", "supplies") and not key.startswith("_")
    }


def task_by_id(ask: Ask, manners: Manners) -> Answer:
    """The complete row: money always, comments inline where there are any."""
    row = public(_known(ask.world.tasks, ask.record_id))
    if ask.world.task_list_omits_money:
        row = {"costs": [], "supplies": [], **row}
    comments = ask.world.comments.get(ask.record_id)
    return json_answer({**row, "comments": comments} if comments else row)


def task_comments(ask: Ask, manners: Manners) -> Answer:
    _known(ask.world.tasks, ask.record_id)
    return bare(ask.world.comments.get(ask.record_id, []))


def task_requirements(ask: Ask, manners: Manners) -> Answer:
    _known(ask.world.tasks, ask.record_id)
    return bare(ask.world.requirements.get(ask.record_id, []))


def task_own_tags(ask: Ask, manners: Manners) -> Answer:
    return bare(_known(ask.world.tasks, ask.record_id).get("task_tags") or [])


# -- catalogues ----------------------------------------------------------------------------------


def people(ask: Ask, manners: Manners) -> Answer:
    """By status; unfiltered: the active ones only."""
    status = ask.first("status") or "active"
    if status not in ("active", "invited", "inactive"):
        raise unprocessable("status must be active, invited or inactive.")
    return bare([row for row in ask.world.people.values() if _person_status(row) == status])


def _person_status(row: Row) -> str:
    return str(row.get("_status") or ("active" if row.get("active", True) else "inactive"))


def person_by_id(ask: Ask, manners: Manners) -> Answer:
    return json_answer(public(_known(ask.world.people, ask.record_id)))


def companies(ask: Ask, manners: Manners) -> Answer:
    return bare(
        [
            {"id": world.company_id, "name": world.company_name, "reference_company_id": None}
            for world in ask.worlds
        ]
    )


def supplies(ask: Ask, manners: Manners) -> Answer:
    rows = in_order(ask, list(ask.world.supplies.values()))
    return paged(ask, rows, totals=manners.tells_totals("/supplies"))


def _catalogue(store: Callable[[Stores], Rows]) -> Callable[[Ask, Manners], Answer]:
    return lambda ask, manners: bare(list(store(ask.world).values()))


def _known(store: Rows, row_id: int) -> Row:
    if row_id not in store:
        raise not_found()
    return store[row_id]


def _integers(ask: Ask, name: str) -> set[int]:
    """Ids given repeatedly, with commas, or as `name[]`. Raises a 422."""
    texts: Sequence[str] = [*ask.query.get(name, ()), *ask.query.get(f"{name}[]", ())]
    try:
        return {int(part) for text in texts for part in text.split(",") if part.strip()}
    except ValueError:
        raise unprocessable(f"{name} must be whole numbers.") from None


ANSWERS: dict[str, Callable[[Ask, Manners], Answer]] = {
    "/property": properties,
    "/property/{id}": property_by_id,
    "/property/{id}/contacts": property_contacts,
    "/property/{id}/tags": property_own_tags,
    "/property/tags": _catalogue(lambda world: world.property_tags),
    "/property/external-id": properties_by_reference,
    "/property/external-id/{ref}/contacts": property_contacts_by_reference,
    "/reservation": reservations,
    "/reservation/{id}": reservation_by_id,
    "/reservation/{id}/tags": reservation_own_tags,
    "/reservation/{id}/tasks": reservation_tasks,
    "/reservation/tags": _catalogue(lambda world: world.reservation_tags),
    "/reservation/external-id": reservations_by_reference,
    "/task": tasks,
    "/task/{id}": task_by_id,
    "/task/{id}/comments": task_comments,
    "/task/{id}/requirements": task_requirements,
    "/task/{id}/tags": task_own_tags,
    "/task/tags": _catalogue(lambda world: world.task_tags),
    "/people": people,
    "/people/{id}": person_by_id,
    "/companies": companies,
    "/companies/subdepartments": _catalogue(lambda world: world.subdepartments),
    "/companies/templates": _catalogue(lambda world: world.templates),
    "/supplies": supplies,
}
