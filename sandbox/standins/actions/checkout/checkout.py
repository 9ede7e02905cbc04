"""Copies a repository on this machine into the workspace, as actions/checkout would clone it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path


def git(repository: Path, *arguments: str) -> bytes:
    """What git prints; a failure ends the step with git's own words."""
    done = subprocess.run(["git", "-C", repository, *arguments], capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"::error::{done.stderr.decode().strip()}")
    return done.stdout


def copy_working_tree(repository: Path, target: Path) -> None:
    """Copy what a commit of the working tree would hold."""
    for name in git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0"):
        source = repository / name
        if name and (source.is_symlink() or source.is_file()):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def main() -> None:
    """Check out what the inputs name."""
    inputs = json.loads(os.environ["INPUTS"])
    name, ref, path = inputs["repository"], inputs["ref"], inputs["path"]
    if inputs.get("sparse-checkout") or inputs.get("submodules", "false") not in ("", "false"):
        sys.exit("::error::this stand-in has no sparse-checkout and no submodules")
    repository = Path(os.environ["STANDIN_REPOS"], name)
    if not repository.exists():
        sys.exit(f"::error::repository {name} not found")
    workspace = Path(os.environ["GITHUB_WORKSPACE"]).resolve()
    target = (workspace / path).resolve()
    if not target.is_relative_to(workspace):
        sys.exit(f"::error::path {path} is not in the workspace")
    if target == workspace:
        for old in workspace.iterdir():
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
    elif target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True, exist_ok=True)
    head = git(repository, "rev-parse", "HEAD").decode().strip()
    commit = git(repository, "rev-parse", "--verify", f"{ref}^{{commit}}").decode().strip() if ref else head
    if commit == head:
        copy_working_tree(repository, target)
    else:
        # Not by tarfile: Debian 12's Python cannot extract with a filter yet.
        subprocess.run(["tar", "-x", "-C", target], input=git(repository, "archive", commit), check=True)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"ref={ref}\ncommit={commit}\n")
    print(f"checked out {name} at {commit}{' with its uncommitted changes' if commit == head else ''} into {target}")


if __name__ == "__main__":
    main()
