"""Catalogs and profiles with all features in them."""

from functools import partial

from gateway.core.gateway import Composition
from gateway.core.processes import Port
from gateway.core.profile import build
from gateway.core.profile import profile as profiles
from gateway.core.profile.documents import Documents
from gateway.core.profile.draft import Draft
from gateway.core.profile.profile import Profile as CoreProfile
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import Schema
from gateway.core.schema.selection import Selection
from gateway.core.settings.model import Settings
from gateway.core.starting import added, starting
from gateway.feature import Feature, needed_first
from gateway.features import FEATURES, extensions_of


def compile_named(feature: type[Feature], draft: Draft) -> None:
    """Raises ConfigurationError with the name of the feature, for whatever its `compile` raises."""
    with starting(feature.name, "compile"):
        feature.compile(draft)


COMPILERS = tuple(partial(compile_named, each) for each in needed_first(FEATURES))
DOCUMENTS = next((each.documents for each in FEATURES if each.documents is not None), Documents)
TABLES = tuple(each.tables for each in FEATURES if each.tables is not None)


class Profile(CoreProfile, *TABLES):  # type: ignore[misc]  # mypy wants names
    """The tables of the core, and those of each feature."""

    companions = (*CoreProfile.companions, "panels")


EMPTY = Profile()


def load_profile(wanted: str) -> Profile:
    """The profile at COMPAT_PROFILE: `opencue` (built in), `none`, or a file.

    Raises ConfigurationError, one line.
    """
    return profiles.load_profile(wanted, Profile)


def build_catalog(schema: Schema, selection: Selection, profile: CoreProfile = EMPTY) -> Catalog:
    """A service whose file is unusable is skipped, with the reason. Raises NoSchema if none is
    left.
    """
    return build.build_catalog(schema, selection, profile, COMPILERS, DOCUMENTS)


def further_ports(settings: Settings) -> list[Port]:
    """Those of features, beside the one of the API."""
    return [*added(FEATURES, "ports", settings)]


COMPOSITION = Composition(
    load_profile=load_profile,
    build_catalog=build_catalog,
    extensions=extensions_of,
    ports=further_ports,
)
