"""How fast a folder of photos is prepared, against the loop that people write, and what it takes.

Both are programs that are started anew for each measurement, and what is measured is all of it, from the start of the
interpreter to its end, by the same Python and Pillow. They take turns, so that what else the machine does strikes all
alike.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ..report import ROOT, BenchmarkError, Row, write
from .photos import Folder, many_times, photos
from .runs import Run, peak, timed

WANTED = 3
SIDE = 64
_ROUNDS = 7
_WORKERS = (1, 2, 4)
_AUTOMATIC = 0
_TIMES = 10
_MIB = 1 << 20
_CODE = ROOT / "components" / "dataprep" / "code"


def measure() -> None:
    """Measure everything, and write the report. Raises BenchmarkError."""
    with tempfile.TemporaryDirectory(prefix="preparation-bench-") as name:
        scratch = Path(name)
        folder = photos(scratch / "photos")
        rows = [*_speed(folder, scratch), *_memory(folder, scratch)]
    title = f"Preparing {folder.count:,} photos of {folder.kibibytes:.0f} KiB on the average: {folder.described}"
    versions = {"Pillow": version("pillow"), "libjpeg-turbo": _libjpeg()}
    write("preparation", title, rows, versions=versions)


def _speed(folder: Folder, scratch: Path) -> list[Row]:
    plain: list[Run] = []
    ours: dict[int, list[Run]] = {workers: [] for workers in (_AUTOMATIC, *_WORKERS)}
    for number in range(_ROUNDS + 1):  # The first brings the photos into the page cache.
        kept = number > 0
        taken = _timed(_plain(folder.path, scratch / "out"), scratch / "out", folder.count)
        plain.extend([taken] * kept)
        for workers, runs in ours.items():
            taken = _timed(_ours(folder.path, scratch / "out", workers), scratch / "out" / "photos", folder.count)
            runs.extend([taken] * kept)
    reference = folder.count / _seconds(plain)
    rate = folder.count / _seconds(ours[_AUTOMATIC])
    return [
        Row("plain_photos_per_second", "photos a second, plain: open, convert, resize, save", reference, "1/s"),
        Row("photos_per_second", "photos a second, ours, a worker for each core", rate, "1/s", reference, "plain"),
        Row("speedup", "photos a second, plain = 1", rate / reference, "", WANTED, "wanted"),
        *(
            Row(
                f"photos_per_second_{workers}_workers",
                f"photos a second, ours, {workers} workers",
                folder.count / _seconds(ours[workers]),
                "1/s",
                reference,
                "plain",
            )
            for workers in _WORKERS
        ),
        Row("plain_cpu_ms", "CPU time for a photo, plain", _cpu(plain, folder.count), "ms"),
        Row(
            "cpu_ms",
            "CPU time for a photo, ours, all processes and their start",
            _cpu(ours[_AUTOMATIC], folder.count),
            "ms",
            _cpu(plain, folder.count),
            "plain",
        ),
    ]


def _memory(folder: Folder, scratch: Path) -> list[Row]:
    """Peaks of the proportional set size; in runs of their own, since to look at it takes time."""
    larger = many_times(folder, scratch / "more", _TIMES)
    plain = peak(_plain(folder.path, _empty(scratch / "out"))) / _MIB
    once = peak(_ours(folder.path, _empty(scratch / "out"), _AUTOMATIC)) / _MIB
    often = peak(_ours(larger.path, _empty(scratch / "out"), _AUTOMATIC)) / _MIB
    return [
        Row("plain_peak_mebibytes", f"peak memory (PSS), plain, {folder.count:,} photos", plain, "MiB"),
        Row("peak_mebibytes", f"peak memory (PSS), ours, all processes, {folder.count:,} photos", once, "MiB"),
        Row(
            f"peak_mebibytes_{_TIMES}_times",
            f"the same, {larger.count:,} photos",
            often,
            "MiB",
            once,
            f"{folder.count:,} photos",
        ),
    ]


def _plain(photos: Path, output: Path) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("plain.py")), str(photos), str(output), str(SIDE)]


def _ours(photos: Path, output: Path, workers: int) -> list[str]:
    given = {
        "--data": photos,
        "--label": "photos",
        "--width": SIDE,
        "--height": SIDE,
        "--workers": workers,
        "--max-megabytes": 64,
        "--max-seconds": 60,
        "--output": output,
    }
    words = [str(word) for pair in given.items() for word in pair]
    return [sys.executable, str(_CODE / "dataprep.py"), *words]


def _timed(command: Sequence[str], made: Path, count: int) -> Run:
    """Run a command into an empty folder. Raises BenchmarkError if it does not prepare all photos."""
    _empty(made if made.name == "out" else made.parent)
    run = timed(command)
    if (found := sum(1 for _ in made.glob("*.png"))) != count:
        raise BenchmarkError(f"{found} of {count} photos were prepared by {' '.join(command)}")
    return run


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _seconds(runs: Sequence[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def _cpu(runs: Sequence[Run], count: int) -> float:
    return statistics.median(run.cpu_seconds for run in runs) / count * 1000


def _libjpeg() -> str:
    from PIL import features  # noqa: PLC0415 - loads all of Pillow

    return str(features.version("libjpeg_turbo"))
