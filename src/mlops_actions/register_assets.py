"""Registers environments, components and data from their YAML files, in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_actions import azure, definitions
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.errors import ActionError
from mlops_actions.github import summarize, table_cell
from mlops_actions.sdk_errors import in_definition, reason

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

_SUMMARY = Path(__file__).parents[2] / "actions" / "register-assets" / "summary.md"
_KINDS = {"environments": "environment", "components": "component", "data": "data"}
"""Inputs and what their files define, in dependency order: a component names its environment."""


@dataclass(frozen=True)
class RegisteredAssets:
    """One object an asset: `kind`, `name`, `version`, and `status`, which is created or exists."""

    assets: list[dict[str, str]]


def register_assets(
    *,
    environments: tuple[str, ...] = (),
    components: tuple[str, ...] = (),
    data: tuple[str, ...] = (),
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> RegisteredAssets:
    """Register environments, components and data from YAML files, each after what it needs.

    Args:
        environments: globs of environment YAML files, one a line
        components: globs of component YAML files, one a line
        data: globs of data asset YAML files, one a line
        sign_in: where the workspace is and how to sign in

    """
    given = {"environments": environments, "components": components, "data": data}
    files = {kind: _files(name, globs) for (name, kind), globs in zip(_KINDS.items(), given.values(), strict=True)}
    if not any(files.values()):
        raise ActionError(f"nothing to register: give globs as {', '.join(_KINDS)}")
    # Every file is read before the first is registered: a mistake in the last leaves nothing half done.
    sources = [_read(kind, file) for kind, paths in files.items() for file in paths]
    client = azure.ml_client(azure.workspace(sign_in))
    registered = []
    try:
        for source in sources:
            asset = _register(client, source)
            registered.append(asset)
            print("{status:<8} {kind} {name}:{version}".format(**asset), flush=True)  # noqa: T201 - progress
    finally:
        _summarize(registered, len(sources))
    return RegisteredAssets(registered)


@dataclass(frozen=True)
class _Source:
    kind: str
    file: Path
    entity: Any


def _files(name: str, globs: Iterable[str]) -> list[Path]:
    """The files that the globs match, each once, in the order of the globs."""
    found: dict[Path, None] = {}
    for pattern in globs:
        base = Path(pattern).anchor
        matches = sorted(p for p in Path(base).glob(pattern.removeprefix(base)) if p.is_file())
        if not matches:
            raise ActionError(f"{name}: no file matches '{pattern}' in {Path.cwd()}")
        found.update(dict.fromkeys(matches))
    return list(found)


def _read(kind: str, file: Path) -> _Source:
    from azure.ai.ml import load_component, load_data, load_environment  # noqa: PLC0415 - slow to import
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415
    from marshmallow import ValidationError  # noqa: PLC0415

    loaders: dict[str, Callable[..., Any]] = {
        "environment": load_environment,
        "component": load_component,
        "data": load_data,
    }
    definitions.read(file, kind)
    try:
        return _Source(kind, file, loaders[kind](str(file)))
    except (MlException, ValidationError, AttributeError, TypeError, ValueError) as error:
        raise in_definition(error, file, f"does not define a valid {kind}{' asset' * (kind == 'data')}") from error


def _register(client: MLClient, source: _Source) -> dict[str, str]:
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415 - slow to import
    from azure.core.exceptions import AzureError  # noqa: PLC0415
    from marshmallow import ValidationError  # noqa: PLC0415

    operations = {"environment": client.environments, "component": client.components, "data": client.data}
    operation: Any = operations[source.kind]
    entity = source.entity
    known = False
    try:
        known = _known(operation, entity.name, entity.version)
        registered = operation.create_or_update(entity)
    except (AzureError, MlException, ValidationError, OSError) as error:
        text = f"{source.kind} {entity.name} of {source.file} was not registered: {reason(error)}"
        if known:
            text += f" (version {entity.version} exists; if the content changed, raise the version)"
        raise ActionError(text, file=str(source.file)) from error
    status = "exists" if known else "created"
    return {"kind": source.kind, "name": registered.name, "version": str(registered.version), "status": status}


def _known(operation: Any, name: str, version: str | None) -> bool:
    """Whether that very version is registered; without a version each registration makes a new one."""
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - slow to import

    if version is None:
        return False
    try:
        operation.get(name, str(version))
    except ResourceNotFoundError:
        return False
    return True


def _summarize(registered: list[dict[str, str]], wanted: int) -> None:
    cells = ("kind", "name", "version", "status")
    rows = "\n".join("| " + " | ".join(table_cell(asset[c]) for c in cells) + " |" for asset in registered)
    summarize(_SUMMARY, {"count": len(registered), "wanted": wanted, "rows": rows})
