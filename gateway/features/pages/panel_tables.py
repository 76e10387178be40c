"""The profile's tables of the page at `/`: panels, groups of objects, completions."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from gateway.core.profile.entry_types import (
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
    """A value of a row, at `path`. Of a text, only what is `before` this mark may be shown.

    A `bar` is as long as the value, beside the largest of the table or the one at this path. What
    is `alert` stands out: a number that is not 0, or one of these texts. Rows that do not fit
    `when` show nothing. The value leads to a panel of the `leads`, a number that is 0 to none; what
    one may `copy` has a button for it.
    """

    path: RowPath
    title: Line | None = None
    when: Line | None = None
    bar: StrictBool | FieldPath = False
    alert: StrictBool | tuple[str, ...] = False
    before: Annotated[str, Field(min_length=1)] | None = None
    lead: PanelId | None = None
    copy_: bool = Field(alias="copy", default=False)


class TextColumn(Entry):
    """A `text` with values in braces, of the row or of what the panel was `told`. With `alert`, it
    stands out.
    """

    text: Line
    title: Line
    when: Line | None = None
    alert: StrictBool = False
    copy_: bool = Field(alias="copy", default=False)


class Lead(Entry):
    """Another panel: its `given` fields get these values of a row, and it is told others.

    A row's name leads to the first that is not `aside`, or else shows its details. What it leads to
    has the name of the row, or that in its column `of`.
    """

    panel: PanelId
    title: Line | None = None
    aside: bool = False
    of: RowPath | None = None
    with_: dict[TargetPath, RowPath] = Field(alias="with")
    tells: dict[FieldName, RowPath] = {}


class PanelAction(Entry):
    """A method that may be called for a row: its request has values of the row, of the fields that
    the panel was `given`, and constants. What it `asks` for has a title each.

    With `many`, also for all rows at once. Rows that do not fit `when` are left out: `otherwise`
    says why.
    """

    title: Line
    method: MethodName
    with_: dict[TargetPath, RowPath] = Field(alias="with", default_factory=dict)
    given: dict[TargetPath, TargetPath] = {}
    request: dict[str, Any] = {}
    asks: dict[TargetPath, Line] = {}
    when: Line | None = None
    otherwise: Line | None = None
    many: bool = False


class About(Entry):
    """The panel of the one row that another panel is about: what that one was given or told, or
    its `name`, is given to it. Of its actions, those with the titles `offers` have buttons.
    """

    panel: PanelId
    with_: dict[TargetPath, TargetPath] = Field(alias="with")
    offers: tuple[Line, ...] = ()


class Panel(Entry):
    """A read, shown as a table. One with `given` fields is shown for a row of another panel.

    `title` and `summary` have values in braces: `{count}` and `{sum(path)}` of the rows that are
    shown, and in the title `{name}`, that of the row that led here. By default, a title is the id
    in words, the columns are the first plain fields of the rows, and a `name` is the rows' own, or
    else the first column. A panel that is `like` another one takes over from it all that it does
    not set itself. One that is `alone` is not in the overview, which has a link to it; one that is
    given a user has a title for what is `mine`.

    `details` of a row have more than its columns. `gone` says what has become of a row that is no
    longer there. Beside the title is what a panel is `about`: the `line` of that row, and what can
    be done with it. `nouns` are the words for one row and several.
    """

    title: Line | None = None
    like: PanelId | None = None
    alone: bool = False
    mine: Line | None = None
    method: MethodName | None = None
    request: dict[str, Any] = {}
    given: tuple[TargetPath, ...] = ()
    told: tuple[FieldName, ...] = ()
    view: dict[ViewParameter, str] = {}
    columns: tuple[PanelColumn | TextColumn, ...] = ()
    details: tuple[PanelColumn | TextColumn, ...] = ()
    line: tuple[PanelColumn | TextColumn, ...] = ()
    about: About | None = None
    nouns: tuple[Line, Line] = ("row", "rows")
    gone: Line | None = None
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


class PanelTables(Entry):
    panels: Panels = Panels()
