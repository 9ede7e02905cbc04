import time
from pathlib import Path

import pytest

from azureml_emulator import lifecycle
from azureml_emulator.lifecycle import EmulatorError
from azureml_emulator.operations import KIND, Operations
from azureml_emulator.store import Store
from tests.integration.conftest import Emulator

TARGET = "/subscriptions/s/providers/p/computes/c"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite")


def begin(operations: Operations, name: str = "stop", seconds: float = 0) -> str:
    return operations.start(name, TARGET, seconds=seconds)["Azure-AsyncOperation"].rsplit("/", 1)[-1]


def test_an_operation_ends_once_and_not_before_its_time(store: Store) -> None:
    ended: list[str] = []
    operations = Operations(store, "s")
    operations.on_finish("stop", ended.append)
    later, now = begin(operations, seconds=3600), begin(operations)
    for _ in range(2):
        operations.finish_due()
    assert ended == [TARGET]
    assert [operations.get(one)["status"] for one in (later, now)] == ["InProgress", "Succeeded"]
    operations.cut_short(TARGET.upper())
    operations.finish_due()
    assert operations.get(later)["status"] == "Succeeded"
    assert not operations.in_flight(TARGET)


def test_a_defect_fails_its_own_operation_alone(store: Store) -> None:
    ended: list[str] = []
    operations = Operations(store, "s")
    operations.on_finish("good", ended.append)
    bad, good = begin(operations, "nobody ends this"), begin(operations, "good")
    operations.finish_due()
    assert operations.get(bad)["status"] == "Failed"
    assert operations.get(bad)["error"]["message"] == "the emulator failed at nobody ends this: see its log"
    assert operations.get(good)["status"] == "Succeeded"
    assert ended == [TARGET]


def test_a_restart_goes_on_with_what_was_in_flight(store: Store) -> None:
    ended: list[str] = []
    begin(Operations(store, "s"))
    restarted = Operations(store, "s")
    restarted.on_finish("stop", ended.append)
    assert restarted.in_flight(TARGET)
    restarted.finish_due()
    assert ended == [TARGET]


def test_a_cut_short_operation_is_still_so_after_a_restart(store: Store) -> None:
    before = Operations(store, "s")
    begin(before, seconds=3600)
    before.cut_short(TARGET)
    restarted = Operations(store, "s")
    restarted.on_finish("stop", lambda _: None)
    restarted.finish_due()
    assert not restarted.in_flight(TARGET)


def test_operations_are_forgotten_a_day_after_their_end(store: Store) -> None:
    ended = {"name": "stop", "target": TARGET, "status": "Succeeded"}
    for identity, due in (("old", time.time() - 90_000), ("new", time.time())):
        store.put(KIND, identity, {"id": identity, "due": due, **ended})
    Operations(store, "s")
    assert [operation["id"] for operation in store.list(KIND)] == ["new"]


def test_a_running_emulator_does_not_change_its_time_scale(emulator: Emulator) -> None:
    with pytest.raises(EmulatorError, match="runs with time scale 1"):
        lifecycle.up(emulator.settings.state, time_scale=10)


def test_the_time_scale_is_kept(tmp_path: Path) -> None:
    state = tmp_path / "state"
    try:
        assert lifecycle.up(state, time_scale=0.5).time_scale == pytest.approx(0.5)
        lifecycle.down(state)
        assert lifecycle.up(state).time_scale == pytest.approx(0.5)
    finally:
        lifecycle.down(state)
