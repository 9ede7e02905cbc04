"""The summary of what was registered: each asset with its version, what became of it, and what was uploaded for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlops_actions import github
from mlops_actions.aml.studio import asset_url
from mlops_actions.assets.uploads import Uploads
from mlops_actions.azure import Workspace
from mlops_actions.markdown import link, table_cell

_SUMMARY = Path(__file__).parents[3] / "actions" / "register-assets" / "summary.md"
_REGISTERED = frozenset({"created", "updated", "unchanged"})
_MOST = 500
_KILO = 1000


def summarize_assets(
    done: Mapping[int, Mapping[str, str]], wanted: int, uploads: Uploads, workspace: Workspace, *, dry_run: bool
) -> None:
    """Write the summary of what was `done` of all that was `wanted`, by the assets' numbers."""
    rows = [_row(done[number], uploads.of(number), workspace) for number in sorted(done)]
    if len(rows) > _MOST:
        rows[_MOST:] = [f"| … {len(rows) - _MOST} more | | | | | |"]
    what = "planned (dry run)" if dry_run else "registered"
    headline = f"{len(done)} of {wanted} {what}. Uploaded: {size(uploads.total())}."
    github.summarize(_SUMMARY, {"headline": headline, "rows": "\n".join(rows)})


def size(count: int) -> str:
    """A number of bytes for people."""
    value, units = float(count), ["kB", "MB", "GB"]
    if count < _KILO:
        return f"{count} B"
    while units:
        value, unit = value / _KILO, units.pop(0)
        if value < _KILO:
            break
    return f"{value:.1f} {unit}"


def _row(asset: Mapping[str, str], uploaded: int, workspace: Workspace) -> str:
    cells = [table_cell(asset[name]) for name in ("kind", "name", "version", "status")]
    cells.append(size(uploaded))
    if asset["status"] in _REGISTERED:
        cells.append(link("in Studio", asset_url(workspace.path, asset["kind"], asset["name"], asset["version"])))
    else:
        cells.append("")
    return f"| {' | '.join(cells)} |"
