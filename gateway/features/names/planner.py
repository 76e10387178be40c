"""Takes names out of bodies: look-ups for the ids that Cuebot wants."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from gateway.core.calls.plan import Prior, plan_body
from gateway.core.codec.rewrite import Body, BodyPath, as_written, peek
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError
from gateway.features.names.aspect import Reference
from gateway.features.names.look_ups import ABSENT_VALUES, spell_out, take_search, without_id
from gateway.features.names.naming import Naming

MAX_REFERENCES = 100


@dataclass(frozen=True)
class NamePlanner:
    references: tuple[Reference, ...]
    """Of one method; at least one."""

    @cached_property
    def documented(self) -> tuple[str, ...]:
        """Those of arguments beside the objects, for look-ups."""
        sources = [
            source
            for reference in self.references
            for finder in reference.finders
            for sent in finder.sends
            for source in sent.sources
        ]
        paths = [each.path for each in sources if not (each.inside or each.native)]
        return tuple(text for path in paths for text in (str(path), ".".join(path.original)))

    @cached_property
    def objects(self) -> frozenset[str]:
        places = [each.place for each in self.references if not each.is_text]
        return frozenset(text for at in places for text in (str(at), ".".join(at.original)))

    @cached_property
    def searches(self) -> tuple[Naming, ...]:
        return tuple(
            Naming(each, by, self._is_alone) for each in self.references for by in each.finders
        )

    @property
    def _is_alone(self) -> bool:
        return len(self.references) == 1

    def concerns(self, value: object) -> bool:
        for reference in self.references:
            found = peek(value, reference.place)
            has_id = type(found) is dict and found.get("id") not in ABSENT_VALUES
            if has_id and not (reference.listed or reference.is_text or reference.by_name):
                continue
            for _ in without_id(value, reference):
                return True
        return False

    def kept(self, value: object) -> tuple[tuple[str, str], ...]:
        return ()

    def take(self, body: Body) -> Iterator[Prior]:
        """Look-ups for objects without an id. Their criteria are removed from the body."""
        spell_out(body, self.references)
        body.documented += self.documented
        used: list[BodyPath] = []
        count = 0
        for reference in self.references:
            for item, thing in without_id(body.value, reference):
                place = reference.at(item)
                count += 1
                if count > MAX_REFERENCES:
                    problem = f"more than {MAX_REFERENCES} objects have no id; send ids, or fewer"
                    raise GatewayError(Code.INVALID_ARGUMENT, f"{place}: {problem}")
                finder, asked, moved = take_search(reference, place, Body(thing), body, used)
                try:
                    plan = plan_body(finder.method, asked, UnknownFieldPolicy.EVERYTHING)
                except GatewayError as error:
                    raise GatewayError(error.code, as_written(error.message, moved)) from None
                yield Prior(Naming(reference, finder, self._is_alone), plan, item)
        for path in used:
            body.take(path)
