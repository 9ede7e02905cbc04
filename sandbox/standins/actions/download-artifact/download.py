"""Copies artifact folders into the workspace by the rules of actions/download-artifact."""

import fnmatch
import json
import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    """Fetch what the inputs name."""
    inputs = json.loads(os.environ["INPUTS"])
    store = Path(os.environ["STANDIN_ARTIFACTS"], os.environ["GITHUB_RUN_ID"])
    target = Path(os.environ["GITHUB_WORKSPACE"], inputs["path"])
    if inputs["name"]:
        if not (store / inputs["name"]).is_dir():
            sys.exit(f"::error::Unable to download artifact(s): Artifact not found for name: {inputs['name']}")
        shutil.copytree(store / inputs["name"], target, dirs_exist_ok=True)
    else:
        names = sorted(folder.name for folder in store.iterdir()) if store.is_dir() else []
        for name in fnmatch.filter(names, inputs["pattern"] or "*"):
            folder = target if inputs["merge-multiple"] == "true" else target / name
            shutil.copytree(store / name, folder, dirs_exist_ok=True)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"download-path={target}\n")


if __name__ == "__main__":
    main()
