"""A Python base image in the sandbox's registry, with the certificate authorities that this machine trusts.

It is `python:3.11-slim-bookworm` where Docker Hub is in reach, else the Debian of `sandbox.debian_tree`. Builds in a
network that intercepts TLS fail without the machine's own authorities, so those that the image lacks are added.
"""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from mlops_actions import registry_api
from mlops_actions.image_reference import ImageReference
from sandbox import debian_tree, paths
from sandbox.docker import ensure_docker
from sandbox.lock import exclusive
from sandbox.processes import SandboxError
from sandbox.registry import ensure_registry

NAME = "sandbox/python:3.11-bookworm"
_PUBLIC = "python:3.11-slim-bookworm"
_DOCKER_HUB = "https://registry-1.docker.io/v2/"
_KEY_LABEL = "mlops-actions.sandbox.key"
_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# Python, pip and uv would each look for authorities of their own.
_DOCKERFILE = f"""\
ARG SOURCE
FROM ${{SOURCE}}
COPY authorities/ /usr/local/share/ca-certificates/machine/
RUN update-ca-certificates >/dev/null
ENV LANG=C.UTF-8 \\
    SSL_CERT_FILE={_BUNDLE} \\
    REQUESTS_CA_BUNDLE={_BUNDLE} \\
    PIP_CERT={_BUNDLE} \\
    UV_SYSTEM_CERTS=true \\
    UV_NATIVE_TLS=true
CMD ["python3"]
"""


@dataclass(frozen=True)
class _Docker:
    """The docker client, told where the daemon is."""

    environment: dict[str, str]

    def run(self, *arguments: str | Path) -> str:
        """What the command prints. Raises SandboxError with its last line of error."""
        command = ["docker", *map(str, arguments)]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise SandboxError(f"docker {arguments[0]} failed: {lines[-1] if lines else done.returncode}")
        return done.stdout.strip()


def ensure_base_image() -> str:
    """Answer the name of the base image, which is then in the registry and in Docker; make it if need be."""
    registry, docker = ensure_registry(), _Docker(ensure_docker())
    name, key = f"{registry}/{NAME}", _key()
    lock = paths.state() / "base-image.lock"
    with exclusive(lock, lambda pid: print(f"waiting for the base image, which process {pid} makes")):
        if _key_in_registry(name) != key:
            _build(docker, _source(docker), name, key)
            docker.run("push", "--quiet", name)
        elif not docker.run("images", "--quiet", f"--filter=label={_KEY_LABEL}={key}", name):
            docker.run("pull", "--quiet", name)
    return name


def build_in(environment: Mapping[str, str]) -> str:
    """Answer the name of the base image in the Docker of this environment, with no registry; make it if need be."""
    docker, key = _Docker(dict(environment)), _key()
    # By name, too: images that are built on it have its labels.
    named = (f"--filter=reference={NAME}", f"--filter=reference=*/{NAME}")
    if known := docker.run("images", "--quiet", f"--filter=label={_KEY_LABEL}={key}", *named).split():
        docker.run("tag", known[0], NAME)
    else:
        _build(docker, _source(docker), NAME, key)
    return NAME


def _key() -> str:
    """What the image depends on; one made of the same is not made again."""
    parts = [debian_tree.recipe(), _DOCKERFILE, *sorted(machine_authorities())]
    return sha256("\0".join(parts).encode()).hexdigest()


def _key_in_registry(name: str) -> str | None:
    try:
        return registry_api.inspect(ImageReference.parse(name)).labels.get(_KEY_LABEL)
    except registry_api.ImageNotFoundError:
        return None


def _source(docker: _Docker) -> str:
    """The public image, or ours under the same terms."""
    if _docker_hub_answers():
        docker.run("pull", "--quiet", _PUBLIC)
        return _PUBLIC
    name = f"sandbox/debian-python:{debian_tree.recipe()[:16]}"
    if not docker.run("images", "--quiet", name):
        docker.run("import", "--message", "debootstrap", debian_tree.ensure_tar(), name)
    return name


def _docker_hub_answers() -> bool:
    try:
        with urllib.request.urlopen(_DOCKER_HUB, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 401  # noqa: PLR2004 - it asks who we are, as a registry does
    except OSError:
        return False


def _build(docker: _Docker, source: str, name: str, key: str) -> None:
    trusted = docker.run("run", "--rm", "--network=none", "--entrypoint=cat", source, _BUNDLE)
    missing = sorted(machine_authorities() - certificates(trusted))
    with tempfile.TemporaryDirectory(prefix="base-image-") as folder:
        context = Path(folder)
        (context / "Dockerfile").write_text(_DOCKERFILE)
        (context / "authorities").mkdir()
        for number, certificate in enumerate(missing):
            (context / "authorities" / f"{number}.crt").write_text(f"{certificate}\n")
        options = (f"--build-arg=SOURCE={source}", f"--label={_KEY_LABEL}={key}", f"--tag={name}")
        docker.run("build", "--quiet", "--network=none", *options, context)


def certificates(bundle: str) -> set[str]:
    """The PEM blocks in a text."""
    return set(_CERTIFICATE.findall(bundle))


def machine_authorities() -> set[str]:
    """The certificates that programs on this machine trust, as PEM blocks."""
    bundle = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or _BUNDLE
    try:
        return certificates(Path(bundle).read_text(encoding="ascii", errors="ignore"))
    except FileNotFoundError:
        raise SandboxError(f"{bundle}: not found; install with: apt-get install ca-certificates") from None
