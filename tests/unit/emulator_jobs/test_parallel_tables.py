"""Tables of MLTable files: how they are split into mini batches, and what data frames the workers get of them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from azureml_emulator.jobs.parallel import mltable
from azureml_emulator.jobs.parallel.runtime.batches import Batch, UnusableInput, split
from azureml_emulator.jobs.parallel.runtime.frames import Reader, WrongTable
from azureml_emulator.jobs.parallel.runtime.partitions import Format
from azureml_emulator.jobs.parallel.runtime.settings import Settings

CSV = {"read_delimited": {"delimiter": ","}}


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Writes files and the MLTable beside them; the answer is their folder."""

    def table(files: dict[str, str | bytes], *transformations: Any, paths: list[Any] | None = None) -> Path:
        folder = tmp_path / "table"
        for name, text in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode() if isinstance(text, str) else text)
        given = {"paths": paths or [{"file": f"./{name}"} for name in files], "transformations": list(transformations)}
        (folder / "MLTable").write_text(yaml.safe_dump(given))
        return folder

    return table


def settings(folder: Path, *, size: int = 1 << 20, keys: tuple[str, ...] = ()) -> Settings:
    return Settings(
        entry_script="entry.py", arguments=[], input=str(folder), table=mltable.read(folder), size=size,
        partition_keys=keys, error_threshold=-1, mini_batch_error_threshold=-1, allowed_failed_percent=100,
        logging_level="INFO", instances=1, concurrency=1, retries=0, timeout=60, overhead_timeout=60,
        first_task_timeout=60, progress_timeout=None, rows_to=None, output="", scratch="", notes=[],
    )  # fmt: skip


def frames(given: Settings) -> list[pd.DataFrame]:
    """What the workers get, in order; as JSON in between, like the orders of the driver."""
    assert given.table is not None
    reader = Reader(given.input, given.table)
    batches = [Batch(**json.loads(json.dumps(vars(batch)))) for batch in split(given)]
    return [reader.frame(batch.pieces, batch.where) for batch in batches]


