"""The plan: which request comes at which place. It follows from seed and place alone, so each can be had again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from . import damage, foreign, forms, gif, jpeg, open_inference, png, webp, wire
from .pictures import pictures

_CONTAINERS = {"JPEG": jpeg, "PNG": png, "GIF": gif, "WEBP": webp}


@dataclass(frozen=True)
class Case:
    """One request; `kind` tells what was done to it, and `refused` whether no photo is in it."""

    number: int
    kind: str
    request: wire.Request

    @property
    def refused(self) -> bool:
        """Whether it may not be answered by a prediction."""
        return self.kind == foreign.wrong_type.__name__ or self.kind.endswith(" bomb")


def case(seed: int, number: int) -> Case:
    """The request at this place of the plan."""
    draw = Random(f"{seed}:{number}")  # noqa: S311 - drawn again for a replay
    (make,) = draw.choices(list(_PLAN), list(_PLAN.values()))
    kind, request = make(draw)
    return Case(number, kind, request)


def _sent(content: bytes, draw: Random) -> wire.Request:
    """A photo as clients send it: as the body or as a form, and now and then in chunks or pieces."""
    form = forms.proper(content)
    body = wire.plain(content, ("Content-Type", draw.choice(("image/jpeg", "image/png", "application/octet-stream"))))
    (sent,) = draw.choices((body, wire.plain(form.body, ("Content-Type", form.content_type)), None), (12, 7, 1))
    return sent or draw.choice(wire.SOUND)(content, draw)


def _damaged(draw: Random) -> tuple[str, wire.Request]:
    kind = draw.choice(list(_CONTAINERS))
    change = draw.choice(damage.ALL)
    return f"{kind} {change.__name__}", _sent(change(draw.choice(pictures()[kind]), draw), draw)


def _altered(draw: Random) -> tuple[str, wire.Request]:
    kind = draw.choice(list(_CONTAINERS))
    change = draw.choice(_CONTAINERS[kind].ALTERED)
    content = change(draw.choice(pictures()[kind]), draw)
    if not draw.randrange(5):
        content = damage.any_damage(content, draw)
    return f"{kind} {change.__name__}", _sent(content, draw)


def _made(draw: Random) -> tuple[str, wire.Request]:
    kind = draw.choice(list(_CONTAINERS))
    make = draw.choice(_CONTAINERS[kind].MADE)
    return f"{kind} {make.__name__}", _sent(make(draw), draw)


def _foreign(draw: Random) -> tuple[str, wire.Request]:
    make = draw.choice((foreign.wrong_type, foreign.polyglot))
    return make.__name__, _sent(make(draw), draw)


def _form(draw: Random) -> tuple[str, wire.Request]:
    make = draw.choice(forms.ALL)
    form = make(draw.choice(pictures()[draw.choice(list(_CONTAINERS))]), draw)
    return f"form {make.__name__}", wire.plain(form.body, ("Content-Type", form.content_type))


def _wire(draw: Random) -> tuple[str, wire.Request]:
    make = draw.choice(wire.BROKEN)
    return f"HTTP {make.__name__}", make(draw.choice(pictures()["JPEG"]), draw)


def _inference(draw: Random) -> tuple[str, wire.Request]:
    make = draw.choice(open_inference.ALL)
    return f"inference {make.__name__}", make(draw.choice(pictures()[draw.choice(list(_CONTAINERS))]), draw)


_PLAN: dict[Callable[[Random], tuple[str, wire.Request]], float] = {
    _damaged: 0.36,
    _altered: 0.26,
    _made: 0.04,
    _foreign: 0.08,
    _form: 0.10,
    _wire: 0.10,
    _inference: 0.06,
}
"""What is drawn, and how often."""
