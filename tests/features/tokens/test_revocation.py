"""The deny list: who is let in no more, from the moment that the file says so."""

import asyncio
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.core.errors import ConfigurationError, GatewayError
from gateway.features.tokens import revocation as module
from gateway.features.tokens.revocation import NOBODY, DenyFile, NoList, Revocations, parse_denied
from gateway.features.tokens.tokens import Authenticator, TokenRules
from tests.features.tokens.test_tokens import GOOD, KEY, NOW, signed
from tests.support.patience import PATIENCE
from tests.support.servers import SECRET, ScriptedCuebot, gateway_for, settings_for

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"
LENA = Revocations(subjects=frozenset({"lena"}))


@pytest.mark.parametrize(
    ("content", "denied"),
    [
        *((b"", NOBODY), (b"# nobody\n\n  # yet\n", NOBODY), (b"sub:lena\n", LENA)),
        *((b"\xef\xbb\xbfsub:lena\r\n", LENA), (b" sub: lena \n", LENA)),
        (
            b"jti:a:b#c\njti:7\nsub:l\xc3\xa9na s\n",
            Revocations(frozenset({"a:b#c", "7"}), frozenset({"léna s"})),
        ),
    ],
)
def test_a_list(content: bytes, denied: Revocations) -> None:
    """One `jti:…` or `sub:…` a line; blank lines and comments say nothing."""
    assert parse_denied(content) == denied


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"sub:lena", "half written"),
        (b"sub:lena\nsub:b", "half written"),
        (b"sub:lena\nlena\n", "line 2"),
        (b"sub:\n", "line 1"),
        (b"jit:x\n", "line 1"),
        (b"sub\n", "line 1"),
        (b"SUB:lena\n", "line 1"),
        (b"\xff\n", "UTF-8"),
    ],
)
def test_what_is_no_list(content: bytes, word: str) -> None:
    """A line that denies nobody would be a mistake that nobody notices."""
    with pytest.raises(NoList, match="JWT_DENY_FILE: ") as caught:
        parse_denied(content)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        *(({}, True), ({"sub": "Lena"}, False), ({"sub": "stolen"}, False), ({"sub": "bo"}, False)),
        *(({"sub": "bo", "jti": "stolen"}, True), ({"sub": "bo", "jti": "lena"}, False)),
        *(({"sub": "bo", "jti": 7}, True), ({"sub": "bo", "jti": None}, False)),
    ],
)
def test_denied_tokens_are_403(claims: dict[str, object], refused: bool) -> None:
    """By the token's id or by its subject."""
    subject = Authenticator([KEY], TokenRules(), lambda: NOW)
    subject.deny(Revocations(frozenset({"stolen", "7", "None"}), frozenset({"lena"})))
    token = b"Bearer " + signed(GOOD | claims).encode()
    if not refused:
        subject.authenticate(token)
        return
    with pytest.raises(GatewayError, match="deny list") as caught:
        subject.authenticate(token)
    assert caught.value.status == 403


def test_the_subject_is_denied_whichever_claim_it_is() -> None:
    rules = TokenRules(subject=("email",), required=("exp",))
    subject = Authenticator([KEY], rules, lambda: NOW)
    subject.deny(LENA)
    subject.authenticate(b"Bearer " + signed(GOOD | {"email": "bo"}).encode())
    with pytest.raises(GatewayError, match="deny list"):
        subject.authenticate(b"Bearer " + signed(GOOD | {"sub": "x", "email": "lena"}).encode())


def followed(path: Path) -> tuple[DenyFile, list[Revocations]]:
    """One that notes the lists that it tells of."""
    told: list[Revocations] = []
    return DenyFile(path, told.append), told


async def test_the_file_is_followed(tmp_path: Path) -> None:
    """Written anew, or replaced by another file; the same content is told once."""
    file = tmp_path / "denied"
    file.write_text("")
    deny, told = followed(file)
    file.write_text("sub:lena\n")
    await deny.refresh()
    await deny.refresh()
    assert told == [LENA]
    file.write_text("# since Monday\nsub:lena\n")
    await deny.refresh()
    assert told == [LENA]
    other = tmp_path / "other"
    other.write_text("# nobody\n")
    other.replace(file)
    await deny.refresh()
    assert told == [LENA, NOBODY]


@pytest.mark.parametrize("content", [None, b"", b"sub:l", b"lena\n", b"\xff\n"])
async def test_a_broken_file_changes_nothing(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "denied"
    file.write_text("sub:lena\n")
    deny, told = followed(file)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with capture_logs() as lines:
        await deny.refresh()
        await deny.refresh()
        if file.exists():  # a reload keeps it just as well
            with pytest.raises(ConfigurationError, match="JWT_DENY_FILE"):
                deny.prepare(file)
    assert [line["log_level"] for line in lines] == ["error"]
    assert "JWT_DENY_FILE" in lines[0]["problem"]
    assert told == [LENA]
    file.write_text("sub:bo\n")
    await deny.refresh()
    assert told[1:] == [Revocations(subjects=frozenset({"bo"}))]


def test_a_file_that_is_no_list_stops_the_start(tmp_path: Path) -> None:
    """A list that was asked for and is not there would deny nobody."""
    file = tmp_path / "denied"
    for content in (None, "lena\n"):
        if content is not None:
            file.write_text(content)
        with pytest.raises(ConfigurationError, match="JWT_DENY_FILE"):
            followed(file)


async def test_in_a_gateway(
    cuebot: ScriptedCuebot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.01)
    file, other = tmp_path / "denied", tmp_path / "other"
    file.write_text("# nobody\n")
    other.write_text("sub:lena\n")
    claims = {"sub": "lena", "jti": "one", "exp": int(time.time()) + 60}
    headers = {"Authorization": f"Bearer {signed(claims, key=SECRET.encode())}"}
    async with gateway_for(cuebot.endpoint, jwt_deny_file=file) as gateway:

        async def until(wanted: int) -> None:
            status = 0
            async with asyncio.timeout(PATIENCE):
                while status != wanted:
                    answer = await gateway.post(SHOWS, headers=headers)
                    status = answer.status_code

        await until(200)
        file.write_text("jti:one\n")
        await until(403)
        file.write_text("jti:two\n")
        await until(200)
        part = next(each for each in gateway.app.reloadable if each.follows("jwt_jwks"))
        for path, wanted in ((other, 403), (None, 200)):
            settings = settings_for(cuebot.endpoint, jwt_deny_file=path)
            (await asyncio.to_thread(part.prepare, settings))()
            await until(wanted)


def test_any_claim_that_can_be_a_subject_is_looked_at() -> None:
    denied = Revocations(subjects=frozenset(("lena",)), jti=frozenset(("7",)))
    assert denied.includes(["oid-1", "lena"], None)
    assert denied.includes([None, "marco"], 7)
    assert not denied.includes([None, "marco", ["lena"]], "8")
