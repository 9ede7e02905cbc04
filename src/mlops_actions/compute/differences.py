"""How a compute differs from its YAML: only what the YAML says is compared, and what Azure tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

_SCALE = "properties.scaleSettings"


@dataclass(frozen=True)
class Difference:
    """A field of the YAML's, what it says, and what the compute has instead."""

    field: str
    yaml: object
    existing: object

    @property
    def scales(self) -> bool:
        """Whether it is one of a cluster's scale settings, which alone may be changed."""
        return self.field in _SCALE_FIELDS

    def __str__(self) -> str:
        return f"{self.field} is {self.existing!r} and not {self.yaml!r}"

    def as_output(self) -> dict[str, object]:
        """The difference as it is in the action's outputs."""
        return asdict(self)


def _text(value: object) -> str:
    """Names of types, sizes and tiers: `low_priority` is LowPriority, and case means nothing."""
    return str(value).replace("_", "").casefold()


def _seconds(value: object) -> object:
    """A time in seconds, or as Azure writes it (`PT2M`), in seconds."""
    from isodate import ISO8601Error, parse_duration  # type: ignore[import-untyped]  # noqa: PLC0415 - seldom needed

    if isinstance(value, int):
        return value
    try:
        return int(parse_duration(str(value)).total_seconds())
    except (ISO8601Error, AttributeError):  # a duration in months has no seconds
        return value


def _minutes(value: object) -> object:
    seconds = _seconds(value)
    return value if isinstance(value, int) else seconds / 60 if isinstance(seconds, int) else seconds


def _access(value: object) -> object:
    return {"Enabled": True, "Disabled": False}.get(str(value), value)


def _as_it_is(value: object) -> object:
    return value


@dataclass(frozen=True)
class _Field:
    """Where Azure has a field of the YAML's, below the resource's properties, and how both are brought to one form."""

    path: str
    form: Callable[[object], object] = _as_it_is


_SCALE_FIELDS = {
    "min_instances": _Field(f"{_SCALE}.minNodeCount"),
    "max_instances": _Field(f"{_SCALE}.maxNodeCount"),
    "idle_time_before_scale_down": _Field(f"{_SCALE}.nodeIdleTimeBeforeScaleDown", _seconds),
}
_COMMON = {
    "type": _Field("computeType", _text),
    "size": _Field("properties.vmSize", _text),
    "description": _Field("description"),
    "enable_node_public_ip": _Field("properties.enableNodePublicIp"),
}
_OF_CLUSTER = {
    **_COMMON,
    "tier": _Field("properties.vmPriority", _text),
    **_SCALE_FIELDS,
    "ssh_public_access_enabled": _Field("properties.remoteLoginPortPublicAccess", _access),
}
_OF_INSTANCE = {
    **_COMMON,
    "idle_time_before_shutdown": _Field("properties.idleTimeBeforeShutdown", _seconds),
    "idle_time_before_shutdown_minutes": _Field("properties.idleTimeBeforeShutdown", _minutes),
    "ssh_public_access_enabled": _Field("properties.sshSettings.sshPublicAccess", _access),
}


def differences(definition: Mapping[str, Any], compute: Mapping[str, Any], *, instance: bool) -> list[Difference]:
    """The fields of a compute's YAML that say something else than the resource `compute` has, in the YAML's order.

    A field of which Azure tells nothing is not compared.
    """
    fields = _OF_INSTANCE if instance else _OF_CLUSTER
    found = []
    for name, wanted in definition.items():
        if name == "tags" and isinstance(wanted, Mapping):
            found += _tags(wanted, compute.get("tags") or {})
        elif name in fields:
            existing = _at(compute["properties"], fields[name].path)
            form = fields[name].form
            if existing is not None and form(existing) != form(wanted):
                found.append(Difference(name, wanted, existing if form is _text else form(existing)))
    return found


def _tags(wanted: Mapping[str, Any], existing: Mapping[str, Any]) -> list[Difference]:
    told = {str(name): str(value) for name, value in wanted.items()}
    return [Difference(f"tags.{n}", v, existing.get(n)) for n, v in told.items() if existing.get(n) != v]


def _at(properties: Mapping[str, Any], path: str) -> object:
    value: object = properties
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def rescaled(definition: Mapping[str, Any], compute: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a PATCH that gives a cluster the scale settings of its YAML; the others stay as they are.

    https://learn.microsoft.com/rest/api/azureml/compute/update
    """
    scale = dict((compute["properties"].get("properties") or {}).get("scaleSettings") or {})
    for name, field in _SCALE_FIELDS.items():
        if name in definition:
            value = definition[name]
            scale[field.path.rsplit(".", 1)[-1]] = f"PT{value}S" if field.form is _seconds else value
    return {"properties": {"properties": {"scaleSettings": scale}}}
