"""Two gateways, asked the same: every method that only reads, one request after another.

A farm lives while it is asked. So this gateway is asked before and after the other one, what has
changed in between counts for nothing, and what differs has to differ again.
"""

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from gateway.cli.compare.difference import Difference, Documented, differences
from gateway.cli.compare.samples import Question, Samples
from gateway.errors import Code
from gateway.schema.method import Method
from gateway.schema.types import returned_types

TIMES = 3
"""How often a difference has to be seen in a row."""
SILENCES = 3
"""How many requests in a row a gateway may leave without an answer before it is left alone."""
UNROUTED = "Not Found"
"""What grpc-gateway says of a path that it does not have; Cuebot says more."""
GO_ERROR = frozenset({"code", "message", "details"})
OWN_ERROR = frozenset({"error", "code", "message"})
REFUSED = (401, 403)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request."""

    status: int | None
    """HTTP's; None when there was no answer."""
    body: bytes = b""
    problem: str = ""
    """Why there was none."""

    @property
    def json(self) -> object:
        """Raises ValueError when it is none."""
        return orjson.loads(self.body)

    @property
    def object(self) -> dict[str, object] | None:
        """Its JSON, when that is an object."""
        try:
            value = self.json
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


class Asked(Protocol):
    """A gateway that can be asked."""

    async def ask(self, method: Method, body: bytes) -> Reply:
        """Call a method, which only reads. A failure is a reply as well."""
        ...


@dataclass(slots=True, kw_only=True)
class Finding:
    """One kind of difference at one place of a method's answers, and an example of it."""

    kind: str
    path: str
    """With `[]` for any item of a list."""
    expected: bool
    here: object
    there: object
    request: object
    count: int = 0


@dataclass(slots=True, kw_only=True)
class Result:
    """What was found about one method."""

    method: str
    asked: int = 0
    """How many requests have been compared."""
    succeeded: int = 0
    """How many requests both have answered with 200."""
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    moving: set[str] = field(default_factory=set)
    """Places that changed while it was asked."""
    failure: str = ""
    """The last error that both agree on."""
    skipped: str = ""
    """Why it was not asked."""

    @property
    def verdict(self) -> str:
        """`same`, `differs`, `expected` (only on purpose) or `skipped`."""
        if any(not finding.expected for finding in self.findings.values()):
            return "differs"
        if self.findings:
            return "expected"
        return "same" if self.asked else "skipped"


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What was found about all of them."""

    results: list[Result]
    stopped: str = ""
    """Why not all of it was done."""

    def count(self, verdict: str) -> int:
        return sum(result.verdict == verdict for result in self.results)

    @property
    def problem(self) -> str:
        """Why it says nothing that the two are alike, if it does not."""
        if self.stopped:
            return self.stopped
        if not any(result.succeeded for result in self.results):
            return "no call has succeeded at both gateways, so nothing was compared"
        return ""

    @property
    def same(self) -> bool:
        return not self.problem and not self.count("differs")


class Stop(Exception):
    """There is no use in asking on. Its text says why."""


@dataclass(slots=True, kw_only=True)
class Comparison:
    """The work: `run` asks everything that can be asked within `seconds`."""

    here: Asked
    there: Asked
    methods: Sequence[Method]
    """All methods; those that change something are not asked."""
    samples: int
    """How many requests each method may get."""
    seconds: float
    documented: Documented
    wanted: Callable[[str], bool]
    """Whether a path is to be compared. The others are asked here, for their ids alone."""
    silent: dict[str, int] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)

    async def run(self) -> Outcome:
        """Ask in rounds, since answers have the ids for further requests, until there are none."""
        methods = [each for each in self.methods if each.reads_only and not each.streams]
        results = {each.path: Result(method=each.path[1:]) for each in methods}
        outcome = Outcome(results=[result for path, result in results.items() if self.wanted(path)])
        types = returned_types(each.descriptor for each in methods)
        try:
            async with asyncio.timeout(self.seconds):
                await self._rounds(methods, results, Samples(types, self.samples))
        except TimeoutError:
            outcome.stopped = (
                f"stopped after {self.seconds:g} s, which is all the time it was given"
            )
        except Stop as stop:
            outcome.stopped = str(stop)
        for result in outcome.results:
            if not result.asked and not result.skipped:
                result.skipped = "not reached"
        return outcome

    async def _rounds(
        self, methods: Iterable[Method], results: dict[str, Result], samples: Samples
    ) -> None:
        done: dict[str, set[bytes]] = {path: set() for path in results}
        progress = True
        while progress:
            progress = False
            for method in methods:
                result, sent = results[method.path], done[method.path]
                questions, result.skipped = samples.questions(method.descriptor)
                for question in questions:
                    body = orjson.dumps(question.body)
                    if body not in sent and len(sent) < self.samples:
                        sent.add(body)
                        progress = True
                        reply = await self._one(method, body, result)
                        harvest(samples, method, question, reply)

    async def _one(self, method: Method, body: bytes, result: Result) -> Reply:
        """One request to both, and its findings; this gateway's reply."""
        if not self.wanted(method.path):
            return await self._ask("this gateway", self.here, method, body)
        seen: list[Difference] | None = None
        for _ in range(TIMES):
            before = await self._ask("this gateway", self.here, method, body)
            there = await self._ask("the other gateway", self.there, method, body)
            found = list(compare(method, before, there, self.documented))
            if any(not each.expected for each in found):
                after = await self._ask("this gateway", self.here, method, body)
                moved = {each.path for each in compare(method, before, after, {})}
                result.moving |= set(map(anywhere, moved))
                found = [each for each in found if not is_below(each.path, moved)]
            known = {(each.kind, each.path) for each in found}
            seen = found if seen is None else [e for e in seen if (e.kind, e.path) in known]
            if all(each.expected for each in seen):
                break
        result.asked += 1
        if before.status == there.status == 200:
            result.succeeded += 1
        elif before.status == there.status:
            result.failure = said(before)
        for each in seen or ():
            note(result, each, orjson.loads(body))
        return before

    async def _ask(self, name: str, gateway: Asked, method: Method, body: bytes) -> Reply:
        reply = await gateway.ask(method, body)
        if reply.status is None:
            self.silent[name] = self.silent.get(name, 0) + 1
            if self.silent[name] == SILENCES:
                raise Stop(
                    f"{name} has left {SILENCES} requests without an answer: {reply.problem}"
                )
            return reply
        self.silent[name] = 0
        if name not in self.heard and reply.status in REFUSED:
            raise Stop(f"{name} does not take the token: {text_of(reply)}")
        self.heard.add(name)
        return reply


