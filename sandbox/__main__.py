"""`python -m sandbox demo | test | up | down | clean`: what the Makefile calls."""

from __future__ import annotations

import sys
from pathlib import Path

from cyclopts import App
from rich.console import Console

from . import laptop_cloud
from .checks import check
from .demo import demo
from .processes import SandboxError
from .stages import Stages

app = App(name="sandbox", help="The laptop cloud: an Azure ML emulator, Docker, a registry and Kubernetes.")


@app.command(name="demo")
def run_demo(*, data: Path | None = None) -> None:
    """Run this repository's main job here.

    Parameters
    ----------
    data
        A folder with the folders cats, dogs and pandas of photos; without it, animals are drawn.

    """
    demo(data, Console())


@app.command
def up() -> None:
    """Start the laptop cloud and leave it running."""
    stages = Stages(Console())
    with stages.live():
        cloud = laptop_cloud.up(stages)
    stages.say(f"registry {cloud.registry}, base image {cloud.base_image}")
    stages.say(f"export KUBECONFIG={cloud.kubeconfig}")


@app.command
def test() -> int:
    """Run all linters and all tests."""
    return check(Console())


@app.command
def down() -> None:
    """End all that `demo` and `up` started."""
    laptop_cloud.down()


@app.command
def clean() -> None:
    """End everything, and forget what it holds."""
    laptop_cloud.forget()


def main() -> int:
    """Run the command; an error that a person can mend is one line on standard error, and exit status 1."""
    try:
        status = app(result_action="return_value")
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `make down` ends what runs", file=sys.stderr)
        return 130
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
