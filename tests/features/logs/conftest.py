"""A farm with logs for all tests of a module."""

from collections.abc import AsyncIterator

import pytest

from tests.features.logs.farm import LoggingFarm, logging_farm


@pytest.fixture(scope="module")
async def shared_farm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LoggingFarm]:
    async with logging_farm(tmp_path_factory.mktemp("shots")) as farm:
        yield farm
