"""What can be read in an image holds no password."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.build_image import build_image
from mlops_actions.errors import ActionError


@pytest.mark.parametrize("where", ["build_args", "labels"])
def test_a_password_in_what_all_can_read(where: str) -> None:
    given = {where: {"TOKEN": "Bearer a-canary"}}
    with pytest.raises(ActionError) as raised:
        build_image(context=Path(), image="ghcr.io/org/x", username="robot", password="a-canary", **given)  # type: ignore[arg-type]
    assert str(raised.value) == (
        f"{where.replace('_', '-')}: TOKEN has the registry's password in it, which the image would show"
    )
