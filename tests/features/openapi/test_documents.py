"""The documents as they are served: their formats, which schema and whose rights they show."""

import re
from collections.abc import Mapping

import orjson
import pytest

from gateway.core.schema.selection import Selection
from gateway.features.catalog import load_profile
from gateway.features.openapi import documents
from gateway.features.openapi.document import build_document
from tests.features.openapi.documents import document
from tests.support.needs import needs
from tests.support.rights import rule, signed
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    gateway_for,
    get,
    running_cuebot,
)
from tests.support.two_versions import NEW, OLD, ChangingCuebot

pytestmark = pytest.mark.anyio


async def test_both_formats_are_the_document(public: Gateway) -> None:
    json, text = await get(public, "/openapi.json"), await get(public, "/openapi.yaml")
    assert json.headers["content-type"] == "application/json"
    assert text.headers["content-type"] == "application/yaml"
    paths = document()["paths"].keys()
    assert json.json()["paths"].keys() == paths
    assert {*re.findall(r"^  (/\S+):$", text.text, re.MULTILINE)} == paths


@pytest.mark.gateway(docs="public", unknown_fields="ignore")
async def test_unknown_fields_that_are_all_ignored_are_no_errors(gateway: Gateway) -> None:
    text = (await get(gateway, "/openapi.json")).text
    assert '"additionalProperties":false' not in text
    assert '"additionalProperties":false' in orjson.dumps(document()).decode()


async def test_the_document_follows_the_schema() -> None:
    async with running_cuebot(ChangingCuebot()) as cuebot:
        assert isinstance(cuebot, ChangingCuebot)
        async with gateway_for(cuebot.endpoint, docs="public") as gateway:
            old = await get(gateway, "/openapi.json")
            cuebot.now = NEW
            assert await gateway.app.parts.live.attempt()
            new = await get(gateway, "/openapi.json", **{"If-None-Match": old.headers["etag"]})
            text = await get(gateway, "/openapi.yaml")
    assert new.status_code == 200
    for answer, version, other in ((old, OLD, NEW), (new, NEW, OLD), (text, NEW, OLD)):
        assert version.own_path in answer.text
        assert other.own_path not in answer.text
        assert version.tag in answer.text


@needs("access", "tokens")
async def test_documents_are_kept_by_rights_and_only_the_last(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def build(*arguments: object, **options: object) -> Mapping[str, object]:
        built.append(options["allowed"])
        return build_document(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(documents, "build_document", build)
    monkeypatch.setattr(documents, "KEPT_DOCUMENTS", 2)
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
        live = gateway.app.parts.live
        live.prepare(Selection(), load_profile("none"))()
        assert await live.attempt()
        assert await ask("c") == 5
