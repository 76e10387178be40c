"""Who the client is: nobody's word counts but that of a named proxy, and of it only the end."""

from contextlib import AsyncExitStack

import pytest

from gateway.core.direct_connection import headers_of
from gateway.core.errors import ConfigurationError
from gateway.features.proxies.proxies import MAX_PROXIES, TrustedProxies
from gateway.features.settings import load_settings
from tests.support.needs import needs
from tests.support.servers import SECRET, Gateway, ScriptedCuebot, bearer, gateway_for
from tests.support.wire import request, wire

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"
LOOPBACK = "127.0.0.1"


def forwarded(*lines: str, name: str = "X-Forwarded-For") -> list[tuple[str, str]]:
    return [(name, line) for line in lines]


async def told(cuebot: ScriptedCuebot, gateway: Gateway, *lines: str) -> str:
    """What Cuebot hears of a client with these header lines."""
    headers = [*forwarded(*lines), *bearer().items()]
    answer = await gateway.post(SHOWS, {}, headers=headers)
    assert answer.status_code == 200
    return cuebot.seen[-1][2]["x-forwarded-for"]


async def test_nobody_is_trusted(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    assert await told(cuebot, gateway, "203.0.113.9, 198.51.100.7", "::1") == LOOPBACK


@needs("tokens", "rate_limits")
async def test_clients_of_a_proxy_have_a_bucket_each(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(
        cuebot.endpoint, forwarded_allow_ips=("127.0.0.1",), rate_limit_rps=0.01, rate_limit_burst=1
    ) as gateway:

        async def status(*lines: str) -> int:
            headers = [("Authorization", ""), *forwarded(*lines)]
            return (await gateway.client.post(SHOWS, headers=headers)).status_code

        assert [await status("198.51.100.1"), await status("198.51.100.1")] == [401, 429]
        assert [await status("198.51.100.2"), await status()] == [401, 401]
        assert [await status("2001:db8::1"), await status("2001:DB8:0::2")] == [401, 429]
        assert await status("::ffff:198.51.100.2") == 429


TRUSTED = ("127.0.0.1", "10.0.0.0/24", "2001:db8:1::/48")


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        *(([f"203.0.113.9{end}"], "198.51.100.7") for end in (", 198.51.100.7", ",198.51.100.7")),
        *(([line], "198.51.100.7") for line in ("198.51.100.7", "  198.51.100.7\t")),
        (["203.0.113.9, 198.51.100.7:4711"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7, 10.0.0.5"], "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7", "10.0.0.5, 10.0.0.6"], "198.51.100.7"),
        *(([f"203.0.113.9, {end}"], "2001:db8::7") for end in ("[2001:db8::7]:1", "[2001:db8::7]")),
        (["203.0.113.9, 2001:db8::7, 2001:db8:1::5"], "2001:db8::7"),
        *(([f"203.0.113.9, {end}"], LOOPBACK) for end in ("unknown", "_hidden", "", "\xe4\xf6")),
        *(([f"203.0.113.9, {end}"], LOOPBACK) for end in ("fe80::1%eth0", "1.2.3", "01.2.3.4")),
        *(([f"203.0.113.9, {end}"], LOOPBACK) for end in ("198.51.100.7:port", "[2001:db8::7")),
        *((["203.0.113.9, " + "9" * 5000], LOOPBACK), ([], LOOPBACK)),
    ],
)
def test_the_last_one_that_is_not_trusted_is_the_client(lines: list[str], client: str) -> None:
    """Ports and brackets are taken off; what is no address leaves the address of the proxy."""
    assert client_of(lines) == client


def client_of(lines: list[str], peer: str = LOOPBACK) -> str:
    """The client's address for these raw header lines."""
    fields = [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]
    return TrustedProxies(TRUSTED).client_of(peer, headers_of(fields))


@pytest.mark.parametrize("peer", ["127.0.0.2", "10.0.1.1", "::1", "2001:db8:2::1", "198.51.100.7"])
def test_others_are_not_trusted(peer: str) -> None:
    assert client_of(["203.0.113.9"], peer) == peer


async def test_the_access_log_has_the_client(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, forwarded_allow_ips=("127.0.0.1",)) as gateway:
        lines = gateway.access_lines()
        assert await told(cuebot, gateway, "203.0.113.9, 198.51.100.7") == "198.51.100.7"
        assert await told(cuebot, gateway, 'x" forged, y') == LOOPBACK
    assert [each["client"] for each in lines] == ["198.51.100.7", LOOPBACK]


@pytest.mark.parametrize(
    "value",
    ["*", "0.0.0.0/0", "::/0", "10.0.0.5/8", "proxy.example.com", "10.0.0", "10.0.0.5 10.0.0.6"],
)
def test_who_cannot_be_trusted_stops_the_start(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"JWT_SECRET": SECRET, "FORWARDED_ALLOW_IPS": value})
    assert "FORWARDED_ALLOW_IPS" in str(caught.value)
    assert value in str(caught.value)


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [(MAX_PROXIES - 1, "203.0.113.9"), (MAX_PROXIES, "192.0.2.1"), (5000, "192.0.2.1")],
)
def test_a_long_row_of_proxies_is_not_read(proxies: int, expected: str) -> None:
    trusted = TrustedProxies(("192.0.2.1", "10.0.0.0/8"))
    row = [f"10.1.{number >> 8}.{number & 255}" for number in range(proxies)]
    sent = ", ".join(["203.0.113.9", *row]).encode()
    assert trusted.client("192.0.2.1", sent) == expected
    assert trusted.trusts.cache_info().currsize <= MAX_PROXIES + 1


def test_a_short_row_of_proxies_alone_is_its_first() -> None:
    trusted = TrustedProxies(("192.0.2.1", "10.0.0.0/8"))
    assert trusted.client("192.0.2.1", b"10.0.0.7") == "10.0.0.7"
    row = ",".join(["10.0.0.7", *["10.0.0.8"] * (MAX_PROXIES - 1)])
    assert trusted.client("192.0.2.1", row.encode()) == "10.0.0.7"


async def test_a_trusted_proxy_may_have_any_number(cuebot: ScriptedCuebot) -> None:
    async with (
        gateway_for(
            cuebot.endpoint, max_connections_per_address=1, forwarded_allow_ips=(LOOPBACK,)
        ) as gateway,
        AsyncExitStack() as stack,
    ):
        wires = [await stack.enter_async_context(wire(gateway)) for _ in range(3)]
        for one in wires:
            await one.send(request(SHOWS, b"{}"))
            assert (await one.answer()).status == 200
