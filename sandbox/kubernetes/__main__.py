"""`python -m sandbox.kubernetes build | up | down`: the parts of the cluster's life, one at a time."""

from __future__ import annotations

import sys

from sandbox.kubernetes import build, cluster, ensure_cluster, stop_cluster
from sandbox.processes import SandboxError


def main(arguments: list[str]) -> int:
    """Do what the one argument says; 2 if it says nothing known."""
    try:
        match arguments:
            case ["build"]:
                for module in ("pause", "kubeall"):
                    print(build.binary(module, cluster.print_line))
            case ["up"]:
                print(f"export KUBECONFIG={ensure_cluster()}")
            case ["down"]:
                stop_cluster()
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
