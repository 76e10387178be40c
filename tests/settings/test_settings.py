"""Settings: where they come from, what they accept, and what stops startup with one line."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.settings.loading import RETIRED, SYNONYMS, load_settings, misspelled
from gateway.settings.model import RateOverride, Settings
from gateway.settings.types import parse_duration

SHIPPED = Path(__file__).parents[2] / "config" / "gateway.toml"
SECRET = "hush-hush-hush-hush-hush-hush-hush"


def problem(environ: dict[str, str]) -> str:
    """The one line that this environment stops startup with."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    text = str(caught.value)
    assert text
    assert len(text.splitlines()) == 1
    return text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def from_file(file: Path, content: str, **environ: str) -> Settings:
    file.write_text(content, encoding="utf-8")
    return load_settings({"GATEWAY_CONFIG": str(file)} | environ)


def file_problem(file: Path, content: str | bytes) -> str:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return problem({"GATEWAY_CONFIG": str(file)})


# --- Misspelled variables -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("CUEBOT_ENDPONT", "CUEBOT_ENDPOINT"),
        ("REST_PRT", "REST_PORT"),
        ("rest_port", "REST_PORT"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("JWT_SECRETS", "JWT_SECRET"),
        ("CORS_ALLOW_ORIGINS", "CORS_ALLOWED_ORIGINS"),
    ],
)
def test_a_misspelled_variable_is_named(variable: str, meant: str) -> None:
    """With the setting that may be meant, and never with what the variable says."""
    assert misspelled({variable: SECRET}) == [
        f"{variable} is no setting of the gateway; did you mean {meant}?"
    ]


@pytest.mark.parametrize(
    "variable",
    [
        *("SSL_CERT_FILE", "SSL_KEY_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY"),
        *("GRPC_VERBOSITY", "GRPC_TRACE", "WEB_CONCURRENCY", "LOGNAME", "HOSTNAME", "TOKEN"),
        *("CUEBOT_HOSTS", "CUEBOT_PORT", "CUEBOT_SERVICE_HOST", "CUEBOT_PORT_8443_TCP_PORT"),
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "GATEWAY_URL", "REDIS_URL"),
    ],
)
def test_variables_of_others_are_not(variable: str) -> None:
    """Those of OpenSSL, gRPC, OpenCue's programs, Kubernetes and our own client are all right."""
    assert misspelled({variable: "x"}) == []


def test_names_that_are_right_are_not_misspelled() -> None:
    """Those of settings and their synonyms; nor is a variable that is empty, which is unset."""
    ours = [*(name.upper() for name in Settings.model_fields), *SYNONYMS, "GATEWAY_CONFIG"]
    assert misspelled(dict.fromkeys(ours, "x") | {"REST_PRT": ""}) == []


# --- The shipped file -----------------------------------------------------------------------


def test_the_shipped_file_has_every_setting_and_nothing_else() -> None:
    """config/gateway.toml names each setting once; those without a default as comments."""
    text = SHIPPED.read_text(encoding="utf-8")
    given = set(tomllib.loads(text))
    commented = set(re.findall(r"^# ([a-z_]+) = ", text, flags=re.MULTILINE))
    without_default = {
        name for name, field in Settings.model_fields.items() if field.default is None
    }
    assert given == Settings.model_fields.keys() - without_default
    assert commented == without_default - RETIRED.keys()


def test_the_shipped_file_has_the_defaults() -> None:
    """Using config/gateway.toml is the same as using no file."""
    assert load_settings({"GATEWAY_CONFIG": str(SHIPPED)}) == Settings() == load_settings({})


def test_what_the_shipped_file_comments_out_can_be_switched_on(file: Path) -> None:
    """The commented settings are valid when their # is taken away."""
    text = re.sub(r"^# ([a-z_]+ = )", r"\1", SHIPPED.read_text(encoding="utf-8"), flags=re.M)
    settings = from_file(file, text)
    assert settings.jwt_secret_file == Path("/run/secrets/jwt")
    assert settings.rate_limit_burst == 100


