"""Settings: where they come from, what they accept, and what stops startup with one line."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.core.settings.loading import synonyms
from gateway.core.settings.notes import Retired, noted
from gateway.core.settings.types import parse_duration, parse_store_url
from gateway.features.settings import Settings, load_settings, misspelled
from tests.support.needs import OF_ALL_FEATURES, needs
from tests.support.settings import SECRET, name_of, named_problem, problem, wrong_values

SHIPPED = Path(__file__).parents[3] / "config" / "gateway.toml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def from_file(file: Path, content: str, **environ: str) -> Settings:
    file.write_text(content, encoding="utf-8")
    return load_settings({"GATEWAY_CONFIG": str(file)} | environ)


def file_problem(file: Path, content: str | bytes) -> str:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    text = problem({"GATEWAY_CONFIG": str(file), "JWT_SECRET": ""})
    assert str(file) in text
    return text


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("CUEBOT_ENDPONT", "CUEBOT_ENDPOINT"),
        ("REST_PRT", "REST_PORT"),
        ("rest_port", "REST_PORT"),
        ("LOGLEVEL", "LOG_LEVEL"),
        pytest.param("JWT_SECRETS", "JWT_SECRET", marks=needs("tokens")),
        pytest.param("CORS_ALLOW_ORIGINS", "CORS_ALLOWED_ORIGINS", marks=needs("cors")),
    ],
)
def test_a_misspelled_variable_is_named(variable: str, meant: str) -> None:
    said = f"{variable} is no setting of the gateway; did you mean {meant}?"
    assert misspelled({variable: SECRET}) == [said]


@pytest.mark.parametrize(
    "variable",
    [
        *("SSL_CERT_FILE", "SSL_KEY_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY"),
        *("GRPC_VERBOSITY", "GRPC_TRACE", "WEB_CONCURRENCY", "LOGNAME", "HOSTNAME", "TOKEN"),
        *("CUEBOT_HOSTS", "CUEBOT_PORT", "CUEBOT_SERVICE_HOST", "CUEBOT_PORT_8443_TCP_PORT"),
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "GATEWAY_URL", "REDIS_URL"),
    ],
)
def test_variables_of_others_are_not_misspelled(variable: str) -> None:
    """Those of OpenSSL, gRPC, OpenCue's programs, Kubernetes and our own client."""
    assert misspelled({variable: "x"}) == []


def test_names_that_are_right_are_not_misspelled() -> None:
    """Settings and synonyms; nor is an empty variable, which is unset."""
    ours = [
        *(name.upper() for name in Settings.model_fields),
        *synonyms(Settings),
        "GATEWAY_CONFIG",
    ]
    assert misspelled(dict.fromkeys([*ours, "GRPC_MAX_MESSAGE_SIZE"], "x") | {"REST_PRT": ""}) == []


def test_the_shipped_file_has_every_setting_and_nothing_else() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    commented = set(re.findall(r"^# ([a-z_]+) = ", text, flags=re.MULTILINE))
    without_default = {name for name, each in Settings.model_fields.items() if each.default is None}
    assert set(tomllib.loads(text)) == Settings.model_fields.keys() - without_default
    assert commented == without_default - {name for name, _ in noted(Settings, Retired)}


def test_the_shipped_file_has_the_defaults() -> None:
    assert load_settings({"GATEWAY_CONFIG": str(SHIPPED)}) == Settings() == load_settings({})


@OF_ALL_FEATURES
def test_what_the_shipped_file_comments_out_can_be_switched_on(file: Path) -> None:
    text = re.sub(r"^# ([a-z_]+ = )", r"\1", SHIPPED.read_text(encoding="utf-8"), flags=re.M)
    settings = from_file(file, text)
    assert settings.jwt_secret_file == Path("/run/secrets/jwt")
    assert settings.rate_limit_burst == 100


