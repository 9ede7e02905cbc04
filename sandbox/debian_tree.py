"""A Debian with Python as one tar file, for a machine that can reach a Debian mirror but no image registry."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import urllib.request
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sandbox import paths
from sandbox.lock import exclusive
from sandbox.processes import SandboxError

SUITE = "bookworm"
# What `python:3.11-slim` has: Python with venv and pip (from a wheel: Debian's own pip drags setuptools in), and CAs.
_PACKAGES = ("ca-certificates", "python3", "python3-venv", "python3-pip-whl")
_DPKG = """\
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
"""
_LEAVE_OUT = (
    "dev/*",
    "etc/dpkg/dpkg.cfg.d/sandbox",
    "usr/lib/python3.11/EXTERNALLY-MANAGED",
    "usr/share/doc/*",
    "usr/share/info/*",
    "usr/share/lintian/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/cache/apt/archives/*.deb",
    "var/cache/apt/*.bin",
    "var/cache/debconf/*-old",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/*-old",
    "var/log/*",
)
_OFFICIAL_MIRROR = "http://deb.debian.org/debian/"


@dataclass(frozen=True, order=True)
class AptSource:
    """One line of a sources.list, less its components."""

    uri: str
    suite: str


def recipe() -> str:
    """A hash of all that decides what is in the tar file: this module."""
    return sha256(Path(__file__).read_bytes()).hexdigest()


def ensure_tar() -> Path:
    """The tar file, which is made once for a machine and recipe, and then kept in the user's cache."""
    folder = paths.cache() / "base-image"
    file = folder / f"debian-{recipe()[:16]}.tar"
    with exclusive(folder / "lock", lambda pid: print(f"waiting for the base image, which process {pid} makes")):
        if not file.exists():
            for outdated in folder.glob("debian-*.tar*"):
                outdated.unlink()
            _make(file)
    return file


def _make(file: Path) -> None:
    if shutil.which("debootstrap") is None:
        raise SandboxError("debootstrap: not found; install with: apt-get install debootstrap")
    sources = apt_sources()
    part = file.with_suffix(".tar.part")
    with tempfile.TemporaryDirectory(prefix="tree-", dir=file.parent) as name:
        root = Path(name)
        root.chmod(0o755)
        _bootstrap(root, _mirror(sources))
        _install_pip(root)
        lines = [f"deb {source.uri} {source.suite} main\n" for source in sources]
        (root / "etc/apt/sources.list").write_text("".join(lines or [f"deb {_OFFICIAL_MIRROR} {SUITE} main\n"]))
        excludes = [f"--exclude=./{pattern}" for pattern in _LEAVE_OUT]
        options = ["--create", "--sort=name", "--numeric-owner", f"--file={part}", f"--directory={root}"]
        _run(["tar", *options, *excludes, "."], "tar")
    part.rename(file)


def _bootstrap(root: Path, mirror: str) -> None:
    settings = root / "etc/dpkg/dpkg.cfg.d/sandbox"
    settings.parent.mkdir(parents=True)
    settings.write_text(_DPKG)
    include = f"--include={','.join(_PACKAGES)}"
    _run(
        ["debootstrap", "--variant=minbase", "--merged-usr", include, SUITE, str(root), mirror], f"debootstrap {mirror}"
    )


def _install_pip(root: Path) -> None:
    (wheel,) = (root / "usr/share/python-wheels").glob("pip-*.whl")
    inside = f"/{wheel.relative_to(root)}"
    options = ["--no-index", "--no-deps", "--no-compile", "--break-system-packages", "--root-user-action=ignore"]
    _run(["chroot", str(root), "python3", f"{inside}/pip", "install", "--quiet", *options, inside], "installing pip")
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise SandboxError(f"{what} failed: {lines[-1] if lines else f'exit status {done.returncode}'}")


def apt_sources() -> list[AptSource]:
    """Where this machine's apt gets Debian 12 from, its updates and security fixes included; perhaps none."""
    suites = (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.split() for line in listed.stdout.splitlines()]
    sources = {AptSource(uri, suite) for uri, suite, component in found if suite in suites and component == "main"}
    # Others than Debian name their suites after it as well.
    return sorted(source for source in sources if _is_of_debian(source))


def _is_of_debian(source: AptSource) -> bool:
    url = f"{source.uri.rstrip('/')}/dists/{source.suite}/InRelease"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - what apt itself is told to read
            head = answer.read(4096).decode(errors="replace")
    except (OSError, ValueError):
        return False
    return "\nOrigin: Debian\n" in head


def _mirror(sources: list[AptSource]) -> str:
    return next((source.uri for source in sources if source.suite == SUITE), _OFFICIAL_MIRROR)
