"""Names of jobs, shows and so on: for completion, and for "did you mean …?".

`python -m cuectl.names KIND` keeps them for completion.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from fnmatch import fnmatchcase as fnmatch
from typing import Any
from uuid import UUID

import orjson

from cuectl.client.arguments import Arguments
from cuectl.errors import CallError, Failure, InvalidCall, WrongSetting
from cuectl.requests import parameter, put
from cuectl.rows import rows_at, value_at
from cuectl.session import Session, Verb
from cuectl.suggestions import did_you_mean

MOST_NAMES = 5000
MOST_LISTED = 12
"""Names that are all listed, if none of them is near."""
TIMEOUT_SECONDS = 20.0


def fetch_names(session: Session, kind: str, given: Mapping[str, str] | None = None) -> list[str]:
    """The names of a kind; none if not all of them were answered. Raises what a call raises.

    `given` are arguments that the request for the names needs.
    """
    about = session.cache.verbs.get("names", {}).get(kind)
    if about is None:
        return []
    body: dict[str, Any] = deepcopy(dict(about.get("request", {})))
    for place, argument in about.get("given", {}).items():
        put(body, place, (given or {})[argument])
    # The whole of all jobs may be large.
    view = {"_fields": about["path"]} if about.get("rows") else {}
    answer = session.run(
        lambda client: client.call(about["method"], Arguments(orjson.dumps(body)), view=view),
        TIMEOUT_SECONDS,
    )
    if answer.cut_at:
        return []
    found = []
    for row in rows_at(orjson.loads(answer.content), about.get("rows")):
        value = value_at(row, about["path"])
        found += value if isinstance(value, list) else [value]
    return [name for name in dict.fromkeys(found) if isinstance(name, str)]


class Names:
    """Lists of names, each of which is asked for once in a session, if at all."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def problem(self, name: str, kind: str, arguments: Mapping[str, str]) -> str:
        """`'dmeo' is not among the shows; did you mean demo?`; empty for a name that is there, and
        if there is no list of them.
        """
        names = self._listed(kind, arguments)
        title = self._session.cache.verbs.get("names", {}).get(kind, {}).get("title", kind)
        if not names or name in names:
            return ""
        near = did_you_mean(name, names[:MOST_NAMES])
        if not near and len(names) <= MOST_LISTED:
            near = f"; there are {', '.join(names)}"
        return f"{name!r} is not among the {title}{near}"

    def near(self, name: str, kind: str) -> str:
        """`; did you mean demo?`"""
        return did_you_mean(name, self._listed(kind, {})[:MOST_NAMES])

    def absent(self, names: Iterable[str], kind: str, arguments: Mapping[str, str]) -> list[str]:
        """The names that nothing has; none if there is no list of them.

        No list has ids, and the case of a name may not matter: the gateway judges these.
        """
        known = {name.lower() for name in self._listed(kind, arguments)}
        if not known:
            return []
        return [name for name in names if name.lower() not in known and not is_id(name)]

    def are_all(self, kind: str) -> bool:
        """Whether a list has all such names: its title says of which others it has only some."""
        return "title" not in self._session.cache.verbs.get("names", {}).get(kind, {})

    def has(self, name: str, kind: str, arguments: Mapping[str, str]) -> bool:
        """Whether a list has it, in any case."""
        return name.lower() in {each.lower() for each in self._listed(kind, arguments)}

    def spelled(self, name: str, about: Verb, arguments: Mapping[str, str]) -> str:
        """The name as the list of an argument or option has it, whatever its case."""
        listed = self._listed(about.get("names", ""), arguments)
        return next((each for each in listed if each.lower() == name.lower()), name)

    def fitting(self, pattern: str, kind: str) -> list[str]:
        """The names that a pattern with `*` and `?` matches, in any case."""
        return [each for each in self._listed(kind, {}) if fnmatch(each.lower(), pattern.lower())]

    def whole(self, name: str, kind: str) -> str:
        """The only name that ends so, behind the mark of its list; else the name itself."""
        mark = self._session.cache.verbs.get("names", {}).get(kind, {}).get("after")
        if not mark or mark in name:
            return name
        found = [each for each in self._listed(kind, {}) if each.endswith(f"{mark}{name}")]
        return found[0] if len(found) == 1 and not self.has(name, kind, {}) else name

    def _listed(self, kind: str, arguments: Mapping[str, str]) -> list[str]:
        about = self._session.cache.verbs.get("names", {}).get(kind)
        if about is None or not arguments.keys() >= {*about.get("given", {}).values()}:
            return []
        given = {argument: arguments[argument] for argument in about.get("given", {}).values()}
        key, found = (kind, *given.values()), self._session.names
        if key not in found:
            try:
                found[key] = fetch_names(self._session, kind, given)
            except CallError:  # what it is asked for is there, or has failed, without them
                found[key] = []
        return found[key]


def is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True


def named_options(verb: Verb, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names that options have, each with its kind."""
    for name, about in verb.get("options", {}).items():
        kind, values = about.get("names"), given.get(parameter(name))
        if kind and values:
            yield from ((each, kind) for each in ([values] if isinstance(values, str) else values))


def named_arguments(
    verb: Verb, given: Mapping[str, Any], name: str | None
) -> Iterator[tuple[str, str]]:
    """The names that arguments have, each with its kind; `name` is that of the one that repeats."""
    for about in verb.get("arguments", ()):
        if kind := about.get("names"):
            yield str(name if about.get("repeats") else given[parameter(about["name"])]), kind


def arguments_of(
    verb: Verb, given: Mapping[str, Any], names: Sequence[str | None]
) -> dict[str, str]:
    """The values of arguments; of one that repeats, if it is there once."""
    found = {}
    for about in verb.get("arguments", ()):
        if not about.get("repeats"):
            found[about["name"]] = given[parameter(about["name"])]
        elif len(names) == 1:
            found[about["name"]] = str(names[0])
    return found


def with_near_name(error: CallError, names: Names, sought: Iterator[tuple[str, str]]) -> CallError:
    """The error, with the name that may have been meant.

    It stays as it is if the gateway suggests one, or says more of the name than that nothing has
    it.
    """
    if error.code != "NOT_FOUND" or "did you mean" in error.message:
        return error
    for name, kind in sought:
        if f"{name!r} is " in error.message:  # `job 'a' is finished`
            return error
        if problem := names.problem(name, kind, {}):
            return CallError(error.code, f"{problem} ({error.message})")
    return error


def main(arguments: list[str]) -> None:
    *options, kind = arguments
    given = dict(each.removeprefix("--").split("=", 1) for each in options)
    session = Session()
    session.choose(given.get("context"), given.get("url"), None)
    try:
        session.keep_fresh()
        session.cache.keep_names(kind, fetch_names(session, kind)[:MOST_NAMES])
    except (CallError, Failure, InvalidCall, WrongSetting):
        return


if __name__ == "__main__":
    main(sys.argv[1:])