def test_the_defaults_of_the_contract() -> None:
    promised = {
        "rest_port": 8448,
        "rest_host": "0.0.0.0",  # noqa: S104 - it is the promise
        "cuebot_endpoint": ("localhost:8443",),
        "descriptor_source": "auto",
        "reflection_refresh": 300,
        "compat_profile": "opencue",
        "unknown_fields": "safe",
        "grpc_timeout": 30,
        "grpc_max_recv_msg_mb": 256,
        "max_body_mb": 4,
        "max_in_flight": 256,
        "max_connections": 4096,
        "max_connections_per_address": None,
        "docs": "token",
        "metrics": "off",
        "keepalive_time": 0,
        "jwt_secret": None,
        "jwt_algorithms": ("HS256",),
        "jwt_required_claims": ("sub", "exp"),
        "rate_limit_rps": 100,
        "rate_limit_max_wait": 0,
        "log_level": "info",
    }
    there = Settings.model_fields
    promised = {name: value for name, value in promised.items() if name in there}
    assert Settings().model_dump().items() >= promised.items()


FILES = (
    "CUEBOT_CA CUEBOT_CERT CUEBOT_KEY TLS_CERT TLS_KEY JWT_SECRET JWT_DENY STATE_PASSWORD STATE_CA"
)
SAME = (
    *("DESCRIPTOR_SOURCE=reflection", "COMPAT_PROFILE=none", "COMPAT_PROFILE=/etc/studio.toml"),
    *("UNKNOWN_FIELDS=reject", "REST_HOST=127.0.0.1", "ACCESS_DEFAULT=deny", "IDENTITY=force"),
    *("METRICS=public", "METRICS_HOST=::", "CUEBOT_TRANSPORT=grpcio", "DOCS=public", "DOCS=off"),
    *("JWT_AUDIENCE=render", "JWT_ISSUER=studio", "JWT_JWKS=https://idp.studio/certs"),
    *("JWT_SECRET_AUDIENCE=old", "JWT_SECRET_ISSUER=us", "STATE_FAIL=closed", "LOG_LEVEL=debug"),
    *("LOG_LEVEL=info", "LOG_LEVEL=error", "LOG_FORMAT=console", "LOG_FORMAT=json", "TRACES=on"),
    *("SHARED_READS=principal", "SHARED_READS=off"),
    *("AUDIT_LOG=stdout", "AUDIT_FAIL=open"),
)
"""Variables whose text is the value of the setting."""
TEXTS: list[tuple[str, str, object]] = [
    *((each.split("=")[0], each.split("=")[1], each.split("=")[1]) for each in SAME),
    *((f"{name}_FILE", "/etc/pem", Path("/etc/pem")) for name in (*FILES.split(), "STATE_CA")),
    *(("CUEBOT_TLS", text, True) for text in ("true", "TRUE", "1")),
    *(("CUEBOT_TLS", text, False) for text in ("false", "0")),
    ("OPEN_TO_ALL", "true", True),
    *(("CUEBOT_ENDPOINT", text, (text,)) for text in ("cuebot:8443", "[::1]:8443", "10.0.0.1:1")),
    ("CUEBOT_ENDPOINT", "a-b.c_d:65535", ("a-b.c_d:65535",)),
    ("CUEBOT_ENDPOINT", "a:1,b:2", ("a:1", "b:2")),
    ("CUEBOT_ENDPOINT", "a:1 , [::1]:2", ("a:1", "[::1]:2")),
    *(("REFLECTION_REFRESH", "90s", 90.0), ("REFLECTION_REFRESH", "0", 0.0)),
    ("INCLUDE_SERVICES", "job.*, show.ShowInterface", ("job.*", "show.ShowInterface")),
    ("EXCLUDE_SERVICES", "job.JobInterface/Kill", ("job.JobInterface/Kill",)),
    *(("REST_PORT", "80", 80), ("REST_PORT", "0", 0), ("METRICS_PORT", "9464", 9464)),
    *(("MAX_BODY_MB", "0.5", 0.5), ("GRPC_MAX_RECV_MSG_MB", "64", 64.0)),
    *(("HTTP_TIMEOUT", "5s", 5.0), ("GRPC_TIMEOUT", "1500ms", 1.5), ("SLOW_CALL", "2s", 2.0)),
    *(("MAX_IN_FLIGHT", "7", 7), ("MAX_CONNECTIONS", "9", 9), ("WORKERS", "4", 4)),
    ("MAX_CONNECTIONS_PER_ADDRESS", "5", 5),
    ("MAX_ANSWER_MEMORY", "64", 64 * 2**20),
    ("MAX_ANSWER_MEMORY", "1.5 GB", 3 * 2**29),
    ("MAX_ANSWER_MEMORY", "512mb", 512 * 2**20),
    ("FORWARDED_ALLOW_IPS", "10.0.0.5, 10.0.8.0/24", ("10.0.0.5", "10.0.8.0/24")),
    *(("SHUTDOWN_DELAY", "5s", 5.0), ("SHUTDOWN_TIMEOUT", "1m", 60.0)),
    ("SHUTDOWN_TIMEOUT", "0", 0.0),
    ("CORS_ORIGINS", "https://a.studio, http://b:3000", ("https://a.studio", "http://b:3000")),
    ("CORS_HEADERS", "X-Site, X-Desk", ("X-Site", "X-Desk")),
    *(("KEEPALIVE_TIME", "10m", 600.0), ("KEEPALIVE_TIMEOUT", "5s", 5.0)),
    ("JWT_ALGORITHMS", "HS256, HS512", ("HS256", "HS512")),
    ("JWT_REQUIRED_CLAIMS", "sub,exp,role", ("sub", "exp", "role")),
    ("JWT_SUBJECT_CLAIM", "sub,user", ("sub", "user")),
    *(("JWT_LEEWAY", "30s", 30.0), ("JWT_MAX_AGE", "30d", 30 * 86400.0)),
    *(("RATE_LIMIT_RPS", "0", 0.0), ("RATE_LIMIT_RPS", "2.5", 2.5)),
    *(("RATE_LIMIT_BURST", "500", 500), ("RATE_LIMIT_MAX_WAIT", "2s", 2.0)),
    *(("LOG_LEVEL", "WARNING", "warning"), ("LOG_LEVEL", "warn", "warning")),  # as OpenCue's pages
    *(("TRACES_RATIO", "0.1", 0.1), ("AUDIT_SYNC", "true", True)),
    ("LOG_ROOTS", "/shots, /logs=/mnt/logs", ("/shots", "/logs=/mnt/logs")),
    ("AUDIT_REDACT", "*token*, spec", ("*token*", "spec")),
]
"""A variable, its text, and the value of the setting."""
OURS = [each for each in TEXTS if each[0].lower() in Settings.model_fields]
"""Those of features that are there."""


