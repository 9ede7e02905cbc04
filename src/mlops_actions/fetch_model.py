"""Downloads one model version, flat into a folder: all of it or nothing, and nothing if it is there already."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_actions import azure
from mlops_actions.aml import stored_models
from mlops_actions.aml.models import check_named, find, job_of
from mlops_actions.aml.stored_models import StoredModel
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.errors import ActionError
from mlops_actions.github import progress, summarize, table_cell
from mlops_actions.sdk_errors import reason

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

_SUMMARY = Path(__file__).parents[2] / "actions" / "fetch-model" / "summary.md"
_STAMP = ".fetched-model.json"
"""Written beside what was fetched, so that a later fetch knows the folder for its own."""


@dataclass(frozen=True)
class FetchedModel:
    """The folder with the model's files, which model it is, a digest of those files, and the job that it is from."""

    path: Path
    name: str
    version: str
    sha256: str
    job_name: str | None


def fetch_model(
    *,
    name: str | None = None,
    version: str | None = None,
    job_name: str | None = None,
    path: Path = Path("model"),
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> FetchedModel:
    """Download a model version, flat into a folder, unless it is there already.

    Args:
        name: name of the model; with job-name it may be left out
        version: version, a number or latest; with job-name it may be left out
        job_name: job whose model is meant, the very one that it registered
        path: folder to put the model's files in; it must be new, empty, or hold an earlier model of this action's
        sign_in: where the workspace is and how to sign in

    """
    _check_target(path)
    check_named(name, version, job_name)
    workspace = azure.workspace(sign_in)
    rest = azure.Rest(workspace)
    if job_name or not (name and version):
        registered = find(azure.ml_client(workspace), rest, name, version, job_name)
        name, version = str(registered.name), str(registered.version)
    model = stored_models.look_up(workspace, rest, name, version)
    source = _source(workspace, rest, model)
    digest = _kept(path, source)
    if digest is None:
        digest = _fetch(workspace, model, path, source)
        said = "is in"
    else:
        said = "is already in"
    progress(f"model {name}:{model.version} {said} {path} (sha256 {digest})")
    values = {"name": name, "version": model.version, "path": path, "sha256": digest}
    summarize(_SUMMARY, {key: table_cell(value) for key, value in values.items()})
    return FetchedModel(path, name, model.version, digest, job_of(model.tags))


def _source(workspace: azure.Workspace, rest: azure.Rest, model: StoredModel) -> str | None:
    """What tells whether the model is still what was fetched; None if nothing does, so that it is fetched again."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    try:
        return stored_models.fingerprint(workspace, rest, model)
    except AzureError as error:
        text = f"the files of model {model.name}:{model.version} cannot be listed: {reason(error)}; it is downloaded"
        progress(text)
        return None


def _kept(path: Path, source: str | None) -> str | None:
    """The digest of what is in the folder if it is the very model: fetched from this source, and still as it was."""
    stamp = path / _STAMP
    if source is None or not stamp.is_file():
        return None
    try:
        noted = json.loads(stamp.read_text(encoding="utf-8"))
    except ValueError:  # It was written by something else, and is replaced.
        return None
    if not isinstance(noted, dict) or noted.get("source") != source:
        return None
    digest = tree_digest(path)
    return digest if noted.get("sha256") == digest else None


def _fetch(workspace: azure.Workspace, model: StoredModel, path: Path, source: str | None) -> str:
    """Put the model's files into the folder, all or none of them; the answer is their digest."""
    client = azure.ml_client(workspace)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        content = _download(client, model.name, model.version, Path(folder) / "download")
        digest = tree_digest(content)
        stamp = {"name": model.name, "version": model.version, "sha256": digest, "source": source}
        (content / _STAMP).write_text(json.dumps(stamp))
        if path.exists():
            path.rename(Path(folder) / "former")  # it goes when the temporary folder does
        content.rename(path)
    return digest


def _check_target(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise ActionError(f"path {path} is not a folder: give another, or remove it")
    if path.exists() and any(path.iterdir()) and not (path / _STAMP).exists():
        raise ActionError(f"path {path} holds files that this action did not fetch: give another, or remove them")


def _download(client: MLClient, name: str, version: str, folder: Path) -> Path:
    """Download the model; the answer is the folder that its files lie in.

    The SDK writes `<folder>/<name>/<last part of the model's path>/…`, where that last part (often INPUT_model_path) is
    left out if the model is a single file.
    """
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415 - slow to import
    from azure.core.exceptions import AzureError  # noqa: PLC0415

    folder.mkdir()
    try:
        with _left_out() as left_out:
            client.models.download(name, version, download_path=str(folder))
    except (AzureError, MlException, OSError) as error:
        raise ActionError(f"model {name}:{version} was not downloaded: {reason(error)}") from error
    if left_out:
        raise ActionError(f"model {name}:{version} has a file that would lie out of its folder: {left_out[0]}")
    inside = folder / name
    if not inside.exists():
        raise ActionError(f"model {name}:{version} has no files")
    entries = list(inside.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else inside


@contextmanager
def _left_out() -> Iterator[list[str]]:
    """The warnings of the SDK that it leaves out a file whose name, with `..` in it, leads out of the folder.

    It says so to its log alone, and the rest would pass for the model.
    """
    found: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    handler.addFilter(lambda record: record.getMessage().startswith("Skipping "))
    logger = logging.getLogger("azure.ai.ml._artifacts")
    former = logger.level, logger.propagate
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.setLevel(former[0])
        logger.propagate = former[1]


def tree_digest(folder: Path) -> str:
    """SHA-256 over the files' relative paths and contents, in the order of the paths; the same on every machine."""
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    digest = hashlib.sha256()
    for name in sorted(files.keys() - {_STAMP}):
        with files[name].open("rb") as content:
            digest.update(f"{name}\0{hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
