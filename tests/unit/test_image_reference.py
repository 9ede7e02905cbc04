from __future__ import annotations

import pytest

from mlops_actions.errors import ActionError
from mlops_actions.image_reference import ImageReference

DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", None, None),
        ("org/app:1.2", "docker.io", "org/app", "1.2", None),
        ("ghcr.io/org/app", "ghcr.io", "org/app", None, None),
        (f"ghcr.io/org/app@{DIGEST}", "ghcr.io", "org/app", None, DIGEST),
        (f"localhost:5000/a/b_c-d:v1@{DIGEST}", "localhost:5000", "a/b_c-d", "v1", DIGEST),
        ("127.0.0.1:5000/app:v1", "127.0.0.1:5000", "app", "v1", None),
        ("localhost/app", "localhost", "app", None, None),
    ],
)
def test_parts(text: str, registry: str, path: str, tag: str | None, digest: str | None) -> None:
    reference = ImageReference.parse(text)
    assert (reference.registry, reference.path, reference.tag, reference.digest) == (registry, path, tag, digest)
    assert str(reference) == text


@pytest.mark.parametrize(
    "host", ["-Htcp.evil:1234", "--password=.", "a b.c", "a.b:port", "user:pass@x.y", "$(x).y", "."]
)
def test_a_registry_that_is_no_host(host: str) -> None:
    with pytest.raises(ActionError, match="is not the name of an image"):
        ImageReference.parse(f"{host}/org/app")


@pytest.mark.parametrize("text", ["", "App", "app:", "app:a b", "app@sha256:12", "ghcr.io/", "a//b", "https://a.b/c"])
def test_what_is_no_image(text: str) -> None:
    with pytest.raises(ActionError, match="is not the name of an image"):
        ImageReference.parse(text)


def test_digest_takes_the_place_of_the_tag() -> None:
    assert str(ImageReference.parse("ghcr.io/org/app:v1").at(DIGEST)) == f"ghcr.io/org/app@{DIGEST}"