@pytest.mark.parametrize(("variable", "text", "value"), OURS, ids=name_of)
def test_a_setting_from_the_environment(variable: str, text: str, value: object) -> None:
    expected = Settings().model_copy(update={variable.lower(): value})
    assert load_settings({variable: text}) == expected


def test_every_setting_has_been_tried_from_the_environment() -> None:
    tried = {variable.lower() for variable, *_ in TEXTS}
    own = {"jwt_secret", "rate_limit_overrides", "access", "state"}
    assert Settings.model_fields.keys() - tried == own & Settings.model_fields.keys()


@needs("tokens")
@pytest.mark.parametrize("text", [SECRET, f' "{SECRET}" ', "true", "{}", "100"])
def test_the_secret_from_the_environment(text: str) -> None:
    secret = load_settings({"JWT_SECRET": text}).jwt_secret
    assert secret is not None
    assert secret.get_secret_value() == text


def test_a_setting_from_the_file(file: Path) -> None:
    settings = from_file(
        file,
        """
        rest_port = 80
        http_timeout = 5
        grpc_timeout = 1.5
        shutdown_delay = "2m"
        include_services = ["job.*", "show.ShowInterface"]
        exclude_services = "host.*, job.JobInterface/Kill"
        """,
    )
    assert settings.rest_port == 80
    assert (settings.http_timeout, settings.grpc_timeout, settings.shutdown_delay) == (5, 1.5, 120)
    assert settings.include_services == ("job.*", "show.ShowInterface")
    assert settings.exclude_services == ("host.*", "job.JobInterface/Kill")


