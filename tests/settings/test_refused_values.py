"""Settings that cannot work stop startup, with one line that names them."""

import pytest

from gateway.errors import ConfigurationError
from gateway.settings.loading import load_settings
from gateway.settings.types import parse_store_url
from tests.support.servers import SECRET


def problem(**environ: str) -> str:
    """The line with which this environment stops startup."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"JWT_SECRET": SECRET, **environ})
    return str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://cuebot:8443",
        "cuebot",
        "cuebot:",
        ":8443",
        "cue bot:1",
        "cuebot:0",
        "cuebot:99999",
        "cuebot:8443/x",
        "cuebot:84\n43",
        "cuebot:٨٤٤٣",
        "::1:8443",
        "[::1]",
        "a:1,b",
        "a:1,",
        ",",
        "a:1 b:2",
        " ",
        "\t",
        " cuebot:8443",
        "cuebot:8443 ",
        "cuebot:8443\n",
    ],
)
def test_what_is_no_endpoint_stops_startup(endpoint: str) -> None:
    """CUEBOT_ENDPOINT that is no host:port is refused with one line that names it."""
    line = problem(CUEBOT_ENDPOINT=endpoint)
    assert line.startswith("CUEBOT_ENDPOINT: ")
    assert line.isprintable()


@pytest.mark.parametrize("endpoint", ["[::1]:8443", "cuebot:8443", "10.0.0.1:1", "a-b.c_d:65535"])
def test_endpoints(endpoint: str) -> None:
    """A host name or address with a port is taken as it is, IPv6 in brackets."""
    settings = load_settings({"JWT_SECRET": SECRET, "CUEBOT_ENDPOINT": endpoint})
    assert settings.cuebot_endpoint == (endpoint,)


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (
            '{"name": "a", "who": {}, "may": ["kill"]}',
            "ACCESS[0].may: expected reads, changes, all",
        ),
        ('{"name": "a", "who": {}, "may": ["!reads"]}', "ACCESS[0].may: there is nothing to take"),
        ('{"name": "a", "may": ["reads"]}', "ACCESS[0].who: field required"),
        ('{"name": "a", "who": {"x": []}, "may": []}', "ACCESS[0].who: x: expected a glob"),
        ('{"name": "a", "who": {"x": 1}, "may": []}', "ACCESS[0].who: x: expected a glob"),
        ('{"name": "a", "who": {"signed_by": "us"}, "may": []}', "ACCESS[0].who: signed_by: exp"),
        ('{"name": "a", "who": "x", "may": []}', "ACCESS[0].who: expected a table of claims"),
        ('{"name": "", "who": {}, "may": []}', "ACCESS[0].name: "),
        ('{"name": "a\\n", "who": {}, "may": []}', "ACCESS[0].name: expected printable"),
        ('{"name": "a", "who": {}, "may": [], "role": "x"}', "ACCESS[0].role: "),
        ('{"name": "a", "who": {}, "may": [], "identity": "force"}', "ACCESS[0].identity: "),
        ('{"name": "a", "who": {}, "may": []}', "ACCESS: two rules are called 'a'"),
    ],
)
def test_rules_of_access_that_say_nothing_clear_stop_startup(rule: str, what: str) -> None:
    """Each mistake names the rule and the key, and what is expected."""
    line = problem(ACCESS=f"[{rule}, {rule}]" if "two rules" in what else f"[{rule}]")
    assert line.startswith(what)
    assert line.isprintable()


@pytest.mark.parametrize("rps", ["1e-300", "0.0009", "5e-324", "1e7"])
def test_rates_that_no_bucket_can_keep_stop_startup(rps: str) -> None:
    """RATE_LIMIT_RPS is 0 or a rate whose times can be reckoned with."""
    line = problem(RATE_LIMIT_RPS=rps)
    assert line.startswith("RATE_LIMIT_RPS: ")
    assert line.isprintable()


def test_the_same_holds_for_overrides() -> None:
    """A rate in RATE_LIMIT_OVERRIDES is checked as the default one is."""
    line = problem(RATE_LIMIT_OVERRIDES='[{"subjects": ["a"], "rps": 1e-300}]')
    assert line.startswith("RATE_LIMIT_OVERRIDES[0].rps: ")


@pytest.mark.parametrize("size", ["0", "0.9MB", "-1", "5KB", "2TB", "99999GB", "nan", "x"])
def test_a_size_is_megabytes_or_gigabytes(size: str) -> None:
    """Anything else, or less than a megabyte, stops startup."""
    assert problem(MAX_ANSWER_MEMORY=size).startswith("MAX_ANSWER_MEMORY: expected a size such as")


@pytest.mark.parametrize(
    "url",
    [
        "redis.studio",
        "redis.studio:6379",
        "http://redis.studio",
        "redis://",
        "redis://:sesame@",
        "redis://:sesame@redis.studio:0",
        "redis://:sesame@redis.studio:99999",
        "redis://:sesame@redis.studio:port",
        "redis://:sesame@redis.studio/shows",
        "redis://:sesame@redis.studio/0/1",
        "rediss://:sesame@redis.studio/0?ssl_cert_reqs=none",
        "redis://:sesame@redis.studio#1",
        "redis://:sesame@redis studio",
        "redis://:sesame@[redis",
        "unix:///run/redis.sock",
    ],
)
def test_what_is_no_store_stops_startup(url: str) -> None:
    """STATE that is no URL of a Redis is refused, without the password that is in it."""
    line = problem(STATE=url)
    assert line == "STATE: expected redis://host[:port][/database], or rediss://… for TLS"


def test_the_stores_password_is_not_shown() -> None:
    """Neither by the settings nor by what is made of them."""
    settings = load_settings({"STATE": "rediss://lena:sesame@[::1]:7000/2"})
    assert settings.state is not None
    assert "sesame" not in repr(settings)
    url = parse_store_url(settings.state.get_secret_value())
    assert (url.host, url.port, url.database, url.tls) == ("::1", 7000, 2, True)
    assert (url.username, url.password) == ("lena", "sesame")
    assert "sesame" not in f"{url} {url!r}"
