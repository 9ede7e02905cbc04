import pytest

from azureml_emulator.errors import ServiceError
from azureml_emulator.jobs.files import modes
from azureml_emulator.jobs.files.modes import Mode


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        ("ReadOnlyMount", Mode.READ_ONLY_MOUNT),
        ("ro_mount", Mode.READ_ONLY_MOUNT),
        ("mount", Mode.READ_ONLY_MOUNT),
        ("ReadWriteMount", Mode.READ_WRITE_MOUNT),
        ("download", Mode.DOWNLOAD),
        ("eval_mount", Mode.EVAL_MOUNT),
        ("EvalDownload", Mode.EVAL_DOWNLOAD),
        ("direct", Mode.DIRECT),
        (None, None),
    ],
)
def test_modes_of_inputs(given: str | None, mode: Mode | None) -> None:
    assert modes.of_input(given, "input a") == mode


@pytest.mark.parametrize(
    ("given", "mode"), [("mount", Mode.READ_WRITE_MOUNT), ("upload", Mode.UPLOAD), ("Direct", Mode.DIRECT)]
)
def test_modes_of_outputs(given: str, mode: Mode) -> None:
    assert modes.of_output(given, "output a") == mode


@pytest.mark.parametrize(
    ("read", "given"), [(modes.of_input, "upload"), (modes.of_output, "download"), (modes.of_input, 3)]
)
def test_other_modes_are_refused(read: object, given: object) -> None:
    with pytest.raises(ServiceError, match="is not one of"):
        read(given, "it")  # type: ignore[operator]


def test_only_tables_are_evaluated() -> None:
    modes.check_type(Mode.EVAL_MOUNT, "mltable", "input a")
    modes.check_type(Mode.DOWNLOAD, "uri_file", "input a")
    with pytest.raises(ServiceError, match="inputs of type mltable"):
        modes.check_type(Mode.EVAL_DOWNLOAD, "uri_folder", "input a")
