"""Copies files into an artifact folder by the rules of actions/upload-artifact."""

import json
import os
import shutil
import sys
import zlib
from pathlib import Path


def matches(pattern: str, workspace: Path) -> set[Path]:
    """The files of a path or glob; a folder stands for all that is in it."""
    files: set[Path] = set()
    for path in Path("/").glob(str(workspace / pattern).lstrip("/")):
        files |= {f for f in path.rglob("*") if f.is_file()} if path.is_dir() else {path}
    return files


def root(patterns: list[str], files: set[Path], workspace: Path) -> Path:
    """The folder that paths in the artifact are relative to: of one path that folder, of several their ancestor."""
    if len(patterns) > 1:
        bases = [str(workspace / pattern.split("*")[0].rstrip("/")) for pattern in patterns]
        common = Path(os.path.commonpath(bases))
        return common if common.is_dir() else common.parent
    one = workspace / patterns[0]
    if one.is_dir():
        return one
    return Path(os.path.commonpath([str(file.parent) for file in files]))


def main() -> None:
    """Store the artifact that the inputs describe."""
    inputs = json.loads(os.environ["INPUTS"])
    name, workspace = inputs["name"], Path(os.environ["GITHUB_WORKSPACE"])
    if set(name) & set('":<>|*?\r\n\\/') or not name:
        sys.exit(f"::error::the artifact name '{name}' has characters that GitHub does not allow")
    lines = [line.strip() for line in inputs["path"].splitlines() if line.strip()]
    patterns = [line for line in lines if not line.startswith("!")]
    files = set().union(*(matches(pattern, workspace) for pattern in patterns))
    files -= set().union(*(matches(line[1:], workspace) for line in lines if line.startswith("!")))
    if inputs["include-hidden-files"] != "true":
        files = {f for f in files if not any(part.startswith(".") for part in f.relative_to(workspace).parts)}
    if not files:
        message = f"No files were found with the provided path: {inputs['path']}. No artifacts will be uploaded."
        if inputs["if-no-files-found"] == "error":
            sys.exit(f"::error::{message}")
        print(f"::warning::{message}" if inputs["if-no-files-found"] == "warn" else message)
        return
    folder = Path(os.environ["STANDIN_ARTIFACTS"], os.environ["GITHUB_RUN_ID"], name)
    if folder.exists():
        if inputs["overwrite"] != "true":
            sys.exit(f"::error::(409) Conflict: an artifact with the name {name} already exists on the workflow run")
        shutil.rmtree(folder)
    base = root(patterns, files, workspace)
    for file in sorted(files):
        target = folder / file.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)  # as on GitHub, permissions are lost
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"artifact-id={zlib.crc32(str(folder).encode())}\n")
    print(f"artifact {name}: {len(files)} files")


if __name__ == "__main__":
    main()