def harvest(samples: Samples, method: Method, question: Question, reply: Reply) -> None:
    """Keep the ids and names of a success."""
    if reply.status == 200:
        samples.harvest(method.descriptor.output_type, reply.object, question.about)


def compare(
    method: Method, here: Reply, there: Reply, documented: Documented
) -> Iterable[Difference]:
    """The differences of two replies of a method."""
    if here.status is None or there.status is None:
        yield Difference(
            "no-answer", "", here.problem or here.status, there.problem or there.status
        )
    elif here.status != there.status:
        unserved = there.status == 404 and (there.object or {}).get("message") == UNROUTED
        kind = "unserved" if unserved else "status"
        yield Difference(kind, "", said(here), said(there), expected=unserved)
    elif here.object is None or there.object is None:
        if here.body != there.body:
            yield Difference("not-json", "", text_of(here), text_of(there))
    elif here.status == 200:
        yield from differences(method.descriptor.output_type, here.object, there.object, documented)
    else:
        yield from errors(here.object, there.object)


def errors(here: dict[str, object], there: dict[str, object]) -> Iterable[Difference]:
    """The differences of two errors of one HTTP status. The two shapes are no surprise."""
    for key in ("code", "message"):
        if here.get(key) != there.get(key):
            yield Difference(key, key, here.get(key), there.get(key))
    ours, theirs = here.keys() - {"details"}, there.keys()
    if ours != theirs - {"details"}:
        expected = ours == OWN_ERROR and theirs == GO_ERROR
        yield Difference("error-shape", "", sorted(here), sorted(there), expected=expected)
    if (here.get("details") or []) != (there.get("details") or []):
        yield Difference("details", "details", here.get("details"), there.get("details"))


def note(result: Result, found: Difference, request: object) -> None:
    """Count a difference of a method; the first of its kind at a place is the example."""
    place = anywhere(found.path)
    finding = result.findings.setdefault(
        (found.kind, place),
        Finding(
            kind=found.kind,
            path=place,
            expected=found.expected,
            here=found.here,
            there=found.there,
            request=request,
        ),
    )
    finding.count += 1


def anywhere(path: str) -> str:
    """`jobs.jobs[3].name` as `jobs.jobs[].name`."""
    return re.sub(r"\[\d+\]", "[]", path)


def is_below(path: str, places: Collection[str]) -> bool:
    """Whether the path is one of the places, or inside of it."""
    return any(
        not place or path == place or path.startswith((f"{place}.", f"{place}["))
        for place in places
    )


def said(reply: Reply) -> str:
    """The status and, of a failure, what it says."""
    if reply.status == 200:
        return "200"
    return f"{reply.status} {text_of(reply)}".strip()


def text_of(reply: Reply) -> str:
    """The message of an error, or the beginning of what is no JSON."""
    shape = reply.object
    if shape is not None and isinstance(shape.get("message"), str):
        code = shape.get("code")
        name = Code(code).name if isinstance(code, int) and code in set(Code) else str(code)
        return f"{name}: {shape['message']}"
    return reply.body[:200].decode(errors="replace").strip()
