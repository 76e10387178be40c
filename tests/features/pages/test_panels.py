"""Panels of the page at `/`: those of OpenCue fit, and what does not fit a schema is told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.discovery.files import ProtoDirectory
from gateway.core.errors import ConfigurationError
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog, load_profile
from gateway.features.pages.panels import Panels
from tests.support.foreign import PROTO
from tests.support.opencue import opencue

LIST = {"title": "Pools", "method": "farm.PoolInterface/List", "columns": [{"path": "poolName"}]}


def catalog_of(folder: Path, panels: dict[str, Any], **more: object) -> Catalog:
    """The catalog of a schema that is not OpenCue's, with these panels."""
    (folder / "farm.proto").write_text(PROTO, encoding="utf-8")
    profile = Profile.model_validate({"panels": {"panels": panels, **more}})
    return build_catalog(ProtoDirectory(folder).read(), Selection(), profile)


def reasons(catalog: Catalog) -> dict[str, str]:
    return {each.entry: each.reason for each in catalog.idle.entries}


@pytest.fixture(scope="module")
def ours() -> Catalog:
    return build_catalog(opencue(), Selection(), load_profile("opencue"))


def test_the_panels_of_opencue_fit(ours: Catalog) -> None:
    assert [each for each in reasons(ours) if each.startswith("panels")] == []
    shown = Panels.of(ours).for_reader({each.path for each in ours.methods})
    listed = {service for each in shown["objects"] for service in each["services"]}
    assert listed == {each.service for each in ours.methods}
    ids = {each["id"] for each in shown["panels"]}
    assert {lead["panel"] for each in shown["panels"] for lead in each["leads"]} <= ids
    reached = {lead["panel"] for each in shown["panels"] for lead in each["leads"]}
    reached |= {each["about"]["panel"] for each in shown["panels"] if "about" in each}
    assert {each["id"] for each in shown["panels"] if each["given"]} == reached
    about = {each["id"]: each["about"]["panel"] for each in shown["panels"] if "about" in each}
    of_job = ("layers", "frames", "dead-frames", "depends", "dependents", "comments")
    of_host = ("procs-of-host", "comments-on-host")
    assert about == {**dict.fromkeys(of_job, "job"), **dict.fromkeys(of_host, "host")}


def test_ages_are_compared_in_seconds(ours: Catalog) -> None:
    """In conditions of columns and of summaries, as in those that Cuebot's rows are chosen by."""
    shown = {each.id: each.shown for each in Panels.of(ours).panels}
    silent = [[["pingTime", ">", "120", "ago"]]]
    for name in ("down-hosts", "hosts", "longest-frames", "procs", "procs-of-host"):
        (column,) = (each for each in shown[name]["columns"] if each.get("text") == "silent")
        assert (column["when"], column["alert"]) == (silent, True)
        assert "pingTime" in shown[name]["view"]["fields"].split(",")
    conditions = [each["when"] for each in shown["hosts"]["summary"] if "when" in each]
    assert [["state", "=", "UP"], *silent[0]] in [every for each in conditions for every in each]


def test_rows_of_long_lists_keep_their_places(ours: Catalog) -> None:
    """Their order is by what does not change while somebody looks."""
    lists = [each.shown for each in Panels.of(ours).panels if each.shown.get("alone")]
    first = {each["view"]["sort"].split(",")[0] for each in lists}
    assert first == {"name", "-stopTime", "dispatchTime"}


def test_frames_that_wait_are_counted_under_one_name(ours: Catalog) -> None:
    names: dict[str, set[str]] = {}
    for each in Panels.of(ours).panels:
        for column in each.shown["columns"]:
            last = column.get("path", "").rpartition(".")[2].rstrip(")")
            if last in {"waitingFrames", "dependFrames", "pendingFrames"}:
                names.setdefault(column["title"], set()).add(last)
    assert names == {
        "Waiting": {"waitingFrames"},
        "Depend": {"dependFrames"},
        "Wait or depend": {"pendingFrames"},
    }


