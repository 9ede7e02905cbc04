"""What a compute may be: the checks of a request to create or to change one, and what is filled in.

https://learn.microsoft.com/rest/api/azureml/compute/create-or-update
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from ..errors import bad_request, not_implemented
from ..settings import REGION
from ..shapes import mapping, text
from . import vm_sizes

INSTANCE = "ComputeInstance"
CLUSTER = "AmlCompute"

_KINDS = {kind.lower(): kind for kind in (INSTANCE, CLUSTER)}
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{1,22}[A-Za-z0-9])")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_DURATION = re.compile(r"P(?=.)(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})(?:\.\d+)?S)?)?")
_KEY_TYPES = re.compile(r"ssh-(?:rsa|ed25519)|ecdsa-sha2-nistp(?:256|384|521)")
# As Azure compares them, whatever the case: the SDK makes Systemassigned of a SystemAssigned.
_IDENTITIES = {kind.lower(): kind for kind in ("SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned", "None")}
_PRIORITIES = {priority.lower(): priority for priority in ("Dedicated", "LowPriority")}
_IDLE_SHUTDOWN = (15 * 60, 3 * 24 * 3600)
_NOT_DONE = {
    "schedules": "schedules of a compute",
    "setupScripts": "setup scripts",
    "customServices": "custom services",
}


def check_name(name: str) -> None:
    """Raise ServiceError (400) for what is not a compute's name."""
    if not _NAME.fullmatch(name):
        told = f"'{name}' is not a compute name: 3 to 24 letters, digits and '-', a letter first, no '-' last"
        raise bad_request(told, "ValidationError")