def test_the_environment_overrides_the_file(file: Path) -> None:
    """Also under OpenCue's names; an empty variable does not."""
    content = 'rest_port = 80\nlog_level = "debug"\ninclude_services = ["job.*"]'
    settings = from_file(file, content, REST_PORT="81", INCLUDE_SERVICES="show.*", LOG_LEVEL="")
    assert (settings.rest_port, settings.log_level) == (81, "debug")
    assert settings.include_services == ("show.*",)
    content = 'grpc_timeout = "1s"\ngrpc_max_recv_msg_mb = 4'
    settings = from_file(file, content, REQUEST_TIMEOUT="2s", GRPC_MAX_MESSAGE_SIZE="8388608")
    assert (settings.grpc_timeout, settings.grpc_max_recv_msg_mb) == (2, 8)


def test_variables_that_are_empty_or_of_others_do_not_matter() -> None:
    empty = dict.fromkeys(("REST_PORT", "JWT_SECRET", "TLS_CERT_FILE", "GATEWAY_CONFIG"), "")
    assert load_settings(empty | {"PATH": "/bin", "PORT": "1", "rest_port": "2"}) == Settings()


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("REQUEST_TIMEOUT", "60s", "grpc_timeout", 60.0),
        ("GRPC_MAX_MESSAGE_SIZE", "4194304", "grpc_max_recv_msg_mb", 4.0),
        ("GRPC_MAX_MESSAGE_SIZE", "1000000", "grpc_max_recv_msg_mb", 1000000 / 2**20),
        ("GRPC_KEEPALIVE_TIME", "5m", "keepalive_time", 300.0),
        ("GRPC_KEEPALIVE_TIMEOUT", "5s", "keepalive_timeout", 5.0),
        pytest.param("CORS_ALLOWED_ORIGINS", "*", "cors_origins", ("*",), marks=needs("cors")),
    ],
)
def test_opencues_names_are_synonyms(variable: str, text: str, name: str, value: object) -> None:
    assert load_settings({variable: text}) == Settings().model_copy(update={name: value})


@pytest.mark.parametrize(
    ("environ", "same"),
    [
        ({"REQUEST_TIMEOUT": "10s", "GRPC_TIMEOUT": "20s"}, False),
        ({"GRPC_KEEPALIVE_TIME": "5m", "KEEPALIVE_TIME": "6m"}, False),
        ({"GRPC_MAX_MESSAGE_SIZE": "4194304", "GRPC_MAX_RECV_MSG_MB": "64"}, False),
        ({"REQUEST_TIMEOUT": "10s", "GRPC_TIMEOUT": "10s"}, True),
        ({"GRPC_MAX_MESSAGE_SIZE": "67108864", "GRPC_MAX_RECV_MSG_MB": "64"}, True),
    ],
)
def test_two_names_for_one_setting_may_not_differ(environ: dict[str, str], same: bool) -> None:
    if same:
        settings = load_settings(environ)
        assert (settings.grpc_timeout, settings.grpc_max_recv_msg_mb) in ((10, 256), (30, 64))
    else:
        text = problem(environ)
        assert all(name in text for name in environ)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        *(("30s", 30), ("500ms", 0.5), ("2m", 120), ("1h", 3600), ("1.5", 1.5), ("1.5s", 1.5)),
        *(("0.5m", 30), (" 5s ", 5), ("0", 0), ("0s", 0), (30, 30), (1.5, 1.5), (0, 0)),
    ],
)
def test_a_duration_has_a_unit_or_is_seconds(given: object, seconds: float) -> None:
    assert parse_duration(given) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "given",
    [
        *("", " ", "s", "5 s", "5x", "-5s", "+5s", "1e3", "5S", "5sec", ".5s", "5.s", "1_0s"),
        *("inf", "nan", "1m30", "five", "5s5", "0x10", "5,5s", "5s\n5s", True, None, [], {}),
    ],
    ids=repr,
)
def test_a_bad_duration_is_told_an_example(given: object) -> None:
    with pytest.raises(ValueError, match="30s"):
        parse_duration(given)


