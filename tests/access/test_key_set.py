"""Tokens of identity providers: whose keys verify them, and which keys never do."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.key_set import NoKeySet, parse_key_set
from gateway.access.principal import Principal
from gateway.access.provider import unbound
from gateway.access.rights import AccessRules
from gateway.access.tokens import Authenticator, ProviderRules, TokenRules
from gateway.errors import GatewayError
from gateway.settings.model import Settings
from tests.access.test_tokens import base64url, signed
from tests.support.provider import Document, Ec, Rsa, ec_key, entra, keycloak, okta, rsa_key
from tests.support.rights import rule

NOW = 1_800_000_000.0
GOOD = {"sub": "lena", "exp": int(NOW) + 60}
RULES = TokenRules(provider=ProviderRules())
SECRET = b"the secret of these tests, 32 bytes or more"

ONE, TWO, THREE = rsa_key("one"), rsa_key("two"), rsa_key("three")
CURVE = ec_key("curve")
SET = {"keys": [ONE.jwk(kid="1"), TWO.jwk(kid="2"), CURVE.jwk(kid="c")]}


def trusting(
    document: Document, *secrets: bytes, rules: TokenRules = RULES, now: float = NOW
) -> Authenticator:
    """One with the keys of this set."""
    keys = parse_key_set(json.dumps(document).encode())
    return Authenticator(secrets, rules, clock=lambda: now, keys=keys)


def accepts(token: str, subject: Authenticator) -> Principal:
    return subject.authenticate(b"Bearer " + token.encode())


def refusal(token: str, subject: Authenticator) -> str:
    """Why the token is refused, with 403."""
    with pytest.raises(GatewayError) as caught:
        accepts(token, subject)
    assert caught.value.status == 403
    return caught.value.message


# --- One namespace of subjects --------------------------------------------------------------


def test_rules_can_tell_who_has_signed_a_token() -> None:
    """A provider's subject is not taken for CueWeb, whose tokens a secret signs. What the token
    itself says about that does not count."""
    access = [
        rule("cueweb", {"sub": "user-id", "signed_by": "secret"}, "all", identity="trust"),
        rule("people", {"signed_by": "provider"}, "reads"),
    ]
    subject = trusting(SET, SECRET)
    subject.follow(AccessRules(Settings.model_validate({"access": access})))
    said = GOOD | {"sub": "user-id", "signed_by": "secret"}
    assert accepts(ONE.token(said, kid="1"), subject).rule.name == "people"
    claimed = signed(GOOD | {"sub": "user-id", "signed_by": "provider"}, key=SECRET)
    assert accepts(claimed, subject).rule.name == "cueweb"


@pytest.mark.parametrize(
    ("who", "more", "warned"),
    [
        ({"sub": "user-id"}, {}, True),
        ({"sub": "user-id", "role": "x"}, {}, True),
        ({"sub": "user-id", "signed_by": "secret"}, {}, False),
        ({"sub": "user-id", "iss": "https://studio"}, {}, False),
        ({"role": "x"}, {}, False),
        ({"sub": "user-id"}, {"jwt_secret": None}, False),
        ({"sub": "user-id"}, {"jwt_jwks": None}, False),
    ],
)
def test_a_rule_that_cannot_tell_them_apart_is_warned_about(
    who: dict[str, object], more: dict[str, object], warned: bool
) -> None:
    """Where there are tokens of both kinds, and it goes by the subject."""
    given = {
        "jwt_jwks": "https://studio/keys",
        "jwt_issuer": "https://studio",
        "jwt_audience": "cue",
        "jwt_secret": "x" * 32,
        "access": [rule("cueweb", who, "all")],
    }
    warnings = unbound(Settings.model_validate(given | more))
    assert len(warnings) == warned
    assert all("access rule 'cueweb'" in line and "signed_by" in line for line in warnings)


# --- The shapes of providers ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "tokens"),
    [
        pytest.param(
            keycloak(ONE, CURVE),
            [ONE.token(GOOD, kid="kc-rsa"), CURVE.token(GOOD, kid="kc-ec")],
            id="Keycloak",
        ),
        pytest.param(
            okta(ONE, TWO),
            [ONE.token(GOOD, kid="okta-1"), TWO.token(GOOD, kid="okta-2")],
            id="Okta",
        ),
        pytest.param(
            entra(ONE, TWO, THREE),
            [
                ONE.token(GOOD, kid="entra-1", x5t="entra-1"),
                THREE.token(GOOD, kid="entra-3", x5t="entra-3"),
            ],
            id="Entra",
        ),
    ],
)
def test_the_key_sets_of_providers(document: Document, tokens: list[str]) -> None:
    """Tokens of each key that signs pass, and those of other keys under its name do not."""
    subject = trusting(document)
    for token in tokens:
        assert accepts(token, subject).subject == "lena"
    stranger = rsa_key("stranger")
    for each in document["keys"]:
        if each["kty"] == "RSA" and each["use"] == "sig":
            assert "signature" in refusal(stranger.token(GOOD, kid=each["kid"]), subject)


def test_keys_for_encryption_verify_nothing() -> None:
    """A key with `use: enc` is skipped, whatever signs with it."""
    subject, encryption = trusting(keycloak(ONE, CURVE)), rsa_key("encryption")
    refusal(encryption.token(GOOD, kid="kc-enc"), subject)
    refusal(encryption.token(GOOD), subject)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param(ONE.jwk(use="enc"), "signatures", id="for encryption"),
        pytest.param(ONE.jwk(key_ops=["encrypt"]), "signatures", id="key_ops without verify"),
        pytest.param(ONE.jwk(key_ops=7), "signatures", id="key_ops a number"),
        pytest.param(ONE.jwk(alg="RS512"), "RS256", id="RS512"),
        pytest.param(ONE.jwk(alg="PS256"), "RS256", id="PS256"),
        pytest.param(ONE.jwk(alg="HS256"), "RS256", id="HS256 with an RSA key"),
        pytest.param(ONE.jwk(alg="ES256"), "RS256", id="ES256 with an RSA key"),
        pytest.param(ONE.jwk(alg=None, crv="P-256"), "RS256", id="RSA with a curve"),
        pytest.param(CURVE.jwk(alg="RS256"), "RS256", id="RS256 with a curve"),
        pytest.param(CURVE.jwk(crv="P-384"), "RS256", id="another curve"),
        pytest.param(CURVE.jwk(crv=None), "RS256", id="no curve"),
        pytest.param(CURVE.jwk(crv=["P-256"]), "text", id="crv a list"),
        pytest.param({"kty": "oct", "k": base64url(SECRET)}, "RS256", id="a secret"),
        pytest.param({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS"}, "RS256", id="Ed25519"),
        pytest.param(ONE.jwk(kty=None), "text", id="no kty"),
        pytest.param(ONE.jwk(kid=7), "kid", id="kid a number"),
        pytest.param(ONE.jwk(kid="x" * 3000), "too long", id="a long kid"),
        pytest.param(ONE.jwk(n="A" * 200_000 + "AQ"), "too long", id="a long modulus"),
        pytest.param(ONE.jwk(e=1e308), "broken", id="exponent a number"),
        pytest.param(ONE.jwk(e=-1), "broken", id="exponent below 0"),
        pytest.param(ONE.jwk(n="AQAB"), "b", id="a tiny modulus"),
        pytest.param(ONE.jwk(n=None), "broken", id="no modulus"),
        pytest.param(ONE.jwk(n=[1]), "broken", id="modulus a list"),
        pytest.param(ONE.jwk(n="é!"), "broken", id="modulus no base64"),
        pytest.param(ONE.jwk(e="AQ"), "broken", id="exponent 1"),
        pytest.param(ONE.jwk(e="AA"), "broken", id="exponent 0"),
        pytest.param(ONE.jwk(e="AQAAAAE"), "exponent", id="exponent of 33 bits"),
        pytest.param(ONE.jwk(e=base64url(b"\xff" * 128)), "exponent", id="exponent of 1024 bits"),
        pytest.param(CURVE.jwk(x="AQAB"), "broken", id="no point of the curve"),
        pytest.param(rsa_key("short", 1024).jwk(), "1024 bits", id="1024 bits"),
        pytest.param("key", "object", id="a text"),
        pytest.param(None, "object", id="null"),
    ],
)
def test_keys_that_are_skipped(key: object, reason: str) -> None:
    """Keys of other kinds, and broken ones, leave the good ones alone."""
    keys = parse_key_set(json.dumps({"keys": [key, TWO.jwk(kid="2")]}).encode())
    assert [each.kid for each in keys.keys] == ["2"]
    (skipped,) = keys.skipped
    assert skipped.startswith("key 1: ")
    assert reason in skipped


def test_private_parts_of_a_key_are_not_read() -> None:
    """A set with private keys in it is used for its public ones."""
    subject = trusting({"keys": [ONE.jwk(kid="1", d="AQAB", p="Aw", q="BQ")]})
    assert accepts(ONE.token(GOOD, kid="1"), subject).subject == "lena"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"<html>", "not JSON", id="a page"),
        pytest.param(b"[" * 5000 + b"]" * 5000, "not JSON", id="deep"),
        pytest.param(b"\xff\xfe", "not JSON", id="no UTF-8"),
        pytest.param(b"[]", "keys", id="a list"),
        pytest.param(b"{}", "keys", id="no keys"),
        pytest.param(b'{"keys": {}}', "keys", id="keys an object"),
        pytest.param(b'{"keys": []}', "no key for", id="none"),
        pytest.param(b'{"keys": [{"kty": "oct", "k": "AAAA"}]}', "no key for", id="no public one"),
        pytest.param(b'{"keys": [%s0]}' % (b"0," * 40), "more than", id="too many"),
    ],
)
def test_what_is_no_key_set(content: bytes, word: str) -> None:
    """The error is one line that names the setting."""
    with pytest.raises(NoKeySet) as caught:
        parse_key_set(content)
    text = str(caught.value)
    assert text.startswith("JWT_JWKS: ")
    assert word in text
    assert "\n" not in text


# --- Which key ------------------------------------------------------------------------------


def test_a_token_without_kid_is_tried_with_all_keys() -> None:
    """`kid` is optional (RFC 7515 section 4.1.4); keys may have none either."""
    subject = trusting(SET)
    for key in (ONE, TWO, CURVE):
        assert accepts(key.token(GOOD), subject).subject == "lena"
    refusal(THREE.token(GOOD), subject)
    nameless = trusting({"keys": [ONE.jwk(), TWO.jwk()]})
    assert accepts(TWO.token(GOOD, kid="2"), nameless).subject == "lena"


def test_a_token_is_tried_only_with_the_key_that_it_names() -> None:
    """The signature of another key of the provider does not hold under this name."""
    assert "signature" in refusal(TWO.token(GOOD, kid="1"), trusting(SET))


@pytest.mark.parametrize("kid", [7, ["1"], {}, True, 1.5])
def test_a_kid_is_a_text(kid: object) -> None:
    assert "kid" in refusal(ONE.token(GOOD, kid=kid), trusting(SET))


def test_an_unknown_kid_is_told() -> None:
    """Somebody is asked for new keys; a known kid, or none, is no reason to."""
    asked = []
    subject = trusting(SET)
    subject.on_unknown_key = lambda: asked.append(1)
    for token in (ONE.token(GOOD, kid="2"), THREE.token(GOOD), ONE.token(GOOD, kid="c")):
        refusal(token, subject)
    assert asked == []
    message = refusal(THREE.token(GOOD, kid="3"), subject)
    assert "kid" in message
    assert "again" in message
    assert asked == [1]


# --- Which algorithm ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "alg",
    ["none", "None", "NONE", "", "RS384", "RS512", "PS256", "ES384", "ES512", "EdDSA", "dir"],
)
@pytest.mark.parametrize("key", [ONE, CURVE], ids=["RSA", "EC"])
def test_other_algorithms_are_refused(key: Rsa | Ec, alg: str) -> None:
    """Signed or not, and with whichever key."""
    subject = trusting(SET, SECRET)
    token = key.token(GOOD, alg=alg)
    for each in (token, token.rpartition(".")[0] + "."):
        assert "algorithm" in refusal(each, subject)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(ONE.token(GOOD, alg="ES256", kid="1"), id="an RSA key as ES256"),
        pytest.param(CURVE.token(GOOD, alg="RS256", kid="c"), id="an EC key as RS256"),
        pytest.param(ONE.token(GOOD, alg="ES256", kid="c"), id="an EC key that has not signed"),
        pytest.param(ONE.token(GOOD, alg="RS256", kid="c"), id="the name of an EC key"),
    ],
)
def test_the_algorithm_is_that_of_the_key(token: str) -> None:
    """Whatever a token says of itself."""
    refusal(token, trusting(SET))


def public_forms(key: Rsa | Ec) -> list[bytes]:
    """A public key in each form in which somebody may have it."""
    public, form = key.private.public_key(), PublicFormat.SubjectPublicKeyInfo
    jwk = key.jwk(kid="1")
    return [
        public.public_bytes(Encoding.PEM, form),
        public.public_bytes(Encoding.PEM, form).strip(),
        public.public_bytes(Encoding.DER, form),
        json.dumps(jwk).encode(),
        json.dumps(SET).encode(),
        str(jwk.get("n", jwk.get("x"))).encode(),
        b"",
    ]


@pytest.mark.parametrize("key", [ONE, CURVE], ids=["RSA", "EC"])
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("secrets", [(), (SECRET,)], ids=["no secret", "a secret"])
def test_a_public_key_is_never_a_secret(
    key: Rsa | Ec, alg: str, secrets: tuple[bytes, ...]
) -> None:
    """Everybody has the public key: a token that is signed with its bytes does not hold."""
    rules = TokenRules(algorithms=("HS256", "HS384", "HS512"), provider=ProviderRules())
    subject = trusting(SET, *secrets, rules=rules)
    for form in public_forms(key):
        for kid in ("1", "c"):
            refusal(signed(GOOD, {"alg": alg, "kid": kid}, form, alg), subject)


def test_without_a_secret_no_secret_signs() -> None:
    """With a provider alone, every HS token is refused, also one that nothing has signed."""
    subject = trusting(SET)
    assert "JWT_SECRET" in refusal(signed(GOOD, key=SECRET), subject)
    refusal(signed(GOOD, key=b""), subject)


def test_secrets_and_a_provider_side_by_side() -> None:
    """Each token is verified in its own way."""
    subject = trusting(SET, SECRET)
    assert accepts(signed(GOOD, key=SECRET), subject).subject == "lena"
    assert accepts(ONE.token(GOOD, kid="1"), subject).subject == "lena"


def test_without_a_provider_no_key_verifies() -> None:
    """The keys that a token brings along itself are never used, nor fetched."""
    header = {"jwk": ONE.jwk(), "jku": "https://evil.example/keys", "x5u": "https://evil.example"}
    for subject in (Authenticator([SECRET], TokenRules(), lambda: NOW), trusting(SET)):
        refusal(THREE.token(GOOD, **header | {"jwk": THREE.jwk()}), subject)
    refusal(ONE.token(GOOD, **header), Authenticator([SECRET], TokenRules(), lambda: NOW))


def test_keys_that_are_not_known_yet_are_503() -> None:
    """It is not the token's fault, and better in a moment."""
    subject = Authenticator([SECRET], RULES, lambda: NOW)
    with pytest.raises(GatewayError) as caught:
        accepts(ONE.token(GOOD, kid="1"), subject)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "1")
    assert accepts(signed(GOOD, key=SECRET), subject).subject == "lena"


