"""What a verb is about: names, patterns, options of the list that has them, or standard input."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import click

from cuectl.completion import complete
from cuectl.farm import Farm, Json, rows_in
from gateway_client.errors import CallError, InvalidCall
from gateway_client.suggestions import did_you_mean

STANDARD_INPUT = "-"
PATTERN = re.compile(r"[*?]")
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SHOWN = 10
HIDDEN_BY_OTHERS = ("shows", "users", "shots", "allocs")
"""Fields of requests whose names are not looked for one by one."""

Options = Mapping[str, Any]
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A read of a list, and conditions on its rows."""

    method: str = ""
    request: Any = field(default_factory=dict)
    conditions: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        if len(self.conditions) < 2:
            return "".join(self.conditions)
        return " and ".join(f"({each})" for each in self.conditions)

    def narrowed(self, *conditions: str, **r: Any) -> "Query":
        """The read of what fits these conditions, and these fields of its `r`, as well."""
        request = merged(self.request, {"r": r}) if r else self.request
        return replace(self, request=request, conditions=(*self.conditions, *conditions))


@dataclass(frozen=True, slots=True)
class Choice:
    """An option that chooses among what a list has."""

    option: Decorator
    narrow: Callable[[Query, Farm, Any], Query]
    """From a read, and the option's value, to the read of what it chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What has names: jobs, hosts, shows."""

    one: str
    many: str
    method: str
    """The read that lists them."""
    options: Mapping[str, Choice]
    """Options of the list, by the parameter that each gives to a function."""
    name: str = "name"
    """The field with the name."""
    checked: bool = False
    """Whether one name alone is looked for before a change: the gateway cannot say what is like it.
    """
    known: Json | None = None
    """What the request for just those of some names or ids has beside them, if Cuebot has one."""
    key: str = ""
    """The field of requests with its name, where that is not what one is called."""
    title: str = ""
    """What one is called where it is missing: pending job."""
    ended: "Kind | None" = None
    """The kind that has those as well that have ended: jobs that are finished."""

    def interface(self, method: str) -> str:
        """The full name of a method of such objects."""
        return f"{self.one}.{self.one.title()}Interface/{method}"

    def query(self, farm: Farm, options: Options) -> Query:
        """The read for values of its options; those that are missing were not given."""
        found = Query(method=self.method)
        for name, value in options.items():
            if value:
                found = self.options[name].narrow(found, farm, value)
        return found

    def rows(self, farm: Farm, words: Sequence[str] = (), *fields: str) -> list[Json]:
        """The ids, names and these fields of what the words may mean, of all without any. Raises
        CallError.
        """
        view = {"_fields": ",".join(("id", self.name, *fields))}
        if not words or self.known is None or any(map(PATTERN.search, words)):
            return farm.rows(self.method, {}, view)
        return farm.rows(self.method, self.just(words), view)

    def just(self, words: Sequence[str]) -> Json:
        """The request for just those of these names, or of these ids, in any case: Cuebot's are in
        small letters. For names and ids in one, there is none but that for all.
        """
        known, number = self.known or {}, sum(map(is_id, words))
        if 0 < number < len(words):
            return {"r": known}
        either = [*dict.fromkeys((*words, *map(str.lower, words)))]
        return {"r": {**known, "ids" if number else self.many: either}}

    def by_word(self, farm: Farm, words: Sequence[str], *fields: str) -> dict[str, Json]:
        """The rows of what the words may mean, by names and ids in small letters."""
        rows = self.rows(farm, words, *fields)
        return {str(row.get(key)).lower(): row for row in rows for key in ("id", self.name)}

    def absent(self, farm: Farm, words: Sequence[str]) -> list[str]:
        """Those of several names and ids that nothing has. Raises CallError."""
        there = self.by_word(farm, words) if words else {}
        return [each for each in words if each.lower() not in there]


def is_id(word: str) -> bool:
    return ID.fullmatch(word) is not None


def names_in(rows: Iterable[Json], kind: Kind) -> list[str]:
    return [str(row[kind.name]) for row in rows if row.get(kind.name)]