def test_what_kills_and_deletes_asks(ours: Catalog) -> None:
    words = ("Kill", "Delete", "Eat", "Clear")
    wanted = {each.path for each in ours.methods if each.descriptor.name.startswith(words)}
    assert wanted <= {*Panels.of(ours).destroys}
    reads = {each.path for each in ours.methods if each.reads_only}
    assert not reads & {*Panels.of(ours).destroys}


def test_a_foreign_schema_has_panels_of_its_own(tmp_path: Path) -> None:
    full = {
        "title": "Pools of {name}",
        "method": "farm.PoolInterface/List",
        "given": ["names[]"],
        "view": {"sort": "-size"},
        "summary": "{count} pools of {sum(size)}",
        "columns": [{"path": "poolName"}, {"path": "size", "title": "Places", "bar": True}],
        "actions": [
            {
                "title": "Drain",
                "method": "farm.PoolInterface/Drain",
                "with": {"pool.id": "id"},
                "given": {"names[]": "names[]"},
            }
        ],
    }
    lead = {"panel": "some", "with": {"names[]": "poolName"}}
    catalog = catalog_of(
        tmp_path,
        {"some": full, "all": {**LIST, "leads": [lead]}},
        destroys=["*/Drain"],
        completions=[
            {"method": "farm.PoolInterface/List", "names": "pools.poolName", "fields": ["names"]}
        ],
    )
    assert reasons(catalog) == {}
    everything = {each.path for each in catalog.methods}
    shown = Panels.of(catalog).for_reader(everything)
    some, all_ = shown["panels"]
    assert some["view"] == {"sort": "-size", "fields": "poolName,size,id"}
    assert some["rows"] == ["pools"]
    assert some["columns"] == [
        {"path": "poolName", "title": "Pool name", "number": False},
        {"path": "size", "title": "Places", "number": True, "bar": True},
    ]
    assert some["nouns"] == ("row", "rows")
    assert some["actions"][0]["with"] == {"pool.id": "id"}
    assert some["actions"][0]["given"] == {"names[]": "names[]"}
    assert all_["leads"] == [
        {"panel": "some", "title": "Pools of {name}", "with": {"names[]": "poolName"}, "tells": {}}
    ]
    assert shown["destroys"] == ["/farm.PoolInterface/Drain"]
    reads = Panels.of(catalog).for_reader(everything - {"/farm.PoolInterface/Drain"})
    assert reads["panels"][0]["actions"] == reads["destroys"] == []


def test_a_panel_needs_little(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, {"all-pools": {"method": "farm.PoolInterface/List"}})
    assert reasons(catalog) == {}
    (shown,) = Panels.of(catalog).for_reader({each.path for each in catalog.methods})["panels"]
    assert (shown["title"], shown["name"]) == ("All pools", "poolName")
    assert [each["title"] for each in shown["columns"]] == ["Pool name", "Size"]
    assert shown["view"] == {"fields": "poolName,size,id"}


def test_a_panel_has_what_it_lacks_from_another(tmp_path: Path) -> None:
    """But no title, which tells them apart, and no place above the others."""
    catalog = catalog_of(
        tmp_path,
        {
            "all-pools": {**LIST, "view": {"sort": "size"}, "alone": True},
            "large-pools": {"like": "all-pools", "view": {"where": "size>9"}},
        },
    )
    assert reasons(catalog) == {}
    first, other = Panels.of(catalog).for_reader({each.path for each in catalog.methods})["panels"]
    assert (first["title"], other["title"]) == ("Pools", "Large pools")
    assert (first["columns"], first["method"]) == (other["columns"], other["method"])
    assert other["view"] == {"where": "size>9", "fields": "poolName,id"}
    assert (first["alone"], "alone" in other) == (True, False)


