"""Groups of rows with the same values, instead of rows: how many there are, and sums."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cuectl.errors import InvalidCall
from cuectl.headings import RowFields, fields_of, headings, local_columns, whole_paths
from cuectl.rows import COUNT, Column, Row, as_number, columns_of, part_of
from cuectl.session import Verb


@dataclass(frozen=True, slots=True)
class Grouping:
    by: tuple[str, ...]
    """Fields; none for one group of all rows."""
    sums: tuple[str, ...]
    marks: Mapping[str, str]
    """Of texts of which only a part counts, what is behind that."""

    def with_parts(self, rows: Iterable[Row]) -> list[Row]:
        """The rows with those parts alone."""
        return [
            {**row, **{path: part_of(row, path, mark) for path, mark in self.marks.items()}}
            for row in rows
        ]

    def __bool__(self) -> bool:
        return bool(self.by or self.sums)

    def view(self, view: Mapping[str, str]) -> dict[str, str]:
        """What is asked of rows, asked of groups: the largest come first by themselves."""
        found = {name: text for name, text in view.items() if name not in ("_fields", "_sort")}
        found[f"_{COUNT}"] = "true"
        if self.by:
            found |= {"_group": ",".join(self.by), "_sort": self.order(view.get("_sort", ""))}
        if self.sums:
            found["_sum"] = ",".join(self.sums)
        return found

    def order(self, sort: str) -> str:
        first = sum_of(self.sums[0]) if self.sums else COUNT
        fields = (each.strip() for each in sort.split(",") if each)
        return ",".join(map(self._of_group, fields)) or f"-{first}"

    def _of_group(self, field: str) -> str:
        path = field.lstrip("-")
        return field.removesuffix(path) + (sum_of(path) if path in self.sums else path)

    def columns(self, verb: Verb) -> list[Column]:
        known = {each["path"]: each for each in reversed(columns_of(verb, "wide"))}

        def column(path: str, place: str) -> Column:
            about = known.get(path, {})
            return {key: about[key] for key in ("title", "unit", "per") if key in about} | {
                "path": place
            }

        groups = [column(path, path) for path in self.by]
        sums = [column(path, sum_of(path)) for path in self.sums]
        return [*groups, {"path": COUNT, "title": COUNT.upper()}, *sums]


def grouping_of(given: Mapping[str, Any], verb: Verb, fields: RowFields) -> Grouping:
    """Raises InvalidCall for texts that are added to rows here."""
    by = whole_paths(fields_of(given["count_by"], verb), verb, fields)
    sums = whole_paths(fields_of(given["sum"], verb), verb, fields)
    arguments = {str(each["name"]) for each in verb.get("arguments", ())}
    made = {str(each["path"]) for each in local_columns(verb)} - arguments
    made |= {str(each["path"]) for each in headings(verb).values() if "since" in each}
    if wrong := [each for each in (*by, *sums) if each in made]:
        raise InvalidCall(f"--count-by and --sum: {wrong[0]} is no field of the rows")
    marks = {
        str(each["path"]): str(each["before"])
        for each in columns_of(verb, "wide")
        if "before" in each and each["path"] in by
    }
    return Grouping(tuple(by), tuple(sums), marks)


def sum_of(path: str) -> str:
    return f"sum({path})"


def merged(rows: Iterable[Row], without: Container[str]) -> list[Row]:
    """Groups of several objects: those with the same values are one, `without` some fields."""
    found: dict[bytes, dict[str, Any]] = {}
    for row in rows:
        numbers = [name for name in row if name == COUNT or name.startswith("sum(")]
        values = {name: row[name] for name in row if name not in numbers and name not in without}
        group = found.setdefault(orjson.dumps(values), {**values, **dict.fromkeys(numbers, 0)})
        for name in numbers:
            number = as_number(row[name]) or 0.0
            group[name] += int(number) if number.is_integer() else number
    return [*found.values()]
