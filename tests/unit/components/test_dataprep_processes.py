"""The preparation's processes: what a photo may cost, and that neither number nor timing of them shows in the result.

Decoders that crash, hang or take all memory are hard to come by: these are in `preprocessing`, before the real one.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

HAZARDS = """
import io
import itertools
import os
import select
import signal

import sound
from sound import ImageError


def prepare(source, *, width, height):
    content = source.read()
    if content == b"segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if content == b"exit":
        os._exit(3)
    if content == b"hang":
        sum(itertools.repeat(0))  # in C, and never back in the interpreter
    if content == b"bomb":
        try:
            return bytearray(8 << 30)
        except MemoryError as error:
            raise ImageError("") from error
    if content.startswith(b"once "):
        seen, content = content.removeprefix(b"once ").split(b"\\n", 1)
        if not os.path.exists(seen):
            open(seen, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
    return sound.prepare(io.BytesIO(content), width=width, height=height)
"""


@pytest.fixture
def code(snapshot: Callable[[str], Path], tmp_path: Path) -> Path:
    """The component's code, with decoders that fail."""
    folder = tmp_path / "code"
    shutil.copytree(snapshot("dataprep/dataprep"), folder)
    (folder / "preprocessing.py").rename(folder / "sound.py")
    (folder / "preprocessing.py").write_text(HAZARDS)
    return folder


@pytest.fixture
def preparation(code: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a module of that code."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(code))
    yield lambda name: importlib.import_module(f"preparation.{name}")
    for name in set(sys.modules) - known:
        if name.split(".")[0] in {"preparation", "preprocessing", "sound"}:
            del sys.modules[name]


def command(code: Path, data: Path, output: Path, *, workers: int, seconds: float = 60) -> list[str]:
    return [
        *(sys.executable, str(code / "dataprep.py"), "--data", str(data), "--label", "cats", "--width", "16"),
        *("--height", "16", "--workers", str(workers), "--max-megabytes", "1", "--max-seconds", str(seconds)),
        *("--output", str(output)),
    ]


def run(*given: Any, **more: Any) -> dict[str, str]:
    """What was left out, of a preparation that succeeds."""
    ended = subprocess.run(command(*given, **more), capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return dict(json.loads((given[2] / "report.json").read_text(encoding="ascii"))["left_out"])


def photo(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (shade, 255 - shade, 7)).save(path, "PNG")
    return path


def files(folder: Path) -> dict[str, str]:
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
    return {path.relative_to(folder).as_posix(): digest for path, digest in digests.items()}


def test_the_result_does_not_depend_on_the_number_of_workers(code: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number in range(40):
        photo(data / f"{number % 3}" / f"{number}.png", number)
    # Equal files far apart, of which the first by name stays, and hazards between them.
    for number in range(20):
        shutil.copy(data / f"{number % 3}" / f"{number}.png", data / f"again {number}.png")
    (data / "crash.jpg").write_bytes(b"segfault")
    (data / "1" / "leaves.jpg").write_bytes(b"exit")
    (data / "cut.png").write_bytes((data / "0" / "0.png").read_bytes()[:40])
    (data / os.fsdecode(b"no \xff text.gif")).write_bytes(b"GIF89a")
    left_out = run(code, data, tmp_path / "1", workers=1)
    for workers in (2, 4):
        run(code, data, tmp_path / str(workers), workers=workers)
        assert files(tmp_path / str(workers)) == files(tmp_path / "1")
    assert len(list((tmp_path / "1" / "cats").iterdir())) == 40
    assert len(left_out) == 24
    assert left_out["again 7.png"] == "the same file as 1/7.png"
    assert left_out["crash.jpg"] == "its decoder ended the worker process by SIGSEGV"
    assert left_out["1/leaves.jpg"] == "its decoder ended the worker process with exit code 3"
    assert "can't be decoded" in left_out[os.fsdecode(b"no \xff text.gif")]


def test_a_photo_that_hangs_takes_too_much_or_is_too_large_costs_itself_alone(code: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number in range(10):
        photo(data / f"{number}.png", number)
    (data / "5 hangs.jpg").write_bytes(b"hang")
    (data / "6 bomb.jpg").write_bytes(b"bomb")
    with (data / "7 huge.jpg").open("wb") as file:
        file.truncate((1 << 20) + 1)
    left_out = run(code, data, tmp_path / "out", workers=2, seconds=2)
    assert left_out == {
        "5 hangs.jpg": "preparing it takes more than 2 s",
        "6 bomb.jpg": "decoding it takes more than 1,024 MiB of memory",
        "7 huge.jpg": "the file has 1,048,577 bytes; at most 1,048,576 are read",
    }
    assert len(list((tmp_path / "out" / "cats").iterdir())) == 10


def test_a_photo_whose_worker_was_ended_from_outside_is_prepared_after_all(code: Path, tmp_path: Path) -> None:
    for number in range(4):
        path = photo(tmp_path / "data" / f"{number}.png", number)
        path.write_bytes(b"once %b\n%b" % (os.fsencode(tmp_path / f"seen {number}"), path.read_bytes()))
    photo(tmp_path / "data" / "9.png", 9)
    assert run(code, tmp_path / "data", tmp_path / "out", workers=2) == {}
    assert len(list((tmp_path / "out" / "cats").iterdir())) == 5


def test_no_more_photos_are_held_than_the_workers_have_been_given(
    preparation: Callable[[str], Any], tmp_path: Path
) -> None:
    one = photo(tmp_path / "one.png", 1)
    (tmp_path / "out").mkdir()
    workers, orders = preparation("workers"), preparation("order")
    order = orders.Order(str(tmp_path / "out"), 16, 16, "mark", orders.Limits())
    taken = settled = most = 0

    def endless() -> Iterator[Any]:
        nonlocal taken, most
        while True:
            taken += 1
            most = max(most, taken - settled)
            yield workers.Photo(str(one), str(taken))

    with workers.Workers(3, order) as pool:
        for _ in pool.run(endless(), most=10_000):
            settled += 1
            if settled == 500:
                break
    assert 3 * workers.GROUP < most <= 3 * (workers.AHEAD + 1) * workers.GROUP


def test_the_workers_end_with_the_preparation_that_is_killed(code: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(2):
        (tmp_path / "data" / f"{number}.jpg").write_bytes(b"hang")
    started = subprocess.Popen(command(code, tmp_path / "data", tmp_path / "out", workers=2, seconds=2))
    try:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        pids: list[str] = []
        while len(pids) < 2:
            assert started.poll() is None
            pids = children.read_text().split()
    finally:
        started.send_signal(signal.SIGKILL)
        started.wait()
    # By the pipe that is closed, or the alarm of the photo that hangs.
    for pid in pids:
        descriptor = os.pidfd_open(int(pid)) if Path("/proc", pid).exists() else None
        if descriptor is not None:
            assert select.select([descriptor], [], [], 60)[0]
            os.close(descriptor)


def test_what_can_not_be_written_ends_the_preparation_with_one_line(
    preparation: Callable[[str], Any], tmp_path: Path
) -> None:
    path = photo(tmp_path / "a.png", 1)
    about, limits = preparation("ledger").Class("cats", 8, 8), preparation("order").Limits()
    made = (
        preparation("folder")
        .Preparation(about, limits, 2)
        .run([preparation("workers").Photo(str(path), "a.png")], tmp_path / "nowhere", most=1)
    )
    with pytest.raises(Exception, match=r"nowhere: a prepared photo can't be written: No such file or directory$"):
        list(made)


def test_progress_tells_the_rate_and_the_time_that_is_left(preparation: Callable[[str], Any]) -> None:
    said: list[str] = []
    now = 0.0
    progress = preparation("progress").Progress("cats", 10_000, said.append, clock=lambda: now)
    for number in range(1, 4001):
        now = number / 200
        progress.step()
    assert said == [
        f"cats: {done:,} of 10,000 photos, 200 a second, {left} left"
        for done, left in ((1000, "45.0 s"), (2000, "40.0 s"), (3000, "35.0 s"), (4000, "30.0 s"))
    ]
    assert progress.summary() == "4,000 photos in 20.0 s, 200 a second"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        ({"cpu.max": "max 100000"}, 64),
        ({"cpu.max": "150000 100000"}, 2),
        ({"job/cpu.max": "300000 100000", "cpu.max": "max 100000"}, 3),
        ({"job/cpu.max": "max 100000", "cpu.max": "50000 100000"}, 1),
        ({"cpu,cpuacct/job/cpu.cfs_quota_us": "400000", "cpu,cpuacct/job/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu,cpuacct/job/cpu.cfs_quota_us": "-1"}, 64),
    ],
)
def test_as_many_workers_as_the_control_groups_grant(
    preparation: Callable[[str], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    cores: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    for name, text in files.items():
        (tmp_path / "mount" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mount" / name).write_text(f"{text}\n")
    membership = tmp_path / "cgroup"
    assert preparation("cores").granted(membership, tmp_path / "mount") == 64
    membership.write_text("5:memory:/job\n4:cpu,cpuacct:/job\n0::/job\n")
    assert preparation("cores").granted(membership, tmp_path / "mount") == cores