def test_a_summary_is_parsed_for_the_page(tmp_path: Path) -> None:
    large = "{sum(size) place|places if size>9 and poolName!=a or id=b}"
    summary = f"{{count pool|pools}} of {large}: {{max(size)}}!"
    catalog = catalog_of(tmp_path, {"pools": {**LIST, "summary": summary}})
    (shown,) = Panels.of(catalog).for_reader({each.path for each in catalog.methods})["panels"]
    assert shown["summary"] == [
        {"kind": "count", "words": ["pool", "pools"]},
        " of ",
        {
            "kind": "sum",
            "path": "size",
            "words": ["place", "places"],
            "when": [[["size", ">", "9"], ["poolName", "!=", "a"]], [["id", "=", "b"]]],
        },
        ": ",
        {"kind": "max", "path": "size"},
        "!",
    ]
    assert {*shown["view"]["fields"].split(",")} == {"poolName", "size", "id"}


def test_rows_have_what_their_actions_and_details_need(tmp_path: Path) -> None:
    """The page knows the names, the units and the kinds of what it asks for."""
    drain = {
        "title": "Drain",
        "method": "farm.PoolInterface/Drain",
        "with": {"pool.size": "size"},
        "asks": {"pool.size": "Places", "pool.poolName": "Its name"},
        "when": "size>0",
        "otherwise": "it is empty",
    }
    details = [{"title": "Path", "text": "{top}/{id}"}]
    panel = {**LIST, "told": ["top"], "actions": [drain], "details": details}
    other = {**LIST, "leads": [{"panel": "pools", "with": {}, "tells": {"top": "id"}}]}
    catalog = catalog_of(tmp_path, {"pools": panel, "others": other})
    assert reasons(catalog) == {}
    shown, others = Panels.of(catalog).for_reader({each.path for each in catalog.methods})["panels"]
    assert shown["view"]["fields"] == "poolName,id,size"
    (action,) = shown["actions"]
    assert action["asks"] == [
        {"path": "pool.size", "title": "Places", "number": True, "of": "farm.Pool"},
        {"path": "pool.poolName", "title": "Its name", "number": False, "of": "farm.Pool"},
    ]
    assert (action["when"], action["otherwise"]) == ([[["size", ">", "0"]]], "it is empty")
    assert shown["details"] == [{"text": "{top}/{id}", "title": "Path", "number": False}]
    assert others["leads"][0]["tells"] == {"top": "id"}


def test_a_panel_is_about_a_row_of_another(tmp_path: Path) -> None:
    """Of which it shows a line and offers actions; a like one, if it is given the same."""
    drain = {"title": "Drain", "method": "farm.PoolInterface/Drain", "with": {"pool.id": "id"}}
    line = [{"text": "{size} places", "title": "Places"}]
    given = {"given": ["names[]"]}
    about = {"about": {"panel": "pool", "with": {"names[]": "names[]"}, "offers": ["Drain"]}}
    named = {"about": {"panel": "pool", "with": {"names[]": "name"}}}
    panels = {
        "pool": {**LIST, **given, "line": line, "actions": [drain], "nouns": ["pool", "pools"]},
        "part": {**LIST, **given, **about},
        "like-it": {"like": "part"},
        "of-other": {"like": "part", "given": ["pool.id"]},
        "by-name": {**LIST, **named},
    }
    catalog = catalog_of(tmp_path, panels)
    assert reasons(catalog) == {}
    everything = {each.path for each in catalog.methods}
    shown = {each["id"]: each for each in Panels.of(catalog).for_reader(everything)["panels"]}
    wanted = {"panel": "pool", "with": {"names[]": "names[]"}, "offers": ("Drain",)}
    assert shown["part"]["about"] == shown["like-it"]["about"] == wanted
    assert shown["by-name"]["about"]["with"] == {"names[]": "name"}
    assert "about" not in shown["of-other"]
    assert shown["pool"]["line"] == [{"text": "{size} places", "title": "Places", "number": False}]
    assert shown["pool"]["view"]["fields"] == "poolName,size,id"
    assert shown["pool"]["nouns"] == ("pool", "pools")


