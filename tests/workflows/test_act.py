"""The act runner itself: what it reports, what it refuses, and the stand-ins for third-party actions."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sandbox.act import Job, Step, end_leftovers, start_workflow
from sandbox.act.leftovers import processes
from sandbox.paths import ROOT
from sandbox.processes import SandboxError
from tests.workflows.repositories import MakeRepository, git

CHECKOUT = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@70fc10c6e5e1ce46ad2ea6f2b72d43f7d47b13c3"
SETUP_UV = "astral-sh/setup-uv@eac588ad8def6316056a12d4907a9d4d84ff7a3b"


def workflow(jobs: str) -> str:
    return f"name: Test\non:\n  workflow_dispatch:\n    inputs:\n      word: {{type: string}}\njobs:\n{jobs}"


def test_reports_outputs_summaries_annotations_and_failures(make_repository: MakeRepository) -> None:
    jobs = """
  one:
    runs-on: ubuntu-24.04
    steps:
      - id: say
        env: {WORD: "${{ inputs.word }}", PASSWORD: "${{ secrets.PASSWORD }}", KIND: "${{ vars.KIND }}"}
        run: |
          printf 'text<<END\\nfirst\\nsecond\\nEND\\n' >>"$GITHUB_OUTPUT"
          echo "# Heading" >>"$GITHUB_STEP_SUMMARY"
          echo "::error file=a.yml,line=3::no such thing"
          echo "$WORD $KIND $PASSWORD $GITHUB_REPOSITORY $GITHUB_RUN_ID"
      - id: left-out
        if: inputs.word == 'another'
        run: echo never
      - id: bad
        run: exit 3
      - id: after
        if: always()
        run: echo "home $HOME"
"""
    repository = make_repository("caller", {".github/workflows/w.yml": workflow(jobs)})
    seen: list[tuple[str, str | None]] = []

    def on_step(job: Job, step: Step) -> None:
        seen.append(("/".join(step.path), step.outcome))

    run = start_workflow(
        repository / ".github/workflows/w.yml",
        workdir=repository,
        repository="team/caller",
        inputs={"word": "hello"},
        secrets={"PASSWORD": "s3cret"},
        variables={"KIND": "world"},
        run_id="4711",
        on_step=on_step,
    ).result()

    job = run.job("one")
    assert not run.succeeded
    assert job.result == "failure"
    assert job.step("say").outputs == {"text": "first\nsecond"}
    assert job.step("say").summary == "# Heading\n"
    assert "hello world *** team/caller 4711" in job.step("say").lines
    [annotation] = run.annotations
    assert (annotation.level, annotation.message, annotation.file, annotation.line) == (
        "error",
        "no such thing",
        "a.yml",
        3,
    )
    assert not job.ran("left-out")
    assert job.step("bad").outcome == "failure"
    assert job.step("after").outcome == "success"
    assert seen[0] == ("say", None)
    assert ("bad", "failure") in seen
    assert f"home {Path.home()}" not in run.log


def test_cancelling_runs_what_has_to_run_always(make_repository: MakeRepository) -> None:
    jobs = """
  one:
    runs-on: ubuntu-24.04
    steps:
      - id: long
        run: echo started; sleep 300
      - id: next
        run: echo never
      - id: cleanup
        if: always()
        run: echo cleaned
  two:
    needs: one
    runs-on: ubuntu-24.04
    steps: [{run: echo never}]
"""
    repository = make_repository("caller", {".github/workflows/w.yml": workflow(jobs)})
    started = threading.Event()

    def on_line(job: Job, step: Step, line: str) -> None:
        if line == "started":
            started.set()

    with start_workflow(repository / ".github/workflows/w.yml", workdir=repository, on_line=on_line) as running:
        assert started.wait(30)
        running.cancel()
        run = running.wait(timeout=30)

    assert run.cancelled
    assert run.exit_code != 0
    assert run.job("one").step("cleanup").outcome == "success"
    assert not run.job("one").ran("next")
    assert not run.ran("two")


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        ("  a: {runs-on: ubuntu-24.04, steps: [{uses: someone/unknown@v1}]}", "uses: someone/unknown@v1' has no stand"),
        ("  a: {runs-on: windows-2025, steps: [{run: echo}]}", "runs on 'windows-2025', a label that no runner"),
        ("  a: {uses: someone/unknown/.github/workflows/x.yml@v1}", "has no stand-in"),
    ],
)
def test_refuses_what_it_cannot_run(make_repository: MakeRepository, jobs: str, message: str) -> None:
    repository = make_repository("caller", {".github/workflows/w.yml": workflow(jobs)})
    with pytest.raises(SandboxError, match=message):
        start_workflow(repository / ".github/workflows/w.yml", workdir=repository).result()


def test_artifacts_travel_between_jobs(make_repository: MakeRepository) -> None:
    jobs = f"""
  send:
    runs-on: ubuntu-24.04
    steps:
      - uses: {CHECKOUT}
      - uses: {UPLOAD}
        with: {{name: context, path: service, include-hidden-files: true, if-no-files-found: error}}
      - id: again
        continue-on-error: true
        uses: {UPLOAD}
        with: {{name: context, path: service}}
      - id: nothing
        continue-on-error: true
        uses: {UPLOAD}
        with: {{name: empty, path: nowhere, if-no-files-found: error}}
  receive:
    needs: send
    runs-on: ubuntu-24.04
    steps:
      - id: fetch
        uses: {DOWNLOAD}
        with: {{name: context, path: got}}
      - id: list
        run: cd got && find . -type f | sort && cat app.py
      - id: missing
        uses: {DOWNLOAD}
        with: {{name: other}}
