"""The profile's panels, as far as the schema has what they show."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.body import UnknownFieldPolicy
from gateway.codec.fields import message_of
from gateway.compat.panel_entries import Lead, Panel, PanelAction, PanelColumn, Panels
from gateway.compat.references import ID, NotApplicable, needed_field, needed_method, split
from gateway.errors import GatewayError
from gateway.schema import for_clients as served
from gateway.schema.catalog import UnusedEntry
from gateway.schema.method import Method
from gateway.schema.selection import chosen, matches
from gateway.views.groups import COUNT
from gateway.views.paths import find_path
from gateway.views.row_conditions import NUMBERS
from gateway.views.units import unit_of
from gateway.views.view import Rows

AGGREGATE = re.compile(r"(sum|min|max)\((.*)\)")
AGGREGATE_IN_TEXT = re.compile(r"\{(sum|min|max)\((.*?)\)\}")
MOST_USUAL_COLUMNS = 8
"""Of a panel that names none."""
LAST_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
NAME = "name"
Methods = Mapping[str, Method]
"""By `service/Method`: those that are served."""


def panels_of(profile: Panels, methods: Methods, unused: list[UnusedEntry]) -> served.Panels:
    """The panels of this schema. What cannot be shown is added to `unused`, with the reason."""
    fitting = Fitting(profile, methods, unused)
    return served.Panels(
        tuple(fitting.panels()),
        tuple(fitting.objects()),
        tuple(fitting.completions()),
        tuple(fitting.destroys()),
    )


class Fitting:
    """The entries that fit a schema. The others are added to `unused`."""

    def __init__(self, profile: Panels, methods: Methods, unused: list[UnusedEntry]) -> None:
        self._profile = profile
        self._methods = methods
        self._unused = unused

    @contextmanager
    def _entry(self, name: str) -> Iterator[None]:
        try:
            yield
        except (NotApplicable, GatewayError, LookupError) as error:
            self._unused.append(UnusedEntry(f"panels.{name}", str(error)))

    def panels(self) -> Iterator[served.Panel]:
        for name, panel in self._profile.panels.items():
            with self._entry(name):
                reading = Reading(needed_method(self._methods, panel.method), name, panel)
                leads = tuple(self._leads(name, panel, reading))
                actions = tuple(self._actions(name, panel, reading))
                used = [path for each in (*leads, *actions) for path in each["with"].values()]
                yield served.Panel(name, reading.method.path, reading.shown(used), leads, actions)

    def _leads(self, name: str, panel: Panel, reading: "Reading") -> Iterator[served.Json]:
        for lead in panel.leads:
            with self._entry(f"{name}.leads.{lead.panel}"):
                yield reading.lead(lead, self._profile.panels)

    def _actions(self, name: str, panel: Panel, reading: "Reading") -> Iterator[served.Json]:
        for action in panel.actions:
            with self._entry(f"{name}.actions.{action.title}"):
                yield reading.action(action, needed_method(self._methods, action.method))

    def objects(self) -> Iterator[served.Json]:
        services = {each.service for each in self._methods.values()}
        for each in self._profile.objects:
            with self._entry(f"objects.{each.title}"):
                there = [service for service in each.services if service in services]
                if not there:
                    raise NotApplicable(f"{' or '.join(each.services)} is not served")
                common = [self._methods[name].path for name in each.common if name in self._methods]
                yield {"title": each.title, "services": there, "common": common}
                for name in each.common:
                    needed_method(self._methods, name)

    def completions(self) -> Iterator[served.Json]:
        for each in self._profile.completions:
            with self._entry(f"completions.{each.method}"):
                method = needed_method(self._methods, each.method)
                check_request(method, each.request)
                check_names(method, split(each.names))
                yield {
                    "method": method.path,
                    "request": each.request,
                    "names": split(each.names),
                    "message": each.message,
                    "fields": each.fields,
                }

    def destroys(self) -> Iterator[str]:
        globs = self._profile.destroys
        for name, method in self._methods.items():
            if not method.reads_only and chosen((name,), globs):
                yield method.path
        for glob in globs:
            if not matches(self._methods, (glob.removeprefix("!"),)):
                self._unused.append(
                    UnusedEntry(f"panels.destroys.{glob}", "there is no such method")
                )


class Reading:
    """The read of a panel, and its rows.

    Raises NotApplicable, GatewayError or LookupError for what does not fit them.
    """

    def __init__(self, method: Method, id_: str, panel: Panel) -> None:
        if not method.reads_only:
            raise NotApplicable(f"{method.path[1:]} may change something")
        rows = method.views.rows
        if rows is None:
            raise NotApplicable(f"{method.path[1:]} answers no rows")
        check_request(method, panel.request)
        for path in panel.given:
            check_target(method, path)
        self.method = method
        self._panel = panel
        self._rows: Rows = rows
        self._is_grouped = any(name in panel.view for name in ("group", "count", "sum"))
        self._title = title_of(id_, panel)
        self._columns = panel.columns or self._usual_columns()
        names = {each.json_name for each in rows.descriptor.fields}
        self._name = panel.name or (NAME if NAME in names else self._columns[0].path)

    def _usual_columns(self) -> tuple[PanelColumn, ...]:
        if self._is_grouped:
            raise NotApplicable("groups of rows need columns")
        plain = [
            each
            for each in self._rows.descriptor.fields
            if each.message_type is None and not each.is_repeated and each.json_name != ID
        ]
        if not plain:
            raise NotApplicable("its rows have no plain fields; name its columns")
        return tuple(PanelColumn(path=each.json_name) for each in plain[:MOST_USUAL_COLUMNS])

    def shown(self, used: Iterable[str]) -> served.Json:
        """Its texts, columns and request. Beside them, rows need the `used` fields."""
        panel = self._panel
        view: dict[str, str] = {str(name): text for name, text in panel.view.items()}
        columns = [self._column(each) for each in self._columns]
        for path in used_in(panel.summary or ""):
            self._check(path)
        if not self._is_grouped:
            view["fields"] = ",".join(self._fields(used))
        asked = tuple((f"_{name}", text) for name, text in view.items())
        self.method.views.compiled(asked)
        return {
            "title": self._title,
            "summary": panel.summary or "",
            "request": panel.request,
            "given": panel.given,
            "view": view,
            "rows": ["groups"] if self._is_grouped else list(self._rows.names),
            "name": self._name,
            "columns": columns,
        }

    def lead(self, lead: Lead, panels: Mapping[str, Panel]) -> served.Json:
        target = panels.get(lead.panel)
        if target is None:
            raise NotApplicable("there is no such panel")
        if lead.with_.keys() != {*target.given}:
            raise NotApplicable(f"{lead.panel} is given {', '.join(target.given) or 'nothing'}")
        for path in lead.with_.values():
            self._check(path)
        title = lead.title or title_of(lead.panel, target)
        return {"panel": lead.panel, "title": title, "with": lead.with_}

    def action(self, action: PanelAction, method: Method) -> served.Json:
        check_request(method, action.request)
        for target, path in action.with_.items():
            check_target(method, target)
            self._check(path)
        for target, path in action.given.items():
            check_target(method, target)
            if path not in self._panel.given:
                raise NotApplicable(f"the panel is not given {path}")
        return {
            "title": action.title,
            "method": method.path,
            "with": action.with_,
            "given": action.given,
            "request": action.request,
            **({"many": True} if action.many else {}),
        }

    def _column(self, column: PanelColumn) -> served.Json:
        field = self._check(column.path)
        bar = column.bar
        if isinstance(bar, str):
            self._check(bar)
        unit = None if field is None else unit_of(field, self.method.units)
        return {
            "path": column.path,
            "title": column.title or words_of(column.path),
            "number": unit != "time" and (field is None or field.type in NUMBERS),
            **({"unit": unit} if unit else {}),
            **({"bar": bar} if bar else {}),
            **({"alert": column.alert} if column.alert else {}),
        }

    def _check(self, path: str) -> FieldDescriptor | None:
        """The field of a row at a path; None for the number of rows in a group."""
        if self._is_grouped and path == COUNT:
            return None
        aggregate = AGGREGATE.fullmatch(path) if self._is_grouped else None
        name = aggregate[2] if aggregate else path
        found = find_path(self._rows.descriptor, name, self.method.encoders.aliases)
        kind = aggregate[1] if aggregate else "group"
        asked = {str(name): text for name, text in self._panel.view.items()}
        if self._is_grouped and found.text not in asked.get(kind, "").split(","):
            raise NotApplicable(f"{path} is not in `{kind}`")
        return found.leaf

    def _fields(self, used: Iterable[str]) -> list[str]:
        """What is needed of a row, also for its order and its name."""
        panel = self._panel
        needed = [each.path for each in self._columns]
        needed += [each.bar for each in self._columns if isinstance(each.bar, str)]
        needed += used
        needed += used_in(panel.summary or "")
        needed += [each.lstrip("-") for each in panel.view.get("sort", "").split(",") if each]
        names = {each.json_name for each in self._rows.descriptor.fields}
        needed += [each for each in (ID, self._name) if each in names]
        return list(dict.fromkeys(needed))


def check_request(method: Method, request: Mapping[str, Any]) -> None:
    """Raises NotApplicable, GatewayError."""
    for path in leaves(request):
        check_target(method, path)
    method.decode_value(orjson.loads(orjson.dumps(request)), UnknownFieldPolicy.ARGUMENTS)


def leaves(request: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, inner in request.items():
        if isinstance(inner, Mapping):
            yield from leaves(inner, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def check_target(method: Method, path: str) -> None:
    field = needed_field(method.descriptor.input_type, split(path.removesuffix("[]")))
    if path.endswith("[]") and not field.is_repeated:
        raise NotApplicable(f"{path} is no list")


def check_names(method: Method, path: Iterable[str]) -> None:
    """Whether there is a field at a path of an answer, which may lead through lists."""
    at: Descriptor | None = method.descriptor.output_type
    for name in path:
        fields = () if at is None else at.fields
        field = next((each for each in fields if each.json_name == name), None)
        if field is None:
            raise NotApplicable(f"{method.descriptor.output_type.full_name} has no {name}")
        at = message_of(field) if field.message_type is not None else None


def used_in(summary: str) -> list[str]:
    """The paths of rows in a line of summary."""
    return [path for _, path in AGGREGATE_IN_TEXT.findall(summary)]


def title_of(id_: str, panel: Panel) -> str:
    """Its title; without one, `Longest frames` for `longest-frames`."""
    words = re.sub("[-_]+", " ", id_).capitalize()
    return panel.title or (f"{words}: {{name}}" if panel.given else words)


def words_of(path: str) -> str:
    """`Running frames` for `jobStats.runningFrames`."""
    last = path.rstrip(")").rpartition(".")[2]
    return " ".join(LAST_WORD.findall(last)).capitalize()
