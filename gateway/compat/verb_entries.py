"""The tables of a profile about verbs of a client's command line."""

import re
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

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

Word = Annotated[str, shaped(r"[a-z][a-z0-9-]*", "a word such as min-cores")]
Requested = Content | tuple[Content, ...]
Color = Literal["red", "green", "yellow", "blue", "magenta", "cyan", "gray"]


class NameList(Entry):
    """A read that answers names: at `path` of its answer, or of each of its rows.

    Its request has arguments of the verb (`given`, by place), as layers are those of a job. `title`
    says whose names they are, if not all of that kind.
    """

    method: MethodName
    path: FieldPath
    request: dict[FieldPath, Requested] = {}
    given: dict[FieldPath, Word] = {}
    title: Line | None = None


class Column(Entry):
    """A value of rows. It is shown as a part `of` another number, and in red if it is an `alert`
    and not 0. Of a text, only what is `before` this mark may be shown.
    """

    path: FieldPath
    title: Line | None = None
    of: FieldPath | None = None
    alert: bool = False
    before: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def check_title(self) -> Self:
        if self.before is not None and self.title is None:
            raise ValueError("a part of a text needs a title")
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
    own.
    """

    name: Word
    put: FieldPath
    repeats: bool = False
    help: Line | None = None


class Option(Given):
    """An option: a place in the request for what is given with it, or for `value` (`$sub` is who
    asks), or a condition on rows. Without it, `default` is sent. With it, rows have more `columns`.

    `aliases` are other names of it. What `splits` matches, and `pattern` does not, is several
    options in one: its groups are their names.
    """

    put: FieldPath | None = None
    value: Requested | None = None
    default: Requested | None = None
    where: Line | None = None
    columns: Columns = ()
    aliases: tuple[Word, ...] = ()
    splits: re.Pattern[str] | None = None
    help: Line

    @model_validator(mode="after")
    def check_effect(self) -> Self:
        if (self.put is None) == (self.where is None):
            raise ValueError("expected either put or where")
        sent = (self.value, self.default, self.names, self.pattern)
        if sum(each is not None for each in sent) > (self.put is not None):
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


class Verb(Rows):
    """What a client's command line does with a method. `confirm` is asked before it, with
    `{counted}` for what it `counts`, and `example` is a condition on its rows.
    """

    summary: Line
    arguments: tuple[Argument, ...] = ()
    options: dict[Word, Option] = {}
    counts: Counts | None = None
    confirm: Line | None = None
    example: Line | None = None

    @model_validator(mode="after")
    def check_arguments(self) -> Self:
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
        for _, asked, _, _ in Formatter().parse(self.confirm or ""):
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
    that fits. `notes` are numbers that are told when it is done, unless they are 0.
    """

    summary: Line
    argument: Word
    names: Word | None = None
    whole: Followed
    parts: Parts
    done: Line
    failed: tuple[Failed, ...] = ()
    fail_fast: Failed | None = None
    notes: Columns = ()


class Launch(Rows):
    """A method that is sent a file's text (`put`). Rows of its answer have the name to follow."""

    summary: Line
    put: FieldPath
    name: FieldPath


TriedWords = Annotated[
    str,
    shaped(
        r"[a-z][a-z0-9-]*( ([a-z][a-z0-9-]*|\{[a-z][a-z0-9-]*\}))?",
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
            if verb not in ("", "follow", "launch", *self.verb):
                raise ValueError(f"tried: {words}: there is no verb {verb!r}")
        return self

    @model_validator(mode="after")
    def check_names(self) -> Self:
        wanted = {
            verb: {
                *(one.names for one in each.arguments),
                *(one.names for one in each.options.values()),
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
