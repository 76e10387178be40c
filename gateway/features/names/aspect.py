"""What is known of the names in a method's requests, compiled when a catalog is built."""

import re
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.core.codec.rewrite import BodyPath
from gateway.core.errors import Sought
from gateway.core.profile.schema_paths import RowSearch
from gateway.core.schema.method import Aspect, FieldPath, Method
from gateway.core.suggestions import QUOTED_CHARS


@dataclass(frozen=True, slots=True)
class Source:
    """A place in requests for a search term."""

    path: BodyPath
    inside: bool
    """Whether the path begins in the object, not in the request."""
    native: bool
    """Whether Cuebot has this field."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A value in a look-up's request, from the first source that has one."""

    send: BodyPath
    sources: tuple[Source, ...]
    lower: bool = False
    """Whether a text is sent in lower case."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(source.path) for source in self.sources))


@dataclass(frozen=True, slots=True)
class Finder:
    method: Method
    sends: tuple[Sent, ...]
    take: FieldPath
    """The object's id in the answer."""
    listing: "Listing | None" = None
    """A list of objects, also of those that the call does not find."""
    only: str = ""
    """For messages: the only objects that the call finds."""

    @property
    def asks(self) -> tuple[BodyPath, ...]:
        """Places of the search terms in the look-up's request."""
        return tuple(each.send for each in self.sends)


@dataclass(frozen=True, slots=True)
class Listing:
    """A call for a list, and the choice among its rows."""

    method: Method
    copies: tuple[tuple[FieldPath, BodyPath, bool], ...]
    """Paths of values in the look-up's request and in this one, and whether that is a list."""
    constants: tuple[tuple[BodyPath, object], ...]
    rows: RowSearch
    """Rows that match the look-up's request."""
    newest: FieldPath = ()
    """Time of rows, to choose the newest. Empty: several rows are ambiguous."""
    only_with: FieldPath = ()
    """A field that requests have to set to get a row. Empty: none."""
    given: tuple[tuple[BodyPath, BodyPath], ...] = ()
    """Paths of values for look-ups before the look-up: in the client's request and in this one."""
    says: str = ""
    """For messages about rows that the look-up does not find: `is finished`. Changes to them are
    refused. Empty: the list only tells namesakes apart."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An object in requests that Cuebot identifies by its id alone."""

    place: BodyPath
    """The place of an object, an id, or a list of either."""
    kind: str
    """`job`."""
    listed: bool = False
    is_text: bool = False
    """Whether the place has ids, not objects. A text that cannot be an id is a name."""
    finders: tuple[Finder, ...] = ()
    """The first for which the request has all values is used. None: only an id will do."""
    name_parts: re.Pattern[str] | None = None
    """What names say: a pattern with a group for each field."""
    by_name: bool = False
    """Whether Cuebot itself knows such objects by their names, which need no look-up."""

    def at(self, item: int | None) -> str:
        """Its place, or that of the item with this number: `jobs.jobs[2]`."""
        return str(self.place) if item is None else f"{self.place}[{item}]"


@dataclass(frozen=True, slots=True)
class Filter:
    """Names in a read's request, without which it finds nothing."""

    place: str
    """`r.shows`."""
    path: FieldPath
    near: "Near"
    """All names that there are."""


@dataclass(frozen=True, slots=True)
class Near:
    """A list of names, for a name that its method does not find."""

    kind: str
    """`job`."""
    name: str
    """How fields of the method's request make the name: `{frame:04}-{layer}`."""
    parts: tuple[tuple[str, str], ...]
    """The fields in `name`: as they are written there, and Cuebot's names."""
    within: tuple[str, str] | None
    """The field that says what the names belong to, as in `parts`."""
    method: Method
    copies: tuple[tuple[FieldPath, BodyPath], ...]
    """From the method's request to that for the list."""
    constants: tuple[tuple[BodyPath, object], ...]
    rows: tuple[FieldDescriptor, ...]
    """From the answer down to a list of objects; empty for a list of names."""
    names: FieldPath
    """The place of the names in the answer, or of the name in a row."""
    part: BodyPath | None
    """The place, in the request for the list, of texts that names have to contain."""
    only: str = ""
    """`pending`: what alone is found, of the kind or of what it is in."""
    listing: Listing | None = None
    """A list of objects of the very name that the method does not find, and why it does not."""

    def name_in(self, asked: Any) -> str:
        """The name in a request of the method; empty for one that stands in a filter."""
        return self.name.format(**{part: getattr(asked, field) for part, field in self.parts})

    def sought(self, method: Method, payload: bytes) -> Sought:
        """The name in a request of the method, and what it is in."""
        asked, within = method.parse_request(payload), None
        if self.within is not None:
            kind, field = self.within
            within = (kind, str(getattr(asked, field))[:QUOTED_CHARS])
        name = self.name_in(asked)[:QUOTED_CHARS]
        return Sought(method.path, self.kind, name, payload, self.only, within)


@dataclass(frozen=True)
class RequestNames(Aspect):
    """The names that requests of a method may have."""

    references: tuple[Reference, ...] = ()
    """Objects in requests that a name will do for."""
    namesakes: Listing | None = None
    """The list that tells apart objects of one name."""
    near: Near | None = None
    """The list of names in which a misspelled one is looked up."""
    filters: tuple[Filter, ...] = ()
    """Names in requests that may be of nothing."""
    things: frozenset[str] = frozenset()
    """Names of fields, of any method, with objects or their names."""
