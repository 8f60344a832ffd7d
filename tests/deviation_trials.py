"""The matrix: every deviation, the lists it can touch, the ways of reading, and what the contract says must come of it.

Written from the design (sections 4 and 6) and the API's pages, not from how the loader reads.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from deviating import CATALOGUES, DETAILS, LISTS, PAGED, READS, Cell, Trial

from breezeway_source.sandbox.deviations.rows import DAYS, NAMELESS
from breezeway_source.sandbox.deviations.shapes import EMPTY, SHAPES

NO_TOTALS = (("totals_off", {}),)
ALL = tuple(name for name in LISTS if name != "properties")
OPTIONAL = ("supplies", *CATALOGUES, *DETAILS)
BARE = (*CATALOGUES, *DETAILS)
WITH_PROPERTIES = ("properties", *PAGED)
READ_AGAIN = ("--entities", "all", "--full")
BOTH = ("whole", "details")
EVERY_WAY = ("hourly", "whole", "first")


def paging() -> Iterator[Trial]:
    yield Trial("undated", lists=tuple(LISTS), must="equal", runs=("hourly", "whole", "details", "first"))
    yield Trial("totals_off", lists=WITH_PROPERTIES, must="equal", runs=EVERY_WAY)
    for by in (1, -1):
        yield Trial("totals_wrong", {"by": by}, WITH_PROPERTIES, "told", EVERY_WAY)
    yield Trial("totals_changing", lists=WITH_PROPERTIES, must="told", runs=EVERY_WAY)
    for form, must in (
        ("text", "either"),
        ("null", "equal"),
        ("results_only", "equal"),
        ("pages_only", "either"),
    ):
        yield Trial("totals_spelled", {"form": form}, WITH_PROPERTIES, must)
    for says in ("asked", "given"):
        for beside in ((), NO_TOTALS):
            yield Trial("page_echo", {"says": says}, WITH_PROPERTIES, "told", EVERY_WAY, beside)
    for form in ("400", "404", "410", "422"):
        yield Trial("past_end", {"form": form}, WITH_PROPERTIES, "calm", EVERY_WAY, NO_TOTALS)
    yield Trial("past_end", {"form": "first"}, WITH_PROPERTIES, "either", EVERY_WAY, NO_TOTALS)
    yield Trial("last_page_repeated", {}, WITH_PROPERTIES, "either", EVERY_WAY, NO_TOTALS)
    yield Trial("pages_from_zero", {"says": "given"}, WITH_PROPERTIES, "told", EVERY_WAY, NO_TOTALS)
    for says in ("given", "asked"):
        yield Trial("pages_from_zero", {"says": says}, WITH_PROPERTIES, "told", EVERY_WAY)
    for says in ("given", "asked", "nothing"):
        for beside in ((), NO_TOTALS):
            yield Trial("limit_clamped", {"says": says}, WITH_PROPERTIES, "either", EVERY_WAY, beside)
    for limit in (7, 2, 0, None, "3"):
        for beside in ((), NO_TOTALS):
            yield Trial("limit_echoed_wrong", {"limit": limit}, WITH_PROPERTIES, "either", beside=beside)
    for by in (1, -1):
        for beside in ((), NO_TOTALS):
            yield Trial("page_numbered_wrong", {"by": by}, WITH_PROPERTIES, "either", beside=beside)
    for beside in ((), NO_TOTALS):
        yield Trial("ties_shuffled", {}, WITH_PROPERTIES, "either", EVERY_WAY, beside)
        yield Trial("sort_ignored", {}, WITH_PROPERTIES, "equal", EVERY_WAY, beside)
        yield Trial("page_lost", {}, WITH_PROPERTIES, "told" if not beside else "either", EVERY_WAY, beside)
        yield Trial(
            "rows_missing", {}, WITH_PROPERTIES, "told" if not beside else "either", EVERY_WAY, beside
        )
        yield Trial("row_doubled", {}, WITH_PROPERTIES, "told" if not beside else "either", EVERY_WAY, beside)
        yield Trial("filters_ignored", {}, ("stays",), "either", ("hourly", "whole"), beside)
        yield Trial("filters_ignored", {}, ("tasks",), "either", ("hourly",), beside)
        yield Trial("filters_shifted", {}, ("stays",), "either", EVERY_WAY, beside)
        yield Trial("filters_shifted", {"first": 1, "last": 1}, ("stays",), "either", EVERY_WAY, beside)
        yield Trial("filters_shifted", {}, ("tasks",), "either", ("hourly",), beside)
        yield Trial("upcoming_instead", {}, ("stays",), "either", ("hourly", "whole"), beside)
    yield Trial("filters_ignored", {"names": ("status",)}, ("people",), "told", ("whole", "first"))
    yield Trial("taken_as", {"home_id": 2001}, ("tasks",), "either", EVERY_WAY)
    yield Trial("catalogue_empty", {}, ("properties", "supplies", "people"), "told")


def meanwhile() -> Iterator[Trial]:
    """The source changes while a list of it is read."""
    for beside in ((), NO_TOTALS):
        for what in ("rows go", "rows come"):
            options = {"happens": what}
            for name in PAGED:  # one after another: each of them changes all lists
                yield Trial(
                    "meanwhile", options, (name,), "here", EVERY_WAY, beside, times=1, where={"page": "1"}
                )
    yield Trial("meanwhile", {"happens": "a person moves"}, ("people",), "here", where={"status": "active"})


def shapes() -> Iterator[Trial]:
    for form in EMPTY:
        calm = form in ("results_null", "results_missing", "204", "array")
        lists = ("stays", "tasks")
        yield Trial("empty", {"form": form}, lists, "equal" if calm else "either", ("hourly", "first"))
        yield Trial("empty", {"form": form}, DETAILS, "equal" if calm else "either", ("details", "first"))
        if form not in ("204", "array", "results_null", "results_missing"):
            yield Trial("emptied", {"form": form}, tuple(LISTS), "told", BOTH, rest=True, asks=4)
    for form in ("204", "array"):
        yield Trial("emptied", {"form": form}, ("properties", "supplies", "people"), "told")
    for error in (None, ""):
        yield Trial("error_beside", {"error": error}, WITH_PROPERTIES, "equal", EVERY_WAY)
    for key in ("error", "errors"):
        yield Trial("error_beside", {"error": ["half"], "key": key}, WITH_PROPERTIES, "told", EVERY_WAY)
    for form in SHAPES:
        yield Trial("shaped", {"form": form}, tuple(LISTS), "either", BOTH, rest=True, asks=6)
    with_ids = tuple(name for name in LISTS if name != "requirements")
    yield Trial("ids_as_text", {}, with_ids, "equal", (*EVERY_WAY, "details"))


def records() -> Iterator[Trial]:
    for form in NAMELESS:
        named = tuple(
            name for name in LISTS if name not in ("contacts", "requirements", "tags of a property")
        )  # no id needed
        yield Trial("nameless", {"form": form}, named, "told", BOTH, marks=True, heal=READ_AGAIN)
        lists = ("properties", *CATALOGUES)
        yield Trial("stranger", {"form": form}, lists, "told", came=True, rest=True, marks=True)
    for field, lists in (
        ("name", (*WITH_PROPERTIES[:1], "tasks", "supplies", *CATALOGUES, "contacts")),
        ("total_cost", ("tasks",)),
        ("started_at", ("tasks",)),
        ("template", ("tasks",)),
        ("adults", ("stays",)),
        ("checkin_time", ("stays",)),
        ("guests", ("stays",)),
        ("unit_cost", ("supplies",)),
        ("created_at", ("supplies", "comments")),
        ("active", ("people",)),
        ("latitude", ("properties",)),
        ("notes", ("properties",)),
        ("response", ("requirements",)),
        ("nobody_knows", tuple(LISTS)),
    ):
        forms = (
            "huge",
            "long_int",
            "deep",
            "nul",
            "surrogate",
            "nan",
            "year_9999",
            "year_0001",
            "object",
            "list",
            "text",
        )
        for form in forms:
            yield Trial("absurd", {"field": field, "form": form}, lists, "here", BOTH, heal=READ_AGAIN)
    for form in DAYS:
        yield Trial("dates", {"form": form}, ("stays",), "here", EVERY_WAY, heal=READ_AGAIN)
        yield Trial("dates", {"form": form, "only": 1}, ("stays",), "here", EVERY_WAY, heal=READ_AGAIN)
    for beside in ((), NO_TOTALS):
        yield Trial("outside_window", {}, ("stays",), "told", ("whole", "first"), beside, came=True)
    for form in ("colliding", "non_latin", "many", "odd"):
        yield Trial("more_keys", {"form": form}, tuple(LISTS), "here", BOTH, heal=READ_AGAIN)
    for form in ("null", "absent"):
        yield Trial("money_unsaid", {"form": form}, ("tasks",), "equal", EVERY_WAY)
    # Empty lists may be true of every task: a first load asks a few details, and the next run reads all again.
    yield Trial("money_unsaid", {"form": "empty"}, ("tasks",), "equal", ("hourly", "whole"))
    yield Trial("money_unsaid", {"form": "empty"}, ("tasks",), "told", ("first",))
    for text in ("(12.00)", "CA$ 12.00", "twelve"):
        yield Trial("amounts", {"text": text}, ("tasks",), "here", EVERY_WAY, heal=READ_AGAIN)
    yield Trial("external_links", {}, ("tasks",), "here", EVERY_WAY, heal=READ_AGAIN)


def answers() -> Iterator[Trial]:
    for status in (401, 403, 404, 410, 422):
        for form in ("json", "fields", "empty"):
            if form == "json" or status == 422:
                yield Trial(
                    "refused", {"status": status, "form": form}, tuple(LISTS), "told", BOTH, rest=True, asks=4
                )
        yield Trial("refused", {"status": status}, ("stays", "tasks"), "told", ("hourly",), rest=True, asks=4)
    yield Trial("refused", {"status": 403, "form": "html"}, (*PAGED, *BARE), "told", BOTH, rest=True)
    yield Trial("refused", {"status": 500}, ("stays", "supplies", *BARE), "told", BOTH, rest=True)
    for form in ("details", "top", "header"):
        yield Trial("busy", {"retry_after": 0, "form": form}, tuple(LISTS), "equal", BOTH, times=2)
    yield Trial("redirected", {"form": "same"}, tuple(LISTS), "equal", (*BOTH, "hourly"))
    for form in ("bare", "other_host", "circle"):
        lists = (
            LISTS if form != "bare" else [name for name in LISTS if name not in DETAILS]
        )  # these ask nothing more
        yield Trial("redirected", {"form": form}, tuple(lists), "told", (*BOTH, "hourly"), rest=True)
    yield Trial("drip", {"pause_s": 0.00001}, ("people", "supplies"), "equal")
    yield Trial("typed", {}, tuple(LISTS), "equal", BOTH)
    yield Trial("typed", {"mark": b"\xef\xbb\xbf"}, tuple(LISTS), "either", BOTH)


TRIALS = [*paging(), *meanwhile(), *shapes(), *records(), *answers()]


def cells(trials: Iterable[Trial], *, alone: bool) -> list[Cell]:
    """The trials on each of their lists `alone`, or on all at once but that of properties, which the others need."""
    found = []
    for trial in trials:
        for run in trial.runs:
            lists = tuple(name for name in trial.lists if name in READS[run])
            others = tuple(name for name in lists if name != "properties")
            groups = (
                [(name,) for name in lists] if alone else [("properties",)] * (others != lists) + [others]
            )
            if run == "first" and not alone:
                groups = [others]
            found += [Cell(trial, run, group) for group in groups if group]
    return found


SUITE = """
    hourly: error_beside error=None on properties; empty form=results_null on tasks; sort_ignored on stays
    hourly: refused status=403 on tasks; refused status=422 on stays
    hourly: page_echo says=given on tasks; filters_shifted with totals_off on stays
    whole: error_beside error= on properties; past_end form=404 with totals_off on tasks
        ; totals_spelled form=null on stays; past_end form=422 with totals_off on supplies; drip pause_s=1e-05 on people
        ; busy retry_after=0 form=details on templates; redirected form=same on subdepartments
        ; busy retry_after=0 form=header on task tags; undated on property tags; typed on reservation tags
        ; ids_as_text on comments; busy retry_after=0 form=top on requirements
    whole: totals_wrong by=1 on tasks; row_doubled on stays; page_numbered_wrong by=1 on supplies
        ; emptied form=empty_body on people; shaped form=texts on templates
        ; refused status=401 form=json on subdepartments; stranger form=missing on task tags
    whole: page_lost on tasks; outside_window on stays; pages_from_zero says=given with totals_off on supplies
        ; catalogue_empty on people; refused status=500 on templates; redirected form=other_host on subdepartments
        ; emptied form=empty_body on task tags
    whole: totals_changing on tasks; limit_clamped says=given with totals_off on stays
        ; limit_echoed_wrong limit=7 with totals_off on supplies; filters_ignored names=('status',) on people
        ; redirected form=bare on templates; refused status=410 form=json on task tags
        ; shaped form=named on property tags; refused status=403 form=html on reservation tags
    whole: meanwhile happens=rows go on tasks; filters_ignored on stays
        ; error_beside error=['half'] key=errors on supplies
    whole: page_echo says=asked with totals_off on properties
    whole: catalogue_empty on properties
    whole: nameless form=null on properties; nameless form=zero on tasks; dates form=garbage on stays
        ; absurd field=unit_cost form=huge on supplies; more_keys form=many on people
        ; absurd field=name form=long_int on templates; absurd field=name form=deep on subdepartments
        ; more_keys form=colliding on task tags
    details: shaped form=named on contacts; redirected form=other_host on tags of a property
    first: ids_as_text on tasks; empty form=204 on stays; totals_off on supplies; empty form=204 on comments
        ; ids_as_text on contacts; undated on tags of a property
    first: rows_missing on tasks; ties_shuffled on stays; last_page_repeated with totals_off on supplies