def test_the_defaults_of_the_contract() -> None:
    """The defaults that the design promises."""
    settings = Settings()
    assert settings.rest_port == 8448
    assert settings.rest_host == "0.0.0.0"  # noqa: S104 - it is the promise
    assert settings.cuebot_endpoint == ("localhost:8443",)
    assert settings.descriptor_source == "auto"
    assert settings.reflection_refresh == 300
    assert settings.compat_profile == "opencue"
    assert settings.unknown_fields == "safe"
    assert settings.grpc_timeout == 30
    assert settings.grpc_max_recv_msg_mb == 256
    assert settings.max_body_mb == 4
    assert settings.max_in_flight == 256
    assert settings.max_connections == 4096
    assert settings.max_connections_per_address is None
    assert settings.docs == "token"
    assert settings.metrics == "off"
    assert settings.keepalive_time == 0
    assert settings.jwt_secret is None
    assert settings.jwt_algorithms == ("HS256",)
    assert settings.jwt_required_claims == ("sub", "exp")
    assert settings.rate_limit_rps == 100
    assert settings.rate_limit_max_wait == 0
    assert settings.log_level == "info"


# --- Environment and file -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("CUEBOT_ENDPOINT", "cuebot:8443", "cuebot_endpoint", ("cuebot:8443",)),
        ("CUEBOT_ENDPOINT", "a:1,b:2", "cuebot_endpoint", ("a:1", "b:2")),
        ("CUEBOT_ENDPOINT", "a:1 , [::1]:2", "cuebot_endpoint", ("a:1", "[::1]:2")),
        ("CUEBOT_TLS", "true", "cuebot_tls", True),
        ("CUEBOT_TLS", "TRUE", "cuebot_tls", True),
        ("CUEBOT_TLS", "1", "cuebot_tls", True),
        ("CUEBOT_TLS", "false", "cuebot_tls", False),
        ("CUEBOT_TLS", "0", "cuebot_tls", False),
        ("CUEBOT_CA_FILE", "/etc/ca.pem", "cuebot_ca_file", Path("/etc/ca.pem")),
        ("CUEBOT_CERT_FILE", "/etc/c.pem", "cuebot_cert_file", Path("/etc/c.pem")),
        ("CUEBOT_KEY_FILE", "/etc/c.key", "cuebot_key_file", Path("/etc/c.key")),
        ("DESCRIPTOR_SOURCE", "reflection", "descriptor_source", "reflection"),
        ("REFLECTION_REFRESH", "90s", "reflection_refresh", 90.0),
        ("REFLECTION_REFRESH", "0", "reflection_refresh", 0.0),
        ("COMPAT_PROFILE", "none", "compat_profile", "none"),
        ("COMPAT_PROFILE", "/etc/studio.toml", "compat_profile", "/etc/studio.toml"),
        ("INCLUDE_SERVICES", "job.*, show.ShowInterface", "include_services", None),
        ("EXCLUDE_SERVICES", "job.JobInterface/Kill", "exclude_services", None),
        ("UNKNOWN_FIELDS", "reject", "unknown_fields", "reject"),
        ("REST_HOST", "127.0.0.1", "rest_host", "127.0.0.1"),
        ("REST_PORT", "80", "rest_port", 80),
        ("REST_PORT", "0", "rest_port", 0),
        ("MAX_BODY_MB", "0.5", "max_body_mb", 0.5),
        ("HTTP_TIMEOUT", "5s", "http_timeout", 5.0),
        ("MAX_IN_FLIGHT", "7", "max_in_flight", 7),
        ("MAX_ANSWER_MEMORY", "64", "max_answer_memory", 64 * 2**20),
        ("MAX_ANSWER_MEMORY", "1.5 GB", "max_answer_memory", 3 * 2**29),
        ("MAX_ANSWER_MEMORY", "512mb", "max_answer_memory", 512 * 2**20),
        ("MAX_CONNECTIONS", "9", "max_connections", 9),
        ("MAX_CONNECTIONS_PER_ADDRESS", "5", "max_connections_per_address", 5),
        ("TLS_CERT_FILE", "/etc/tls.crt", "tls_cert_file", Path("/etc/tls.crt")),
        ("TLS_KEY_FILE", "/etc/tls.key", "tls_key_file", Path("/etc/tls.key")),
        ("FORWARDED_ALLOW_IPS", "10.0.0.5, 10.0.8.0/24", "forwarded_allow_ips", None),
        ("WORKERS", "4", "workers", 4),
        ("ACCESS_DEFAULT", "deny", "access_default", "deny"),
        ("IDENTITY", "force", "identity", "force"),
        ("METRICS", "public", "metrics", "public"),
        ("METRICS_PORT", "9464", "metrics_port", 9464),
        ("METRICS_HOST", "::", "metrics_host", "::"),
        ("SHUTDOWN_DELAY", "5s", "shutdown_delay", 5.0),
        ("SHUTDOWN_TIMEOUT", "1m", "shutdown_timeout", 60.0),
        ("SHUTDOWN_TIMEOUT", "0", "shutdown_timeout", 0.0),
        ("CORS_ORIGINS", "https://a.studio, http://b:3000", "cors_origins", None),
        ("CORS_HEADERS", "X-Site, X-Desk", "cors_headers", None),
        ("CUEBOT_TRANSPORT", "grpcio", "cuebot_transport", "grpcio"),
        ("DOCS", "public", "docs", "public"),
        ("DOCS", "off", "docs", "off"),
        ("GRPC_TIMEOUT", "1500ms", "grpc_timeout", 1.5),
        ("GRPC_MAX_RECV_MSG_MB", "64", "grpc_max_recv_msg_mb", 64.0),
        ("KEEPALIVE_TIME", "10m", "keepalive_time", 600.0),
        ("KEEPALIVE_TIMEOUT", "5s", "keepalive_timeout", 5.0),
        ("JWT_SECRET_FILE", "/run/secrets/jwt", "jwt_secret_file", Path("/run/secrets/jwt")),
        ("JWT_ALGORITHMS", "HS256, HS512", "jwt_algorithms", ("HS256", "HS512")),
        ("JWT_REQUIRED_CLAIMS", "sub,exp,role", "jwt_required_claims", ("sub", "exp", "role")),
        ("JWT_AUDIENCE", "render", "jwt_audience", "render"),
        ("JWT_ISSUER", "studio", "jwt_issuer", "studio"),
        ("JWT_LEEWAY", "30s", "jwt_leeway", 30.0),
        ("JWT_SUBJECT_CLAIM", "sub,user", "jwt_subject_claim", ("sub", "user")),
        ("JWT_JWKS", "https://idp.studio/certs", "jwt_jwks", "https://idp.studio/certs"),
        ("JWT_DENY_FILE", "/etc/denied", "jwt_deny_file", Path("/etc/denied")),
        ("JWT_SECRET_AUDIENCE", "old", "jwt_secret_audience", "old"),
        ("JWT_SECRET_ISSUER", "us", "jwt_secret_issuer", "us"),
        ("JWT_MAX_AGE", "30d", "jwt_max_age", 30 * 86400.0),
        ("RATE_LIMIT_RPS", "0", "rate_limit_rps", 0.0),
        ("RATE_LIMIT_RPS", "2.5", "rate_limit_rps", 2.5),
        ("RATE_LIMIT_BURST", "500", "rate_limit_burst", 500),
        ("RATE_LIMIT_MAX_WAIT", "2s", "rate_limit_max_wait", 2.0),
        ("STATE_PASSWORD_FILE", "/etc/redis", "state_password_file", Path("/etc/redis")),
        ("STATE_CA_FILE", "/etc/ca.pem", "state_ca_file", Path("/etc/ca.pem")),
        ("STATE_FAIL", "closed", "state_fail", "closed"),
        ("LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("LOG_LEVEL", "debug", "log_level", "debug"),
        ("LOG_FORMAT", "console", "log_format", "console"),
        ("LOG_FORMAT", "json", "log_format", "json"),
        ("SLOW_CALL", "2s", "slow_call", 2.0),
        ("TRACES", "on", "traces", "on"),
        ("TRACES_RATIO", "0.1", "traces_ratio", 0.1),
        ("AUDIT_LOG", "stdout", "audit_log", "stdout"),
        ("AUDIT_SYNC", "true", "audit_sync", True),
        ("AUDIT_FAIL", "open", "audit_fail", "open"),
        ("AUDIT_REDACT", "*token*, spec", "audit_redact", ("*token*", "spec")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_setting_from_the_environment(variable: str, text: str, name: str, value: object) -> None:
    """Every setting has an environment variable: its name in upper case."""
    settings = load_settings({variable: text})
    expected = tuple(word.strip() for word in text.split(",")) if value is None else value
    assert getattr(settings, name) == expected
    assert settings == Settings().model_copy(update={name: expected})


def test_every_setting_has_been_tried_from_the_environment() -> None:
    """No setting is left out of the table above but those with tests of their own."""
    marks = getattr(test_a_setting_from_the_environment, "pytestmark")  # noqa: B009 - for mypy
    tried = {row[2] for mark in marks for row in mark.args[1]}
    own = {"jwt_secret", "rate_limit_overrides", "access", "state"}
    assert Settings.model_fields.keys() - tried == own


def test_the_secret_from_the_environment() -> None:
    """JWT_SECRET is taken as it is, with spaces and quotation marks."""
    for text in (SECRET, f' "{SECRET}" ', "true", "{}", "100"):
        secret = load_settings({"JWT_SECRET": text}).jwt_secret
        assert secret is not None
        assert secret.get_secret_value() == text


def test_overrides_from_the_environment() -> None:
    """RATE_LIMIT_OVERRIDES is JSON there; it replaces the shipped ones as a whole."""
    text = '[{"subjects": ["a*", "b"], "rps": 3, "max_wait": "500ms"}]'
    settings = load_settings({"RATE_LIMIT_OVERRIDES": text})
    expected = RateOverride(subjects=("a*", "b"), rps=3, burst=None, max_wait=0.5)
    assert settings.rate_limit_overrides == (expected,)
    assert load_settings({"RATE_LIMIT_OVERRIDES": "[]"}).rate_limit_overrides == ()


def test_access_rules_from_the_environment() -> None:
    """ACCESS is JSON there, with nested claims as nested objects."""
    text = '[{"name": "td", "who": {"realm_access": {"roles": "td"}}, "may": ["reads"]}]'
    (rule,) = load_settings({"ACCESS": text}).access
    assert (rule.name, rule.may) == ("td", ("reads",))
    assert rule.who == {"realm_access": {"roles": ("td",)}}


def test_a_setting_from_the_file(file: Path) -> None:
    """The file has the same settings in lower case, in TOML's own types."""
    settings = from_file(
        file,
        """
        rest_port = 80
        http_timeout = 5
        grpc_timeout = 1.5
        jwt_leeway = "2m"
        include_services = ["job.*", "show.ShowInterface"]
        exclude_services = "host.*, job.JobInterface/Kill"
        [[rate_limit_overrides]]
        subjects = ["x"]
        rps = 0
        """,
    )
    assert settings.rest_port == 80
    assert (settings.http_timeout, settings.grpc_timeout, settings.jwt_leeway) == (5, 1.5, 120)
    assert settings.include_services == ("job.*", "show.ShowInterface")
    assert settings.exclude_services == ("host.*", "job.JobInterface/Kill")
    assert settings.rate_limit_overrides == (RateOverride(subjects=("x",), rps=0),)


def test_the_environment_overrides_the_file(file: Path) -> None:
    """What both say counts as the environment says it; the rest of the file stays."""
    content = 'rest_port = 80\nlog_level = "debug"\njwt_algorithms = ["HS512"]'
    settings = from_file(file, content, REST_PORT="81", JWT_ALGORITHMS="HS384")
    assert (settings.rest_port, settings.log_level) == (81, "debug")
    assert settings.jwt_algorithms == ("HS384",)


def test_a_synonym_overrides_the_file(file: Path) -> None:
    """OpenCue's other names are environment variables like the setting's own."""
    content = 'grpc_timeout = "1s"\ngrpc_max_recv_msg_mb = 4'
    settings = from_file(file, content, REQUEST_TIMEOUT="2s", GRPC_MAX_MESSAGE_SIZE="8388608")
    assert (settings.grpc_timeout, settings.grpc_max_recv_msg_mb) == (2, 8)


@pytest.mark.parametrize("variable", ["REST_PORT", "JWT_SECRET", "TLS_CERT_FILE", "GATEWAY_CONFIG"])
def test_an_empty_variable_is_unset(variable: str) -> None:
    """Compose files leave empty variables behind: they count as not there."""
    assert load_settings({variable: ""}) == Settings()


def test_an_empty_variable_does_not_hide_the_file(file: Path) -> None:
    """An empty variable leaves the file's value."""
    assert from_file(file, "rest_port = 80", REST_PORT="").rest_port == 80


def test_other_variables_do_not_matter() -> None:
    """The environment is full of what is not ours."""
    assert load_settings({"PATH": "/bin", "PORT": "1", "rest_port": "2"}) == Settings()


# --- Names of OpenCue's pages (fact 7) ------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("REQUEST_TIMEOUT", "60s", "grpc_timeout", 60.0),
        ("GRPC_MAX_MESSAGE_SIZE", "4194304", "grpc_max_recv_msg_mb", 4.0),
        ("GRPC_MAX_MESSAGE_SIZE", "1000000", "grpc_max_recv_msg_mb", 1000000 / 2**20),
        ("GRPC_KEEPALIVE_TIME", "5m", "keepalive_time", 300.0),
    ],
)
def test_synonyms(variable: str, text: str, name: str, value: object) -> None:
    """The names that OpenCue's pages use set the same settings."""
    assert load_settings({variable: text}) == Settings().model_copy(update={name: value})


