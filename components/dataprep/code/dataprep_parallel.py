"""What Azure ML's runtime for parallel jobs calls: prepares mini batches of photos as `dataprep` prepares a folder.

The contract of `init` and `run` is that of "Use parallel jobs in pipelines"
(https://learn.microsoft.com/azure/machine-learning/how-to-use-parallel-job-in-pipeline). A mini batch may be run again,
on another node and even at the same time: prepared photos are named after what they are made of, so that it makes the
same files anew. For the same reason equal files of different mini batches become one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from preparation.arguments import add_arguments, preparation
from preparation.outcome import row
from preparation.workers import Photo

_job: argparse.Namespace


def init() -> None:
    """Read the job's arguments, among which are the runtime's own."""
    global _job
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser)
    parser.add_argument("--output-data", type=Path, required=True)
    _job, _ = parser.parse_known_args()


def run(mini_batch: list[str]) -> list[str]:
    """Prepare the files of these paths; a row for each, in their order, whatever became of it."""
    wanted = preparation(_job)
    target = _job.output_data / wanted.about.label
    target.mkdir(parents=True, exist_ok=True)
    photos = [Photo(path, _name(Path(path))) for path in mini_batch]
    made = wanted.run(photos, target, most=len(photos))
    rows = {outcome.name: row(outcome) for outcome in made}
    return [rows[photo.name] for photo in photos]


def _name(path: Path) -> str:
    """The file's name in the report: relative to the folder of photos, as it is on every node."""
    return (path.relative_to(_job.data) if path.is_relative_to(_job.data) else path).as_posix()
