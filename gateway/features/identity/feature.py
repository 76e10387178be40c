"""IDENTITY: the caller's name in the fields that become Cuebot's records."""

from collections.abc import Sequence
from typing import Any

from gateway.core.gateway import Gateway
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.principal import Unrestricted
from gateway.core.profile.draft import Draft
from gateway.core.settings.model import Strict
from gateway.feature import Feature
from gateway.features.identity.compile import compile_identity
from gateway.features.identity.profile import IdentityTables
from gateway.features.identity.settings import IdentitySettings


class Identity(Feature):
    name = "identity"
    tables = IdentityTables
    headers = HeaderNames(reported=("X-Replaced-Fields",))
    openapi = "openapi.yaml"

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return IdentitySettings

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        everybody = Unrestricted(gateway.settings.section(IdentitySettings).identity)
        # What reads rules comes later, and replaces these.
        gateway.authority.rights_for = lambda claims: everybody

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_identity(draft)