@pytest.mark.parametrize(
    "environ",
    [
        {"REQUEST_TIMEOUT": "10s", "GRPC_TIMEOUT": "20s"},
        {"GRPC_KEEPALIVE_TIME": "5m", "KEEPALIVE_TIME": "6m"},
        {"GRPC_MAX_MESSAGE_SIZE": "4194304", "GRPC_MAX_RECV_MSG_MB": "64"},
    ],
    ids=lambda environ: " and ".join(environ),
)
def test_two_names_for_one_setting_must_not_differ(environ: dict[str, str]) -> None:
    """A setting under two names with two values stops startup, naming both."""
    text = problem(environ)
    for name in environ:
        assert name in text


@pytest.mark.parametrize(
    "environ",
    [
        {"REQUEST_TIMEOUT": "10s", "GRPC_TIMEOUT": "10s"},
        {"GRPC_MAX_MESSAGE_SIZE": "67108864", "GRPC_MAX_RECV_MSG_MB": "64"},
    ],
    ids=lambda environ: " and ".join(environ),
)
def test_two_names_may_say_the_same(environ: dict[str, str]) -> None:
    """A setting under two names with one value is no contradiction."""
    settings = load_settings(environ)
    assert (settings.grpc_timeout, settings.grpc_max_recv_msg_mb) in ((10, 256), (30, 64))