"""
    files = {"service/app.py": "print()\n", "service/.dockerignore": "x\n", "service/model/m.json": "{}\n"}
    repository = make_repository("caller", {".github/workflows/w.yml": workflow(jobs), **files})

    run = start_workflow(repository / ".github/workflows/w.yml", workdir=repository).result()

    assert run.job("send").result == "success", run.log
    assert run.job("receive").step("list").lines == ["./.dockerignore", "./app.py", "./model/m.json", "print()"]
    assert run.job("receive").step("missing").outcome == "failure"
    assert "(409) Conflict" in run.errors[0]
    assert "No files were found" in run.errors[1]
    assert "Artifact not found for name: other" in run.errors[2]


def test_checks_another_repository_out_at_a_commit(make_repository: MakeRepository) -> None:
    other = make_repository("other", {"x.txt": "old\n", ".gitignore": "ignored\n"})
    old = git(other, "rev-parse", "HEAD")
    (other / "x.txt").write_text("new\n")
    git(other, "commit", "--quiet", "--all", "--message=New")
    (other / "uncommitted.txt").touch()
    (other / "ignored").touch()
    jobs = f"""
  one:
    runs-on: ubuntu-24.04
    steps:
      - uses: {CHECKOUT}
      - uses: {CHECKOUT}
        with: {{repository: team/other, path: .other}}
      - id: now
        run: cat .other/x.txt && ls -1 .other
      - uses: {CHECKOUT}
        with: {{repository: team/other, path: .other, ref: {old}}}
      - id: before
        run: cat .other/x.txt && ls -1 .other
      - uses: {CHECKOUT}
        with: {{repository: team/unknown, path: .unknown}}
"""
    repository = make_repository("caller", {".github/workflows/w.yml": workflow(jobs)})

    run = start_workflow(
        repository / ".github/workflows/w.yml", workdir=repository, repositories={"team/other": other}
    ).result()

    assert run.job("one").step("now").lines == ["new", "uncommitted.txt", "x.txt"]
    assert run.job("one").step("before").lines == ["old", "x.txt"]
    assert run.errors == ["repository team/unknown not found"]


def test_puts_uv_on_the_path(make_repository: MakeRepository) -> None:
    jobs = f"""
  one:
    runs-on: ubuntu-24.04
    steps:
      - id: setup
        uses: {SETUP_UV}
      - id: which
        run: command -v uv && uv --version
"""
    repository = make_repository("caller", {".github/workflows/w.yml": workflow(jobs)})

    run = start_workflow(
        repository / ".github/workflows/w.yml", workdir=repository, env={"PATH": "/usr/local/sbin:/usr/bin:/bin"}
    ).result()

    assert run.succeeded, run.log
    path, version = run.job("one").step("which").lines
    assert path == run.job("one").step("setup").outputs["uv-path"]
    assert version.split()[1] == run.job("one").step("setup").outputs["uv-version"]


def test_leaves_no_process_of_a_step_behind(make_repository: MakeRepository, tmp_path: Path) -> None:
    jobs = """
  one:
    runs-on: ubuntu-24.04
    steps: [{run: "setsid --fork sleep 1000"}]
"""
    repository = make_repository("caller", {".github/workflows/w.yml": workflow(jobs)})

    run = start_workflow(repository / ".github/workflows/w.yml", workdir=repository, folder=tmp_path / "run").result()

    assert run.succeeded, run.log
    assert processes(tmp_path / "run") == []


def test_ends_the_run_of_a_program_that_was_killed(
    make_repository: MakeRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = make_repository(
        "caller",
        {".github/workflows/w.yml": workflow("  a: {runs-on: ubuntu-24.04, steps: [{run: echo up; sleep 1000}]}")},
    )
    monkeypatch.setenv("SANDBOX_STATE", str(tmp_path / "state"))
    program = f"""
import sys
from pathlib import Path
from sandbox.act import start_workflow
start_workflow(Path({str(repository / ".github/workflows/w.yml")!r}), workdir=Path({str(repository)!r}),
               on_line=lambda job, step, line: print(line, flush=True)).result()
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "up\n"
        killed.kill()
    [folder] = (tmp_path / "state" / "act").iterdir()
    assert len(processes(folder)) >= 2

    end_leftovers()

    assert processes(folder) == []
    assert not folder.exists()