@dataclass(frozen=True, slots=True)
class Selection:
    """The words and options of one command that say what it is about."""

    kind: Kind
    words: tuple[str, ...]
    """Each once."""
    options: Options
    conditions: tuple[str, ...] = ()
    """What else fits what is chosen by options, or is all."""

    def given_options(self) -> bool:
        return any(self.options.values())

    def query(self, farm: Farm) -> Query:
        """The read that the options ask for, of all without any. Raises CallError (NOT_FOUND) for
        one of several names that is of nothing: others hide it from the gateway.
        """
        query = self.kind.query(farm, self.options).narrowed(*self.conditions)
        asked = query.request.get("r", {})
        alone: dict[str, Json] = {
            f"{field} {name}": {"r": {field: [name]}}
            for field in HIDDEN_BY_OTHERS
            if len(names := asked.get(field, ())) > 1
            for name in names
        }
        view = {"_fields": self.kind.name, "_limit": "1"}
        for answer in farm.each(query.method, alone, view).values() if alone else ():
            if not isinstance(answer, CallError):
                refuse_unknown(answer.no_match)
        return query

    def named_query(self, farm: Farm) -> Query:
        """The read of a list of these names and patterns, or of what the options choose. Raises
        CallError (NOT_FOUND) for a name that nothing has.
        """
        words, kind = self.words, self.kind
        if absent := kind.absent(farm, [each for each in words if not PATTERN.search(each)]):
            raise CallError("NOT_FOUND", self.not_there(farm, absent, 1))
        query = self.query(farm)
        if not words:
            return query
        ids = [each for each in words if is_id(each)]
        names = [each for each in words if each not in ids]
        if kind.known is not None and not any(map(PATTERN.search, words)):
            query = replace(query, request=merged(query.request, kind.just(words)))
            if not (ids and names):
                return query
        found = [f"{kind.name}~{quoted(expression(*names))}"] if names else []
        found += [f"id in ({','.join(quoted(each.lower()) for each in ids)})"] if ids else []
        return query.narrowed(" or ".join(found))

    def names(self, farm: Farm, *, unless: str = "", for_list: bool = False) -> list[str]:
        """The names that are meant, each once, and each checked if there are several.

        What options or patterns choose is left out if it is so already: if it fits the condition
        `unless`. Without any word or option, all are meant for a list, and there may be none; else
        the one is a UsageError, and the other ends the command. Raises CallError (NOT_FOUND) for a
        name that nothing has, and for a pattern that no name fits; InvalidCall for a name that is
        not among what the options choose.
        """
        if not for_list:
            self.require()
        if not self.words:
            names = self.chosen(farm, f"not ({unless})" if unless else "")
            if not names and not for_list:
                left = " that this would change" if unless else ""
                click.echo(f"there are no such {self.kind.many}{left}", err=True)
                sys.exit(0)
            return names
        names = self.meant_by(farm, self.words, unless)
        if not self.given_options():
            return names
        there = {each.lower(): each for each in self.chosen(farm)}
        if others := [each for each in names if each.lower() not in there]:
            raise InvalidCall(
                f"{', '.join(others)}: not among the {self.kind.many} that"
                f" {as_given(self.options)} chooses"
            )
        return [there[each.lower()] for each in names]

    def chosen(self, farm: Farm, condition: str = "") -> list[str]:
        """The names of what the options choose, as far as it fits. Raises CallError (NOT_FOUND) for
        a value that is of nothing.
        """
        query, kind = self.query(farm), self.kind
        if condition:
            query = query.narrowed(condition)
        view = {"_fields": kind.name} | ({"_where": query.where} if query.where else {})
        answer, about = farm.read(query.method, query.request, view)
        names = list(dict.fromkeys(names_in(rows_in(answer), kind)))
        if about.cut_at:
            raise InvalidCall(f"there are {len(names)} {kind.many} or more; choose fewer of them")
        if not names:
            refuse_unknown(about.no_match)
        return names

    def meant_by(self, farm: Farm, words: Sequence[str], unless: str) -> list[str]:
        """What the words mean: ids become names. Raises CallError (NOT_FOUND)."""
        kind, patterns = self.kind, [each for each in words if PATTERN.search(each)]
        if len(words) == 1 and not (patterns or kind.checked or is_id(words[0])):
            return list(words)  # the gateway looks for it
        try:
            known = kind.by_word(farm, words, *(() if kind.known is None else ("state",)))
        except CallError as error:
            if len(words) > 1 or patterns or error.code != "PERMISSION_DENIED":
                raise
            return list(words)
        names = left = names_in(known.values(), kind)
        if unless and patterns:
            view = {"_fields": kind.name, "_where": f"not ({unless})"}
            left = names_in(farm.rows(kind.method, {}, view), kind)
        found: dict[str, str] = {}
        absent = []
        for word in words:
            if word in patterns:
                if not any(fits(each, word) for each in names):
                    absent.append(word)
                those = [each for each in left if fits(each, word)]
            elif row := known.get(word.lower()):  # a newer job may have the name of a finished one
                those = [word if row.get("state") == "FINISHED" else str(row[kind.name])]
            else:
                absent.append(word)
                continue
            found |= {each.lower(): each for each in those if each.lower() not in found}
        if absent:
            raise CallError("NOT_FOUND", self.not_there(farm, absent, len(words)))
        return list(found.values())

    def rows(self, farm: Farm, names: Sequence[str], *fields: str) -> dict[str, Json]:
        """The rows of names and ids, with these fields, by how they were written. Raises CallError
        (NOT_FOUND) if one is of nothing.
        """
        known = self.kind.by_word(farm, names, *fields)
        if absent := [each for each in names if each.lower() not in known]:
            raise CallError("NOT_FOUND", self.not_there(farm, absent, len(names)))
        return {each: known[each.lower()] for each in names}

    def require(self) -> None:
        """Raises UsageError if nothing chooses."""
        if self.words or self.given_options():
            return
        kind = self.kind
        options = ", ".join(f"--{each.replace('_', '-')}" for each in [*self.options][:4])
        raise click.UsageError(
            f"which {kind.many}? Give names or patterns ('{kind.one}*'), {options},"
            f" or - for names from a pipe",
            click.get_current_context(silent=True),
        )

    def not_there(self, farm: Farm, absent: Sequence[str], number: int) -> str:
        """Which names nothing has, with the nearest ones, as far as the token may list them."""
        try:
            known = names_in(self.kind.rows(farm), self.kind)
        except CallError:
            known = []
        title, ended = self.kind.title or self.kind.one, self.kind.ended
        others = ended.absent(farm, absent) if ended is not None else absent
        lines = [
            f"no {title}'s name fits {each!r}"
            if PATTERN.search(each)
            else f"no {title} {each!r}{did_you_mean(each, known)}"
            if each in others
            else f"no {title} {each!r}: it is finished"
            for each in absent[:SHOWN]
        ]
        more = [f"{len(absent) - SHOWN} more"] if len(absent) > SHOWN else []
        done = f" ({len(absent)} of {number} names; nothing was done)" if number > 1 else ""
        return "; ".join((*lines, *more)) + done


