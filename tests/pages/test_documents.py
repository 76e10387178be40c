"""The documents that are kept: one for all readers with the same rights, and not too many."""

from collections.abc import Mapping

import pytest

from gateway.openapi.document import build_document
from gateway.pages import page_routes
from tests.support.rights import rule, signed
from tests.support.servers import ScriptedCuebot, gateway_for

pytestmark = pytest.mark.anyio


async def test_documents_are_kept_by_rights_and_only_the_last(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may call the same shares one; that which was not asked for longest is forgotten."""
    built = []

    def build(*arguments: object, **options: object) -> Mapping[str, object]:
        built.append(options["allowed"])
        return build_document(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(page_routes, "build_document", build)
    monkeypatch.setattr(page_routes, "KEPT_DOCUMENTS", 2)
    access = [
        rule("reads", {"role": "a*"}, "reads"),
        rule("the same", {"role": "b"}, "all", "!changes"),
        rule("all", {"role": "c"}, "all"),
        rule("none", {}),
    ]
    async with gateway_for(cuebot.endpoint, access=access) as gateway:

        async def ask(role: str) -> int:
            await gateway.client.get("/openapi.json", headers=signed(role, role=role))
            return len(built)

        assert [await ask(role) for role in ("a", "a2", "b", "c", "a")] == [1, 1, 1, 2, 2]
        assert [await ask(role) for role in ("x", "a", "c")] == [3, 3, 4]
    assert len(set(built)) == 3
