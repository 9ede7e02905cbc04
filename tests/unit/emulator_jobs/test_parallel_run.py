"""Parallel runs by the real driver and its worker processes, over folders of files."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import azureml_emulator.jobs.parallel as package
from azureml_emulator.jobs.parallel import program
from azureml_emulator.jobs.parallel.specification import ParallelWork

NAMES = """
    import os

    def run(mini_batch):
        return [os.path.basename(path) for path in mini_batch]
"""


@dataclass(frozen=True)
class Ended:
    code: int
    log: str
    rows: list[str]
    folder: Path

    def logs(self, pattern: str) -> str:
        """What is in the log files with such names."""
        found = sorted((self.folder / "logs").glob(pattern))
        assert found, f"no log {pattern}"
        return "".join(file.read_text() for file in found)


Prepare = Callable[..., list[str]]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Writes the entry script, and gives the command that runs it over `tmp_path/input`."""

    def prepare(script: str, *, inputs: dict[str, str] | None = None, **fields: Any) -> list[str]:
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / "entry.py").write_text(textwrap.dedent(script))
        (tmp_path / "out").mkdir(exist_ok=True)
        scratch = tmp_path / f"scratch{len(list(tmp_path.glob('scratch*')))}"
        scratch.mkdir()
        work = ParallelWork(
            **{"entry_script": "entry.py", "input_data": "data", "append_row_to": "rows", "concurrency": 2, **fields}
        )
        given = {"data": str(tmp_path / "input"), **(inputs or {})}
        outputs = {"rows": str(tmp_path / "rows.txt"), "out": str(tmp_path / "out")}
        return program.arguments(work, given, outputs, scratch, Path(sys.executable))

    return prepare


@pytest.fixture
def run(prepare: Prepare, tmp_path: Path) -> Callable[..., Ended]:
    """Runs an entry script over `tmp_path/input` to the end."""

    def run(script: str, **fields: Any) -> Ended:
        ended = subprocess.run(
            prepare(script, **fields), cwd=tmp_path / "code", capture_output=True, text=True, timeout=60, check=False
        )
        rows = (tmp_path / "rows.txt").read_text().splitlines() if (tmp_path / "rows.txt").exists() else []
        assert not ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout, rows, tmp_path / "code")

    return run


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[str]]:
    """Writes files into the input folder; the answer is their names in order."""

    def files(*names: str) -> list[str]:
        for name in names:
            file = tmp_path / "input" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
        return sorted(names)

    return files


def numbered(count: int) -> list[str]:
    return [f"{place:03d}.txt" for place in range(count)]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_rows_are_in_the_order_of_the_files_however_many_workers_there_are(
    run: Callable[..., Ended], files: Callable[..., list[str]], workers: int
) -> None:
    names = files(*numbered(20))
    # The first mini batches take the longest, so that workers finish in another order.
    ended = run(
        """
        import os, time

        def run(mini_batch):
            time.sleep(max(0, 5 - int(os.path.basename(mini_batch[0])[:3])) * 0.05)
            return [os.path.basename(path) for path in mini_batch]
        """,
        concurrency=workers,
        mini_batch_size=2,
    )
    assert ended.code == 0, ended.log
    assert ended.rows == names
    assert "10 of 10 mini batches done, 0 failed, 0 retries; 20 items, 0 failed" in ended.log


def test_each_worker_calls_init_once_and_shutdown_at_the_end(
    run: Callable[..., Ended], files: Callable[..., list[str]]
) -> None:
    files(*numbered(6))
    ended = run(
        """
        import os

        def note(what):
            with open("notes.txt", "a") as file:
                file.write(f"{what} {os.getpid()}\\n")

        def init():
            note("init")

        def run(mini_batch):
            note("run")
            return mini_batch

        def shutdown():
            note("shutdown")
        """,
        mini_batch_size=1,
    )
    assert ended.code == 0, ended.log
    notes = [line.split() for line in (ended.folder / "notes.txt").read_text().splitlines()]
    workers = {pid for _, pid in notes}
    assert len(workers) == 2
    assert sorted(pid for what, pid in notes if what == "init") == sorted(workers)
    assert sorted(pid for what, pid in notes if what == "shutdown") == sorted(workers)
    assert sum(what == "run" for what, _ in notes) == 6


