"""Which model a request is for, and how fresh that knowledge is."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.greenlets import GreenletHost
from api.served_models import REFRESH_SECONDS, ServedModels
from shared.errors import ModelNotFound, NoModelServed, StoreUnavailable
from shared.registry import ServedModel
from tests.builders import manifest
from tests.unit.api.conftest import Clock, FailingRegistry


def served(name: str = "gender", version: str = "1", *, is_ready: bool = True) -> ServedModel:
    return ServedModel(manifest(name=name, version=version), is_ready=is_ready)


def models_of(*models: ServedModel) -> ServedModels:
    return ServedModels(FailingRegistry(list(models)), Clock())


@pytest.mark.parametrize(
    ("models", "version"),
    [
        pytest.param([served(version="2"), served(version="1")], "2", id="the newest"),
        pytest.param([served(version="2", is_ready=False), served(version="1")], "1", id="the newest that is held"),
        pytest.param(
            [served(version="2", is_ready=False), served(version="1", is_ready=False)],
            "2",
            id="none is held: the newest",
        ),
    ],
)
def test_without_a_version_a_request_is_for(models: list[ServedModel], version: str) -> None:
    assert models_of(*models).get("gender", None).manifest.version == version


def test_a_version_can_be_asked_for_by_name() -> None:
    models = models_of(served(version="2"), served(version="1"))

    assert models.get("gender", "1").manifest.version == "1"


def test_a_version_that_no_live_worker_holds_can_still_be_asked_for() -> None:
    models = models_of(served(version="2"), served(version="1", is_ready=False))

    assert models.get("gender", "1").manifest.version == "1"


def test_a_version_that_was_never_announced_is_not_found() -> None:
    models = models_of(served(version="2"), served(version="1"))

    with pytest.raises(ModelNotFound, match="gender has no version '3'; it has 2, 1"):
        models.get("gender", "3")


def test_the_only_model_needs_no_name() -> None:
    models = models_of(served(version="2"), served(version="1"))

    assert models.get(None, "1").manifest.key == "gender/1"


def test_several_models_need_a_name() -> None:
    models = models_of(served("age"), served("gender"))

    with pytest.raises(ModelNotFound, match="name one of them in `model`: age, gender"):
        models.get(None, None)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("gendre", "did you mean 'gender'", id="a slip of the finger"),
        pytest.param("GENDER", "did you mean 'gender'", id="upper case"),
        pytest.param("zzz", "it has age, gender", id="nothing like it: all there are"),
    ],
)
def test_a_model_that_is_not_served_is_answered_with_those_that_are(name: str, hint: str) -> None:
    models = models_of(served("age"), served("gender"))

    with pytest.raises(ModelNotFound, match=hint):
        models.get(name, None)


def test_the_answer_to_a_very_long_name_is_short() -> None:
    with pytest.raises(ModelNotFound) as refused:
        models_of(served()).get("x" * 100_000, None)

    assert len(refused.value.detail) < 200


def test_before_any_worker_has_come_up_no_model_is_served() -> None:
    with pytest.raises(NoModelServed):
        models_of().get("gender", None)


def test_a_reference_cites_name_version_and_checksum() -> None:
    reference = models_of(served(version="2")).get("gender", None).ref

    assert (reference.key, reference.sha256) == ("gender/2", "0" * 64)


def test_a_new_model_is_seen_after_a_moment() -> None:
    clock = Clock()
    registry = FailingRegistry([served(version="1")])
    models = ServedModels(registry, clock)
    models.all()
    registry.models = [served(version="2"), served(version="1")]

    clock.now += REFRESH_SECONDS + 0.1

    assert models.get("gender", None).manifest.version == "2"


def test_the_registry_is_read_at_most_once_a_second() -> None:
    clock = Clock()
    registry = FailingRegistry([served(version="1")])
    models = ServedModels(registry, clock)
    models.all()
    registry.models = [served(version="2"), served(version="1")]

    clock.now += REFRESH_SECONDS / 2

    assert models.get("gender", None).manifest.version == "1"


def test_the_first_model_is_seen_at_once() -> None:
    registry = FailingRegistry([])
    models = ServedModels(registry, Clock())
    models.all()

    registry.models = [served()]

    assert models.get("gender", None).manifest.version == "1"


def test_requests_go_on_with_the_old_list_while_the_store_is_away() -> None:
    clock = Clock()
    registry = FailingRegistry([served()])
    models = ServedModels(registry, clock)
    models.all()

    registry.fault = StoreUnavailable()
    clock.now += 3_600

    assert models.get("gender", None).manifest.version == "1"


def test_a_store_that_was_away_is_not_asked_again_at_once() -> None:
    clock = Clock()
    registry = FailingRegistry([served(version="1")])
    models = ServedModels(registry, clock)
    models.all()
    registry.fault = StoreUnavailable()
    clock.now += 3_600
    models.all()

    registry.fault = None
    registry.models = [served(version="2")]

    assert models.get("gender", None).manifest.version == "1"


def test_a_store_that_was_away_from_the_start_is_an_outage() -> None:
    registry = FailingRegistry([served()], fault=StoreUnavailable())

    with pytest.raises(StoreUnavailable):
        ServedModels(registry, Clock()).get("gender", None)


def test_a_model_is_served_as_soon_as_the_store_is_back() -> None:
    registry = FailingRegistry([served()], fault=StoreUnavailable())
    models = ServedModels(registry, Clock())
    with pytest.raises(StoreUnavailable):
        models.all()

    registry.fault = None

    assert models.get("gender", None).manifest.version == "1"


class ThreadNotingRegistry(FailingRegistry):
    """A registry that notes by which thread it was read."""

    def served_models(self) -> list[ServedModel]:
        self.thread = threading.get_ident()
        return super().served_models()


def test_models_that_grow_old_under_a_request_on_the_loop_are_read_in_a_thread() -> None:
    registry = ThreadNotingRegistry([served(version="1")])
    clock = Clock()
    models = ServedModels(registry, clock)
    models.all()
    registry.models.insert(0, served(version="2"))
    clock.now += REFRESH_SECONDS + 0.1

    with ThreadPoolExecutor(1) as threads:
        found = asyncio.run(GreenletHost(threads).run(models.get, None, None))

    assert found.manifest.version == "2"
    assert registry.thread != threading.get_ident()
