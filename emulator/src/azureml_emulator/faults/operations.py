"""Names for what a fault can be aimed at: requests by what they do, and the long-running operations."""

from __future__ import annotations

REQUESTS = {
    "sign-in": ("POST oauth2/v2.0/token",),
    "workspace show": ("GET workspaces/*",),
    "operation poll": ("GET mfeOperationsStatus/*", "GET mfeOperationsResults/*"),
    "compute list": ("GET computes",),
    "compute show": ("GET computes/*",),
    "compute create": ("PUT computes/*",),
    "compute update": ("PATCH computes/*",),
    "compute delete": ("DELETE computes/*",),
    "compute start": ("POST computes/*/start",),
    "compute stop": ("POST computes/*/stop",),
    "compute restart": ("POST computes/*/restart",),
    "environment create": ("PUT environments/*/versions/*",),
    "component create": ("PUT components/*/versions/*",),
    "code upload": ("POST codes/*/versions/*/startPendingUpload",),
    "code create": ("PUT codes/*/versions/*",),
    "data create": ("PUT data/*/versions/*",),
    "model create": ("PUT models/*/versions/*",),
    "datastore secrets": ("POST datastores/*/listSecrets",),
    "job submit": ("PUT jobs/*",),
    "job show": ("GET jobs/*",),
    "job list": ("GET jobs",),
    "job cancel": ("POST jobs/*/cancel",),
    "run details": ("GET runs/*/details",),
    "run children": ("GET runs/*/children",),
    "mlflow": ("/mlflow/**",),
}
"""Routes (see `rules.Route`) of the requests that are known by a name."""

LONG_RUNNING = (
    "compute create",
    "compute update",
    "compute start",
    "compute stop",
    "compute restart",
    "compute delete",
    "job cancel",
    "registry create",
    "registry delete",
    "registry import",
    "workspace resync keys",
)
"""Operations that are answered 201 or 202 at once and polled until they end."""

ALLOCATING = ("compute create", "compute start", "compute restart")
"""Long-running operations that need machines."""