def test_arguments_with_values_of_inputs_are_in_argv_and_parse_known_args_is_needed(
    run: Callable[..., Ended], files: Callable[..., list[str]], tmp_path: Path
) -> None:
    files("one.txt")
    ended = run(
        """
        import argparse, sys

        def init():
            global args, strict
            parser = argparse.ArgumentParser(exit_on_error=False)
            parser.add_argument("--title")
            parser.add_argument("--out")
            parser.add_argument("--limit", default="none")
            parser.add_argument("--mini_batch_size", default="none")
            args, rest = parser.parse_known_args()
            strict = rest

        def run(mini_batch):
            return [f"{args.title}|{args.out}|{args.limit}|{args.mini_batch_size}|{bool(strict)}|{sys.argv[0]}"]
        """,
        arguments=(
            '--title ${{inputs.title}} --out "${{ outputs.out }}/x" $[[--limit ${{inputs.limit}}]] '
            "--mini_batch_size own"
        ),
        inputs={"title": "two words; $(not a command)"},
    )
    assert ended.code == 0, ended.log
    assert ended.rows == [f"two words; $(not a command)|{tmp_path}/out/x|none|own|True|entry.py"]


def test_a_mini_batch_that_raises_is_tried_again(run: Callable[..., Ended], files: Callable[..., list[str]]) -> None:
    names = files(*numbered(4))
    ended = run(
        """
        import os

        def run(mini_batch):
            name = os.path.basename(mini_batch[0])
            tried = f"tried-{name}"
            if name == "002.txt" and not os.path.exists(tried):
                open(tried, "w").close()
                raise ValueError("not the first time")
            return [name]
        """,
        mini_batch_size=1,
        retries=1,
        mini_batch_error_threshold=0,
    )
    assert ended.code == 0, ended.log
    assert ended.rows == names
    assert "1 retries" in ended.log
    assert "Mini batch 2 failed (attempt 1 of 2)" in ended.log
    assert "ValueError: not the first time" in ended.logs("user/error/*/*.txt")


BROKEN = """
    import os

    def run(mini_batch):
        if os.path.basename(mini_batch[0]) in ("001.txt", "003.txt"):
            raise ValueError("broken")
        return mini_batch
"""


@pytest.mark.parametrize(("threshold", "code"), [(-1, 0), (2, 0), (1, 1)])
def test_failed_mini_batches_over_their_threshold_fail_the_run(
    run: Callable[..., Ended], files: Callable[..., list[str]], threshold: int, code: int
) -> None:
    files(*numbered(5))
    ended = run(BROKEN, mini_batch_size=1, retries=0, mini_batch_error_threshold=threshold)
    assert ended.code == code, ended.log
    assert ("more than the mini_batch_error_threshold 1" in ended.log) == bool(code)
    assert ("ValueError: broken" in ended.logs("job_result.txt") + ended.log) is True
    if not code:
        assert "5 of 5 mini batches done, 2 failed" in ended.log


@pytest.mark.parametrize(
    ("fields", "excess"),
    [
        ({"error_threshold": 5}, "6 items failed, more than the error_threshold 5"),
        ({"error_threshold": 6}, None),
        ({"arguments": "--error_threshold 5"}, "6 items failed, more than the error_threshold 5"),
        ({"arguments": "--error_threshold 9", "error_threshold": 0}, None),
        ({"mini_batch_error_threshold": 1}, "2 mini batches failed, more than the mini_batch_error_threshold 1"),
        ({"arguments": "--allowed_failed_percent 99"}, "more than the allowed_failed_percent 99"),
        ({"arguments": "--allowed_failed_percent 100"}, None),
    ],
)
def test_items_that_run_does_not_return_count_as_failed(
    run: Callable[..., Ended], files: Callable[..., list[str]], fields: dict[str, Any], excess: str | None
) -> None:
    files(*numbered(8))
    ended = run("def run(mini_batch): return mini_batch[:1]", mini_batch_size=4, concurrency=1, **fields)
    assert (ended.code, excess is None or excess in ended.log) == (0 if excess is None else 1, True), ended.log
    if excess is None:
        assert "2 failed, 0 retries; 8 items, 6 failed" in ended.log
        assert len(ended.rows) == 2


def test_a_mini_batch_fails_for_one_item(run: Callable[..., Ended], files: Callable[..., list[str]]) -> None:
    files(*numbered(4))
    ended = run("def run(mini_batch): return mini_batch[1:]", mini_batch_size=4, mini_batch_error_threshold=0)
    assert (ended.code, "1 mini batches failed, more than the mini_batch" in ended.log) == (1, True), ended.log


