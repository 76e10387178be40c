"""Catalogs and profiles with all features in them."""

from gateway.core.profile import build
from gateway.core.profile import profile as profiles
from gateway.core.profile.profile import Profile as CoreProfile
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import Schema
from gateway.core.schema.selection import Selection
from gateway.features.names.compile import compile_names
from gateway.features.names.profile import NameTables
from gateway.features.object_rights.compile import compile_objects
from gateway.features.object_rights.profile import ObjectTables
from gateway.features.views.compile import compile_views
from gateway.features.views.profile import ViewTables
from gateway.features.watch.compile import compile_watching
from gateway.features.watch.profile import WatchTables
from gateway.pages.fitting_panels import compile_panels
from gateway.pages.panel_tables import PanelTables

COMPILERS = (compile_views, compile_names, compile_objects, compile_watching, compile_panels)


class Profile(CoreProfile, ViewTables, NameTables, ObjectTables, WatchTables, PanelTables):
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
    return build.build_catalog(schema, selection, profile, COMPILERS)
