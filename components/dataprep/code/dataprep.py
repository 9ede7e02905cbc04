"""Brings every image in a folder to one fixed size, as PNG files in a folder named after their label."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import logging
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from preprocessing import ImageError, prepare

log = logging.getLogger("dataprep")

PROGRESS_EVERY = 100

# A label becomes a folder's name and a key in the service's answers.
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]*")


class PreparationError(Exception):
    """What keeps the preparation from being done, in one line."""


@dataclass
class Report:
    """What was prepared, and what was left out and why."""

    label: str
    width: int
    height: int
    prepared: int = 0
    left_out: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.label}: {self.prepared} images prepared, {len(self.left_out)} files left out"


def prepare_folder(data: Path, output: Path, *, label: str, width: int, height: int) -> Report:
    """Prepare every image below `data` into `output`/`label`, and write `output`/report.json."""
    if not LABEL.fullmatch(label):
        raise PreparationError(f"label {label!r} can't name a class: use letters, digits, space, '_', '.' and '-'")
    if not data.is_dir():
        raise PreparationError(f"{data}: there is no such folder of images")
    target = output / label
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise PreparationError(f"{target}: the output folder is not empty; old images would mix with new ones")

    report = Report(label, width, height)
    seen: dict[str, str] = {}
    for number, path in enumerate(sorted(path for path in data.rglob("*") if path.is_file()), start=1):
        name = path.relative_to(data).as_posix()
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        # The same photo twice could end up in both training and testing data and flatter the model.
        if digest in seen:
            report.left_out[name] = f"the same file as {seen[digest]}"
            continue
        seen[digest] = name
        try:
            image = prepare(io.BytesIO(content), width=width, height=height)
        except ImageError as error:
            report.left_out[name] = str(error)
            continue
        image.save(target / f"{path.stem}-{digest[:12]}.png")
        report.prepared += 1
        if number % PROGRESS_EVERY == 0:
            log.info("%s: %d files read", label, number)

    (output / "report.json").write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    return report


def main() -> None:
    """Read the command line, prepare, and print what was left out."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        report = prepare_folder(
            arguments.data,
            arguments.output,
            label=arguments.label,
            width=arguments.width,
            height=arguments.height,
        )
    except PreparationError as error:
        sys.exit(f"dataprep: {error}")
    for name, reason in report.left_out.items():
        log.info("left out %s: %s", name, reason)
    log.info("%s", report)
    if not report.prepared:
        sys.exit(
            f"dataprep: {report.label}: none of the {len(report.left_out)} files in {arguments.data} is a usable image"
        )


if __name__ == "__main__":
    main()
