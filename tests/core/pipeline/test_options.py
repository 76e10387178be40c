"""Options that features read: in their order, each its own, and none that nobody knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from gateway.core.calls.query import NO_QUERY, Query
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import GatewayError
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.options import Options, QueryReader
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog
from tests.support.contexts import context_of
from tests.support.opencue import opencue

METHOD = build_catalog(opencue(), Selection()).routes["/show.ShowInterface/FindShow"]


@dataclass
class Reads:
    """Takes its options, and says so in what an exchange is told."""

    parameters: tuple[str, ...]
    media: bytes = b""
    other_ways: Mapping[str, str] = field(default_factory=dict)
    hidden: str = ""
    """An option that only it knows of."""

    def needs(self, accept: bytes) -> bool:
        return accept == self.media

    def read(self, context: RequestContext, method: Method, options: Options) -> None:
        hidden = options.take(self.hidden) if self.hidden else []
        found = [options.given.pop(each) for each in self.parameters if each in options.given]
        assert options.asked is None or isinstance(options.asked, list)
        options.asked = [*(options.asked or []), [*hidden, *found]]


def read(query: bytes, *readers: Reads, accept: bytes | None = None, verb: str = "POST") -> Query:
    request = context_of(METHOD.path, method=verb).request._replace(query=query)
    context = RequestContext(request, [])
    return QueryReader(readers).read(context, METHOD, accept, UnknownFieldPolicy.ARGUMENTS)


def test_each_reads_its_own() -> None:
    first, other = Reads(("_a", "_b"), hidden="_h"), Reads(("_c",))
    assert read(b"_c=3&_a=1&_h=4&_h=5", first, other).asked == [["4", "5", "1"], ["3"]]
    assert read(b"_c=3&name=x&_=17", first, other, verb="GET").body == b'{"name":"x"}'


def test_without_a_query_string_only_some_accept_headers_are_read() -> None:
    reader = Reads(("_a",), media=b"text/plain")
    assert read(b"", reader) is read(b"", reader, accept=b"*/*") is NO_QUERY
    assert read(b"", reader, accept=b"text/plain").asked == [[]]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (b"_x=1", "_x: there is no such parameter; there are _c, _a, _b"),
        (b"_bb=1", "_bb: there is no such parameter; did you mean _b?"),
        (b"_oldName=1", "_oldName: there is no such parameter; write _a=1"),
        (b"_a=1&_a=2", "_a: it is there twice"),
        (b"_h=1", "_h: there is no such parameter; "),
        (b"_=x", "_: there is no such parameter; "),
    ],
)
def test_what_nobody_knows_is_refused(query: bytes, says: str) -> None:
    """The last reader's are named first."""
    first = Reads(("_a", "_b"), other_ways={"_oldname": "write _a={value}"})
    with pytest.raises(GatewayError) as refused:
        read(query, first, Reads(("_c",)))
    assert refused.value.message.startswith(says)


def test_without_features_no_option_is_known() -> None:
    with pytest.raises(GatewayError, match=r"^_fields: there is no such parameter"):
        read(b"_fields=name")