@wrong_values(
    {
        "CUEBOT_ENDPOINT": [
            *("http://cuebot:8443", "cuebot", "cuebot:", ":8443", "cue bot:1", "cuebot:0"),
            *("cuebot:99999", "cuebot:8443/x", "cuebot:84\n43", "cuebot:٨٤٤٣", "::1:8443", "[::1]"),
            *("a:1,b", "a:1,", ",", "a:1 b:2", " ", "\t", " cuebot:8443", "cuebot:8443 "),
            "cuebot:8443\n",
        ],
        "REST_PORT": ["http", "-1", "65536", "8448.5", ":8448"],
        "MAX_BODY_MB": ["0", "-1", "4MB", "nan", "inf"],
        "MAX_IN_FLIGHT": ["0", "many"],
        "MAX_CONNECTIONS": ["0"],
        "MAX_CONNECTIONS_PER_ADDRESS": ["-1"],
        "MAX_ANSWER_MEMORY": ["0", "0.9MB", "-1", "5KB", "2TB", "99999GB", "nan", "x"],
        "DOCS": ["on"],
        "HTTP_TIMEOUT": ["0", "soon", "9" * 400],
        "GRPC_TIMEOUT": ["0s", "-1s", "\n"],
        "REQUEST_TIMEOUT": ["soon"],
        "GRPC_KEEPALIVE_TIME": ["soon"],
        "GRPC_MAX_RECV_MSG_MB": ["0", "2048"],
        "GRPC_MAX_MESSAGE_SIZE": ["4MB", "0", "-1", "²", "9" * 400, "9" * 5000],
        "KEEPALIVE_TIMEOUT": ["0"],
        "LOG_LEVEL": ["loud", "a\nb"],
        "LOG_FORMAT": ["xml"],
        "UNKNOWN_FIELDS": ["drop"],
    }
)
def test_a_wrong_value_names_the_variable(variable: str, text: str) -> None:
    line = named_problem(variable, text)
    assert "expected a size such as" in line or variable != "MAX_ANSWER_MEMORY"


@pytest.mark.parametrize(
    "url",
    [
        *("redis.studio", "redis.studio:6379", "http://redis.studio", "redis://"),
        *("redis://:sesame@", "redis://:sesame@redis.studio:0", "redis://:sesame@[redis"),
        *("redis://:sesame@redis.studio:99999", "redis://:sesame@redis.studio:port"),
        *("redis://:sesame@redis.studio/shows", "redis://:sesame@redis.studio/0/1"),
        *("rediss://:sesame@redis.studio/0?ssl_cert_reqs=none", "redis://:sesame@redis.studio#1"),
        *("redis://:sesame@redis studio", "unix:///run/redis.sock"),
    ],
)
def test_a_wrong_store_is_not_repeated(url: str) -> None:
    """It may have a password."""
    line = "STATE: expected redis://host[:port][/database], or rediss://… for TLS"
    assert problem({"STATE": url}) == line