@pytest.mark.parametrize(
    ("argument", "script", "told"),
    [
        (
            "--first_task_creation_timeout 0.5",
            "import time\ndef init(): time.sleep(300)\ndef run(mini_batch): return mini_batch",
            "no mini batch has begun in 0.5 s (first_task_creation_timeout)",
        ),
        (
            "--progress_update_timeout 0.5",
            "import time\ndef run(mini_batch): time.sleep(300)",
            "no mini batch has ended in 0.5 s (progress_update_timeout)",
        ),
    ],
)
def test_a_run_without_progress_fails(
    run: Callable[..., Ended], files: Callable[..., list[str]], argument: str, script: str, told: str
) -> None:
    files("one.txt")
    ended = run(script, arguments=argument)
    assert (ended.code, told in ended.log) == (1, True), ended.log


@pytest.mark.parametrize("end", ["os._exit(7)", "os.kill(os.getpid(), 9)", "sys.exit(3)", "ctypes.string_at(0)"])
def test_a_mini_batch_that_ends_its_worker_costs_itself_alone(
    run: Callable[..., Ended], files: Callable[..., list[str]], end: str
) -> None:
    names = files(*numbered(6))
    ended = run(
        f"""
        import ctypes, os, sys

        def run(mini_batch):
            if mini_batch[0].endswith("003.txt"):
                {end}
            return [os.path.basename(path) for path in mini_batch]
        """,
        mini_batch_size=1,
        retries=1,
        mini_batch_error_threshold=1,
    )
    assert ended.code == 0, ended.log
    assert ended.rows == [name for name in names if name != "003.txt"]
    assert "Mini batch 3 ended its process" in ended.log
    assert "1 failed, 1 retries" in ended.log


def test_a_mini_batch_that_runs_out_of_time_is_killed_with_what_it_started(
    run: Callable[..., Ended], files: Callable[..., list[str]]
) -> None:
    files(*numbered(3))
    ended = run(
        """
        import subprocess, time

        def run(mini_batch):
            if mini_batch[0].endswith("001.txt"):
                with open("child.txt", "a") as file:
                    file.write(f"{subprocess.Popen(['sleep', '300']).pid}\\n")
                time.sleep(300)
            return mini_batch
        """,
        mini_batch_size=1,
        retries=1,
        timeout=1,
    )
    assert ended.code == 0, ended.log
    assert "Mini batch 1 ran longer than the timeout of 1 s (attempt 2 of 2)" in ended.log
    children = [int(line) for line in (ended.folder / "child.txt").read_text().splitlines()]
    assert len(children) == 2
    assert not [child for child in children if alive(child)]


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_the_driver(
    prepare: Prepare, files: Callable[..., list[str]], tmp_path: Path, how: signal.Signals
) -> None:
    files(*numbered(2))
    command = prepare(
        """
        import os, time

        def run(mini_batch):
            with open(f"worker-{os.getpid()}", "w"):
                pass
            time.sleep(300)
        """,
        mini_batch_size=1,
    )
    driver = subprocess.Popen(command, cwd=tmp_path / "code", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30

    def workers() -> list[int]:
        return [int(file.name.split("-")[1]) for file in (tmp_path / "code").glob("worker-*")]

    while len(workers()) < 2:
        assert time.monotonic() < deadline, "the workers did not begin"
        time.sleep(0.02)
    driver.send_signal(how)
    assert driver.wait(20) == (-signal.SIGKILL if how == signal.SIGKILL else 128 + signal.SIGTERM)
    while any(alive(pid) for pid in workers()):
        assert time.monotonic() < deadline, "workers outlived the driver"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("import no_such_module\ndef run(mini_batch): return mini_batch", "No module named 'no_such_module'"),
        ("def init(): pass", "has no function run()"),
        ("def run(mini_batch): return (", "SyntaxError"),
    ],
)
def test_an_entry_script_that_cannot_be_used_fails_the_run_at_once(
    run: Callable[..., Ended], files: Callable[..., list[str]], script: str, told: str
) -> None:
    files("one.txt")
    ended = run(script)
    assert ended.code == 1
    assert told in ended.log
    assert "The parallel run failed: the entry script entry.py cannot be used" in ended.log


def test_an_init_that_keeps_failing_ends_the_run(run: Callable[..., Ended], files: Callable[..., list[str]]) -> None:
    files(*numbered(9))
    ended = run(
        """
        import os

        def init():
            with open("tries.txt", "a") as file:
                file.write(f"{os.getpid()}\\n")
            raise RuntimeError("no model")

        def run(mini_batch): return mini_batch
        """,
        concurrency=1,
        mini_batch_size=1,
    )
    assert ended.code == 1
    assert "RuntimeError: no model" in ended.log
    assert len((ended.folder / "tries.txt").read_text().splitlines()) == 3


