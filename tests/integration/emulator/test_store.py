"""The store by itself: one process, one transaction, and what a kill leaves."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from azureml_emulator.store import Store, StoreInUse

WRITER = """
import itertools, sys
from pathlib import Path
from azureml_emulator.store import Store
store = Store(Path(sys.argv[1]))
for number in itertools.count():
    with store.transaction():
        store.put("left", str(number), {"number": number})
        store.put("right", str(number), {"number": number})
    print(number, flush=True)
"""


def test_only_one_process_opens_it(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    first = Store(file)
    with pytest.raises(StoreInUse, match=r"store\.sqlite is open in another process"):
        Store(file)
    first.close()
    Store(file).close()


def test_a_transaction_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle(store)
    assert store.list("kind") == []
    with store.transaction():
        store.put("kind", "a", {"v": 1})
        assert store.get("kind", "a") == {"v": 1}
    store.close()
    assert Store(tmp_path / "store.sqlite").get("kind", "a") == {"v": 1}


def fail_in_the_middle(store: Store) -> None:
    with store.transaction():
        store.put("kind", "a", {})
        with store.transaction():
            store.put("kind", "b", {})
        raise ZeroDivisionError


def test_others_wait_for_a_transaction(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    seen: list[object] = []
    with store.transaction():
        store.put("kind", "a", {})
        other = threading.Thread(target=lambda: seen.append(store.get("kind", "a")))
        other.start()
        other.join(0.2)
        assert seen == []
    other.join(10)
    assert seen == [{}]


@pytest.mark.conformance("trust: nothing acknowledged is lost by kill -9")
def test_a_kill_loses_nothing_that_was_acknowledged_and_leaves_no_half(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    acknowledged = -1
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            for _ in range(200):
                acknowledged = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split("\n")[:-1])])
        store = Store(file)
        left, right = ({value["number"] for value in store.list(kind)} for kind in ("left", "right"))
        store.close()
        assert left == right >= set(range(acknowledged + 1))