"""
"""What runs with the suite, a run a line: each deviation on a list or two, as many side by side as lists allow."""


def packs() -> Iterator[tuple[str, tuple[Cell, ...]]]:
    """SUITE's runs with their names."""
    known = {cell.id: cell for cell in cells(TRIALS, alone=True)}
    for line in SUITE.replace("\n        ;", ";").strip().splitlines():
        run, _, rest = line.strip().partition(": ")
        chosen = [
            f"{trial}, {run}, {name}"
            for trial, _, name in (part.rpartition(" on ") for part in rest.split("; "))
        ]
        yield line.strip(), tuple(known[name] for name in chosen)


def together(chosen: Iterable[Cell]) -> list[tuple[Cell, ...]]:
    """The cells in as few runs as may be: each run has every list once, in one way of reading and of healing.

    What must end well has its like alone beside it. Alone is a world that changes meanwhile, which touches all lists,
    and a list of properties that need not come whole, without which the others are not read.
    """
    found: list[list[Cell]] = []
    fitting: dict[Hashable, list[list[Cell]]] = {}
    for cell in chosen:
        trial = cell.trial
        ends_well = trial.must in ("equal", "calm")
        is_alone = "happens" in trial.options or (
            "properties" in cell.lists and trial.must in ("told", "either")
        )
        like = fitting.setdefault((cell.run, trial.heal, ends_well, is_alone and cell.id), [])
        for pack in like:
            if not {name for other in pack for name in other.lists} & {*cell.lists}:
                pack.append(cell)
                break
        else:
            like.append([cell])
            found.append(like[-1])
    return [tuple(pack) for pack in found]
