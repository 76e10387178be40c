"""The tables of a profile about the page at `/`."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from gateway.compat.entry_types import (
    NAMES,
    Entry,
    FieldName,
    FieldPath,
    Glob,
    Line,
    MethodName,
    ServiceName,
    TargetPath,
    TypeName,
    shaped,
)

RowPath = Annotated[
    str,
    shaped(rf"{NAMES}|(sum|min|max)\({NAMES}\)", "a field of a row, or an aggregate of a group"),
]
PanelId = Annotated[str, shaped(r"[a-z0-9]+(-[a-z0-9]+)*", "the id of a panel, such as down-hosts")]
ViewParameter = Literal["where", "sort", "limit", "group", "count", "sum", "min", "max"]


class PanelColumn(Entry):
    """A value of a row, at `path`.

    A `bar` is as long as the value, beside the largest of the table or the one at this path. What
    is `alert` stands out: a number that is not 0, or one of these texts.
    """

    path: RowPath
    title: Line | None = None
    bar: StrictBool | FieldPath = False
    alert: StrictBool | tuple[str, ...] = False


class Lead(Entry):
    """Another panel, whose `given` fields get these values of a row."""

    panel: PanelId
    title: Line | None = None
    with_: dict[TargetPath, RowPath] = Field(alias="with")


class PanelAction(Entry):
    """A method that may be called for a row: its request has values of the row, of the fields that
    the panel was `given`, and constants.

    With `many`, also for all rows at once: such a request needs nothing else.
    """

    title: Line
    method: MethodName
    with_: dict[TargetPath, RowPath] = Field(alias="with", default_factory=dict)
    given: dict[TargetPath, TargetPath] = {}
    request: dict[str, Any] = {}
    many: bool = False


class Panel(Entry):
    """A read, shown as a table. One with `given` fields is shown for a row of another panel.

    `title` and `summary` have values in braces: `{count}` and `{sum(path)}` of the rows that are
    shown, and in the title `{name}`, that of the row that led here. Without a title, it is called
    as in the profile; without columns, it has the first plain fields of its rows; without a `name`,
    that is a row's, or its first column.
    """

    title: Line | None = None
    method: MethodName
    request: dict[str, Any] = {}
    given: tuple[TargetPath, ...] = ()
    view: dict[ViewParameter, str] = {}
    columns: tuple[PanelColumn, ...] = ()
    summary: Line | None = None
    name: RowPath | None = None
    leads: tuple[Lead, ...] = ()
    actions: tuple[PanelAction, ...] = ()


class Objects(Entry):
    """Services whose methods the explorer lists together, the `common` ones first."""

    title: Line
    common: tuple[MethodName, ...] = ()
    services: Annotated[tuple[ServiceName, ...], Field(min_length=1)]


class Completion(Entry):
    """The names of objects: a list in the answer of `method`, at `names`.

    They complete objects of a type (`message`), and texts at the `fields` of requests.
    """

    method: MethodName
    request: dict[str, Any] = {}
    names: FieldPath
    message: TypeName | None = None
    fields: tuple[FieldName, ...] = ()


class Panels(Entry):
    """What the page at `/` shows. The page asks before it calls what `destroys`."""

    panels: dict[PanelId, Panel] = {}
    objects: tuple[Objects, ...] = ()
    completions: tuple[Completion, ...] = ()
    destroys: tuple[Glob, ...] = ()
