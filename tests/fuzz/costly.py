"""Searching for costly requests at random: `… costly NAME [-max_total_time=20] [-seed=N] …`.

The flags are libFuzzer's, as of `guided`, and so are the lines that it prints; others are left
alone. A find is a recipe (`recipes.py`): it is put where `-artifact_prefix` says, and printed.
"""

import gc
import hashlib
import heapq
import logging
import os
import sys
import time
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from random import Random

import structlog

from gateway_cli.serving.process import GC_THRESHOLDS
from tests.fuzz.cost import IDENTITIES, TooCostly, Trial, garbage_mb, memory_mb, resident_mb, trial
from tests.fuzz.recipes import CALLERS, MOST_BYTES, Cook, Recipe, Shape, read
from tests.fuzz.targets import corpus

ROUND = 1000
"""Requests after which there is to be no more memory than before."""
MOST_KEPT_MB = 20.0
LOOKED_AT = 50
"""Requests after which there is to be no garbage."""
LARGE_ONES = 5
LARGE_REQUESTS: tuple[tuple[str, Shape], ...] = (
    ("json", ['{"name":"', [["a"], MOST_BYTES - 20], '"}']),
    ("form", ["name=", [["a,"], MOST_BYTES // 2]]),
)
SUSPECTS = 5
"""Requests of a round that are asked again when it has kept memory."""
ASKED_AGAIN = 10


class Search:
    def __init__(self, trial: Trial, seed: int, prefix: str) -> None:
        self.trial = trial
        self.cook = Cook(trial.catalog.methods, Random(seed))  # noqa: S311 - no secret
        self.finds = self.inputs = 0
        self._prefix = prefix

    def warm_up(self) -> None:
        """Ask each method once, since codecs are compiled when they are first used, and fill the
        buffers of large requests.
        """
        for method in self.trial.catalog.methods:
            for who in CALLERS:
                self.trial.check(Recipe(method.path, ["{}"], who=who))
        for identity in IDENTITIES:
            for way, body in LARGE_REQUESTS:
                recipe = Recipe("/show.ShowInterface/CreateShow", body, way, identity=identity)
                self.kept_by(*[recipe] * LARGE_ONES)
        gc.collect()
        gc.freeze()  # as `serve` does
        gc.set_threshold(*GC_THRESHOLDS)

    def known(self) -> None:
        """Ask what is in the corpus."""
        for path in corpus("cost"):
            recipe = read(path.read_bytes())
            self.check(recipe)
            self.look_for_garbage([recipe])

    def round(self, until: float) -> None:
        """One round, or a part of it until this time."""
        before, grown = memory_mb(), list[tuple[float, Recipe]]()
        while len(grown) < ROUND and time.monotonic() < until:
            recipe, resident = self.cook.recipe(), resident_mb()
            self.check(recipe)
            grown.append((resident_mb() - resident, recipe))
            if len(grown) % LOOKED_AT == 0 and garbage_mb() > MOST_KEPT_MB:
                self.look_for_garbage([each for _, each in grown[-LOOKED_AT:]])
        kept = memory_mb() - before
        if kept > MOST_KEPT_MB:  # room for what was under way, or a leak: that grows again
            kept = min(kept, self.kept_by(*(each for _, each in grown)))
        if kept > MOST_KEPT_MB:
            suspects = [each for _, each in heapq.nlargest(SUSPECTS, grown, key=itemgetter(0))]
            again = [self.kept_by(*[each] * ASKED_AGAIN) for each in suspects]
            worst = max(again)
            problem = f"{len(grown)} requests keep {kept:.0f} MB, {ASKED_AGAIN} such as this one"
            self.find("oom", suspects[again.index(worst)], f"{problem} {worst:.0f} MB")

    def look_for_garbage(self, recipes: Sequence[Recipe]) -> None:
        """Find what waits for the garbage collector, which may not run for hours."""
        for recipe in recipes:
            content = recipe.encoded()
            for times in (1, ASKED_AGAIN):
                for _ in range(times):
                    self.trial.ask(recipe, content)
                if (left := garbage_mb()) > MOST_KEPT_MB:
                    self.find("oom", recipe, f"{left:.0f} MB wait for the garbage collector")
                    break

    def check(self, recipe: Recipe) -> None:
        self.inputs += 1
        try:
            self.trial.check(recipe)
        except TooCostly as error:
            self.find("slow-unit", recipe, str(error))

    def kept_by(self, *recipes: Recipe) -> float:
        """What these requests keep in memory, in MB."""
        before = memory_mb()
        for recipe in recipes:
            self.trial.ask(recipe, recipe.encoded())
        return memory_mb() - before

    def find(self, kind: str, recipe: Recipe, problem: str) -> None:
        self.finds += 1
        text = recipe.text()
        name = f"{self._prefix}{kind}-{hashlib.sha256(text).hexdigest()[:16]}"
        Path(name).write_bytes(text)
        print(f"{problem}: {recipe.path}, {name}\n{text.decode()}", flush=True)


def main() -> int:
    flags = dict(each[1:].partition("=")[::2] for each in sys.argv[2:] if each.startswith("-"))
    seed = int(flags.get("seed") or os.getpid())
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    search = Search(trial(), seed, flags.get("artifact_prefix", ""))
    search.warm_up()
    search.known()
    until = time.monotonic() + float(flags.get("max_total_time") or 20)
    while time.monotonic() < until:
        search.round(until)
        print(f"#{search.inputs} cov: 0 corp: {len(corpus('cost'))}", flush=True)
    print(f"number_of_executed_units: {search.inputs}\n-seed={seed}", flush=True)
    return int(search.finds > 0)


if __name__ == "__main__":
    sys.exit(main())
