"""Reading `/metrics` as Prometheus does."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.support.servers import http_client

PREFIX = "cuebot_gateway_"


class Scrape(dict[tuple[str, frozenset[tuple[str, str]]], float]):
    def of(self, sample: str, **labels: str) -> float:
        """A sample, without the prefix; 0 if it is not there."""
        return self.get((PREFIX + sample, frozenset(labels.items())), 0.0)

    def total(self, sample: str) -> float:
        return sum(value for (name, _), value in self.items() if name == PREFIX + sample)

    def since(self, before: "Scrape", sample: str) -> dict[tuple[str, ...], float]:
        """What samples of this name have gained, by the values of their labels, sorted by name."""
        return {
            tuple(value for _, value in sorted(labels)): gained
            for (name, labels), now in self.items()
            if name == PREFIX + sample and (gained := now - before.get((name, labels), 0.0))
        }


def scrape_of(text: str) -> Scrape:
    samples = (each for family in text_string_to_metric_families(text) for each in family.samples)
    return Scrape(((each.name, frozenset(each.labels.items())), each.value) for each in samples)


async def scrape(url: str, headers: Mapping[str, str] | None = None) -> Scrape:
    """The samples at a URL, by a client that has no token unless the headers have one."""
    async with http_client() as client:
        answer = await client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return scrape_of(answer.text)