FACT_7 = {
    "CUEBOT_ENDPOINT": "cuebot:8443",
    "REST_PORT": "8449",
    "JWT_SECRET": SECRET,
    "GRPC_MAX_RECV_MSG_MB": "64",
    "RATE_LIMIT_RPS": "50",
    "LOG_LEVEL": "debug",
    "GRPC_TIMEOUT": "10s",
    "TLS_CERT_FILE": "/etc/tls/cert.pem",
    "TLS_KEY_FILE": "/etc/tls/key.pem",
    "CORS_ORIGINS": "https://cueweb.example.com",
    "CORS_HEADERS": "Authorization",
    "JWT_SECRET_FILE": "/run/secrets/jwt",
    "SHUTDOWN_TIMEOUT": "10s",
    "KEEPALIVE_TIME": "10m",
    "KEEPALIVE_TIMEOUT": "10s",
    "CORS_ALLOWED_ORIGINS": "*",
    "REQUEST_TIMEOUT": "10s",
    "GRPC_MAX_MESSAGE_SIZE": "4194304",
    "GRPC_KEEPALIVE_TIME": "10m",
    "HTTP_TIMEOUT": "10s",
}


@pytest.mark.parametrize("variable", FACT_7)
def test_every_variable_of_the_go_gateway_works(variable: str) -> None:
    """No variable that OpenCue documents is ignored: each changes a setting."""
    assert load_settings({variable: FACT_7[variable]}) != Settings()


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error"])
def test_the_documented_log_levels(level: str) -> None:
    """OpenCue's pages document debug, info, warn, error, and use `LOG_LEVEL=warn`."""
    expected = {"warn": "warning"}.get(level, level)
    assert load_settings({"LOG_LEVEL": level}).log_level == expected


