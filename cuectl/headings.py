"""Fields as people call them: by the headings of columns, in any case, or by their paths."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cuectl import PROGRAM
from cuectl.errors import InvalidCall
from cuectl.rows import Column, columns_of, titles_of
from cuectl.session import Session, Verb
from cuectl.suggestions import did_you_mean

if TYPE_CHECKING:
    from cuectl.client.openapi_document import Document, Operation

TOKEN = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[<>!]=|[^\s()=<>!:~,'"]+|\s+|.""", re.DOTALL
)
"""A part of a condition on rows, or the space between two."""
WORD = re.compile(r"""[^\s()=<>!:~,'"]+""")
OPERATOR = re.compile(r"[<>!]=|[=<>:~]")
COMPARES = re.compile(r"[=<>:~]|\bin\b")
WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
SEPARATORS = re.compile(r"[\s_-]+")
QUOTE = "; if the shell has taken > or < for itself, quote the condition, such as --where '{} > 2'"


class RowFields:
    """The fields of a verb's rows, of which the document is read when one is asked for."""

    def __init__(self, session: Session, verb: Verb) -> None:
        self._session = session
        self._verb = verb
        self._paths: list[str] | None = None

    @property
    def paths(self) -> list[str]:
        if self._paths is None:
            document, operation = self._described()
            self._paths = document.paths(operation)
        return self._paths

    @property
    def units(self) -> Mapping[str, str]:
        document, operation = self._described()
        return document.units(operation)

    def path(self, name: str) -> str | None:
        """The path of a field, of which the last part will do, in either naming."""
        from cuectl.client.openapi_document import json_name

        found = [json_name(name), *(each for each in self.paths if each.endswith(f".{name}"))]
        sought = as_written(name)
        found += (each for each in self.paths if as_written(each.rpartition(".")[2]) == sought)
        return next((each for each in found if each in self.paths), None)

    def has(self, name: str) -> bool:
        return any(f".{name}." in f".{each}." for each in self.paths)

    def elsewhere(self, name: str) -> str:
        """`; for that: cuectl logs`: a verb whose rows, of the same method, have this column."""
        for verb, about in self._session.known_verbs({}).items():
            if about["method"] == self._verb["method"] and heading(name, about) is not None:
                return f"; for that: {PROGRAM} {verb}"
        return ""

    def _described(self) -> "tuple[Document, Operation]":
        from cuectl.methods import cached_methods

        document = cached_methods(self._session)
        if document is None:
            raise InvalidCall("this gateway does not describe its methods (DOCS=off)")
        return document, document.operations[self._verb["method"]]


def local_columns(verb: Verb) -> list[Column]:
    """The columns that rows get here: the name that each is about, and what the verb adds."""
    titles = [each["name"].upper() for each in verb.get("arguments", ()) if each.get("repeats")]
    if adds := verb.get("adds"):
        titles.append(adds["title"])
    return [{"path": title.lower(), "title": title} for title in titles if verb.get("reads")]


def nearest_heading(name: str, verb: Verb) -> str:
    """`; did you mean MEM?`"""
    return did_you_mean(name, headings(verb))


def as_written(name: str) -> str:
    """`FREEMEM` for `free-mem`, `FREE MEM` and `freeMem`."""
    return SEPARATORS.sub("", name).upper()


def heading(name: str, verb: Verb) -> Column | None:
    """The column of this heading, or of another name of it, however it is written."""
    sought, known = as_written(name), headings(verb)
    column = next((each for title, each in known.items() if as_written(title) == sought), None)
    others = (each for each in known.values() if sought in map(as_written, each.get("aliases", ())))
    return column or next(others, None)


def headings(verb: Verb) -> dict[str, Column]:
    """The columns that a verb may show, by what is above them."""
    columns = list(columns_of(verb, "wide"))
    for about in verb.get("options", {}).values():
        columns += about.get("columns", ())
    columns += local_columns(verb)
    found: dict[str, Column] = {}
    for (_, title), each in zip(titles_of(columns), columns, strict=True):
        found.setdefault(title, each)
    return found