PLACE = re.compile(r"\br\.(show|user|shot|alloc|host|job)s=")


def refuse_unknown(no_match: str) -> None:
    """Raises CallError (NOT_FOUND) for what X-No-Match says of a request, in terms of options. A
    user without pending jobs is only told, unless another one may be meant: no list has all users.
    """
    if not no_match:
        return
    problem = "nothing is called so: " + PLACE.sub(r"--\1 ", no_match)
    if no_match.startswith("r.users=") and "did you mean" not in no_match and "," not in no_match:
        click.echo(f"{problem} (of pending jobs)", err=True)
        return
    raise CallError("NOT_FOUND", problem)


def spelled(words: Sequence[str]) -> list[str]:
    """Each word once, with the lines of standard input in place of `-`. Raises InvalidCall."""
    if STANDARD_INPUT not in words:
        return list(dict.fromkeys(words))
    try:
        piped = [name for line in sys.stdin.read().splitlines() if (name := line.strip())]
    except UnicodeDecodeError:
        raise InvalidCall("standard input is not text in UTF-8") from None
    if not piped:
        raise InvalidCall("there is no name on standard input")
    if patterns := [each for each in piped if PATTERN.search(each)]:
        raise InvalidCall(f"{patterns[0]!r} from standard input is a pattern, and no name")
    place = words.index(STANDARD_INPUT)
    both = [*words[:place], *piped, *words[place:]]
    return [each for each in dict.fromkeys(both) if each != STANDARD_INPUT]


