"""What a client's command line can do with a schema."""

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
    """By name of a state."""
    follow: Json | None
    launch: Json | None
    tried: Mapping[str, str]
    """Words for verbs and commands, as people write them who know other programs."""

    def allowed(self, paths: Container[str]) -> Json:
        """Those whose methods are among the paths; empty if none are. A verb may do without the
        read for its `counts`.
        """
        names = {name: each for name, each in self.names.items() if each["method"] in paths}
        verbs = dict[str, Json]()
        for name, each in self.verbs.items():
            if each["method"] in paths:
                verbs[name] = each
                if (counts := each.get("counts")) and counts.get("method") not in paths:
                    verbs[name] = {**each, "counts": {"noun": counts["noun"]}}
        found: Json = {"names": names, "verbs": verbs} if verbs else {}
        follow, launch = self.follow, self.launch
        if follow and follow["whole"]["method"] in paths and follow["parts"]["method"] in paths:
            found["follow"] = follow
        if launch and launch["method"] in paths:
            found["launch"] = launch
        tried = {
            words: verb
            for words, verb in self.tried.items()
            if not verb or verb in {*verbs, *found}
        }
        if tried and found:
            found["tried"] = tried
        return {**found, "colors": dict(self.colors)} if found else {}
