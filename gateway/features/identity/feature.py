"""IDENTITY: the caller's name in the fields that become Cuebot's records."""

from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.profile.draft import Draft
from gateway.feature import Feature
from gateway.features.identity.compile import compile_identity
from gateway.features.identity.profile import IdentityTables


class Identity(Feature):
    name = "identity"
    tables = IdentityTables
    headers = HeaderNames(reported=("X-Replaced-Fields",))
    document = "openapi.yaml"

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_identity(draft)
