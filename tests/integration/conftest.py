"""Servers in the states that integration tests need."""

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.store_pair import StorePair


@pytest.fixture
def full_server(redis: Redis) -> Iterator[None]:
    """The server has no memory left for anything that could be refused."""
    redis.config_set("maxmemory", 1)
    yield
    redis.config_set("maxmemory", 0)


@pytest.fixture(scope="module")
def joined_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorePair]:
    with StorePair.run(tmp_path_factory.mktemp("pair")) as pair:
        yield pair


@pytest.fixture
def pair(joined_pair: StorePair) -> StorePair:
    """A primary with its replica, whatever the test before did to them."""
    joined_pair.join()
    return joined_pair
