"""The alerts and the dashboard: each query is one that Prometheus understands, on our metrics."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.core.families import FAMILIES
from gateway.features.metrics.metrics import PREFIX
from tests.deploy.places import DEPLOY, program, run, text_of
from tests.support.needs import needs

pytestmark = needs("metrics")

ALERTS = yaml.safe_load(text_of("alerts.yaml"))["groups"][0]["rules"]
TESTS = yaml.safe_load(text_of("alerts.test.yaml"))["tests"]
DASHBOARD = json.loads(text_of("dashboard.json"))
METRICS = {
    f"{PREFIX}{family.name}{'_bucket' * (family.kind == 'histogram')}"
    for family in FAMILIES.values()
}
"""What the gateway shows, as Prometheus names it; all of it is on the dashboard."""


def named(text: str) -> set[str]:
    """The gateway's metrics in a query."""
    return set(re.findall(r"\bcuebot_gateway_\w+", text))


def panels() -> Iterator[Any]:
    """The panels with queries."""
    return (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def queries() -> list[str]:
    """The dashboard's queries, with values for its variables."""
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    values = {"$__rate_interval": "5m", "$job": "cuebot-gateway", "$instance": ".+"}
    for name, value in values.items():
        found = [query.replace(name, value) for query in found]
    return found


def test_every_alert_says_what_it_is_about() -> None:
    for alert in ALERTS:
        assert alert["labels"]["severity"] in ("critical", "warning")
        place = f"docs/operations.md#{alert['alert'].lower()}"
        assert alert["annotations"].keys() == {"summary", "runbook_url"}
        assert alert["annotations"]["runbook_url"] == place
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS)


def test_alerts_ask_for_metrics_that_there_are() -> None:
    """A misspelled one would never fire."""
    assert named("".join(alert["expr"] for alert in ALERTS)) <= METRICS


def test_every_alert_is_tested_both_ways() -> None:
    fires: dict[str, set[bool]] = {}
    for case in TESTS:
        (asked,) = case["alert_rule_test"]
        fires.setdefault(asked["alertname"], set()).add(bool(asked["exp_alerts"]))
    assert fires == {alert["alert"]: {True, False} for alert in ALERTS}


@pytest.mark.slow
def test_alerts_fire_when_they_should() -> None:
    promtool = program("promtool")
    run(promtool, "check", "rules", DEPLOY / "alerts.yaml")
    assert "SUCCESS" in run(promtool, "test", "rules", DEPLOY / "alerts.test.yaml")


def test_the_dashboard_shows_every_metric() -> None:
    assert named(" ".join(queries())) == METRICS


@pytest.mark.slow
def test_prometheus_understands_the_queries(tmp_path: Path) -> None:
    assert not [query for query in queries() if "$" in query]
    rules = [{"record": f"query:{at}", "expr": query} for at, query in enumerate(queries())]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in run(program("promtool"), "check", "rules", file)


def test_panels_have_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_ask_the_chosen_prometheus() -> None:
    """Its data source is a variable, so that an import asks for it."""
    (source,) = (each for each in DASHBOARD["templating"]["list"] if each["type"] == "datasource")
    assert {panel["datasource"]["uid"] for panel in panels()} == {f"${{{source['name']}}}"}
