"""The panels of a profile, as far as a schema has what they show."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.codec.fields import message_of
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.profile.draft import Draft
from gateway.core.profile.schema_paths import (
    NotApplicable,
    entry,
    needed_field,
    needed_method,
    split,
)
from gateway.core.schema.catalog import UnusedEntry
from gateway.core.schema.method import Method
from gateway.core.schema.rows import Rows
from gateway.core.schema.selection import chosen, matches
from gateway.features.pages import panels as served
from gateway.features.pages.panel_tables import (
    About,
    Lead,
    Panel,
    PanelAction,
    PanelColumn,
    Panels,
    PanelTables,
    TextColumn,
)
from gateway.features.pages.panel_texts import (
    AGO,
    IN_TEMPLATE,
    Alternatives,
    Comparison,
    alternatives,
    paths_of,
    paths_of_summary,
    summary_of,
)
from gateway.features.views.compiled_view import AnswerViews
from gateway.features.views.groups import COUNT
from gateway.features.views.paths import FieldPath as RowField
from gateway.features.views.paths import find_path
from gateway.features.views.row_conditions import NUMBERS
from gateway.features.views.units import moment_of_age, unit_of

AGGREGATE = re.compile(r"(sum|min|max)\((.*)\)")
MOST_USUAL_COLUMNS = 8
"""Of a panel that names none."""
LAST_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
ID, NAME = "id", "name"
Methods = Mapping[str, Method]
"""By `service/Method`: those that are served."""


def compile_panels(draft: Draft) -> None:
    """Adds `Panels` to the catalog."""
    methods = {each.path[1:]: each for each in draft.methods.values()}
    found = panels_of(draft.tables(PanelTables).panels, methods, draft.unused)
    draft.whole[served.Panels] = found


def panels_of(profile: Panels, methods: Methods, unused: list[UnusedEntry]) -> served.Panels:
    """What cannot be shown is added to `unused`, with the reason."""
    fitting = Fitting(profile, methods, unused)
    return served.Panels(
        tuple(fitting.panels()),
        tuple(fitting.objects()),
        tuple(fitting.completions()),
        tuple(fitting.destroys()),
    )


class Fitting:
    def __init__(self, profile: Panels, methods: Methods, unused: list[UnusedEntry]) -> None:
        self._profile = profile
        self._methods = methods
        self._unused = unused

    def panels(self) -> Iterator[served.Panel]:
        for name in self._profile.panels:
            with entry(f"panels.{name}", self._unused):
                panel = whole(self._profile.panels, name)
                if panel.method is None:
                    raise NotApplicable("it has no method")
                reading = Reading(needed_method(self._methods, panel.method), name, panel)
                leads = tuple(self._leads(name, panel, reading))
                actions = tuple(self._actions(name, panel, reading))
                used = [path for each in (*leads, *actions) for path in each["with"].values()]
                used += [path for each in leads for path in each["tells"].values()]
                used += [each["of"] for each in leads if "of" in each]
                used += [path for each in actions for path in paths_of(each.get("when", ()))]
                about = self._about(name, panel, reading)
                shown = {**reading.shown(used), **({"about": about} if about else {})}
                yield served.Panel(name, reading.method.path, shown, leads, actions)

    def _leads(self, name: str, panel: Panel, reading: "Reading") -> Iterator[served.Json]:
        for lead in panel.leads:
            with entry(f"panels.{name}.leads.{lead.panel}", self._unused):
                yield reading.lead(lead, self._profile.panels)

    def _about(self, name: str, panel: Panel, reading: "Reading") -> served.Json | None:
        if panel.about is not None:
            with entry(f"panels.{name}.about", self._unused):
                return reading.about(panel.about, self._profile.panels)
        return None

    def _actions(self, name: str, panel: Panel, reading: "Reading") -> Iterator[served.Json]:
        for action in panel.actions:
            with entry(f"panels.{name}.actions.{action.title}", self._unused):
                yield reading.action(action, needed_method(self._methods, action.method))

    def objects(self) -> Iterator[served.Json]:
        services = {each.service for each in self._methods.values()}
        for each in self._profile.objects:
            with entry(f"panels.objects.{each.title}", self._unused):
                there = [service for service in each.services if service in services]
                if not there:
                    raise NotApplicable(f"{' or '.join(each.services)} is not served")
                common = [self._methods[name].path for name in each.common if name in self._methods]
                yield {"title": each.title, "services": there, "common": common}
                for name in each.common:
                    needed_method(self._methods, name)

    def completions(self) -> Iterator[served.Json]:
        for each in self._profile.completions:
            with entry(f"panels.completions.{each.method}", self._unused):
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
    """The read of a panel, and its rows. Raises NotApplicable and GatewayError."""

    def __init__(self, method: Method, id_: str, panel: Panel) -> None:
        self.summary = summary_of(panel.summary or "")
        if not method.reads_only:
            raise NotApplicable(f"{method.path[1:]} may change something")
        rows = method.rows
        if rows is None:
            raise NotApplicable(f"{method.path[1:]} answers no rows")
        check_request(method, panel.request)
        for path in panel.given:
            check_target(method, path)
        if panel.mine and len(panel.given) != 1:
            raise NotApplicable("what is `mine` has one field that is given, of a user")
        self.method = method
        self._panel = panel
        self._rows: Rows = rows
        self._is_grouped = any(name in panel.view for name in ("group", "count", "sum"))
        self._title = title_of(id_, panel)
        self._columns = panel.columns or self._usual_columns()
        names = {each.json_name for each in rows.descriptor.fields}
        first = next((each.path for each in self._columns if isinstance(each, PanelColumn)), "")
        self._name = panel.name or (NAME if NAME in names else first)

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
        """Beside the columns, rows need the `used` fields."""
        panel = self._panel
        view: dict[str, str] = {str(name): text for name, text in panel.view.items()}
        columns = [self._column(each) for each in self._columns]
        details = [self._column(each) for each in panel.details]
        line = [self._column(each) for each in panel.line]
        in_summary = [*paths_of_summary(self.summary)]
        for path in in_summary:
            self._check(path)
        summary = [self._summed(each) for each in self.summary]
        if not self._is_grouped:
            view["fields"] = ",".join(self._fields([*used, *in_summary]))
        asked = tuple((f"_{name}", text) for name, text in view.items())
        AnswerViews.of(self.method).compiled(asked)
        return {
            "title": self._title,
            "summary": summary,
            "request": panel.request,
            "given": panel.given,
            "told": panel.told,
            "view": view,
            "rows": ["groups"] if self._is_grouped else list(self._rows.names),
            "name": self._name,
            "columns": columns,
            "nouns": panel.nouns,
            **({"details": details} if details else {}),
            **({"line": line} if line else {}),
            **({"alone": True} if panel.alone else {}),
            **({"mine": panel.mine} if panel.mine else {}),
            **({"gone": panel.gone} if panel.gone else {}),
        }

    def _summed(self, part: str | served.Json) -> str | served.Json:
        if isinstance(part, str) or "when" not in part:
            return part
        return {**part, "when": self._with_ages(part["when"])}

    def lead(self, lead: Lead, panels: Mapping[str, Panel]) -> served.Json:
        target = given_panel(panels, lead.panel, lead.with_)
        for name in lead.tells:
            if name not in target.told:
                raise NotApplicable(f"{lead.panel} is not told {name}")
        for path in (*lead.with_.values(), *lead.tells.values(), *([lead.of] if lead.of else [])):
            self._check(path)
        title = lead.title or title_of(lead.panel, target)
        return {
            "panel": lead.panel,
            "title": title,
            "with": lead.with_,
            "tells": lead.tells,
            **({"aside": True} if lead.aside else {}),
            **({"of": lead.of} if lead.of else {}),
        }

    def about(self, about: About, panels: Mapping[str, Panel]) -> served.Json:
        other = given_panel(panels, about.panel, about.with_)
        for name in about.with_.values():
            if name not in (*self._panel.given, *self._panel.told, NAME):
                raise NotApplicable(f"the panel is not given {name}")
        for title in about.offers:
            if title not in [each.title for each in other.actions]:
                raise NotApplicable(f"{about.panel} has no action {title}")
        return {"panel": about.panel, "with": about.with_, "offers": about.offers}

    def action(self, action: PanelAction, method: Method) -> served.Json:
        check_request(method, action.request)
        for target, path in action.with_.items():
            check_target(method, target)
            self._check(path)
        for target, path in action.given.items():
            check_target(method, target)
            if path not in self._panel.given:
                raise NotApplicable(f"the panel is not given {path}")
        when = self._condition(action.when)
        return {
            "title": action.title,
            "method": method.path,
            "about": method.summary,
            "with": action.with_,
            "given": action.given,
            "request": action.request,
            "asks": [self._asked(action, method, path) for path in action.asks],
            **({"when": when, "otherwise": action.otherwise or ""} if when else {}),
            **({"many": True} if action.many else {}),
            **({"reads": True} if method.reads_only else {}),
        }

    def _asked(self, action: PanelAction, method: Method, path: str) -> served.Json:
        """What the page needs to ask for the value at a path of a request."""
        field = check_target(method, path)
        if field.message_type is not None:
            raise NotApplicable(f"{path} is no single value")
        source = action.with_.get(path)
        present = None if source is None else self._check(source)
        unit = None if present is None else unit_of(present, AnswerViews.of(self.method).units)
        choices = None if field.enum_type is None else [*field.enum_type.values_by_name]
        return {
            "path": path,
            "title": action.asks[path],
            "number": field.type in NUMBERS,
            "of": "" if field.containing_type is None else field.containing_type.full_name,
            **({"unit": unit} if unit else {}),
            **({"choices": choices} if choices else {}),
            **({"choices": ["true", "false"]} if field.type == field.TYPE_BOOL else {}),
        }

    def _condition(self, text: str | None) -> Alternatives:
        if text is None:
            return []
        found = self._with_ages(alternatives(text))
        if not self._is_grouped:
            AnswerViews.of(self.method).compiled((("_where", text),))
        return found

    def _with_ages(self, found: Alternatives) -> Alternatives:
        """With those of times, such as `pingTime>2m`, in seconds."""
        return [[self._with_age(each) for each in every] for every in found]

    def _with_age(self, found: Comparison) -> Comparison:
        path, operator, value, *_ = found
        field = self._check(path)
        if field is None or unit_of(field, AnswerViews.of(self.method).units) != "time":
            return found
        seconds = moment_of_age(value, 0)
        return found if seconds is None else [path, operator, str(-seconds), AGO]

    def _column(self, column: PanelColumn | TextColumn) -> served.Json:
        when = self._condition(column.when)
        if isinstance(column, TextColumn):
            for name in self._in_template(column):
                self._check(name)
            shown: served.Json = {"text": column.text, "title": column.title, "number": False}
            return {
                **shown,
                **({"when": when} if when else {}),
                **({"alert": True} if column.alert else {}),
                **copied(column),
            }
        field = self._check(column.path)
        if column.lead and column.lead not in [each.panel for each in self._panel.leads]:
            raise NotApplicable(f"{column.lead} is none of the leads")
        bar = column.bar
        if isinstance(bar, str):
            self._check(bar)
        unit = None if field is None else unit_of(field, AnswerViews.of(self.method).units)
        return {
            "path": column.path,
            "title": column.title or words_of(column.path),
            "number": unit != "time" and (field is None or field.type in NUMBERS),
            **({"unit": unit} if unit else {}),
            **({"bar": bar} if bar else {}),
            **({"alert": column.alert} if column.alert else {}),
            **({"before": column.before} if column.before else {}),
            **({"lead": column.lead} if column.lead else {}),
            **({"when": when} if when else {}),
            **copied(column),
        }

    def _in_template(self, column: TextColumn) -> list[str]:
        """The fields of a row in it."""
        return [name for name in IN_TEMPLATE.findall(column.text) if name not in self._panel.told]

    def _check(self, path: str) -> FieldDescriptor | None:
        """The field of a row at a path; None for the number of rows in a group."""
        if self._is_grouped and path == COUNT:
            return None
        aggregate = AGGREGATE.fullmatch(path) if self._is_grouped else None
        name = aggregate[2] if aggregate else path
        found = row_path(self.method, self._rows.descriptor, name)
        kind = aggregate[1] if aggregate else "group"
        asked = {str(name): text for name, text in self._panel.view.items()}
        if self._is_grouped and found.text not in asked.get(kind, "").split(","):
            raise NotApplicable(f"{path} is not in `{kind}`")
        return found.leaf

    def _fields(self, used: Iterable[str]) -> list[str]:
        """What is needed of a row, also for its order and its name."""
        panel = self._panel
        needed: list[str] = []
        for each in (*self._columns, *panel.details, *panel.line):
            if isinstance(each, TextColumn):
                needed += self._in_template(each)
            else:
                needed += [each.path, *([each.bar] if isinstance(each.bar, str) else [])]
            needed += paths_of(self._condition(each.when))
        needed += used
        needed += [each.lstrip("-") for each in panel.view.get("sort", "").split(",") if each]
        names = {each.json_name for each in self._rows.descriptor.fields}
        needed += [each for each in (ID, self._name) if each in names]
        return list(dict.fromkeys(needed))


def copied(column: PanelColumn | TextColumn) -> served.Json:
    return {"copy": True} if column.copy_ else {}


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


def row_path(method: Method, row: Descriptor, path: str) -> RowField:
    """Raises NotApplicable without a field at the path, or a column of that name."""
    try:
        return find_path(row, path, method.encoders.aliases)
    except LookupError as error:
        raise NotApplicable(str(error)) from None


def check_target(method: Method, path: str) -> FieldDescriptor:
    field = needed_field(method.descriptor.input_type, split(path.removesuffix("[]")))
    if path.endswith("[]") and not field.is_repeated:
        raise NotApplicable(f"{path} is no list")
    return field


def check_names(method: Method, path: Iterable[str]) -> None:
    """Whether there is a field at a path of an answer, which may lead through lists."""
    at: Descriptor | None = method.descriptor.output_type
    for name in path:
        fields = () if at is None else at.fields
        field = next((each for each in fields if each.json_name == name), None)
        if field is None:
            raise NotApplicable(f"{method.descriptor.output_type.full_name} has no {name}")
        at = message_of(field) if field.message_type is not None else None


def given_panel(panels: Mapping[str, Panel], name: str, given: Mapping[str, object]) -> Panel:
    """The whole panel that another one leads to, with what it is given. Raises NotApplicable."""
    if name not in panels:
        raise NotApplicable("there is no such panel")
    found = whole(panels, name)
    if given.keys() != {*found.given}:
        raise NotApplicable(f"{name} is given {', '.join(found.given) or 'nothing'}")
    return found


def whole(panels: Mapping[str, Panel], name: str) -> Panel:
    """A panel with what it takes over from the one that it is `like`: also what that one is about,
    if both are given the same. Raises NotApplicable.
    """
    panel = panels[name]
    if panel.like is None:
        return panel
    other = panels.get(panel.like)
    if other is None or other.like is not None:
        raise NotApplicable(f"{panel.like} is no panel, or is itself like another one")
    own = {each: getattr(panel, each) for each in panel.model_fields_set}
    about = other.about if panel.given in ((), other.given) else None
    return other.model_copy(
        update={"alone": False, "mine": None, "title": None, "about": about, **own}
    )


def title_of(id_: str, panel: Panel) -> str:
    """Without a title, `Longest frames` for `longest-frames`."""
    words = re.sub("[-_]+", " ", id_).capitalize()
    return panel.title or (f"{words}: {{name}}" if panel.given else words)


def words_of(path: str) -> str:
    """`Running frames` for `jobStats.runningFrames`."""
    last = path.rstrip(")").rpartition(".")[2]
    return " ".join(LAST_WORD.findall(last)).capitalize()
