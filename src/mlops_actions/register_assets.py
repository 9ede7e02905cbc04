"""Registers environments, components and data from their YAML files, as far as they are not registered yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_actions import azure, definitions, github
from mlops_actions.assets.order import Source, needs, side_by_side
from mlops_actions.assets.plan import CONTENT, OnConflict, Plan, Planner, is_registered
from mlops_actions.assets.report import summarize_assets
from mlops_actions.assets.uploads import Uploads, measured_uploads
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.confinement import confine
from mlops_actions.definition_files import confine_definition
from mlops_actions.errors import ActionError
from mlops_actions.sdk_errors import blamed, in_definition, reason

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

_KINDS = {"environments": "environment", "components": "component", "data": "data"}
"""Inputs and what their files define."""

_STATUS = {"create": "created", "update": "updated", "check": "unchanged", "unchanged": "unchanged"}


@dataclass(frozen=True)
class RegisteredAssets:
    """One object an asset: `kind`, `name`, `version` and `status`; and whether any was created or updated.

    The status is created, updated or unchanged; in a dry run create, update, unchanged, or check for a version that
    something else registered: whether it is the same is seen when it is registered.
    """

    assets: list[dict[str, str]]
    changed: bool


def register_assets(
    *,
    environments: tuple[str, ...] = (),
    components: tuple[str, ...] = (),
    data: tuple[str, ...] = (),
    on_conflict: OnConflict = "error",
    dry_run: bool = False,
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> RegisteredAssets:
    """Register environments, components and data from YAML files, as far as their content is new.

    Args:
        environments: globs of environment YAML files, one a line
        components: globs of component YAML files, one a line
        data: globs of data asset YAML files, one a line
        on_conflict: what to do about a version that exists with another content, one of error, next-version
        dry_run: only show what would be registered
        sign_in: where the workspace is and how to sign in

    """
    given = {"environments": environments, "components": components, "data": data}
    files = {kind: _files(name, globs) for (name, kind), globs in zip(_KINDS.items(), given.values(), strict=True)}
    if not any(files.values()):
        raise ActionError(f"nothing to register: give globs as {', '.join(_KINDS)}")
    # Every file is read, and planned, before the first is registered: a mistake in the last leaves nothing half done.
    sources = [_source(kind, file) for kind, paths in files.items() for file in paths]
    graph = needs(sources)
    workspace = azure.workspace(sign_in)
    plans = _plan(azure.Rest(workspace), sources, graph, on_conflict)
    entities = {number: _load(plan.source) for number, plan in enumerate(plans) if plan.step != "unchanged"}
    done: dict[int, dict[str, str]] = {}
    with measured_uploads() as uploads:
        try:
            if dry_run:
                done = {number: _told(plan, plan.step) for number, plan in enumerate(plans)}
            else:
                _register_all(workspace, plans, entities, graph, done=done, uploads=uploads)
        finally:
            summarize_assets(done, len(sources), uploads, workspace, dry_run=dry_run)
    told = [done[number] for number in sorted(done)]
    if dry_run:
        for asset in told:
            _say(asset)
    return RegisteredAssets(told, any(asset["status"] in ("created", "updated") for asset in told))


def _plan(
    rest: azure.Rest, sources: Sequence[Source], graph: dict[int, set[int]], on_conflict: OnConflict
) -> list[Plan]:
    """A plan for each source. Raises ActionError for the first that there is none for, and tells of the others."""
    planner, plans = Planner(rest, on_conflict), dict[int, Plan]()

    def plan(number: int) -> None:
        plans[number] = planner.plan(sources[number])

    _raise_first(side_by_side(graph, plan))
    return [plans[number] for number in range(len(sources))]


def _register_all(
    workspace: azure.Workspace,
    plans: Sequence[Plan],
    entities: dict[int, Any],
    graph: dict[int, set[int]],
    *,
    done: dict[int, dict[str, str]],
    uploads: Uploads,
) -> None:
    """Register what there is an entity of, and note in `done` what has been."""
    client = azure.ml_client(workspace) if entities else None
    rest = azure.Rest(workspace)

    def register(number: int) -> None:
        plan = plans[number]
        if client is None or number not in entities:
            done[number] = _told(plan, "unchanged")
        else:
            try:
                with uploads.asset(number):
                    done[number] = _register(client, plan, entities[number])
            except ActionError:
                if plan.step != "create" or not is_registered(rest, plan):
                    raise
                done[number] = _told(plan, "unchanged")
        _say(done[number])

    _raise_first(side_by_side(graph, register))


def _raise_first(failed: dict[int, Exception]) -> None:
    errors = [failed[number] for number in sorted(failed)]
    for error in errors[1:]:
        if isinstance(error, ActionError):
            for one in (error, *error.others):
                github.annotate("error", str(one), file=one.file, line=one.line, column=one.column)
    if errors:
        raise errors[0]


def _told(plan: Plan, status: str) -> dict[str, str]:
    return {"kind": plan.source.kind, "name": plan.source.name, "version": plan.version, "status": status}


def _say(asset: dict[str, str]) -> None:
    github.progress("{status:<9} {kind} {name}:{version}".format(**asset))


def _files(name: str, globs: Iterable[str]) -> list[Path]:
    """The files that the globs match, each once, in the order of the globs."""
    found: dict[Path, None] = {}
    for pattern in globs:
        base = Path(pattern).anchor
        matches = sorted(p for p in Path(base).glob(pattern.removeprefix(base)) if p.is_file())
        if not matches:
            raise ActionError(f"{name}: no file matches '{pattern}' in {Path.cwd()}")
        found.update((confine(match, name), None) for match in matches)
    return list(found)


def _source(kind: str, file: Path) -> Source:
    document = definitions.read(file, kind)
    if not document.get("name"):
        raise ActionError(f"{file} does not define a valid {kind}: it has no name", file=str(file), line=1)
    confine_definition(file, document)
    return Source(kind, file, document)


def _load(source: Source) -> Any:
    """The SDK's object of an asset. Raises ActionError at the line that is to blame."""
    from azure.ai.ml import load_component, load_data, load_environment  # noqa: PLC0415 - slow to import
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415
    from marshmallow import ValidationError  # noqa: PLC0415

    loaders: dict[str, Callable[..., Any]] = {
        "environment": load_environment,
        "component": load_component,
        "data": load_data,
    }
    kind, file = source.kind, source.file
    try:
        return loaders[kind](str(file))
    except (MlException, ValidationError, AttributeError, TypeError, ValueError) as error:
        raise in_definition(error, file, f"does not define a valid {kind}{' asset' * (kind == 'data')}") from error