def with_fields(condition: str, verb: Verb, is_field: Callable[[str], bool]) -> str:
    """A condition in which fields are in the places of headings: on the left of operators, where
    rows have no such field. A heading above a part of a text stays: nothing equals that part.

    Raises InvalidCall for the time between two others, which the gateway does not know.
    """
    spans = {str(each["path"]): each for each in headings(verb).values() if "since" in each}

    def field_of(written: str) -> str:
        if (span := spans.get(written.lower())) is not None and not is_field(written):
            since, until = span["since"], span["until"]
            raise InvalidCall(
                f"--where: {written} is from {since} to {until}, and no condition; of what has not"
                f" ended, write {since}>10m"
            )
        column = heading(written, verb)
        if column is None or "before" in column or is_field(written):
            return written
        return str(column["path"])

    return "".join(replaced(TOKEN.findall(condition), field_of))


def replaced(tokens: Sequence[str], field_of: Callable[[str], str]) -> Iterator[str]:
    """The tokens of a condition, with other names on the left of operators."""
    is_left, index = True, 0
    while index < len(tokens):
        token = tokens[index]
        word = token.lower()
        if is_left and WORD.fullmatch(token) and word not in ("not", "and", "or", "in"):
            end = end_of_name(tokens, index)
            yield field_of("".join(tokens[index:end]))
            index = end
            continue
        if word in ("and", "or"):
            is_left = True
        elif word == "in" or OPERATOR.fullmatch(token):
            is_left = False
        yield token
        index += 1


def end_of_name(tokens: Sequence[str], begin: int) -> int:
    """Where a name ends that may have several words, such as `AVG FRAME`."""
    end = begin + 1
    for index in range(begin + 1, len(tokens)):
        if tokens[index].lower() in ("and", "or", "in") or not (
            tokens[index].isspace() or WORD.fullmatch(tokens[index])
        ):
            break
        if not tokens[index].isspace():
            end = index + 1
    return end


def unquoted_hint(condition: str) -> str:
    """Of a condition that compares nothing: its end may be the name of a file now."""
    return "" if COMPARES.search(condition) else QUOTE.format(condition)


def fields_of(names: str | None, verb: Verb) -> list[str]:
    """Columns, named as above the table or by their fields, as fields; one may begin with `-`."""
    found = []
    for each in names.split(",") if names is not None else ():
        name = each.strip().removeprefix("-")
        column = heading(name, verb)
        path = name if column is None else str(column["path"])
        found.append(each.strip().removesuffix(name) + path)
    return found


def whole_paths(paths: Sequence[str], verb: Verb, fields: RowFields) -> list[str]:
    """The fields, of which the last part may be written; one may begin with `-`."""
    known = {str(each["path"]) for each in headings(verb).values()}
    found = []
    for each in paths:
        path = each.removeprefix("-")
        whole = path if path in known else fields.path(path) or path
        found.append(each.removesuffix(path) + whole)
    return found


def chosen_columns(names: str, verb: Verb, fields: RowFields) -> list[Column]:
    """The columns with these headings or fields. Raises InvalidCall."""
    known = headings(verb)
    shown = {str(each["path"]): each for each in known.values()}
    found: list[Column] = []
    for name in filter(None, map(str.strip, names.split(","))):
        if (column := heading(name, verb)) is not None:
            found.append({**column, "head": name})
        elif (path := fields.path(name)) is not None:
            title = WORD_BEGINS.sub(" ", path.rpartition(".")[2]).upper()
            about = shown.get(path, {"title": title, "unit": fields.units.get(path, "")})
            alone = {key: about[key] for key in ("title", "unit", "alert", "per") if key in about}
            found.append({"path": path, "head": name, **alone})
        else:
            near = did_you_mean(name, [*known, *fields.paths]) or fields.elsewhere(name)
            listed = f"; there are the columns {', '.join(known)}; -o json shows all fields"
            raise InvalidCall(f"--fields: there is no {name!r}{near or listed}")
    if not found:
        raise InvalidCall("--fields: expected columns or fields, with commas between them")
    return found
