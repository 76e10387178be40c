"""A body is parsed once, and again only if it may mean something else."""

import pytest

from gateway.core.calls.plan import plan
from gateway.core.codec.body import parse
from gateway.core.codec.unknown_fields import UnknownFieldPolicy as Policy
from gateway.core.errors import GatewayError
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from tests.support.needs import needs
from tests.support.opencue import opencue

CATALOG = build_catalog(opencue(), Selection(), load_profile("opencue"))
GET_JOBS, SET_MEMORY = "/job.JobInterface/GetJobs", "/job.LayerInterface/SetMinMemory"
LAYER = b'"layer": {"id": "00000000-0000-0000-0000-000000000001"}'


@pytest.mark.parametrize(
    ("path", "body", "times"),
    [
        (GET_JOBS, b'{"r": {"shows": ["demo"]}}', 1),
        (GET_JOBS, b'{"r": {"shows": [[]]}}', 1),
        (GET_JOBS, b'{"nonsense": 1}', 1),
        (GET_JOBS, b'{"r": {"nonsense": 1}}', 1),
        (GET_JOBS, b'{"user": "lena"}', 2),
        (GET_JOBS, b'{"r.users": ["lena"]}', 2),
        (SET_MEMORY, b'{%s, "memory": 1}' % LAYER, 1),
        (SET_MEMORY, b'{%s, "memory": []}' % LAYER, 1),
        pytest.param(SET_MEMORY, b'{%s, "memory": "8GB"}' % LAYER, 2, marks=needs("views")),
    ],
)
def test_a_body_is_parsed_again_only_if_it_may_mean_something_else(
    monkeypatch: pytest.MonkeyPatch, path: str, body: bytes, times: int
) -> None:
    parsed: list[bytes] = []

    def counted(content: bytes) -> object:
        parsed.append(content)
        return parse(content)

    monkeypatch.setattr("gateway.core.calls.plan.parse", counted)
    try:
        plan(CATALOG.routes[path], body, Policy.ARGUMENTS)
    except GatewayError:
        assert times == 1
    assert len(parsed) == times
