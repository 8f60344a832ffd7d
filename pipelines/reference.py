"""The parts of the READMEs that follow from the code: `python -m pipelines.reference` writes them anew.

Each part stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`. With `--check` nothing is
written, and the exit code is 1 when a part is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from breezeway_source.columns import TABLES, Table  # noqa: E402
from breezeway_source.columns.marts import MADE_HERE  # noqa: E402
from breezeway_source.entities.endpoints import ENDPOINTS, GROUPS  # noqa: E402
from pipelines.database.ddl import SQL_DIR  # noqa: E402
from pipelines.database.engines import ENGINES  # noqa: E402
from pipelines.database.post_sql import views  # noqa: E402
from pipelines.run import parser  # noqa: E402
from pipelines.watch.checks import checks  # noqa: E402

# Which column leads to which table; a column of that name in the table itself is its own key.
LEADS_TO = {
    "property_pk": "properties",
    "reservation_pk": "reservations",
    "template_id": "templates",
    "subdepartment_id": "subdepartments",
    "supply_id": "supplies",
    "assignee_id": "people",
    "tag_id": "tags",
}
# Read once per parent: one row of theirs at most.
DETAILS_OF = {"property_details": "properties", "task_details": "tasks"}


def all_tables() -> Iterator[Table]:
    """Every table: each root, followed by its children."""
    for root in TABLES.values():
        yield root
        yield from root.children


def parent_of(table: Table) -> Table:
    """The root a child table belongs to; a root itself."""
    return next((root for root in TABLES.values() if table in root.children), table)


def entities() -> str:
    """One line per entity that is read."""
    rows = [
        (
            f"`{endpoint.name}`",
            TABLES[endpoint.name].about.removesuffix("."),
            "<br>".join(f"`{path}`" for path in endpoint.paths),
            endpoint.cursor,
            ", ".join(f"`{column}`" for column in TABLES[endpoint.name].key),
            f"`{endpoint.group}`",
        )
        for endpoint in ENDPOINTS.values()
    ]
    return markdown_table(("entity", "one row is", "endpoint", "cursor", "key", "first due"), rows)


def groups() -> str:
    """One line per group of entities."""
    rows = []
    for name, group in GROUPS.items():
        more = [
            words
            for words, meant in (
                ("the full stay window", group.whole_stays),
                ("all tasks, without regard to the cursor", group.whole_tasks),
            )
            if meant
        ]
        rows.append(
            (f"`{name}`", ", ".join(f"`{e}`" for e in group.entities), " and ".join(more) or "what changed")
        )
    return markdown_table(("group", "entities", "reads of stays and tasks"), rows)


def options() -> str:
    """One line per option of the command line."""
    rows = []
    for action in parser()._actions:
        metavar = action.metavar or ("|".join(action.choices) if action.choices else "")
        value = "" if action.nargs == 0 else f" {metavar}{'...' if action.nargs == '+' else ''}"
        rows.append((f"`{action.option_strings[-1]}{value}`", (action.help or "") % vars(action)))
    return markdown_table(("option", "meaning"), rows)


def tables() -> str:
    """Every table with all its columns, folded."""
    return "\n\n".join(_folded(table) for table in all_tables())


def _folded(table: Table) -> str:
    parent = parent_of(table)
    if parent is table:
        place = f"Key: {', '.join(f'`{column}`' for column in table.key)}."
    else:
        place = f"Child of `{parent.name}`; read it as the view `{table.view}`."
    rows = [
        (f"`{column.name}`", column.kind, column.about + (" Personal." if column.personal else ""))
        for column in table.columns
    ]
    return (
        f"<details><summary><code>{table.name}</code>: {html(table.about)}</summary>\n\n"
        f"{place}\n\n{markdown_table(('column', 'type', 'meaning'), rows)}\n\n</details>"
    )


def marts() -> str:
    """Every mart, the history of tasks and what notes them, with all columns, folded."""
    return "\n\n".join(_folded(table) for table in MADE_HERE.values())


def view_list() -> str:
    """One line per view, after the header of its file."""
    rows = []
    for view in views():
        said = view.comment.partition(" [definition")[0].partition(": ")[2]
        grain, _, reads = said.partition(" Reads ")
        sources, _, more = reads.partition(".")
        grain = " ".join(part for part in (grain, more.strip()) if part)
        rows.append(
            (f"`{view.name}`", capitalised(grain), ", ".join(f"`{name}`" for name in sources.split(", ")))
        )
    return markdown_table(("view", "what it shows", "reads"), rows)


def check_list() -> str:
    """One line per check."""
    return markdown_table(
        ("check", "severity", "passes when"),
        [(f"`{check.name}`", check.severity, check.about) for check in checks()],
    )


def scripts() -> str:
    """One line per script that runs after each load, in its order."""
    rows = []
    for path in sorted(SQL_DIR.glob("*.sql")):
        comment = re.findall(r"\A(?:-- .*\n)+", path.read_text("utf-8"))[0].replace("-- ", "")
        first_sentence, _, _ = " ".join(comment.split()).partition(". ")
        _, colon, does = first_sentence.partition(": ")
        rows.append((f"`{path.name}`", does if colon else first_sentence))
    return markdown_table(("script", "what it does"), rows)


MADE = {
    "whole": "tables, links, deletions, marts, checks, history",
    "family": "the same, by the same scripts",
    "views": "tables; views, the links in `task_links`",
    "refused": "refused",
}


def destinations() -> str:
    """One line per destination of dlt."""
    rows = [
        (
            f"`{engine.name}`",
            f"{MADE[engine.kind]}{f': {engine.reason}' if engine.reason else ''}",
            engine.file_format or "dlt's own choice" if engine.kind != "refused" else "",
            engine.tried,
        )
        for engine in ENGINES.values()
    ]
    return markdown_table(("destination", "what is made there", "load files", "tried"), rows)


def personal() -> str:
    """The columns that `personal_data` is about."""
    rows = []
    for table in all_tables():
        names = [f"`{column.name}`" for column in table.columns if column.personal]
        if table.personal_unknown:
            names.append("every field not listed here")
        if names:
            rows.append((f"`{table.name}`", ", ".join(names)))
    return markdown_table(("table", "personal columns"), rows)


def diagram() -> str:
    """How the tables hang together, as a Mermaid diagram: keys and what leads to other tables."""
    lines = ["```mermaid", "erDiagram"]
    read = [table for table in all_tables() if parent_of(table).name in ENDPOINTS]
    for table in read:
        parent = parent_of(table)
        if parent is not table:
            lines.append(f"    {parent.name} ||--o{{ {table.name} : {parent.key[-1]}")
        elif table.name in DETAILS_OF:
            lines.append(f"    {DETAILS_OF[table.name]} ||--o| {table.name} : {table.key[-1]}")
        for leading, target in LEADS_TO.items():
            if leading in table.by_name and table.name != target:
                lines.append(f"    {target} |o--o{{ {table.name} : {leading}")
    for table in read:
        lines.append(f"    {table.name} {{")
        for column in table.columns:
            marks = "PK" if column.name in table.key else "FK" if column.name in _leading(table) else ""
            if marks:
                lines.append(f"        {column.kind} {column.name} {marks}")
        lines.append("    }")
    return "\n".join([*lines, "```"])


def _leading(table: Table) -> set[str]:
    """The columns of a table that hold another table's id."""
    parent = parent_of(table)
    return {*LEADS_TO, *(("region_code", parent.key[-1]) if parent is not table else ())}


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"options": options, "groups": groups},
    "pipelines/README.md": {"destinations": destinations},
    "sql_post/README.md": {
        "entities": entities,
        "diagram": diagram,
        "views": view_list,
        "tables": tables,
        "marts": marts,
        "scripts": scripts,
        "checks": check_list,
        "personal": personal,
    },
}


def renewed(text: str, place: str) -> str:
    """The text of one of these files, every generated part of it as of now.

    Raises ValueError where the markers are not as expected.
    """
    for name, make in PARTS[place].items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{place} must hold {begin} and {end} once each")
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{make()}\n{end}{after}"
    return text


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of one line a row."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        f"| {' | '.join(html(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )


def html(text: str) -> str:
    """Text whose angle brackets are shown, line breaks excepted."""
    return re.sub(r"<(?!br>)", "&lt;", text)


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the generated parts, or with --check say whether they are fresh."""
    arguments = argparse.ArgumentParser(prog="reference", description=__doc__)
    arguments.add_argument("--check", action="store_true", help="write nothing; exit 1 when a part is stale")
    args = arguments.parse_args(argv)
    is_stale = False
    for place in PARTS:
        text = (root / place).read_text("utf-8")
        fresh = renewed(text, place)
        if fresh == text:
            continue
        if args.check:
            is_stale = True
            print(f"{place} is stale: run python -m pipelines.reference", file=sys.stderr)
        else:
            (root / place).write_text(fresh, "utf-8")
    return int(is_stale)


if __name__ == "__main__":
    raise SystemExit(main())