# --- What a token says ----------------------------------------------------------------------

BOUND = TokenRules(
    audience="old-clients",
    issuer="studio",
    provider=ProviderRules(audience="farm", issuer="https://idp.studio"),
)


def test_tokens_of_secrets_and_of_the_provider_are_bound_apart() -> None:
    """Each to an issuer and an audience of its own."""
    subject = trusting(SET, SECRET, rules=BOUND)
    for_secret = GOOD | {"aud": "old-clients", "iss": "studio"}
    for_provider = GOOD | {"aud": ["x", "farm"], "iss": "https://idp.studio"}
    assert accepts(signed(for_secret, key=SECRET), subject).subject == "lena"
    assert accepts(ONE.token(for_provider, kid="1"), subject).subject == "lena"
    refusal(signed(for_provider, key=SECRET), subject)
    refusal(ONE.token(for_secret, kid="1"), subject)
    for claims in (GOOD, GOOD | {"aud": "farm"}, for_provider | {"iss": "https://idp.studio/"}):
        refusal(ONE.token(claims, kid="1"), subject)


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        (GOOD | {"exp": True}, "exp"),
        (GOOD | {"exp": str(int(NOW) + 60)}, "exp"),
        (GOOD | {"exp": int(NOW) - 1}, "expired"),
        (GOOD | {"nbf": int(NOW) + 9}, "nbf"),
        (GOOD | {"sub": ["lena"]}, "sub"),
        ({"exp": int(NOW) + 60}, "sub"),
        ({"sub": "lena"}, "exp"),
        (b"[]", "object"),
    ],
)
def test_claims_are_as_strict_as_those_that_secrets_sign(
    claims: dict[str, Any] | bytes, word: str
) -> None:
    assert word in refusal(CURVE.token(claims, kid="c"), trusting(SET))