@pytest.mark.parametrize("returned", ["None", "7", "'text'", "{'a': 1}", "(x for x in mini_batch)"])
def test_run_must_return_something_with_elements(
    run: Callable[..., Ended], files: Callable[..., list[str]], returned: str
) -> None:
    files("one.txt")
    ended = run(f"def run(mini_batch): return {returned}", retries=0, mini_batch_error_threshold=0)
    assert ended.code == 1
    assert "TypeError: run() must return a pandas DataFrame, a list, a tuple or an array" in ended.log


def test_an_empty_input_is_an_error(run: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    ended = run(NAMES)
    assert (ended.code, "the input has no files" in ended.log) == (1, True)


def test_folders_are_partitions_by_keys(run: Callable[..., Ended], files: Callable[..., list[str]]) -> None:
    files("Store=1/a/x.txt", "Store=1/a/deep/y.txt", "Store=1/b/x.txt", "Store=2/a/x.txt")
    script = """
        def run(mini_batch, mini_batch_context):
            keys = mini_batch_context.partition_key_value
            return [f"{mini_batch_context.minibatch_index} {keys} {len(mini_batch)}"]
    """
    ended = run(script, partition_keys=("Store", "Brand"))
    assert ended.code == 0, ended.log
    assert ended.rows == [
        "0 {'Store': '1', 'Brand': 'a'} 2",
        "1 {'Store': '1', 'Brand': 'b'} 1",
        "2 {'Store': '2', 'Brand': 'a'} 1",
    ]
    # One element for a partition is no failed mini batch; its items count.
    assert "3 of 3 mini batches done, 0 failed, 0 retries; 4 items, 1 failed" in ended.log
    too_deep = run(script, partition_keys=("Store", "Brand", "Year"))
    assert (too_deep.code, "is not in folders for the partition keys" in too_deep.log) == (1, True)


def test_the_helper_for_entry_scripts(
    run: Callable[..., Ended], files: Callable[..., list[str]], tmp_path: Path
) -> None:
    files("one.txt")
    ended = run(
        """
        import os
        from pathlib import Path
        from azureml_user.parallel_run import EntryScript

        def init():
            EntryScript().logger.debug("from init")
            print("printed")

        def run(mini_batch):
            entry = EntryScript()
            assert entry is EntryScript()
            entry.logger.info("from run")
            Path(entry.output_dir, "own.txt").write_text(entry.agent_name)
            return [f"{entry.working_dir}|{os.environ['AZUREML_BI_OUTPUT_PATH']}|{entry.config['timeout']}"]
        """,
        logging_level="DEBUG",
        timeout=9,
    )
    assert ended.code == 0, ended.log
    assert ended.rows == [f"{tmp_path}/code|{tmp_path}/out|9"]
    assert (tmp_path / "out" / "own.txt").read_text() == "process000"
    logged = ended.logs("user/entry_script_log/node0/process000.log.txt")
    assert "from init" in logged
    assert "from run" in logged
    assert ended.logs("user/stdout/node0/process000.stdout.txt") == "printed\n"


def test_rows_go_to_a_file_in_a_folder_too(
    run: Callable[..., Ended], files: Callable[..., list[str]], tmp_path: Path
) -> None:
    files("one.txt")
    ended = run(NAMES, append_row_to="out")
    assert ended.code == 0, ended.log
    assert (tmp_path / "out" / "parallel_run_step.txt").read_text() == "one.txt\n"


def test_many_files_take_little_memory(prepare: Prepare, tmp_path: Path) -> None:
    """The driver's memory, for a large folder against a small one: most names are never held."""
    for folder in range(20):
        (tmp_path / "input" / f"{folder:02d}").mkdir(parents=True)
        for place in range(500):
            (tmp_path / "input" / f"{folder:02d}" / f"{place:04d}{'x' * 100}").touch()
    command = prepare("def run(mini_batch): return mini_batch", mini_batch_size=500, append_row_to=None)
    # The child's peak, which Linux gives in KiB.
    measured = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    peak = int(subprocess.check_output([sys.executable, "-c", measured, *command], cwd=tmp_path / "code", text=True))
    assert peak < 64 << 10


def test_the_runtime_is_python_3_8() -> None:
    for file in (Path(package.__file__).parent).glob("*/*.py"):
        ast.parse(file.read_text(), feature_version=(3, 8))