def as_given(options: Options) -> str:
    """The options as they were written: `--show demo --failed`."""
    found = []
    for name, value in options.items():
        if value:
            found.append(f"--{name.replace('_', '-')}")
            if value is not True:
                found.append(",".join(value) if isinstance(value, tuple) else value)
    return " ".join(found)


def merged(one: Json, other: Json) -> Json:
    """Two requests as one, with the values of both in lists; else the other wins."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        if isinstance(one[name], dict) and isinstance(other[name], dict):
            both[name] = merged(one[name], other[name])
        elif isinstance(one[name], list) and isinstance(other[name], list):
            both[name] = [*one[name], *other[name]]
    return both


def quoted(text: str) -> str:
    """A text in a condition."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def expression(*patterns: str) -> str:
    """The regular expression (of RE2, too) of patterns with `*` and `?`, in any case."""
    parts = (re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns)
    return f"(?is)^({'|'.join(parts)})$"


def fits(name: str, pattern: str) -> bool:
    return re.search(expression(pattern), name) is not None


def is_blank(text: str) -> bool:
    """Whether a text has no name: it may be a variable that is not set."""
    return not text.replace(",", " ").split()


def refuse_blank(options: Options) -> None:
    """Raises UsageError for a value without a name (`--show "$UNSET"`), which would choose all."""
    for name, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        if any(isinstance(each, str) and is_blank(each) for each in values):
            context = click.get_current_context(silent=True)
            raise click.UsageError(f"--{name.replace('_', '-')} has no value", context)


def all_of(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> str | None:
    """The condition that all of these fit, if there is any."""
    if len(values) < 2:
        return values[0] if values else None
    return " and ".join(f"({each})" for each in values)


def where_option(about: str) -> Decorator:
    """--where, of which all have to fit if there are several."""
    return click.option("--where", multiple=True, callback=all_of, metavar="CONDITION", help=about)


def choosing(kind: Kind, by: Iterable[str] = (), behind: str = "") -> Decorator:
    """A decorator for a verb's function, which gets a Selection of this kind under its plural.

    `by` are those of the kind's options that choose. `behind` is what other words may follow the
    names, for --help.
    """
    wanted = tuple(by)

    def selection(_: Farm, given: Json) -> Selection:
        words = tuple(spelled(given.pop("words", ())))
        chosen = {each: given.pop(each) for each in wanted}
        refuse_blank(chosen)
        return Selection(kind, words, chosen)

    metavar, shell = f"[{kind.one.upper()}]...{behind}", complete(kind.many)
    words = click.argument("words", metavar=metavar, nargs=-1, shell_complete=shell)
    return taking(kind.many, selection, words, *(kind.options[each].option for each in wanted))


def taking(name: str, made: Callable[[Farm, Json], Any], *options: Decorator) -> Decorator:
    """A decorator for a verb's function, which gets under this name what is made of the values of
    these options, in their place: `made` takes them out of what Click gives.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def run(farm: Farm, *arguments: Any, **given: Any) -> Any:
            found = {name: made(farm, given)}
            return function(farm, *arguments, **found, **given)

        return decorated(run, *options)

    return decorate


def decorated(function: Callable[..., Any], *decorators: Decorator) -> Callable[..., Any]:
    """The function with these decorators, as if they stood above it."""
    for each in reversed(decorators):
        function = each(function)
    return function
