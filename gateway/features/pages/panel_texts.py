"""Texts of panels that have values and conditions in them, parsed for the page."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from gateway.core.profile.schema_paths import NotApplicable
from gateway.features.pages.panels import Json
from gateway.features.views.filter_expressions import BadCondition, Token, tokens_of

VALUE = re.compile(
    r"\{(?:count|(?P<kind>sum|min|max)\((?P<path>\S+?)\)(?=[ }]))"
    r"(?: (?P<one>[^{}|]+)\|(?P<some>[^{}|]+?))?(?: if (?P<when>[^{}]+))?\}"
)
"""In a summary: `{count job|jobs}`, `{sum(cores) core|cores if state=UP}`."""
IN_TEMPLATE = re.compile(r"\{([^{}]+)\}")
COMPARES = frozenset({"=", "!=", "<", "<=", ">", ">="})

AGO = "ago"
Comparison = list[str]
"""A path, an operator and a value. With AGO behind them, a time is compared by its age: so many
seconds."""
Alternatives = list[list[Comparison]]
"""A condition: rows have all comparisons of one of the lists."""


def summary_of(text: str) -> list[str | Json]:
    """Texts, and values between them: a `kind` of value of the fields at a `path`, with the `words`
    behind one and several, of the rows that fit `when`.
    """
    found: list[str | Json] = []
    end = 0
    for match in VALUE.finditer(text):
        value: Json = {"kind": match["kind"] or "count"}
        if match["path"]:
            value["path"] = match["path"]
        if match["one"]:
            value["words"] = [match["one"], match["some"]]
        if match["when"]:
            value["when"] = alternatives(match["when"])
        found += [text[end : match.start()], value]
        end = match.end()
    return [each for each in (*found, text[end:]) if each]


def paths_of_summary(parts: Sequence[str | Json]) -> Iterator[str]:
    for part in parts:
        if not isinstance(part, str):
            if "path" in part:
                yield part["path"]
            yield from paths_of(part.get("when", ()))


def paths_of(condition: Sequence[Sequence[Sequence[Any]]]) -> Iterator[str]:
    return (comparison[0] for every in condition for comparison in every)


def alternatives(text: str) -> Alternatives:
    """A condition as `_where` has it, of comparisons that are joined by `and` and `or`.

    Raises NotApplicable: the page knows no more of the language.
    """
    try:
        tokens = tokens_of(text)[:-1]
    except BadCondition as error:
        raise NotApplicable(f"`{text}`: {error}") from None
    return [[comparison(text, each) for each in split(term, "and")] for term in split(tokens, "or")]


def split(tokens: Sequence[Token], word: str) -> list[list[Token]]:
    found: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "word" and token.text.lower() == word:
            found.append([])
        else:
            found[-1].append(token)
    return found


def comparison(text: str, tokens: Sequence[Token]) -> Comparison:
    words = [each.text for each in tokens]
    if len(words) == 1 and tokens[0].kind == "word":
        return [*words, "=", "true"]
    if len(words) != 3 or words[1] not in COMPARES or tokens[1].kind != "operator":
        raise NotApplicable(f"`{text}`: the page takes comparisons with a value, joined by and, or")
    return words