def test_the_stores_password_is_not_shown() -> None:
    settings = load_settings({"STATE": "rediss://lena:sesame@[::1]:7000/2"})
    assert settings.state is not None
    assert "sesame" not in repr(settings)
    url = parse_store_url(settings.state.get_secret_value())
    assert (url.host, url.port, url.database, url.tls) == ("::1", 7000, 2, True)
    assert (url.username, url.password) == ("lena", "sesame")
    assert "sesame" not in f"{url} {url!r}"


@pytest.mark.parametrize(
    ("content", "more"),
    [
        *(("rest_port = " + text, "") for text in ('"http"', "true", "[80]")),
        *(("http_timeout = " + text, "") for text in ("false", "-1", "inf", "nan", '["1s"]')),
        ("http_timeout = " + "9" * 400, ""),
        *(("include_services = 7", ""), ("include_services = [7]", "")),
        ("log_level = 10", ""),
        *(("cuebot_endpoint = " + text, "") for text in ("8443", "[]", '["a:1", "b"]', "[true]")),
        ('cuebot_endpoint = ["a:1", "A:01"]', "twice"),
        *(("cuebot_tls = " + text, "true or false") for text in ("1", '"yes"')),
        ("cuebot_ca_file = true", ""),
    ],
    ids=name_of,
)
def test_a_wrong_value_in_the_file_names_the_key(file: Path, content: str, more: str) -> None:
    text = file_problem(file, content)
    assert content.partition(" = ")[0].partition("]")[0].strip("[") in text
    assert more in text


@pytest.mark.parametrize(
    ("content", "suggestion"),
    [
        ("rest_prot = 80", "did you mean rest_port?"),
        ('cuebot_endpiont = "x"', "did you mean cuebot_endpoint?"),
        pytest.param(f'jwt_sercet = "{SECRET}"', "did you mean jwt_secret?", marks=needs("tokens")),
        ("REST_PORT = 80", ""),
        ("nonsense = 1", ""),
        ("[server]\nrest_port = 80", ""),
        ('"a\\nb" = 1', ""),
        ('gateway_config = "x"', ""),
    ],
    ids=name_of,
)
def test_an_unknown_key_in_the_file(file: Path, content: str, suggestion: str) -> None:
    assert suggestion in file_problem(file, content)


@pytest.mark.parametrize(
    "content",
    [
        *(b"rest_port: 80\n", b'{"rest_port": 80}', b"rest_port = 80\nrest_port = 81"),
        *(b'log_level = "debug', b"rest_port = 80 # \xff\n", b"\xff\xfer\x00"),
        f'jwt_secret = "{SECRET}" x'.encode(),
    ],
    ids=repr,
)
def test_a_file_that_is_not_toml(file: Path, content: bytes) -> None:
    assert "GATEWAY_CONFIG" in file_problem(file, content)


@pytest.mark.parametrize("name", ["missing.toml", ".", "missing/gateway.toml"])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    text = problem({"GATEWAY_CONFIG": str(tmp_path / name)})
    assert "GATEWAY_CONFIG" in text
    assert str(tmp_path) in text


@pytest.mark.parametrize(
    "content",
    [
        f'jwt_secret = ["{SECRET}"]',
        f'jwt_secret = {{value = "{SECRET}"}}',
        f'jwt_secret = "{SECRET}"\nrest_port = "x"',
        f'jwt_secret = "{SECRET}"\nnonsense = 1',
        f'jwt_secret = "{SECRET}\n',
        f'[jwt_secret]\n"{SECRET}" = 1',
        "jwt_secret = 48151623",
    ],
    ids=name_of,
)
def test_secrets_are_not_in_error_texts(file: Path, content: str) -> None:
    """Whatever is wrong with the file. `problem` checks that for all other errors."""
    assert "48151623" not in file_problem(file, content)


@needs("tokens")
def test_secrets_are_not_in_repr() -> None:
    settings = load_settings({"JWT_SECRET": SECRET})
    assert "hush" not in f"{settings} {settings!r} {settings.model_dump()} {vars(settings)}"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().rest_port = 1
