"""The tags of an image, against the table in docker/metadata-action's README."""

from __future__ import annotations

import pytest

from mlops_actions.errors import ActionError
from mlops_actions.image.tags import image_tags

SHA = "90dd6032fac8bda1b6c4436a2e65de27961ed071"
COMMIT = ("sha-90dd603", f"sha-{SHA}")


@pytest.mark.parametrize(
    ("ref", "tags"),
    [
        ("refs/heads/main", ("main",)),
        ("refs/heads/my/branch", ("my-branch",)),
        ("refs/heads/releases/v1", ("releases-v1",)),
        ("refs/heads/Feature #7: größer", ("Feature-7-gr-er",)),
        ("refs/heads/-.hidden", ("hidden",)),
        ("refs/heads/" + "x" * 200, ("x" * 128,)),
        ("refs/heads/ü", ()),
        ("refs/pull/2/merge", ("pr-2",)),
        ("refs/tags/v1.2.3", ("1.2.3", "1.2", "1", "latest")),
        ("refs/tags/1.2.3", ("1.2.3", "1.2", "1", "latest")),
        ("refs/tags/v1.2.3+build.5", ("1.2.3", "1.2", "1", "latest")),
        ("refs/tags/v0.4.1", ("0.4.1", "0.4", "latest")),
        ("refs/tags/v2.0.8-beta.67", ("2.0.8-beta.67",)),
        ("refs/tags/v01.2.3", ("v01.2.3",)),
        ("refs/tags/nightly/2026", ("nightly-2026",)),
        ("refs/heads/v1.2.3", ("v1.2.3",)),
        ("", ()),
    ],
)
def test_ref_and_commit_make_tags(ref: str, tags: tuple[str, ...]) -> None:
    assert image_tags({"GITHUB_REF": ref, "GITHUB_SHA": SHA}, ()) == (*tags, *COMMIT)


def test_given_tags_are_added_once() -> None:
    environment = {"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": SHA}
    assert image_tags(environment, ("Edge_1.0", "main")) == ("main", *COMMIT, "Edge_1.0")


def test_on_a_laptop_only_the_given_ones_are_left() -> None:
    assert image_tags({}, ("dev",)) == ("dev",)


def test_no_tag_at_all_is_an_error() -> None:
    with pytest.raises(ActionError, match="tags: none given, and GITHUB_REF"):
        image_tags({}, ())


@pytest.mark.parametrize("tag", ["a b", "-x", ".x", "a/b", "a:b", "x" * 129, "ü"])
def test_what_is_no_tag_is_an_error(tag: str) -> None:
    with pytest.raises(ActionError, match="is not a tag"):
        image_tags({}, (tag,))
