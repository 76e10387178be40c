"""The verbs of a profile: what a client's command line can do with a schema."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.body import UnknownFieldPolicy
from gateway.codec.fields import enum_of, is_enum, is_map, is_message, message_of, reachable
from gateway.compat.references import NotApplicable, needed_field, needed_method, needed_path, split
from gateway.compat.resolve import entry
from gateway.compat.verb_entries import (
    Argument,
    Column,
    Counts,
    Follow,
    Followed,
    Given,
    Launch,
    NameList,
    Option,
    Requested,
    Rows,
    Verb,
    Verbs,
)
from gateway.errors import GatewayError
from gateway.schema.catalog import UnusedEntry
from gateway.schema.client_commands import ClientCommands, Json
from gateway.schema.method import Method
from gateway.views.paths import FieldPath, find_path
from gateway.views.row_conditions import INTEGERS, NUMBERS
from gateway.views.units import unit_of
from gateway.views.view import make_view, only_object

WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def client_commands(
    verbs: Verbs, methods: Iterable[Method], unused: list[UnusedEntry]
) -> ClientCommands:
    """The verbs that fit the schema. Entries that do not are added to `unused`."""
    reader = Reader({method.path[1:]: method for method in methods}, unused)
    answers: list[Descriptor] = []
    names, found = dict[str, Json](), dict[str, Json]()
    for name, each in verbs.names.items():
        with entry(f"verbs.names.{name}", unused):
            names[name] = reader.names(each)
    for name, verb in verbs.verb.items():
        with entry(f"verbs.verb.{name}", unused):
            found[name] = reader.verb(name, verb)
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
    """Reads entries with the served methods (by `service/Method`). Raises NotApplicable."""

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
                arguments=[self._argument(method, one) for one in each.arguments],
                options=options,
                counts=each.counts and self._counts(f"verbs.verb.{name}.counts", each, each.counts),
                confirm=each.confirm,
                example=example,
            ),
        }

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
        return {
            "summary": each.summary,
            **filled(argument=each.argument, names=each.names, failFast=hurry),
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
                if each.before and path.leaf.type != FieldDescriptor.TYPE_STRING:
                    raise NotApplicable(f"{path.text} is no text")
                yield filled(
                    path=path.text,
                    title=each.title or title_of(path),
                    unit=unit_of(path.leaf, method.units),
                    of=each.of and self._number(method, row, each.of),
                    alert=each.alert and bool(self._number(method, row, each.path)),
                    before=each.before,
                )

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

    def _argument(self, method: Method, each: Argument) -> Json:
        more = filled(repeats=each.repeats, help=each.help)
        return {"name": each.name, **place_in(method, each.put), **expected(each), **more}

    def _option(self, method: Method, each: Option, always: str | None) -> Json:
        if each.put is None:
            self._view(method, _where=f"({always}) and ({each.where})" if always else each.where)
            return filled(where=each.where, help=each.help)
        found = place_in(method, each.put)
        for name, content in (("value", each.value), ("default", each.default)):
            if content is not None:
                request_of(method, {each.put: content})
                found[name] = as_json(content)
        splits = each.splits.pattern if each.splits is not None else ""
        return {**found, **expected(each), **filled(splits=splits, help=each.help)}

    def _view(self, method: Method, **asked: str | None) -> None:
        """Check what is asked of a method's answers."""
        given = {name: text for name, text in asked.items() if text}
        find = partial(find_path, aliases=method.encoders.aliases)
        try:
            make_view(method.descriptor.output_type, given, find=find, units=method.units)
        except GatewayError as error:
            raise NotApplicable(error.message) from None

    def _find(self, method: Method, row: Descriptor, path: str) -> FieldPath:
        """The path of values in a row."""
        try:
            found = find_path(row, path, method.encoders.aliases)
        except LookupError as error:
            raise NotApplicable(str(error)) from None
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
    field, path = needed_field(request, split(put)), needed_path(request, put)
    takes_name = any(each.place == path and each.finders for each in method.references)
    if is_map(field) or (is_message(field) and not takes_name):
        raise NotApplicable(f"{path} is an object; name one of its fields")
    values = [each.name for each in enum_of(field).values] if is_enum(field) else []
    return {
        "put": str(path),
        **filled(many=field.is_repeated, type=kind_of(field), values=values),
    }


def kind_of(field: FieldDescriptor) -> str:
    """The type in JSON of one value; empty for a text."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "boolean"
    if field.type in INTEGERS:
        return "integer"
    return "number" if field.type in NUMBERS else ""


def request_of(method: Method, given: Mapping[str, Requested]) -> Json:
    """The body with these values at their paths."""
    body: Json = {}
    for put, content in given.items():
        *above, last = needed_path(method.descriptor.input_type, put).json
        scope: dict[str, Any] = body
        for name in above:
            scope = scope.setdefault(name, {})
        scope[last] = as_json(content)
    try:
        method.decode_value(body, UnknownFieldPolicy.EVERYTHING)
    except GatewayError as error:
        raise NotApplicable(error.message) from None
    return body


def as_json(content: Requested) -> object:
    return list(content) if isinstance(content, tuple) else content


def title_of(path: FieldPath) -> str:
    """`AVG FRAME SEC` for `layerStats.avgFrameSec`."""
    return WORD_BEGINS.sub(" ", path.text.rpartition(".")[2]).upper()


def states_in(answers: Iterable[Descriptor]) -> Iterator[str]:
    """The names of all values of enums in these answers."""
    for message in reachable(answers).values():
        for field in message.fields:
            if is_enum(field):
                yield from (value.name for value in enum_of(field).values)