def test_a_panel_is_not_about_a_row_that_its_reader_may_not_see(tmp_path: Path) -> None:
    about = {"about": {"panel": "pool", "with": {}}}
    found = {"title": "One", "method": "farm.PoolInterface/List"}
    catalog = catalog_of(tmp_path, {"pool": found, "part": {**LIST, **about}})
    first, *_ = Panels.of(catalog).panels
    hidden = replace(first, method="/farm.PoolInterface/Hidden")
    panels = replace(Panels.of(catalog), panels=(hidden, *Panels.of(catalog).panels[1:]))
    (shown,) = panels.for_reader({"/farm.PoolInterface/List"})["panels"]
    assert "about" not in shown


def test_columns_lead_somewhere_and_may_be_copied(tmp_path: Path) -> None:
    """What they lead to may have the name in that column."""
    path = {"path": "id", "copy": True}
    text = {"text": "/{id}", "title": "Path", "copy": True}
    columns = [{"path": "poolName"}, {"path": "size", "lead": "some"}, path, text]
    lead = {"panel": "some", "with": {"names[]": "size"}, "of": "size", "aside": True}
    some = {**LIST, "given": ["names[]"]}
    catalog = catalog_of(
        tmp_path, {"all": {**LIST, "columns": columns, "leads": [lead]}, "some": some}
    )
    assert reasons(catalog) == {}
    shown = Panels.of(catalog).for_reader({each.path for each in catalog.methods})["panels"][0]
    assert [each.get("lead") for each in shown["columns"]] == [None, "some", None, None]
    assert [each.get("copy") for each in shown["columns"]] == [None, None, True, True]
    assert (shown["leads"][0]["of"], shown["leads"][0]["aside"]) == ("size", True)


def with_columns(*columns: dict[str, object], **more: object) -> dict[str, object]:
    return {**LIST, "columns": [*columns], **more}


@pytest.mark.parametrize(
    ("panel", "reason"),
    [
        ({**LIST, "method": "farm.PoolInterface/Flood"}, "Flood is not served"),
        ({**LIST, "method": "farm.PoolInterface/Drain"}, "may change something"),
        ({**LIST, "method": "farm.PoolInterface/Find"}, "answers no rows"),
        (with_columns({"path": "depth"}), "depth"),
        (with_columns({"path": "size", "bar": "depth"}), "depth"),
        (with_columns({"path": "size", "lead": "seas"}), "seas is none of the leads"),
        ({**LIST, "line": [{"path": "depth"}]}, "depth"),
        ({**LIST, "summary": "{sum(depth)}"}, "depth"),
        ({**LIST, "summary": "{count if depth>1}"}, "depth"),
        ({**LIST, "summary": "{count if not size>1}"}, "comparisons with a value, joined by"),
        (with_columns({"title": "Path", "text": "{sea}/{id}"}), "sea"),
        ({**LIST, "details": [{"path": "depth"}]}, "depth"),
        (with_columns({"path": "size", "when": "size=many"}), "size"),
        ({"like": "seas"}, "seas is no panel"),
        ({"title": "Pools"}, "it has no method"),
        ({**LIST, "mine": "My pools"}, "one field that is given, of a user"),
        ({**LIST, "request": {"depth": 1}}, "farm.Wanted has no depth"),
        ({**LIST, "request": {"names": [1]}}, "expected a string"),
        ({**LIST, "given": ["pool[]"]}, "pool[] is no list"),
        ({**LIST, "view": {"where": "depth>1"}}, "depth"),
        (with_columns({"path": "size"}, view={"group": "poolName"}), "size is not in `group`"),
        (with_columns(view={"group": "poolName"}), "groups of rows need columns"),
        (
            with_columns({"path": "poolName", "bar": "size"}, view={"group": "poolName"}),
            "size is not in `group`",
        ),
        (
            with_columns({"path": "sum(size)"}, view={"group": "poolName", "sum": "id"}),
            "sum(size) is not in `sum`",
        ),
    ],
)
def test_a_panel_that_does_not_fit_is_told(
    tmp_path: Path, panel: dict[str, object], reason: str
) -> None:
    catalog = catalog_of(tmp_path, {"pools": panel})
    assert reasons(catalog).keys() == {"panels.pools"}
    assert reason in reasons(catalog)["panels.pools"]
    assert Panels.of(catalog).panels == ()


