"""Speaks to a running emulator's control endpoint."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from ..settings import Settings
from .rules import Rule

PATH = "/emulator/faults"
_SECONDS = 30


class ControlError(Exception):
    """The emulator did not do it; the text is one line for each mistake."""


class Control:
    """The armed faults of one emulator, seen from another process. Every call raises ControlError, OSError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._trust = ssl.create_default_context(cafile=settings.certificates / "ca.pem")

    def listed(self) -> list[dict[str, Any]]:
        """The armed rules, as `faults.armed` has them."""
        return list(self._ask("GET", PATH)["value"])

    def arm(self, rules: Iterable[Rule], *, instead: bool = False) -> None:
        """Arm rules beside those that are armed, or instead of them."""
        self._ask("POST", PATH, {"rules": [rule.given() for rule in rules], "instead": instead})

    def clear(self, name: str | None = None) -> list[str]:
        """Clear one rule, or all; the answer is the names of those that were."""
        return list(self._ask("DELETE", PATH if name is None else f"{PATH}/{quote(name, safe='')}")["cleared"])

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        port = self._settings.ports.api
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=_SECONDS, context=self._trust)
        try:
            headers = {"Authorization": f"Bearer {self._settings.control_token}"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (http.client.HTTPException, ValueError) as error:
            raise ControlError(f"the emulator's answer cannot be read: {error!r}") from error
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            raise ControlError("\n".join(answer["mistakes"]))
        return dict(answer)