def test_a_changed_set_forgets_what_it_has_verified() -> None:
    """Tokens of keys that are gone do not hold any more, although they have been seen."""
    subject, token = trusting(SET), ONE.token(GOOD, kid="1")
    assert accepts(token, subject) is accepts(token, subject)
    subject.use_keys(parse_key_set(json.dumps({"keys": [TWO.jwk(kid="2")]}).encode()))
    refusal(token, subject)
    assert accepts(TWO.token(GOOD, kid="2"), subject).subject == "lena"
    subject.use_keys(parse_key_set(json.dumps({"keys": [THREE.jwk(kid="1")]}).encode()))
    refusal(token, subject)  # another key under its name


@pytest.mark.thorough
@pytest.mark.parametrize("key", [ONE, CURVE], ids=["RSA", "EC"])
@given(data=st.data())
def test_any_change_to_a_good_token_is_refused_or_changes_nothing(
    key: Rsa | Ec, data: st.DataObject
) -> None:
    """Bytes put into, taken out of or changed in a good token never make another principal."""
    token = bytearray(key.token(GOOD).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(token) - 1))
        cut = data.draw(st.integers(0, 4))
        token[place : place + cut] = data.draw(st.binary(max_size=4))
    try:
        principal = trusting(SET, SECRET).authenticate(b"Bearer " + bytes(token))
    except GatewayError as error:
        assert error.status in (401, 403)  # noqa: PT017 - or success
    else:
        assert principal.subject == "lena"


def test_a_key_of_another_curve_is_not_es256() -> None:
    """P-384 would be ES384, which is not served."""
    other = Ec(ec.generate_private_key(ec.SECP384R1()))
    with pytest.raises(NoKeySet):
        parse_key_set(json.dumps({"keys": [other.jwk(kid="1")]}).encode())