def lead(panel: str) -> dict[str, Any]:
    return {"leads": [{"panel": panel, "with": {"names[]": "id"}}]}


def about(panel: str, *, of: str = "name", offers: str = "") -> dict[str, Any]:
    more = {"offers": [offers]} if offers else {}
    return {"given": ["names[]"], "about": {"panel": panel, "with": {"names[]": of}, **more}}


def action(**more: object) -> dict[str, Any]:
    return {"actions": [{"title": "D", "method": "farm.PoolInterface/Drain"} | more]}


@pytest.mark.parametrize(
    ("part", "entry", "reason"),
    [
        (lead("x"), "pools.leads.x", "there is no such panel"),
        (lead("pools"), "pools.leads.pools", "is given nothing"),
        (about("x"), "pools.about", "there is no such panel"),
        ({"about": {"panel": "pools", "with": {"x": "name"}}}, "pools.about", "is given nothing"),
        (about("pools", of="depth"), "pools.about", "the panel is not given depth"),
        (about("pools", offers="Fill"), "pools.about", "pools has no action Fill"),
        (action(method="farm.PoolInterface/Flood"), "pools.actions.D", "not served"),
        (action(**{"with": {"sea": "id"}}), "pools.actions.D", "farm.Wanted has no sea"),
        (action(**{"with": {"pool.id": "sea"}}), "pools.actions.D", "sea"),
        (action(given={"names[]": "names[]"}), "pools.actions.D", "not given names[]"),
        (action(asks={"sea": "Sea"}), "pools.actions.D", "farm.Wanted has no sea"),
        (action(asks={"pool": "Pool"}), "pools.actions.D", "pool is no single value"),
        (action(when="depth>1"), "pools.actions.D", "depth"),
        (action(when="size~1"), "pools.actions.D", "comparisons with a value, joined by"),
    ],
)
def test_what_a_row_cannot_lead_to_is_told(
    tmp_path: Path, part: dict[str, Any], entry: str, reason: str
) -> None:
    """The panel stays."""
    catalog = catalog_of(tmp_path, {"pools": {**LIST, **part}})
    assert reasons(catalog).keys() == {f"panels.{entry}"}
    assert reason in reasons(catalog)[f"panels.{entry}"]
    assert [each.id for each in Panels.of(catalog).panels] == ["pools"]


def test_other_entries_that_do_not_fit_are_told(tmp_path: Path) -> None:
    listed = "farm.PoolInterface/List"
    catalog = catalog_of(
        tmp_path,
        {},
        objects=[
            {"title": "Seas", "services": ["farm.SeaInterface"]},
            {"title": "Pools", "services": ["farm.PoolInterface"], "common": ["farm.P/List"]},
        ],
        completions=[{"method": listed, "names": "pools.depth"}],
        destroys=["*/Flood"],
    )
    assert reasons(catalog) == {
        "panels.objects.Seas": "farm.SeaInterface is not served",
        "panels.objects.Pools": "farm.P/List is not served",
        f"panels.completions.{listed}": "farm.Pools has no depth",
        "panels.destroys.*/Flood": "there is no such method",
    }
    assert [each["title"] for each in Panels.of(catalog).objects] == ["Pools"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("panels = 'a/b.toml'", "panels: 'a/b.toml' is not the name of a file"),
        ("panels = 'panels.toml'", "cannot read"),
        ("[panels.panels.UP]\n", "'UP' is not the id of a panel"),
    ],
)
def test_a_profile_with_wrong_panels_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    profile = tmp_path / "farm.toml"
    profile.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=problem.replace("(", r"\(")):
        load_profile(str(profile))
