"""Methods by the words that people search for.

A word counts by where it occurs (in the name of a method, in that of its interface, in its summary)
and by how: as it is, in another form (`jobs`, `paused`), or as the beginning of a longer word. One
that occurs nowhere may have one letter wrong. A word with a slash or a dot is part of a path.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

IN_NAME, IN_INTERFACE, IN_SUMMARY = 4, 4, 1
SAME, OTHER_FORM, BEGINNING, MISTYPED = 4, 3, 2, 1
A_READ = 2
"""Weight of methods that change nothing: those who name no change look for these."""
RUN = re.compile(r"[A-Za-z0-9]+")
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
"""A word in a name such as `SetTimeoutLLU`."""
LITTLE = frozenset(
    RUN.findall(
        "a all an and are at by do for from how i in is it its me my of on or that the this to who"
        " with"
    )
)
"""Words that say nothing, unless there are no others."""
ENDINGS = ("ies", "ied", "ing", "ed", "es", "s", "y", "e")
STEM_MIN_LETTERS = 3
MISTYPED_MIN_LETTERS = 4


@dataclass(frozen=True)
class Place:
    """Where a method has words, and what one of them counts there."""

    weight: int
    words: frozenset[str]
    stems: frozenset[str]
    text: str
    """All words, each with a space before it."""

    @classmethod
    def of(cls, weight: int, words: Iterable[str]) -> "Place":
        known = frozenset(words)
        stems = frozenset(map(stem_of, known))
        return cls(weight, known, stems, "".join(f" {word}" for word in known))

    def likeness(self, word: str) -> int:
        """How much the word is like one that is here."""
        if word in self.words:
            return SAME
        stem = stem_of(word)
        if stem in self.stems:
            return OTHER_FORM
        return BEGINNING if f" {stem}" in self.text else 0

    def has_mistyped(self, word: str) -> bool:
        return any(is_mistyped(word, each) for each in self.words)


@dataclass(frozen=True)
class Described:
    """A method as it is searched for."""

    path: str
    """The native path."""
    summary: str
    reads_only: bool
    others: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Split the texts into words, which the first search would do otherwise."""
        _ = self.places

    @property
    def service(self) -> str:
        return self.path[1:].partition("/")[0]

    @cached_property
    def name(self) -> tuple[str, ...]:
        return words_in(self.path.rpartition("/")[2])

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """`GetAll` of `LimitInterface` gets all limits."""
        package, _, interface = self.service.rpartition(".")
        about = words_in(interface.removesuffix("Interface"))
        name = (*self.name, self.path.rpartition("/")[2].lower())
        if "all" in self.name:
            name += tuple(each for word in about for each in (word, f"{word}s"))
        return (
            Place.of(IN_NAME, name),
            Place.of(IN_INTERFACE, (*about, interface.lower())),
            Place.of(IN_SUMMARY, (*words_in(self.summary), *words_in(package))),
        )

    @cached_property
    def paths(self) -> tuple[str, ...]:
        return tuple(path.lower() for path in (self.path, *self.others))

    def score(self, word: str, *, mistyped: bool) -> int:
        """How well the method fits a word; 0 if not at all."""
        if is_part_of_path(word):
            return IN_NAME * SAME * any(word in path for path in self.paths)
        if mistyped:
            return sum(MISTYPED * each.weight * each.has_mistyped(word) for each in self.places)
        return sum(each.weight * each.likeness(word) for each in self.places)


def ranked(query: str, methods: Iterable[Described], *, mistyped: bool = True) -> list[Described]:
    """The methods that fit most words of the query, at least half of them; the best ones first.

    Among equals, short names come first, and then interfaces with many methods. A word that occurs
    nowhere may be `mistyped`.
    """
    methods = tuple(methods)
    words = words_of_query(query)
    scores = [scores_for(word, methods, mistyped=mistyped) for word in words]
    fitting = [sum(map(bool, of_method)) for of_method in zip(*scores, strict=True)]
    most = max(fitting, default=0)
    if not most or 2 * most < len(words):
        return []
    sizes = Counter(method.service for method in methods)

    def place(number: int) -> tuple[int, int, int, str]:
        method = methods[number]
        score = sum(of_word[number] for of_word in scores) + A_READ * method.reads_only
        return -score, len(method.name), -sizes[method.service], method.path

    best = [number for number, words_fitting in enumerate(fitting) if words_fitting == most]
    return [methods[number] for number in sorted(best, key=place)]


def all_occur(query: str, methods: Iterable[Described]) -> bool:
    known = {word for each in methods for place in each.places for word in place.words}
    return known.issuperset(words_of_query(query))


def scores_for(word: str, methods: Iterable[Described], *, mistyped: bool) -> list[int]:
    """The score of each method. The word may be `mistyped` if it occurs nowhere as it is."""
    found = [method.score(word, mistyped=False) for method in methods]
    if any(found) or not mistyped:
        return found
    return [method.score(word, mistyped=True) for method in methods]


def words_of_query(query: str) -> list[str]:
    """The words that say something. Names (`GetJobs`) and parts of paths are not split."""
    words = list(dict.fromkeys(split_query(query)))
    return [word for word in words if word not in LITTLE] or words


def split_query(query: str) -> Iterator[str]:
    for text in query.split():
        if is_part_of_path(text):
            yield text.lower()
        else:
            yield from map(str.lower, RUN.findall(text))


def is_part_of_path(word: str) -> bool:
    return "/" in word or "." in word


def words_in(text: str) -> tuple[str, ...]:
    """`retry`, `dead`, `frames` in `RetryDeadFrames`, or in a sentence."""
    return tuple(part.lower() for run in RUN.findall(text) for part in PART.findall(run))


@lru_cache(maxsize=8192)
def stem_of(word: str) -> str:
    """A word without the ending of its form: `retr` for `retry`, `retries` and `retried`."""
    for ending in ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= STEM_MIN_LETTERS and not word.endswith("ss"):
            return stem
    return word


def is_mistyped(word: str, other: str) -> bool:
    """Whether one letter is missing, too many or another, or two neighbors have changed places."""
    if len(word) < MISTYPED_MIN_LETTERS:
        return False
    short, long = sorted((word, other), key=len)
    at = 0
    while at < len(short) and short[at] == long[at]:
        at += 1
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = long[at : at + 2][::-1] + long[at + 2 :]
    return short[at + 1 :] == long[at + 1 :] or short[at:] == swapped