def _register(client: MLClient, plan: Plan, entity: Any) -> dict[str, str]:
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415 - slow to import
    from azure.core.exceptions import AzureError  # noqa: PLC0415
    from marshmallow import ValidationError  # noqa: PLC0415

    source = plan.source
    operations = {"environment": client.environments, "component": client.components, "data": client.data}
    operation: Any = operations[source.kind]
    if plan.step != "check":  # A version of somebody else's is left without our mark: it may be immutable.
        entity.properties.update({CONTENT: plan.content})
    if source.version is not None or plan.step == "update":
        entity.version = plan.version
    try:
        registered = operation.create_or_update(entity)
    except (AzureError, MlException, ValidationError, OSError) as error:
        text = f"{source.kind} {source.name} of {source.file} was not registered: {reason(error)}"
        if plan.step == "check":
            text += f" (version {plan.version} exists; if the content changed, raise the version)"
            line = definitions.line_of(source.file, "version")
            raise ActionError(text, file=str(source.file), line=line) from error
        # The asset itself is named in most messages, and seldom to blame.
        said = reason(error).replace(f"{source.name}:{plan.version}", "")
        raise blamed(text, source.file, said) from error
    version = str(registered.version)
    return {"kind": source.kind, "name": registered.name, "version": version, "status": _STATUS[plan.step]}
