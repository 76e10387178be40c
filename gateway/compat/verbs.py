"""The verbs of a profile: its tables, and what a client's command line can do with a schema."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from string import Formatter
from typing import Annotated, Any, Literal, Self

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from pydantic import BeforeValidator, Field, model_validator

from gateway.codec.fields import enum_of, is_enum, is_map, is_message, message_of, reachable
from gateway.codec.unknown_fields import UnknownFieldPolicy
from gateway.compat.entry_types import (
    Content,
    Entry,
    FieldName,
    FieldPath,
    FieldPaths,
    Line,
    MethodName,
    shaped,
)
from gateway.compat.schema_paths import (
    NotApplicable,
    entry,
    needed_field,
    needed_method,
    needed_path,
    row_path,
    split,
)
from gateway.schema.catalog import UnusedEntry
from gateway.schema.for_clients import ClientCommands, Json
from gateway.schema.method import Method
from gateway.views import paths as views
from gateway.views.row_conditions import INTEGERS, NUMBERS
from gateway.views.units import unit_of
from gateway.views.view import make_view, only_object

OTHER_COMMANDS = ("follow", "launch", "whoami")
"""Commands that are no verbs, which tried words may mean."""
GIVEN = "{}"
"""The place in a condition of what is given with an option."""
REFERENCE = re.compile(r"\{([^{}]*)\}")
"""A value in a condition or a text: `{show}`, or of a fact `{layers.tags}`."""
WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
Word = Annotated[str, shaped(r"[a-z][a-z0-9-]*", "a word such as min-cores")]
Requested = Content | tuple[Content, ...]
Color = Literal["red", "green", "yellow", "blue", "magenta", "cyan", "gray"]


class NameList(Entry):
    """A read that answers names: at `path` of its answer, or of each of its rows.

    Its request has arguments of the verb (`given`, by place), as layers are those of a job. `title`
    says whose names they are, if not all of that kind. What is behind `after` is enough of a name,
    if only one ends so.
    """

    method: MethodName
    path: FieldPath
    request: dict[FieldPath, Requested] = {}
    given: dict[FieldPath, Word] = {}
    title: Line | None = None
    after: Annotated[str, Field(min_length=1)] | None = None


class Column(Entry):
    """A value of rows, with other names (`aliases`) beside its title. It is shown as a part `of`
    another number, and in red if it is an `alert` and not 0. Of a text, only what is `before` this
    mark may be shown; a number is shown for people in units of so many, as 100 are `per` core. Of
    two times, the time from `since` to `path`, or to now, is shown.
    """

    path: FieldPath
    title: Line | None = None
    aliases: tuple[Word, ...] = ()
    since: FieldPath | None = None
    of: FieldPath | None = None
    alert: bool = False
    per: Annotated[int, Field(gt=1)] | None = None
    before: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def check_title(self) -> Self:
        if self.before is not None and self.title is None:
            raise ValueError("a part of a text needs a title")
        if self.since is not None and self.title is None:
            raise ValueError("a time between two needs a title")
        return self


Columns = Annotated[
    tuple[Column, ...],
    BeforeValidator(
        lambda columns: (
            [{"path": each} if isinstance(each, str) else each for each in columns]
            if isinstance(columns, list)
            else columns
        )
    ),
]


class Given(Entry):
    """What is written behind a verb or an option: one of `names`, or a text that `pattern` matches,
    such as the `example`.
    """

    names: Word | None = None
    pattern: re.Pattern[str] | None = None
    example: Line | None = None

    @model_validator(mode="after")
    def check_example(self) -> Self:
        if self.pattern is not None and not self.pattern.fullmatch(self.example or ""):
            raise ValueError("a pattern needs an example that it matches")
        return self


class Argument(Given):
    """A text behind a verb, and its place in the request. If it `repeats`, each is a call of its
    own. A number is sent as so many, as 100 are `per` core. The last one may be left out if it has
    a `default`, another argument whose text is sent then. It may be given as an option, too, of
    its name or one of `aliases`. A name of `parts`, with dots between them, may be written as
    these: words of such lists, in any order.
    """

    name: Word
    put: FieldPath
    repeats: bool = False
    default: Word | None = None
    aliases: tuple[Word, ...] = ()
    parts: tuple[Word, ...] = ()
    per: Annotated[int, Field(gt=1)] | None = None
    help: Line | None = None


class Option(Given):
    """An option: a place in the request for what is given with it, or for `value` (`$sub` is who
    asks), or a condition on rows. Without it, `default` is sent. With it, rows have more `columns`.
    A condition may come with a `value`, and has `{}` for what is given, if that is a text; with
    `before`, for a pattern of that at the begin of a text, before this mark. A text
    may be for another verb, which is `also` done with the same names: its last argument. That one
    comes `first` if the verb leaves nothing to do it with, and then the text may be `put`, too.

    `sort` is the order of rows with it. One that only `lists` chooses nothing for changes. `asks`
    is a question, like a verb's, for what is given with it unless that is the default. `aliases`
    are other names of it. What `splits` matches is several options in one: its groups are their
    names.
    """

    put: FieldPath | None = None
    value: Requested | None = None
    default: Requested | None = None
    where: Line | None = None
    also: Word | None = None
    first: bool = False
    before: Annotated[str, Field(min_length=1)] | None = None
    columns: Columns = ()
    aliases: tuple[Word, ...] = ()
    splits: re.Pattern[str] | None = None
    asks: Line | None = None
    sort: Line | None = None
    lists: bool = False
    help: Line

    @model_validator(mode="after")
    def check_effect(self) -> Self:
        with_value = self.put is not None and self.value is not None
        also = None if self.put is not None and self.first else self.also
        effects = (self.put, None if with_value else self.where, also)
        if sum(each is not None for each in effects) != 1:
            raise ValueError("expected one of put, where and also")
        sent = (self.value, self.default, self.names, self.pattern)
        takes_one = self.put is not None or GIVEN in (self.where or "")
        if sum(each is not None for each in sent) > takes_one:
            raise ValueError("expected one of value, default, names and pattern, with put")
        return self


class Rows(Entry):
    """A read whose rows are shown: `where` and `sort` as in views, `wide` is what else there is."""

    method: MethodName
    request: dict[FieldPath, Requested] = {}
    columns: Columns = ()
    wide: Columns = ()
    where: Line | None = None
    sort: Line | None = None


class Counts(Entry):
    """A read that lists what a verb changes, if it is sent the same request: so many `noun`s."""

    method: MethodName
    noun: Word


class Added(Entry):
    """A text for each row, with fields of the object whose rows they are (`{logDir}`), which
    another read answers for the same name, and the row's own first column (`{row}`).
    """

    title: Line
    method: MethodName
    put: FieldPath
    text: Line


class Reason(Entry):
    """A condition on rows, and what is said of those that fit; without a condition, of all."""

    where: Line | None = None
    says: Line


class Fact(Entry):
    """A read about a row of the verb, or about each row of the fact that it is `of`.

    `given` are places in its request for fields of the verb's row. In `where`, `{show}` is such a
    field, `{layers.tags}` a column of the row that this is `of`, or of all rows of another fact.
    `newer` is a further condition, on fields that an old Cuebot may lack.
    """

    method: MethodName
    of: Word | None = None
    given: dict[FieldPath, FieldPath] = {}
    where: Line | None = None
    newer: Line | None = None
    columns: Columns = ()


class Cause(Entry):
    """What is said of a row of which a fact has `any` rows, or `none`; without a fact, if all facts
    are known. Values are as in conditions of facts.
    """

    any: Word | None = None
    none: Word | None = None
    says: Line

    @model_validator(mode="after")
    def check_fact(self) -> Self:
        if self.any is not None and self.none is not None:
            raise ValueError("expected one of any and none")
        return self


class Verb(Rows):
    """What a client's command line does with a method.

    `confirm` is asked before it, with `{counted}` for what it `counts`. `example` is a condition on
    its rows, which have `names` of a list (if not of that with the verb's name). Of its `reasons`,
    the first that fits a row is shown. If that has no condition, and such rows are few, the first
    of its `causes` is, which are about `facts`. With `detail`, one object is shown with all
    columns, one below the other. When options choose what a verb is about, `chooses` is a condition
    on that. `note` is told after it, as what may undo it.
    """

    summary: Line
    names: Word | None = None
    chooses: Line | None = None
    arguments: tuple[Argument, ...] = ()
    options: dict[Word, Option] = {}
    counts: Counts | None = None
    confirm: Line | None = None
    note: Line | None = None
    example: Line | None = None
    reasons: tuple[Reason, ...] = ()
    facts: dict[Word, Fact] = {}
    causes: tuple[Cause, ...] = ()
    adds: Added | None = None
    detail: bool = False

    @model_validator(mode="after")
    def check_defaults(self) -> Self:
        others = [each.name for each in self.arguments[:-1]]
        for each in self.arguments:
            if each.default is not None and (each.name in others or each.default not in others):
                raise ValueError(f"{each.name}: {each.default} is no argument before the last one")
        return self

    @model_validator(mode="after")
    def check_facts(self) -> Self:
        known = dict[str, Fact]()
        for name, fact in self.facts.items():
            if fact.of is not None and (fact.of not in known or known[fact.of].of is not None):
                raise ValueError(f"{name}: {fact.of!r} is no fact before it about the verb's rows")
            self._check_references(fact.where, known)
            known[name] = fact
        for cause in self.causes:
            self._check_references(cause.says, known)
            if (told_by := cause.any or cause.none) is not None and told_by not in known:
                raise ValueError(f"there is no fact {told_by!r}")
        return self

    def _check_references(self, text: str | None, known: Mapping[str, Fact]) -> None:
        for reference in REFERENCE.findall(text or ""):
            name, _, path = reference.partition(".")
            columns = [each.path for each in known[name].columns] if name in known else []
            if name in self.facts and path not in columns:
                raise ValueError(f"{{{reference}}} is no column of a fact before it")

    @model_validator(mode="after")
    def check_arguments(self) -> Self:
        if self.adds is not None and [each.repeats for each in self.arguments] != [True]:
            raise ValueError("adds needs one argument, which repeats")
        names = {each.name for each in self.arguments}
        if len(names) < len(self.arguments):
            raise ValueError("two arguments have one name")
        if sum(each.repeats for each in self.arguments) > 1:
            raise ValueError("two arguments repeat")
        called = [*self.options, *(name for each in self.options.values() for name in each.aliases)]
        if len({*called}) < len(called):
            raise ValueError("two options have one name")
        for name, option in self.options.items():
            for part in option.splits.groupindex if option.splits is not None else ():
                if part not in self.options:
                    raise ValueError(f"{name}: {part} is no option for a part of it")
        known = names | ({"counted"} if self.counts is not None else set())
        questions = [self.confirm, *(each.asks for each in self.options.values())]
        for _, asked, _, _ in Formatter().parse(" ".join(filter(None, questions))):
            if asked is not None and asked not in known:
                raise ValueError(f"{{{asked}}} is no argument")
        return self


class Bar(Entry):
    """Numbers of a row: how many of all (`of`) are done, under way, and have failed."""

    done: FieldPaths
    of: FieldPath
    running: FieldPath | None = None
    failed: FieldPath | None = None


class Followed(Rows):
    """A read with the followed object, or with its parts: the name's place in the request."""

    put: FieldPath


class Parts(Followed):
    """The parts of a followed object, each with its progress."""

    bar: Bar


class Failed(Entry):
    """A condition on the followed object under which it has failed, and the words for that."""

    where: Line
    says: Line


class Follow(Entry):
    """An object that is watched until it is `done` or has `failed`; with --fail-fast, also until
    that fits. `notes` are numbers that are told when it is done, unless they are 0; `held` is told
    once when it fits, as of a job that somebody has paused.
    """

    summary: Line
    argument: Word
    names: Word | None = None
    whole: Followed
    parts: Parts
    done: Line
    failed: tuple[Failed, ...] = ()
    fail_fast: Failed | None = None
    held: Failed | None = None
    notes: Columns = ()


class Launch(Rows):
    """A method that is sent a file's text (`put`). Rows of its answer have the name to follow."""

    summary: Line
    put: FieldPath
    name: FieldPath


TriedWords = Annotated[
    str,
    shaped(
        r"[a-z][a-z0-9-]*( ((--)?[a-z][a-z0-9-]*|\{[a-z][a-z0-9-]*\}))?",
        "words such as get, wait or move {jobs}",
    ),
]


class Verbs(Entry):
    """What a client's command line can do, and the colors of states.

    `tried` are words that people write who know other programs, and the verb or command that they
    mean; where it is empty, the next word is that. `{jobs}` is a name from this list.
    """

    names: dict[Word, NameList] = {}
    tried: dict[TriedWords, Literal[""] | Word] = {}
    verb: dict[Word, Verb] = {}
    colors: dict[FieldName, Color] = {}
    follow: Follow | None = None
    launch: Launch | None = None

    @model_validator(mode="after")
    def check_tried(self) -> Self:
        for words, verb in self.tried.items():
            if verb not in ("", *OTHER_COMMANDS, *self.verb):
                raise ValueError(f"tried: {words}: there is no verb {verb!r}")
        return self

    @model_validator(mode="after")
    def check_also(self) -> Self:
        for name, verb in self.verb.items():
            for option, about in verb.options.items():
                if about.also is None:
                    continue
                other = self.verb.get(about.also)
                arguments = other.arguments if other is not None else ()
                kinds = {each.names for each in (*verb.arguments[:1], *arguments[:1])}
                if [each.repeats for each in arguments] != [True, False] or len(kinds) != 1:
                    problem = f"{about.also!r} is no verb with the same names and a text"
                    raise ValueError(f"{name}: {option}: {problem}")
        return self

    @model_validator(mode="after")
    def check_names(self) -> Self:
        wanted = {
            verb: {
                each.names,
                *(one.names for one in each.arguments),
                *(one.names for one in each.options.values()),
                *(part for one in each.arguments for part in one.parts),
            }
            for verb, each in self.verb.items()
        }
        if self.follow is not None:
            wanted["follow"] = {self.follow.names}
        for place, names in wanted.items():
            for name in sorted(filter(None, names - self.names.keys())):
                raise ValueError(f"{place}: there is no list of names {name!r}")
            verb = self.verb.get(place)
            known = {each.name for each in verb.arguments} if verb is not None else set()
            for name in sorted(filter(None, names)):
                for argument in sorted({*self.names[name].given.values()} - known):
                    raise ValueError(f"{place}: {name} needs an argument {argument!r}")
        return self


def client_commands(
    verbs: Verbs, methods: Iterable[Method], unused: list[UnusedEntry]
) -> ClientCommands:
    """Entries that do not fit the schema are added to `unused`."""
    reader = Reader({method.path[1:]: method for method in methods}, unused)
    answers: list[Descriptor] = []
    names, found = dict[str, Json](), dict[str, Json]()
    for name, each in verbs.names.items():
        with entry(f"verbs.names.{name}", unused):
            names[name] = reader.names(each)
    for name, verb in verbs.verb.items():
        with entry(f"verbs.verb.{name}", unused):
            found[name] = reader.verb(name, verb)
            with entry(f"verbs.verb.{name}.chooses", unused):
                found[name] |= filled(chooses=reader.chosen(verb, verbs.verb))
            answers.append(reader.methods[verb.method].descriptor.output_type)
    follow = launch = None
    if verbs.follow is not None:
        with entry("verbs.follow", unused):
            follow = reader.follow(verbs.follow)
    if verbs.launch is not None:
        with entry("verbs.launch", unused):
            launch = reader.launch(verbs.launch)
    states, colors = set(states_in(answers)) if verbs.colors else set(), dict[str, str]()
    for state, color in verbs.colors.items():
        with entry(f"verbs.colors.{state}", unused):
            if state not in states:
                raise NotApplicable(f"there is no {state} in an answer of a verb")
            colors[state] = color
    return ClientCommands(
        names=names, verbs=found, colors=colors, follow=follow, launch=launch, tried=verbs.tried
    )


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads entries with the served methods. Raises NotApplicable and GatewayError."""

    methods: Mapping[str, Method]
    unused: list[UnusedEntry]

    def names(self, each: NameList) -> Json:
        method = needed_method(self.methods, each.method)
        place, scope = place_of_rows(method)
        path = self._find(method, scope, each.path)
        if path.leaf.type != FieldDescriptor.TYPE_STRING:
            raise NotApplicable(f"{path.text} is no text")
        return filled(
            method=method.path,
            rows=place,
            path=path.text,
            request=request_of(method, each.request),
            given={
                str(needed_path(method.descriptor.input_type, put)): argument
                for put, argument in each.given.items()
            },
            title=each.title,
            after=each.after,
        )

    def verb(self, name: str, each: Verb) -> Json:
        method = needed_method(self.methods, each.method)
        example = None
        with entry(f"verbs.verb.{name}.example", self.unused):
            self._view(method, _where=each.example)
            example = each.example
        options = {}
        for option, one in each.options.items():
            place = f"verbs.verb.{name}.options.{option}"
            with entry(place, self.unused):
                more = [*self._columns(f"{place}.columns", method, one.columns)]
                found = self._option(method, one, each.where)
                options[option] = {**found, **filled(columns=more, aliases=[*one.aliases])}
        return {
            "summary": each.summary,
            **self._rows(f"verbs.verb.{name}", method, each),
            **filled(
                reads=method.reads_only,
                names=each.names,
                arguments=[self._argument(method, one) for one in each.arguments],
                options=options,
                counts=each.counts and self._counts(f"verbs.verb.{name}.counts", each, each.counts),
                confirm=each.confirm,
                note=each.note,
                example=example,
                reasons=[self._reason(method, one) for one in each.reasons],
                **self._causes(f"verbs.verb.{name}", method, each),
                adds=each.adds and self._adds(each.adds),
                detail=each.detail,
            ),
        }

    def chosen(self, each: Verb, verbs: Mapping[str, Verb]) -> str | None:
        """The condition on what options choose, which is on rows of the verb that lists these."""
        kind = next((one.names for one in each.arguments if one.repeats), None)
        listing = verbs.get(kind or "")
        if each.chooses is None or listing is None:
            return None
        self._view(needed_method(self.methods, listing.method), _where=each.chooses)
        return each.chooses

    def follow(self, each: Follow) -> Json:
        parts = needed_method(self.methods, each.parts.method)
        whole = needed_method(self.methods, each.whole.method)
        conditions = [each.done, *(one.where for one in each.failed)]
        until = " or ".join(f"({condition})" for condition in conditions)
        for condition in (*conditions, until):
            self._view(whole, _where=condition)
        _, row = place_of_rows(parts)
        bar = filled(
            done=[self._number(parts, row, path) for path in each.parts.bar.done],
            of=self._number(parts, row, each.parts.bar.of),
            running=each.parts.bar.running and self._number(parts, row, each.parts.bar.running),
            failed=each.parts.bar.failed and self._number(parts, row, each.parts.bar.failed),
        )
        hurry = {}
        if (fast := each.fail_fast) is not None:
            sooner = f"{until} or ({fast.where})"
            self._view(whole, _where=sooner)
            hurry = {"where": fast.where, "says": fast.says, "until": sooner}
        held = each.held.model_dump() if each.held is not None else {}
        self._view(whole, _where=held.get("where"))
        return {
            "summary": each.summary,
            **filled(argument=each.argument, names=each.names, failFast=hurry, held=held),
            **filled(notes=[*self._columns("verbs.follow.notes", whole, each.notes)]),
            "whole": self._followed("verbs.follow.whole", whole, each.whole),
            "parts": {**self._followed("verbs.follow.parts", parts, each.parts), "bar": bar},
            "done": each.done,
            "failed": [{"where": one.where, "says": one.says} for one in each.failed],
            "until": until,
        }

    def launch(self, each: Launch) -> Json:
        method = needed_method(self.methods, each.method)
        _, row = place_of_rows(method)
        return {
            "summary": each.summary,
            **self._rows("verbs.launch", method, each),
            **place_in(method, each.put),
            "name": self._find(method, row, each.name).text,
        }

    def _followed(self, name: str, method: Method, each: Followed) -> Json:
        return {**self._rows(name, method, each), **place_in(method, each.put)}

    def _rows(self, name: str, method: Method, each: Rows) -> Json:
        self._view(method, _where=each.where, _sort=each.sort)
        place, _ = place_of_rows(method)
        return filled(
            method=method.path,
            request=request_of(method, each.request),
            rows=place,
            columns=[*self._columns(f"{name}.columns", method, each.columns)],
            wide=[*self._columns(f"{name}.wide", method, each.wide)],
            where=each.where,
            sort=each.sort,
        )

    def _columns(self, name: str, method: Method, columns: Iterable[Column]) -> Iterator[Json]:
        _, row = place_of_rows(method)
        for each in columns:
            with entry(f"{name}.{each.path}", self.unused):
                path = self._find(method, row, each.path)
                if each.since is not None:
                    yield self._span(method, row, each)
                    continue
                if each.before and path.leaf.type != FieldDescriptor.TYPE_STRING:
                    raise NotApplicable(f"{path.text} is no text")
                yield filled(
                    path=path.text,
                    title=each.title or title_of(path),
                    aliases=[*each.aliases],
                    unit=unit_of(path.leaf, method.units),
                    of=each.of and self._number(method, row, each.of),
                    alert=each.alert and bool(self._number(method, row, each.path)),
                    before=each.before,
                    per=each.per and self._number(method, row, each.path) and each.per,
                )

    def _span(self, method: Method, row: Descriptor, each: Column) -> Json:
        ends = {"since": str(each.since), "until": each.path}
        for end in ends.values():
            if unit_of(self._find(method, row, end).leaf, method.units) != "time":
                raise NotApplicable(f"{end} is no time")
        title = str(each.title)
        return {"path": title.lower(), "title": title, "unit": "seconds", **ends}

    def _counts(self, name: str, each: Verb, counts: Counts) -> Json:
        """What is counted, and the read for it, if that takes all that the verb is given."""
        found: Json = {"noun": counts.noun}
        with entry(name, self.unused):
            method = needed_method(self.methods, counts.method)
            self._view(method, _count="true")
            given = (one.put for one in each.options.values())
            for put in (*each.request, *(one.put for one in each.arguments), *given):
                if put is not None:
                    needed_path(method.descriptor.input_type, put)
            found["method"] = method.path
        return found

    def _adds(self, each: Added) -> Json:
        method = needed_method(self.methods, each.method)
        rows, row = place_of_rows(method)
        for _, field, _, _ in Formatter().parse(each.text):
            if field not in (None, "row"):
                self._find(method, row, field)
        place = place_in(method, each.put)["put"]
        return {
            "title": each.title,
            "method": method.path,
            "put": place,
            "rows": rows,
            "text": each.text,
        }

    def _reason(self, method: Method, each: Reason) -> Json:
        self._view(method, _where=each.where)
        return filled(where=each.where, says=each.says)

    def _causes(self, name: str, method: Method, each: Verb) -> Json:
        """Facts that do not fit are left out: a client goes without the causes that need them."""
        facts, causes = Json(), list[Json]()
        for fact, about in each.facts.items():
            with entry(f"{name}.facts.{fact}", self.unused):
                facts[fact] = self._fact(f"{name}.facts.{fact}", method, each, about)
        with entry(f"{name}.causes", self.unused):
            for one in each.causes:
                for reference in REFERENCE.findall(one.says):
                    if reference.partition(".")[0] not in each.facts:
                        self._referred(method, each, reference)
                causes.append(filled(any=one.any, none=one.none, says=one.says))
        return {"facts": facts, "causes": causes}

    def _fact(self, name: str, method: Method, verb: Verb, each: Fact) -> Json:
        read = needed_method(self.methods, each.method)
        given = {}
        for put, path in each.given.items():
            found = self._find(method, place_of_rows(method)[1], path)
            given[place_in(read, put)["put"]] = found.text

        def example(reference: re.Match[str]) -> str:
            path = self._referred(method, verb, reference[1])
            of_all = reference[1].partition(".")[0] in verb.facts.keys() - {each.of}
            value = "1" if path.leaf.type in NUMBERS else "'x'"
            return f"{value},{value}" if of_all or path.is_list else value

        where = each.where or ""
        self._view(read, _where=REFERENCE.sub(example, where))
        with entry(f"{name}.newer", self.unused):
            self._view(read, _where=each.newer)
            if where and each.newer:
                where = f"({where}) and ({each.newer})"
            where = where or each.newer or ""
        place, _ = place_of_rows(read)
        return filled(
            method=read.path,
            rows=place,
            of=each.of,
            given=given,
            where=where,
            columns=[*self._columns(f"{name}.columns", read, each.columns)],
        )

    def _referred(self, method: Method, verb: Verb, reference: str) -> views.FieldPath:
        """The field of a value in braces: of a fact, or of the verb's rows."""
        name, _, path = reference.partition(".")
        if (fact := verb.facts.get(name)) is not None:
            method, reference = needed_method(self.methods, fact.method), path
        return self._find(method, place_of_rows(method)[1], reference)

    def _argument(self, method: Method, each: Argument) -> Json:
        place = place_in(method, each.put)
        if each.per is not None and place.get("type") not in ("integer", "number"):
            raise NotApplicable(f"{each.put} is no number")
        more = filled(repeats=each.repeats, per=each.per, help=each.help)
        more |= filled(default=each.default, aliases=[*each.aliases], parts=[*each.parts])
        return {"name": each.name, **place, **expected(each), **more}

    def _option(self, method: Method, each: Option, always: str | None) -> Json:
        also = filled(also=each.also, first=each.first)
        if each.put is None and each.where is None:
            return {**also, **filled(help=each.help)}
        if each.where is not None:
            where = each.where.replace(GIVEN, "'x'")
            self._view(method, _where=f"({always}) and ({where})" if always else where)
        self._view(method, _sort=each.sort)
        more = filled(sort=each.sort, lists=each.lists, help=each.help, **expected(each))
        if each.put is None:
            return {**filled(where=each.where, before=each.before), **more}
        found = {**place_in(method, each.put), **filled(where=each.where), **also}
        for name, content in (("value", each.value), ("default", each.default)):
            if content is not None:
                request_of(method, {each.put: content})
                found[name] = as_json(content)
        splits = each.splits.pattern if each.splits is not None else ""
        return {**found, **more, **filled(splits=splits, asks=each.asks)}

    def _view(self, method: Method, **asked: str | None) -> None:
        """Check what is asked of a method's answers."""
        given = {name: text for name, text in asked.items() if text}
        find = partial(views.find_path, aliases=method.encoders.aliases)
        make_view(method.descriptor.output_type, given, find=find, units=method.units)

    def _find(self, method: Method, row: Descriptor, path: str) -> views.FieldPath:
        found = row_path(method, row, path)
        if not found.is_value:
            raise NotApplicable(f"{found.text} is an object; name one of its fields")
        return found

    def _number(self, method: Method, row: Descriptor, path: str) -> str:
        found = self._find(method, row, path)
        if found.leaf.type not in NUMBERS or found.is_list:
            raise NotApplicable(f"{found.text} is no number")
        return found.text


def expected(each: Given) -> Json:
    pattern = each.pattern.pattern if each.pattern else ""
    return filled(names=each.names, pattern=pattern, example=each.example)


def filled(**entries: object) -> Json:
    """The entries that say something."""
    return {
        name: value for name, value in entries.items() if value not in (None, "", [], {}, False)
    }


def place_of_rows(method: Method) -> tuple[str, Descriptor]:
    """The path of an answer's rows, or of its only object, which is then the one row; and the type
    of a row. Without either, the answer itself is the row.
    """
    answer, rows = method.descriptor.output_type, method.views.rows
    if rows is not None:
        return ".".join(rows.names), rows.descriptor
    single = only_object(answer)
    return ("", answer) if single is None else (single.json_name, message_of(single))


def place_in(method: Method, put: str) -> Json:
    """A place in requests, and what it takes. An object has to be one that a name will do for."""
    request = method.descriptor.input_type
    if put in beside_names(method):
        return {"put": put}
    field, path = needed_field(request, split(put)), needed_path(request, put)
    takes_name = any(each.place == path and each.finders for each in method.references)
    if is_map(field) or (is_message(field) and not takes_name):
        raise NotApplicable(f"{path} is an object; name one of its fields")
    values = [each.name for each in enum_of(field).values] if is_enum(field) else []
    return {
        "put": str(path),
        **filled(
            many=field.is_repeated,
            type=kind_of(field),
            unit=unit_of(field, method.units),
            values=values,
        ),
    }


def beside_names(method: Method) -> set[str]:
    """The keys of requests, beside their fields, that tell objects of one name apart: the job of a
    layer.
    """
    found = {
        sent.names[0]
        for reference in method.references
        if reference.finders
        for sent in reference.finders[0].sends
    }
    return found - {each.json_name for each in method.descriptor.input_type.fields}


def kind_of(field: FieldDescriptor) -> str:
    """The type in JSON of one value; empty for a text."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "boolean"
    if field.type in INTEGERS:
        return "integer"
    return "number" if field.type in NUMBERS else ""


def request_of(method: Method, given: Mapping[str, Requested]) -> Json:
    body: Json = {}
    for put, content in given.items():
        *above, last = needed_path(method.descriptor.input_type, put).json
        scope: dict[str, Any] = body
        for name in above:
            scope = scope.setdefault(name, {})
        scope[last] = as_json(content)
    method.decode_value(body, UnknownFieldPolicy.EVERYTHING)
    return body


def as_json(content: Requested) -> object:
    return list(content) if isinstance(content, tuple) else content


def title_of(path: views.FieldPath) -> str:
    """`AVG FRAME SEC` for `layerStats.avgFrameSec`."""
    return WORD_BEGINS.sub(" ", path.text.rpartition(".")[2]).upper()


def states_in(answers: Iterable[Descriptor]) -> Iterator[str]:
    for message in reachable(answers).values():
        for field in message.fields:
            if is_enum(field):
                yield from (value.name for value in enum_of(field).values)