# --- Values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("30s", 30),
        ("500ms", 0.5),
        ("2m", 120),
        ("1h", 3600),
        ("1.5", 1.5),
        ("1.5s", 1.5),
        ("0.5m", 30),
        (" 5s ", 5),
        ("0", 0),
        ("0s", 0),
        (30, 30),
        (1.5, 1.5),
        (0, 0),
    ],
)
def test_durations(given: object, seconds: float) -> None:
    """A duration is a number with a unit, or a number of seconds."""
    assert parse_duration(given) == pytest.approx(seconds)


BAD_DURATIONS = ["", " ", "s", "5 s", "5x", "-5s", "+5s", "1e3", "5S", "5sec", ".5s", "5.s", "1_0s"]
BAD_DURATIONS += ["inf", "nan", "1m30", "five", "5s5", "0x10", "5,5s", "5s\n5s"]


@pytest.mark.parametrize("given", [*BAD_DURATIONS, True, None, [], {}])
def test_bad_durations(given: object) -> None:
    """Whatever else is refused with an example of what is right."""
    with pytest.raises(ValueError, match="30s"):
        parse_duration(given)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("REST_PORT", "http"),
        ("REST_PORT", "-1"),
        ("REST_PORT", "65536"),
        ("REST_PORT", "8448.5"),
        ("REST_PORT", ":8448"),
        ("MAX_BODY_MB", "0"),
        ("MAX_BODY_MB", "-1"),
        ("MAX_BODY_MB", "4MB"),
        ("MAX_BODY_MB", "nan"),
        ("MAX_BODY_MB", "inf"),
        ("MAX_IN_FLIGHT", "0"),
        ("MAX_CONNECTIONS", "0"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "-1"),
        ("DOCS", "on"),
        ("MAX_IN_FLIGHT", "many"),
        ("HTTP_TIMEOUT", "0"),
        ("HTTP_TIMEOUT", "soon"),
        ("HTTP_TIMEOUT", "9" * 400),
        ("GRPC_TIMEOUT", "0s"),
        ("GRPC_TIMEOUT", "-1s"),
        ("GRPC_TIMEOUT", "\n"),
        ("REQUEST_TIMEOUT", "soon"),
        ("GRPC_KEEPALIVE_TIME", "soon"),
        ("GRPC_MAX_RECV_MSG_MB", "0"),
        ("GRPC_MAX_RECV_MSG_MB", "2048"),
        ("GRPC_MAX_MESSAGE_SIZE", "4MB"),
        ("GRPC_MAX_MESSAGE_SIZE", "0"),
        ("GRPC_MAX_MESSAGE_SIZE", "-1"),
        ("GRPC_MAX_MESSAGE_SIZE", "²"),
        ("GRPC_MAX_MESSAGE_SIZE", "9" * 400),
        ("GRPC_MAX_MESSAGE_SIZE", "9" * 5000),
        ("KEEPALIVE_TIMEOUT", "0"),
        ("JWT_ALGORITHMS", "RS256"),
        ("JWT_ALGORITHMS", "HS256,none"),
        ("JWT_ALGORITHMS", "none"),
        ("JWT_ALGORITHMS", ","),
        ("JWT_LEEWAY", "-5s"),
        ("RATE_LIMIT_RPS", "-1"),
        ("RATE_LIMIT_RPS", "nan"),
        ("RATE_LIMIT_RPS", "inf"),
        ("RATE_LIMIT_RPS", "fast"),
        ("RATE_LIMIT_BURST", "0"),
        ("RATE_LIMIT_BURST", "1.5"),
        ("RATE_LIMIT_MAX_WAIT", "long"),
        ("RATE_LIMIT_OVERRIDES", "["),
        ("RATE_LIMIT_OVERRIDES", "{}"),
        ("RATE_LIMIT_OVERRIDES", "7"),
        ("RATE_LIMIT_OVERRIDES", "[7]"),
        ("RATE_LIMIT_OVERRIDES", '[{"rps": 1}]'),
        ("RATE_LIMIT_OVERRIDES", '[{"subjects": ["a"]}]'),
        ("RATE_LIMIT_OVERRIDES", '[{"subjects": ["a"], "rps": -1}]'),
        ("RATE_LIMIT_OVERRIDES", '[{"subjects": ["a"], "rps": 1, "brust": 2}]'),
        ("RATE_LIMIT_OVERRIDES", '[{"subjects": ["a"], "rps": 1, "max_wait": "x"}]'),
        ("RATE_LIMIT_OVERRIDES", '[{"subjects": "a", "rps": 1}]'),
        ("LOG_LEVEL", "loud"),
        ("LOG_LEVEL", "a\nb"),
        ("LOG_FORMAT", "xml"),
        ("TRACES", "always"),
        ("TRACES_RATIO", "1.5"),
        ("AUDIT_SYNC", "maybe"),
        ("AUDIT_FAIL", "ajar"),
        ("UNKNOWN_FIELDS", "drop"),
    ],
    ids=lambda text: text if len(text) < 40 else f"{len(text)} characters",
)
def test_a_wrong_value_names_the_variable(variable: str, text: str) -> None:
    """A value that cannot be used stops startup with one line that names the variable."""
    assert problem({variable: text}).startswith(variable)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('rest_port = "http"', ("rest_port",)),
        ("rest_port = true", ("rest_port",)),
        ("rate_limit_rps = true", ("rate_limit_rps",)),
        ("rest_port = [80]", ("rest_port",)),
        ("http_timeout = false", ("http_timeout",)),
        ("http_timeout = -1", ("http_timeout",)),
        ("http_timeout = inf", ("http_timeout",)),
        ("http_timeout = nan", ("http_timeout",)),
        (f"http_timeout = {'9' * 400}", ("http_timeout",)),
        ('http_timeout = ["1s"]', ("http_timeout",)),
        ("include_services = 7", ("include_services",)),
        ("include_services = [7]", ("include_services",)),
        ("jwt_algorithms = []", ("jwt_algorithms",)),
        ('jwt_algorithms = ["HS256", "RS256"]', ("jwt_algorithms",)),
        ("jwt_subject_claim = []", ("jwt_subject_claim",)),
        ('jwt_subject_claim = ["sub", "exp"]', ("jwt_subject_claim",)),
        ("jwt_max_age = -1", ("jwt_max_age",)),
        ('jwt_jwks = "http://idp.studio/certs"', ("jwt_jwks", "https")),
        ("log_level = 10", ("log_level",)),
        ("cuebot_endpoint = 8443", ("cuebot_endpoint",)),
        ("cuebot_endpoint = []", ("cuebot_endpoint",)),
        ('cuebot_endpoint = ["a:1", "b"]', ("cuebot_endpoint",)),
        ('cuebot_endpoint = ["a:1", "A:01"]', ("cuebot_endpoint", "twice")),
        ("cuebot_endpoint = [true]", ("cuebot_endpoint",)),
        ("cuebot_tls = 1", ("cuebot_tls", "true or false")),
        ('cuebot_tls = "yes"', ("cuebot_tls", "true or false")),
        ("cuebot_ca_file = true", ("cuebot_ca_file",)),
        ("[rate_limit_overrides]\nrps = 1", ("rate_limit_overrides",)),
        ('[[rate_limit_overrides]]\nsubjects = ["a"]', ("rate_limit_overrides", "rps")),
        (
            '[[rate_limit_overrides]]\nsubjects = ["a"]\nrps = 1\nbrust = 1',
            ("rate_limit_overrides", "brust"),
        ),
        (
            '[[rate_limit_overrides]]\nsubjects = ["a"]\nrps = 1\nmax_wait = "x"',
            ("rate_limit_overrides", "max_wait"),
        ),
    ],
    ids=lambda value: value[:40].replace("\n", " ") if isinstance(value, str) else "",
)
def test_a_wrong_value_in_the_file_names_file_and_key(
    file: Path, content: str, names: tuple[str, ...]
) -> None:
    """A wrong value in the file is one line with the file's name and the key."""
    text = file_problem(file, content)
    for name in (str(file), *names):
        assert name in text


