import pytest

from azureml_emulator.jobs.files import mltable
from azureml_emulator.jobs.files.data_errors import DataError

TABLE = "azureml://datastores/workspaceblobstore/paths/table/"


def test_paths_are_read_with_their_kinds() -> None:
    text = "paths:\n  - file: ./a.csv\n  - folder: images\n  - pattern: '*.txt'\ntransformations: [read_delimited]\n"
    assert mltable.paths(text) == [("file", "./a.csv"), ("folder", "images"), ("pattern", "*.txt")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "paths: 3",
        "paths: []",
        "paths: [a.csv]",
        "paths: [{file: 3}]",
        "paths: [{file: a, folder: b}]",
        b"\xff",
    ],
)
def test_what_is_no_mltable_is_told(text: str | bytes) -> None:
    with pytest.raises(DataError):
        mltable.paths(text)


@pytest.mark.parametrize(
    ("kind", "path", "uri", "below"),
    [
        ("file", "./data/a.csv", f"{TABLE}data/a.csv", "data"),
        ("file", "a b#?.csv", f"{TABLE}a b#?.csv", ""),
        ("folder", "./images/", f"{TABLE}images", "images"),
        ("folder", ".", TABLE.rstrip("/"), "."),
        ("pattern", "./data/**/*.csv", f"{TABLE}data/**/*.csv", "data"),
        ("file", "https://example.com/iris.csv", "https://example.com/iris.csv", ""),
        ("folder", "azureml://datastores/d/paths/more/", "azureml://datastores/d/paths/more/", "more"),
    ],
)
def test_a_path_is_beside_its_table_or_elsewhere(kind: str, path: str, uri: str, below: str) -> None:
    assert mltable._located(TABLE, kind, path) == (uri, below)


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "azureml://datastores/d/paths/*/../../../x"])
def test_a_path_does_not_lead_out(path: str) -> None:
    with pytest.raises(DataError):
        mltable._located(TABLE, "pattern", path)