def read(name: str, given: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The properties of a compute that is created, or of `known` as it is changed. Raises ServiceError (400, 501)."""
    kind = text(given.get("computeType"), "properties.computeType") or ""
    if kind.lower() not in _KINDS:
        raise not_implemented(f"a compute of type {kind or 'unknown'} ({name})")
    if given.get("resourceId"):
        raise not_implemented(f"attaching a compute ({name}: {given['resourceId']})")
    kind = _KINDS[kind.lower()]
    inner = {key: value for key, value in _inner(given).items() if value is not None}
    inner["vmSize"] = _size(name, inner).name if known is None else _kept_size(name, kind, inner, known)
    (_check_instance if kind == INSTANCE else _check_cluster)(name, inner)
    outer = {key: value for key, value in given.items() if value is not None}
    return {**outer, "description": text(given.get("description"), "properties.description"), "computeType": kind} | {
        "properties": inner
    }


def _inner(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(given.get("properties"), "properties.properties")


def _size(name: str, inner: Mapping[str, Any]) -> vm_sizes.Size:
    named = text(inner.get("vmSize"), "properties.properties.vmSize")
    if named is None:
        raise bad_request(f"compute {name} has no vmSize", "ValidationError")
    size = vm_sizes.find(named)
    if size is None:
        told = f"compute {name}: the VM size {named} is not supported in region {REGION}"
        raise bad_request(f"{told}: see `az ml compute list-sizes`", "BadRequest")
    return size


def _kept_size(name: str, kind: str, inner: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    has = known["properties"]
    if has["computeType"] != kind:
        raise bad_request(f"compute {name} is of type {has['computeType']} and cannot become {kind}", "BadRequest")
    old = str(has["properties"]["vmSize"])
    if inner.get("vmSize") is not None and _size(name, inner).name.lower() != old.lower():
        told = f"compute {name} has the VM size {old}, which cannot be changed to {inner['vmSize']}"
        raise bad_request(f"{told}: delete it and create it anew", "BadRequest")
    return old


def _check_cluster(name: str, inner: dict[str, Any]) -> None:
    where = f"compute {name}"
    inner["scaleSettings"] = scale(name, mapping(inner.get("scaleSettings"), f"{where}: scaleSettings"))
    priority = text(inner.get("vmPriority"), f"{where}: vmPriority") or "Dedicated"
    if priority.lower() not in _PRIORITIES:
        raise bad_request(f"{where} has the vmPriority {priority}, not Dedicated or LowPriority", "ValidationError")
    inner["vmPriority"] = _PRIORITIES[priority.lower()]
    account = dict(mapping(inner.get("userAccountCredentials"), f"{where}: userAccountCredentials"))
    if account:
        inner["userAccountCredentials"] = _account(where, account)


def scale(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A cluster's bounds and idle time. Raises ServiceError (400) for what they cannot be."""
    where = f"compute {name}: scaleSettings"
    low, high = given.get("minNodeCount", 0), given.get("maxNodeCount")
    for called, number in (("minNodeCount", low), ("maxNodeCount", high)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise bad_request(f"{where}.{called} is {number!r}, not a whole number from 0 on", "ValidationError")
    if low > high:
        raise bad_request(f"{where}.minNodeCount is {low}, more than maxNodeCount, which is {high}", "ValidationError")
    idle = text(given.get("nodeIdleTimeBeforeScaleDown"), f"{where}.nodeIdleTimeBeforeScaleDown") or "PT120S"
    seconds(idle, f"{where}.nodeIdleTimeBeforeScaleDown")
    return {"minNodeCount": low, "maxNodeCount": high, "nodeIdleTimeBeforeScaleDown": idle}


def seconds(duration: str, where: str) -> int:
    """How long an ISO 8601 duration of days, hours, minutes and seconds is. Raises ServiceError (400)."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise bad_request(f"{where} is '{duration}', not a duration such as PT30M", "ValidationError")
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def _account(where: str, given: dict[str, Any]) -> dict[str, Any]:
    """The account that SSH lets in. Its password is left out: it is a secret, and no machine here could take it."""
    user = text(given.get("adminUserName"), f"{where}: adminUserName") or ""
    if not _USER.fullmatch(user):
        raise bad_request(f"{where}: adminUserName '{user}' is not a user's name", "ValidationError")
    key = text(given.get("adminUserSshPublicKey"), f"{where}: adminUserSshPublicKey")
    password = text(given.pop("adminUserPassword", None), f"{where}: adminUserPassword")
    if key is not None:
        _check_key(key, f"{where}: adminUserSshPublicKey")
    elif password is None:
        raise bad_request(f"{where}: SSH needs adminUserPassword or adminUserSshPublicKey", "ValidationError")
    return given


def _check_key(key: str, where: str) -> None:
    """Raise ServiceError (400) unless `key` is a public key as OpenSSH writes it (RFC 4253, section 6.6)."""
    kind, _, rest = key.strip().partition(" ")
    try:
        blob = base64.b64decode(rest.split(" ")[0], validate=True)
    except ValueError:
        blob = b""
    # The blob begins with the length and the text of its own type.
    if not _KEY_TYPES.fullmatch(kind) or blob[4 : 4 + len(kind)] != kind.encode():
        raise bad_request(f"{where} is not a public SSH key", "ValidationError")


def _check_instance(name: str, inner: dict[str, Any]) -> None:
    where = f"compute {name}"
    for field, told in _NOT_DONE.items():
        if inner.get(field):
            raise not_implemented(f"{told} ({where})")
    ssh = dict(mapping(inner.get("sshSettings"), f"{where}: sshSettings"))
    access = text(ssh.get("sshPublicAccess"), f"{where}: sshPublicAccess") or "Disabled"
    key = text(ssh.get("adminPublicKey"), f"{where}: adminPublicKey")
    if access == "Enabled" and key is None:
        raise bad_request(f"{where}: SSH is to be open, but there is no adminPublicKey", "ValidationError")
    if key is not None:
        _check_key(key, f"{where}: adminPublicKey")
    inner["sshSettings"] = {**ssh, "sshPublicAccess": access}
    inner.setdefault("applicationSharingPolicy", "Personal")
    if (idle := inner.get("idleTimeBeforeShutdown")) is not None:
        check_idle_shutdown(idle, f"{where}: idleTimeBeforeShutdown")


def identity(given: object) -> dict[str, Any] | None:
    """The managed identity of a compute, None if it has none. Raises ServiceError (400).

    https://learn.microsoft.com/rest/api/azureml/compute/create-or-update#managedserviceidentity
    """
    found = dict(mapping(given, "identity"))
    if not found:
        return None
    kind = (text(found.get("type"), "identity.type") or "").replace(" ", "")
    if kind.lower() not in _IDENTITIES:
        known = ", ".join(_IDENTITIES.values())
        raise bad_request(f"identity.type '{kind}' is none of {known}", "ValidationError")
    users = mapping(found.get("userAssignedIdentities"), "identity.userAssignedIdentities")
    for name, user in users.items():
        mapping(user, f"identity.userAssignedIdentities.{name}")
    return {"type": _IDENTITIES[kind.lower()], **({"userAssignedIdentities": dict(users)} if users else {})}


def check_idle_shutdown(given: object, where: str) -> str:
    """The time after which an idle instance is to stop: 15 minutes to 3 days. Raises ServiceError (400)."""
    duration = text(given, where) or ""
    shortest, longest = _IDLE_SHUTDOWN
    if not shortest <= seconds(duration, where) <= longest:
        raise bad_request(f"{where} is {duration}; it may be PT15M to P3D", "ValidationError")
    return duration
