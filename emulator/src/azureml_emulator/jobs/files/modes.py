"""How the files of an input reach a command, and those of an output reach storage: Azure's delivery modes.

Jobs name them as REST does (`ReadOnlyMount`), components as YAML does (`ro_mount`); see InputDeliveryMode and
OutputDeliveryMode in the REST specification (machinelearningservices, mfe.json).
"""

from __future__ import annotations

from enum import StrEnum

from ...errors import bad_request


class Mode(StrEnum):
    """A delivery mode, as REST names it."""

    READ_ONLY_MOUNT = "ReadOnlyMount"
    READ_WRITE_MOUNT = "ReadWriteMount"
    DOWNLOAD = "Download"
    UPLOAD = "Upload"
    DIRECT = "Direct"
    EVAL_MOUNT = "EvalMount"
    EVAL_DOWNLOAD = "EvalDownload"


INPUTS = frozenset(Mode) - {Mode.UPLOAD}
OUTPUTS = frozenset({Mode.READ_WRITE_MOUNT, Mode.UPLOAD, Mode.DIRECT})
EVALUATING = frozenset({Mode.EVAL_MOUNT, Mode.EVAL_DOWNLOAD})
"""Those that bring the files that an MLTable's paths name, rather than the folder that it is in."""

_NAMES = {
    **{mode.lower(): mode for mode in Mode},
    "ro_mount": Mode.READ_ONLY_MOUNT,
    "rw_mount": Mode.READ_WRITE_MOUNT,
    "eval_mount": Mode.EVAL_MOUNT,
    "eval_download": Mode.EVAL_DOWNLOAD,
    # What former versions of the SDK sent.
    "romount": Mode.READ_ONLY_MOUNT,
    "rwmount": Mode.READ_WRITE_MOUNT,
}


def of_input(given: object, where: str) -> Mode | None:
    """The mode of an input; None if none is given. Raises ServiceError (400) for what is none."""
    return _read(given, where, INPUTS, Mode.READ_ONLY_MOUNT)


def of_output(given: object, where: str) -> Mode | None:
    """The mode of an output; None if none is given. Raises ServiceError (400) for what is none."""
    return _read(given, where, OUTPUTS, Mode.READ_WRITE_MOUNT)


def check_type(mode: str | None, kind: str, where: str) -> None:
    """Raise ServiceError (400) for a mode that files of this type do not have."""
    if mode in EVALUATING and kind != "mltable":
        raise bad_request(f"{where}: the mode {mode} is for inputs of type mltable, not {kind}", "ValidationError")


def _read(given: object, where: str, allowed: frozenset[Mode], mount: Mode) -> Mode | None:
    if given is None or given == "":
        return None
    name = str(given).lower()
    mode = mount if name == "mount" else _NAMES.get(name)
    if mode not in allowed:
        listed = ", ".join(sorted(allowed))
        raise bad_request(f"{where}: the mode {given} is not one of {listed}", "ValidationError")
    return mode