@pytest.mark.parametrize(
    ("content", "suggestion"),
    [
        ("rest_prot = 80", "rest_port"),
        ('cuebot_endpiont = "x"', "cuebot_endpoint"),
        ("rate_limit_rsp = 1", "rate_limit_rps"),
        (f'jwt_sercet = "{SECRET}"', "jwt_secret"),
        ("REST_PORT = 80", None),
        ("nonsense = 1", None),
        ("[server]\nrest_port = 80", None),
        ('"a\\nb" = 1', None),
        ('gateway_config = "x"', None),
    ],
    ids=lambda value: value[:20].replace("\n", " ") if isinstance(value, str) else "",
)
def test_an_unknown_key_in_the_file(file: Path, content: str, suggestion: str | None) -> None:
    """A key that is no setting stops startup, with the nearest name when there is one."""
    text = file_problem(file, content)
    assert str(file) in text
    if suggestion:
        assert f"did you mean {suggestion}?" in text
    assert SECRET not in text


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"rest_port: 80\n", id="YAML"),
        pytest.param(b'{"rest_port": 80}', id="JSON"),
        pytest.param(b"rest_port = 80\nrest_port = 81", id="twice"),
        pytest.param(b'log_level = "debug', id="open"),
        pytest.param(b"rest_port = 80 # \xff\n", id="not UTF-8"),
        pytest.param(b"\xff\xfer\x00", id="UTF-16"),
        pytest.param(f'jwt_secret = "{SECRET}" x'.encode(), id="rubbish after a secret"),
    ],
)
def test_a_file_that_is_not_toml(file: Path, content: bytes) -> None:
    """It stops startup with one line that names GATEWAY_CONFIG and the file."""
    text = file_problem(file, content)
    assert "GATEWAY_CONFIG" in text
    assert str(file) in text
    assert SECRET not in text


