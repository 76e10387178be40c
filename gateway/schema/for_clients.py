"""What the profile has for clients: the verbs of `cuectl`, and the panels of the page at `/`."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCommands:
    """The verbs of the profile as JSON, with paths of methods (`/job.JobInterface/GetJobs`)."""

    names: Mapping[str, Json]
    """Reads that answer the names of objects, for arguments and options."""
    verbs: Mapping[str, Json]
    colors: Mapping[str, str]
    """Colors by name of a state."""
    follow: Json | None
    launch: Json | None
    tried: Mapping[str, str]
    """Words for verbs and commands, as people write them who know other programs."""

    def allowed(self, paths: Container[str]) -> Json:
        """Commands whose methods are among the paths; empty if there are none. A verb may do
        without the read for its `counts`, and without facts.
        """
        names = {name: each for name, each in self.names.items() if each["method"] in paths}
        verbs = dict[str, Json]()
        for name, each in self.verbs.items():
            added = each.get("adds", {}).get("method", each["method"])
            if each["method"] in paths and added in paths:
                verbs[name] = self._with_allowed_options(each, paths)
                if (counts := each.get("counts")) and counts.get("method") not in paths:
                    verbs[name] = {**verbs[name], "counts": {"noun": counts["noun"]}}
                if facts := each.get("facts"):
                    told = {one: fact for one, fact in facts.items() if fact["method"] in paths}
                    verbs[name] = {**verbs[name], "facts": told}
        found: Json = {"names": names, "verbs": verbs} if verbs else {}
        follow, launch = self.follow, self.launch
        if follow and follow["whole"]["method"] in paths and follow["parts"]["method"] in paths:
            found["follow"] = follow
        if launch and launch["method"] in paths:
            found["launch"] = launch
        known = {"", "whoami", *verbs, *found}
        tried = {words: verb for words, verb in self.tried.items() if verb in known}
        if tried and found:
            found["tried"] = tried
        return {**found, "colors": dict(self.colors)} if found else {}

    def _with_allowed_options(self, verb: Json, paths: Container[str]) -> Json:
        """The verb without options for other verbs whose methods are not among the paths."""
        options: Json = verb.get("options", {})
        left = {
            name: each
            for name, each in options.items()
            if "also" not in each
            or self.verbs.get(each["also"], {"method": None})["method"] in paths
        }
        return verb if len(left) == len(options) else {**verb, "options": left}


@dataclass(frozen=True, slots=True)
class Panel:
    """A read that is shown as a table. `shown` are its texts, columns and request, as JSON."""

    id: str
    method: str
    """The path of the read."""
    shown: Mapping[str, Any]
    leads: tuple[Mapping[str, Any], ...] = ()
    """Each with the id of another `panel`."""
    actions: tuple[Mapping[str, Any], ...] = ()
    """Each with the path of a `method`."""


@dataclass(frozen=True, slots=True)
class Panels:
    panels: tuple[Panel, ...] = ()
    objects: tuple[Mapping[str, Any], ...] = ()
    """Services whose methods belong together, with a title each."""
    completions: tuple[Mapping[str, Any], ...] = ()
    """Reads whose answers have names, each with the path of its `method`."""
    destroys: tuple[str, ...] = ()
    """Paths of methods that destroy something."""

    def for_reader(self, allowed: Container[str]) -> Json:
        """What somebody sees who may call the methods with these paths, as JSON."""
        panels = [each for each in self.panels if each.method in allowed]
        ids = {each.id for each in panels}
        return {
            "panels": [
                {
                    "id": each.id,
                    "method": each.method,
                    **{
                        key: part
                        for key, part in each.shown.items()
                        if key != "about" or part["panel"] in ids
                    },
                    "leads": [lead for lead in each.leads if lead["panel"] in ids],
                    "actions": [action for action in each.actions if action["method"] in allowed],
                }
                for each in panels
            ],
            "objects": list(self.objects),
            "completions": [each for each in self.completions if each["method"] in allowed],
            "destroys": [path for path in self.destroys if path in allowed],
        }
