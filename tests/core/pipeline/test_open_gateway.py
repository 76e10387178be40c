"""A gateway without a feature that identifies callers."""

import pytest
from structlog.testing import capture_logs

from gateway.app import create_app
from gateway.core.errors import ConfigurationError
from gateway.core.settings.reach import ANYWHERE
from gateway.feature import Feature
from gateway.features import FEATURES
from gateway_cli import checks
from tests.support.needs import needs
from tests.support.servers import ScriptedCuebot, bearer, http_client, running_gateway, settings_for

pytestmark = pytest.mark.anyio

NOBODYS: tuple[type[Feature], ...] = tuple(each for each in FEATURES if not each.identifies)
SHOWS = "/show.ShowInterface/GetShows"


async def test_everybody_may_call_and_the_log_says_so(cuebot: ScriptedCuebot) -> None:
    settings = settings_for(cuebot.endpoint, rest_host="127.0.0.1", open_to_all=False)
    with capture_logs() as logged:
        create_app(settings, features=NOBODYS)
    assert [each["event"] for each in logged if each["log_level"] == "warning"] == [
        "no feature identifies callers: everybody may call everything"
    ]
    async with (
        running_gateway(settings, features=NOBODYS) as gateway,
        http_client(gateway.url) as client,
    ):
        for headers in ({}, bearer(), {"Authorization": "Bearer nonsense"}):
            answer = await client.post(SHOWS, json={}, headers=headers)
            assert answer.status_code == 200


@needs("openapi")
async def test_everybody_may_read_pages(cuebot: ScriptedCuebot) -> None:
    settings = settings_for(cuebot.endpoint, rest_host="127.0.0.1")
    async with (
        running_gateway(settings, features=NOBODYS) as gateway,
        http_client(gateway.url) as client,
    ):
        assert (await client.get("/openapi.json")).status_code == 200


@needs("tokens")
@pytest.mark.parametrize(
    ("given", "reached_at", "where"),
    [
        ({}, None, "REST_HOST=0.0.0.0"),
        ({"rest_host": "::"}, None, "REST_HOST=::"),
        ({"rest_host": "gateway.studio"}, None, "REST_HOST=gateway.studio"),
        ({"rest_host": "127.0.0.1"}, ANYWHERE, "where its server listens is not known here"),
        ({"rest_host": "localhost"}, None, ""),
        ({"rest_host": "::1"}, None, ""),
        ({"open_to_all": True}, None, ""),
        ({"open_to_all": True}, ANYWHERE, ""),
    ],
)
def test_other_machines_reach_it_only_if_they_may(
    given: dict[str, object], reached_at: tuple[str, ...] | None, where: str
) -> None:
    settings = settings_for("127.0.0.1:1", **{"open_to_all": False} | given)
    create_app(settings, reached_at=reached_at)  # with tokens, whoever reaches it
    if not where:
        create_app(settings, features=NOBODYS, reached_at=reached_at)
        return
    with pytest.raises(ConfigurationError) as refused:
        create_app(settings, features=NOBODYS, reached_at=reached_at)
    assert str(refused.value) == (
        f"OPEN_TO_ALL: no feature identifies callers: everybody may call everything ({where})."
        " Listen on 127.0.0.1, or set OPEN_TO_ALL=true if a proxy or a firewall decides who reaches"
        " it"
    )


async def test_the_check_tells_of_it(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "FEATURES", NOBODYS)
    report = await checks.run_checks(settings_for(cuebot.endpoint, open_to_all=False))
    assert report.warnings[0].startswith("no feature identifies callers: everybody")
    assert [each.partition(":")[0] for each in report.problems] == ["OPEN_TO_ALL"]
    assert report.settings_wrong
    report = await checks.run_checks(settings_for(cuebot.endpoint))
    assert (report.problems, report.settings_wrong) == ([], False)