@pytest.mark.parametrize("name", ["missing.toml", ".", "missing/gateway.toml"])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """A file that is not there, or is a directory, stops startup with one line."""
    path = str(tmp_path / name)
    text = problem({"GATEWAY_CONFIG": path})
    assert "GATEWAY_CONFIG" in text
    assert str(tmp_path) in text


# --- Secrets --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f'jwt_secret = ["{SECRET}"]', id="list"),
        pytest.param(f'jwt_secret = {{value = "{SECRET}"}}', id="table"),
        pytest.param(f'jwt_secret = "{SECRET}"\nrest_port = "x"', id="another is wrong"),
        pytest.param(f'jwt_secret = "{SECRET}"\nnonsense = 1', id="another is unknown"),
        pytest.param(f'jwt_secret = "{SECRET}\n', id="open"),
        pytest.param(f'[jwt_secret]\n"{SECRET}" = 1', id="a table's key"),
    ],
)
def test_secrets_are_not_in_error_texts(file: Path, content: str) -> None:
    """Whatever is wrong with the file, its secret is not repeated."""
    assert "hush" not in file_problem(file, content)


def test_a_number_for_a_secret_is_not_repeated(file: Path) -> None:
    """A secret of digits that lacks its quotation marks is still a secret."""
    assert "48151623" not in file_problem(file, "jwt_secret = 48151623")


def test_secrets_of_the_environment_are_not_in_error_texts() -> None:
    """Nor is the one of the environment, when another setting is wrong."""
    assert "hush" not in problem({"JWT_SECRET": SECRET, "REST_PORT": "x"})


def test_secrets_are_not_in_repr() -> None:
    """Settings can be logged."""
    settings = load_settings({"JWT_SECRET": SECRET})
    assert "hush" not in f"{settings} {settings!r} {settings.model_dump()} {vars(settings)}"


def test_settings_cannot_be_changed() -> None:
    """Settings are a value: nobody changes them behind somebody's back."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().rest_port = 1