@pytest.mark.parametrize("size", [1, 7, 50, 333, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_every_row_is_in_one_mini_batch_whatever_their_size(
    table: Callable[..., Path], size: int, end: str, last: bool
) -> None:
    rows = [f"{number},{'x' * (number * 7 % 23)},{number / 8}" for number in range(60)]
    text = end.join(["number,text,part", *rows]) + (end if last else "")
    found = frames(settings(table({"data.csv": text}, CSV), size=size))
    whole = pd.concat([one for one in found if len(one)], ignore_index=True)
    assert whole["number"].tolist() == list(range(60))
    assert whole["text"].fillna("").tolist() == ["x" * (number * 7 % 23) for number in range(60)]
    assert {(str(one["number"].dtype), str(one["part"].dtype)) for one in found if len(one)} == {("int64", "float64")}
    if size < len(text):
        assert len(found) == -(-len(text) // size)


def test_dates_are_recognized(table: Callable[..., Path]) -> None:
    rows = [
        f"{n // 31 + 1990}-01-{n % 31 + 1:02d},2020-01-02T03:04:{n:02d}Z,{n % 12 + 1}/2/1990,{n}-1-2" for n in range(40)
    ]
    given = settings(table({"a.csv": "\n".join(["iso,zoned,us,text", *rows])}, CSV), size=300)
    found = pd.concat(frames(given), ignore_index=True)
    assert {name: found[name].dtype.kind for name in ("iso", "zoned", "us")} == dict.fromkeys(
        ("iso", "zoned", "us"), "M"
    )
    assert found.iloc[39].tolist() == [
        pd.Timestamp(1991, 1, 9), pd.Timestamp(2020, 1, 2, 3, 4, 39), pd.Timestamp(1990, 4, 2), "39-1-2",
    ]  # fmt: skip
    by_day = frames(settings(Path(given.input), keys=("us",)))
    assert [one["us"].unique().tolist() for one in by_day] == [[pd.Timestamp(1990, month, 2)] for month in range(1, 13)]
    assert sum(map(len, by_day)) == 40


def test_a_mini_batch_never_crosses_the_border_of_a_file(table: Callable[..., Path]) -> None:
    found = frames(settings(table({"a.csv": "n\n1\n2\n", "b.csv": "n\n3\n"}, CSV)))
    assert [one["n"].tolist() for one in found] == [[1, 2], [3]]


def test_columns_keep_the_type_that_the_first_rows_have(table: Callable[..., Path]) -> None:
    text = "code,share\n" + "".join(f"{'a' if n < 3 else '00'}{n},{n / 2 if n < 3 else n}\n" for n in range(40))
    found = frames(settings(table({"data.csv": text}, CSV), size=40))
    assert [value for one in found for value in one["code"]] == ["a0", "a1", "a2", *(f"00{n}" for n in range(3, 40))]
    assert {str(one["share"].dtype) for one in found if len(one)} == {"float64"}
    # What does not fit is read all the same.
    odd = frames(settings(table({"odd.csv": "n\n" + "1.5\n" * 300 + "none\n"}, CSV)))
    assert odd[0]["n"].tolist()[-1] == "none"


@pytest.mark.parametrize(
    ("options", "files", "rows"),
    [
        ({"delimiter": ";"}, {"a.csv": "x;y\n1;2\n"}, [{"x": 1, "y": 2}]),
        (
            {"header": "no_header"},
            {"a.csv": "1,2\n", "b.csv": "3,4\n"},
            [{"Column1": 1, "Column2": 2}, {"Column1": 3, "Column2": 4}],
        ),
        ({"header": "from_first_file"}, {"a.csv": "x\n1\n", "b.csv": "2\n3\n"}, [{"x": 1}, {"x": 2}, {"x": 3}]),
        ({"header": "all_files_different_headers"}, {"a.csv": "x\n1\n", "b.csv": "y\n2\n"}, [{"x": 1}, {"y": 2}]),
        ({"encoding": "latin1"}, {"a.csv": "x\nä\n".encode("latin-1")}, [{"x": "ä"}]),
        ({"encoding": "utf16"}, {"a.csv": "x\nä\n".encode("utf-16")}, [{"x": "ä"}]),
        ({}, {"a.csv": "\ufeffx\nNA\n"}, [{"x": "NA"}]),
        ({"empty_as_string": True}, {"a.csv": "x,y\n,b\n"}, [{"x": "", "y": "b"}]),
        ({"infer_column_types": False}, {"a.csv": "x\n007\n"}, [{"x": "007"}]),
        ({"support_multi_line": True}, {"a.csv": 'x\n"a\nb"\n'}, [{"x": "a\nb"}]),
    ],
)  # fmt: skip
def test_delimited_files_are_read_as_the_options_say(
    table: Callable[..., Path], options: dict[str, Any], files: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    size = 4 if options.get("support_multi_line") else 1 << 20
    found = frames(settings(table(files, {"read_delimited": options}), size=size))
    assert [row for one in found for row in one.to_dict("records")] == rows


def test_json_lines(table: Callable[..., Path]) -> None:
    text = '{"a": 1}\n{"a": 2}\nbroken\n'
    read = {"read_json_lines": {"invalid_lines": "drop", "include_path_column": True}}
    folder = table({"data.jsonl": text}, read)
    (frame,) = frames(settings(folder))
    assert frame.to_dict("records") == [{"Path": f"{folder}/data.jsonl", "a": number} for number in (1, 2)]
    with pytest.raises(WrongTable, match="a line is no JSON"):
        frames(settings(table({"data.jsonl": text}, "read_json_lines")))


def test_parquet_is_split_at_row_groups(table: Callable[..., Path]) -> None:
    folder = table({"data.parquet": b""}, "read_parquet")
    pd.DataFrame({"n": range(100)}).to_parquet(folder / "data.parquet", row_group_size=10)
    found = frames(settings(folder, size=1))
    assert [len(one) for one in found] == [10] * 10
    assert [number for one in found for number in one["n"]] == list(range(100))
    assert [len(one) for one in frames(settings(folder))] == [100]


PARTITIONED = {
    "1/cats/a.csv": "n\n1\n2\n",
    "1/dogs/a.csv": "n\n3\n",
    "2/cats/a.csv": "n\n4\n",
    "1/cats/b.csv": "n\n5\n",
}


def test_partitions_in_the_paths_of_the_files(table: Callable[..., Path]) -> None:
    folder = table(
        PARTITIONED,
        {"read_delimited": {"include_path_column": True}},
        {"extract_columns_from_partition_format": {"partition_format": "{Store}/{Kind}/{file}.{extension}"}},
        {"drop_columns": ["Path", "file", "extension"]},
        paths=[{"pattern": "./**/*.csv"}],
    )
    given = settings(folder, keys=("Store", "Kind"))
    assert [batch.keys for batch in split(given)] == [
        {"Store": "1", "Kind": "cats"}, {"Store": "1", "Kind": "dogs"}, {"Store": "2", "Kind": "cats"},
    ]  # fmt: skip
    found = frames(given)
    assert [one["n"].tolist() for one in found] == [[1, 2, 5], [3], [4]]
    assert [list(one.columns) for one in found] == [["n", "Store", "Kind"]] * 3
    (by_kind, _) = frames(settings(folder, keys=("Kind",)))
    assert by_kind["n"].tolist() == [1, 2, 5, 4]


def test_partitions_in_the_rows(table: Callable[..., Path]) -> None:
    files = {"a.csv": "kind,n\ncat,1\ndog,2\n,3\n", "b.csv": "kind,n\ndog,4\ncat,5\n"}
    given = settings(table(files, CSV), keys=("kind",))
    assert [batch.keys for batch in split(given)] == [{"kind": "cat"}, {"kind": "dog"}, {"kind": None}]
    assert [one["n"].tolist() for one in frames(given)] == [[1, 5], [2, 4], [3]]
    with pytest.raises(UnusableInput, match="has no column colour"):
        list(split(settings(Path(given.input), keys=("colour",))))


def test_columns_are_chosen_and_converted(table: Callable[..., Path]) -> None:
    text = "when,count,ok,id,rest\n2024-01-31,3,yes,1,x\nnever,many,no,2,y\n"
    conversions = [
        {"columns": ["when"], "column_type": {"datetime": {"formats": ["%Y-%m-%d"]}}},
        {"columns": "count", "column_type": "int"},
        {"columns": ["ok"], "column_type": {"boolean": {"true_values": ["yes"], "false_values": ["no"]}}},
        {"columns": ["id"], "column_type": "string"},
    ]
    (frame,) = frames(
        settings(
            table(
                {"a.csv": text},
                CSV,
                {"keep_columns": ["when", "count", "ok", "id"]},
                {"convert_column_types": conversions},
            )
        )
    )
    assert list(frame.columns) == ["when", "count", "ok", "id"]
    assert frame["when"].tolist()[0] == pd.Timestamp(2024, 1, 31)
    assert pd.isna(frame["when"][1])
    assert frame["count"].tolist()[0] == 3
    assert pd.isna(frame["count"][1])
    assert frame["ok"].tolist() == [True, False]
    assert frame["id"].tolist() == ["1", "2"]


def test_a_table_of_files_has_lists_of_files(table: Callable[..., Path]) -> None:
    folder = table(
        {"images/b.png": "", "images/a.png": "", "c.png": "", "other.txt": ""},
        paths=[{"pattern": "./*.png"}, {"folder": "./images"}, {"file": "./c.png"}],
    )
    given = settings(folder, size=2)
    names = [[str(Path(file).relative_to(folder)) for file in batch.files] for batch in split(given)]
    assert names == [["c.png", "images/a.png"], ["images/b.png"]]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ({"file": "../../etc/passwd"}, "is not in the table's own folder"),
        ({"file": "/etc/passwd"}, "is not in the table's own folder"),
        ({"folder": "https://example.com/x"}, "is not in the table's own folder"),
        ({"file": "./none.csv"}, "there is no file for file: ./none.csv"),
        ({"pattern": "./*.none"}, "there is no file for pattern"),
    ],
)
def test_paths_that_lead_nowhere_or_elsewhere(table: Callable[..., Path], path: dict[str, str], told: str) -> None:
    folder = table({"a.csv": "n\n1\n"}, CSV, paths=[path])
    with pytest.raises(UnusableInput, match=told):
        list(split(settings(folder)))


BOMB = (
    "n0: &n0 x\n" + "".join(f"n{n}: &n{n} [{', '.join([f'*n{n - 1}'] * 9)}]\n" for n in range(1, 20)) + "paths: [*n19]"
)
"""A few lines that stand for 9 to the power of 19 values."""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "must have a file MLTable"),
        ("[", "is not YAML"),
        ("a", "is not an object"),
        ("paths: x", "paths is not a list"),
        ("paths: []", "has no paths"),
        ("paths: [{file: a, folder: b}]", "is no path"),
        ("paths: [{file: a}]\ntransformations: [{filter: x}]", "the transformation filter is not implemented"),
        ("paths: [{file: a}]\ntransformations: [[a]]", "is no transformation"),
        ("paths: [{file: a}]\ntransformations: [{read_delimited: {header: some}}]", "header is some, not one of"),
        ("paths: [{file: a}]\ntransformations: [{read_delimited: {delimiter: [a]}}]", "delimiter is of type list"),
        ("paths: [{file: a}]\ntransformations: [{drop_columns: [1]}]", "are not names"),
        (
            "paths: [{file: a}]\ntransformations: [{convert_column_types: [{columns: a, column_type: odd}]}]",
            "'odd' is not",
        ),
        (BOMB, "is no path"),
    ],
)  # fmt: skip
def test_an_mltable_that_is_wrong_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / "MLTable").write_text(text)
    with pytest.raises(mltable.UnusableTable, match=told):
        mltable.read(tmp_path)


@pytest.mark.parametrize(
    ("layout", "path", "values"),
    [
        ("{a}/{b}.csv", "x/y.csv", {"a": "x", "b": "y"}),
        ("/{a}/{b}.csv", "deep/x/y.csv", {"a": "x", "b": "y"}),
        ("/year={y}/month={m}", "green/year=2020/month=05/data.csv", {"y": "2020", "m": "05"}),
        ("{day:yyyy/MM/dd}/*.csv", "2024/02/29/x.csv", {"day": dt.datetime(2024, 2, 29)}),
        ("{at:yyyy-MM-dd-HH}.csv", "2024-02-29-13.csv", {"at": dt.datetime(2024, 2, 29, 13)}),
        ("{a}/{b}.csv", "y.csv", None),
        ("{a}.(csv", "x.(csv", {"a": "x"}),
    ],
)
def test_partition_formats(layout: str, path: str, values: dict[str, Any] | None) -> None:
    assert Format(layout).values(path) == values
