"""A studio's own features: those that installed packages name, among ours."""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import get_args

from gateway.core.errors import ConfigurationError, Shed
from gateway.core.gateway import Gateway
from gateway.core.settings.model import Strict
from gateway.core.suggestions import did_you_mean
from gateway.feature import Feature

GROUP = "cuebot_gateway.features"
OURS = "gateway.features."


class Unusable(Feature):
    """Stands for a feature that cannot be had: no gateway starts with it."""

    problem: str

    def __init__(self, gateway: Gateway) -> None:
        raise ConfigurationError(self.problem)


def with_installed(*ours: type[Feature]) -> tuple[type[Feature], ...]:
    """Our features and a studio's own, which come behind ours, or where they say."""
    return placed(ours, [loaded(each) for each in installed()])


@cache
def installed() -> tuple[EntryPoint, ...]:
    """In the order of their names."""
    return tuple(sorted(entry_points(group=GROUP), key=lambda each: each.name))


def loaded(entry: EntryPoint) -> type[Feature]:
    try:
        feature = entry.load()
    except Exception as error:  # whatever its module raises
        return unusable(entry.name, f"cannot be loaded: {type(error).__name__}: {error}")
    if not (isinstance(feature, type) and issubclass(feature, Feature)):
        return unusable(entry.name, f"{entry.value} is no subclass of gateway.feature.Feature")
    if not getattr(feature, "name", ""):
        return unusable(entry.name, f"{entry.value} has no `name`")
    try:
        section: object = feature.section(())
        claimed(feature)
    except Exception as error:
        return unusable(feature.name, f"cannot be read: {type(error).__name__}: {error}")
    if section is not None and not (isinstance(section, type) and issubclass(section, Strict)):
        return unusable(feature.name, "its section is no subclass of gateway.feature.Strict")
    return feature


def unusable(name: str, problem: str) -> type[Feature]:
    told = {"name": name, "problem": f"the feature {name!r} of an installed package: {problem}"}
    return type(name, (Unusable,), told)


def placed(
    ours: Sequence[type[Feature]], own: Iterable[type[Feature]]
) -> tuple[type[Feature], ...]:
    """In the order of a request."""
    order, left = [*ours], [*own]
    while left:
        names = [each.name for each in order]
        # One may say where it is by another one of the studio's.
        feature = next(
            (each for each in left if {each.after, each.before} <= {*names, ""}), left[0]
        )
        left.remove(feature)
        problem = misplaced(feature, names) or contested(feature, order)
        if problem:
            feature = unusable(feature.name, problem)
        if feature.after:
            order.insert(names.index(feature.after) + 1, feature)
        elif feature.before:
            order.insert(names.index(feature.before), feature)
        else:
            order.append(feature)
    return tuple(order)


def misplaced(feature: type[Feature], names: Sequence[str]) -> str:
    """Why it cannot come among the features of these names; empty if it can."""
    if feature.name in names:
        return "another feature has this name"
    if feature.after and feature.before:
        return "it says both `after` and `before`; one of them is enough"
    for place in (feature.after, feature.before):
        if place and place not in names:
            return (
                f"there is no feature {place!r} to come after or before{did_you_mean(place, names)}"
            )
    unmet = [each.name for each in feature.needs if each.name not in names]
    return f"it needs {', '.join(unmet)}, which is not there" if unmet else ""


def claimed(feature: type[Feature]) -> dict[str, object]:
    """What others cannot have as well, by its name: what it means here."""
    reasons = (*feature.refusals, *feature.other_refusals)
    metrics = {f"the metric {each.name}": each for each in feature.families}
    return {
        **{f"the reason {each!r} to refuse": feature for each in reasons},
        **{f"the page {path}": feature for path in feature.shows},
        **metrics,
    }


def contested(feature: type[Feature], others: Iterable[type[Feature]]) -> str:
    """What it has that one of these has, or the core, and means something else by; empty if there
    is no such thing.
    """
    known: dict[str, tuple[str, object]] = {
        f"the reason {each!r} to refuse": ("the gateway", None) for each in get_args(Shed)
    }
    for other in others:
        known.update((what, (other.name, meant)) for what, meant in claimed(other).items())
    for what, meant in claimed(feature).items():
        if what in known and known[what][1] != meant:
            return f"it has {what}, as {known[what][0]} has"
    return ""


def check_usable(features: Iterable[type[Feature]]) -> None:
    """Raises ConfigurationError, a line for each that cannot be had."""
    problems = [each.problem for each in features if issubclass(each, Unusable)]
    if problems:
        raise ConfigurationError(*problems)


def own_features(features: Iterable[type[Feature]]) -> list[str]:
    """Those that are not ours, with the packages that they are from."""
    return [f"{each.name} ({package_of(each)})" for each in features if is_own(each)]


def is_own(feature: type[Feature]) -> bool:
    return not (feature.__module__.startswith(OURS) or issubclass(feature, Unusable))


def package_of(feature: type[Feature]) -> str:
    """The name and the version of the package that names it; else its module."""
    packages = (each.dist for each in installed() if each.dist and loaded(each) is feature)
    found = next(packages, None)
    return feature.__module__ if found is None else f"{found.name} {found.version}"
