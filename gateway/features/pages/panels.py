"""The panels of the page at `/`, as a schema has them."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.schema.catalog import Catalog

Json = dict[str, Any]


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
    """An aspect of the whole catalog."""

    panels: tuple[Panel, ...] = ()
    objects: tuple[Mapping[str, Any], ...] = ()
    """Services whose methods belong together, with a title each."""
    completions: tuple[Mapping[str, Any], ...] = ()
    """Reads whose answers have names, each with the path of its `method`."""
    destroys: tuple[str, ...] = ()
    """Paths of methods that destroy something."""

    @staticmethod
    def of(catalog: Catalog) -> "Panels":
        found: Panels = catalog.aspects.get(Panels, NO_PANELS)
        return found

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


NO_PANELS = Panels()
