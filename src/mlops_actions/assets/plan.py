"""What is to be done about an asset, by comparing what its YAML registers with what is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from mlops_actions import definitions
from mlops_actions.assets.content import digest
from mlops_actions.assets.order import Source
from mlops_actions.errors import ActionError
from mlops_actions.sdk_errors import reason

if TYPE_CHECKING:
    from mlops_actions.azure import Rest

OnConflict = Literal["error", "next-version"]
Step = Literal["create", "update", "check", "unchanged"]
"""`update`: the content is the same, description or tags are not; `check`: a version that was registered by something
else is there, and only the service can tell whether it is the same."""

CONTENT = "mlops-actions.content"
"""The property of a registered asset that has the hash of what was registered."""

_COLLECTIONS = {"environment": "environments", "component": "components", "data": "data"}


@dataclass(frozen=True)
class Plan:
    """What is to be done about a source; `version` is the one that it has, or is to get."""

    source: Source
    step: Step
    version: str
    content: str


class Planner:
    """Plans assets one after the other, each after those that it needs. Safe to use from several threads."""

    def __init__(self, rest: Rest, on_conflict: OnConflict) -> None:
        self._rest = rest
        self._on_conflict = on_conflict
        self._latest: dict[tuple[str, str], str] = {}

    def plan(self, source: Source) -> Plan:
        """Look up what is registered. Raises ActionError for a version that is taken by another content."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

        try:
            content = digest(source.document, source.file, self._resolve)
            by_version = source.version is not None and self._on_conflict == "error"
            plan = self._of_version(source, content) if by_version else self._of_latest(source, content)
        except AzureError as error:
            text = f"{source.kind} {source.name} of {source.file} cannot be looked up: {reason(error)}"
            raise ActionError(text, file=str(source.file)) from error
        if plan.step == "create":
            self._latest[source.kind, source.name] = plan.version
        return plan

    def _of_version(self, source: Source, content: str) -> Plan:
        version = str(source.version)
        found = self._rest.get(f"{_path(source.kind, source.name)}/versions/{quote(version, safe='')}")
        if found is None:
            return Plan(source, "create", version, content)
        known = _content(found)
        if known is None:
            return Plan(source, "check", version, content)
        if known == content:
            return Plan(source, _labelled(source, found), version, content)
        text = (
            f"{source.kind} {source.name} of {source.file} was not registered: version {version} exists with another "
        )
        text += "content: raise the version, or set on-conflict: next-version"
        raise ActionError(text, file=str(source.file), line=definitions.line_of(source.file, "version"))

    def _of_latest(self, source: Source, content: str) -> Plan:
        newest = self._newest(source.kind, source.name)
        if newest is not None and _content(newest) == content:
            return Plan(source, _labelled(source, newest), str(newest["name"]), content)
        versions = self._versions(source.kind, source.name) if newest is not None or source.version is None else []
        if source.version is not None and source.version not in versions:
            # An archived version is not among the newest: whether there is one is asked by its name.
            path = f"{_path(source.kind, source.name)}/versions/{quote(source.version, safe='')}"
            if versions or self._rest.get(path) is None:
                return Plan(source, "create", source.version, content)
            versions = self._versions(source.kind, source.name)
        following = max((int(version) for version in versions if version.isdecimal()), default=0) + 1
        return Plan(source, "create", str(following), content)

    def _versions(self, kind: str, name: str) -> list[str]:
        pages = self._rest.pages(f"{_path(kind, name)}/versions", {"listViewType": "All"})
        return [str(version["name"]) for page in pages for version in page]

    def _newest(self, kind: str, name: str) -> dict[str, Any] | None:
        query = {"$orderBy": "createdtime desc", "$top": "1"}
        page = next(self._rest.pages(f"{_path(kind, name)}/versions", query), [])
        return page[0] if page else None

    def _resolve(self, kind: str, reference: str) -> str:
        name = reference.removeprefix("azureml:").removesuffix("@latest")
        version = self._latest.get((kind, name))
        if version is None:
            newest = self._newest(kind, name)
            if newest is None:
                return reference  # The registration will say so.
            version = str(newest["name"])
        return f"azureml:{name}:{version}"


def is_registered(rest: Rest, plan: Plan) -> bool:
    """Whether the version is there, with the content that it is to have: another workflow may have registered it too.

    The code of a component gets a name at each upload, so Azure takes the two for different, and refuses the second.
    """
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    source = plan.source
    try:
        found = rest.get(f"{_path(source.kind, source.name)}/versions/{quote(plan.version, safe='')}")
    except AzureError:
        return False  # what was said of the registration is the error to show
    return found is not None and _content(found) == plan.content


def _path(kind: str, name: str) -> str:
    return f"{_COLLECTIONS[kind]}/{quote(name, safe='')}"


def _content(found: Mapping[str, Any]) -> str | None:
    return (found["properties"].get("properties") or {}).get(CONTENT)


def _labelled(source: Source, found: Mapping[str, Any]) -> Step:
    """Whether what may change of a version, its description and tags, is as the YAML says; it is not archived, too."""
    properties, document = found["properties"], source.document
    tags = properties.get("tags") or {}
    given = document.get("tags")
    wanted = given if isinstance(given, Mapping) else {}
    same = all(tags.get(str(name)) == str(value) for name, value in wanted.items())
    if document.get("description") is not None:
        same = same and properties.get("description") == document["description"]
    return "unchanged" if same and not properties.get("isArchived") else "update"
