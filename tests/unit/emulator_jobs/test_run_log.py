"""The log of a run, as it is written to storage."""

from __future__ import annotations

from typing import Any, cast

from azureml_emulator.blobs import Blobs
from azureml_emulator.jobs.process.logs import RunLog

MIB = 1 << 20


class Storage:
    """An append blob that keeps its blocks, and whatever leads to it."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    def container(self, _: str) -> Storage:
        return self

    def get_blob_client(self, _: str) -> Storage:
        return self

    def create_append_blob(self) -> None:
        self.blocks.clear()

    def append_block(self, data: bytes) -> None:
        assert 0 < len(data) <= 4 * MIB
        self.blocks.append(data)


def log() -> tuple[RunLog, Storage]:
    storage = Storage()
    return RunLog(cast(Blobs, cast(Any, storage)), "run"), storage


def test_only_whole_lines_are_written_until_the_end() -> None:
    written, storage = log()
    written.write(b"one\ntw")
    written.line("told")
    written.write(b"rest")
    assert b"".join(storage.blocks) == b"one\ntwtold\n"
    written.close()
    assert b"".join(storage.blocks) == b"one\ntwtold\nrest"


def test_output_without_a_line_end_does_not_pile_up() -> None:
    written, storage = log()
    for count in range(1, 65):
        written.write(bytes(MIB))
        assert count * MIB - sum(map(len, storage.blocks)) < 4 * MIB
    written.close()
    assert sum(map(len, storage.blocks)) == 64 * MIB


def test_much_output_is_cut_where_lines_end() -> None:
    written, storage = log()
    for _ in range(64):
        written.write(b"x" * (MIB - 1) + b"\n" + b"y" * 10)
        assert not storage.blocks or storage.blocks[-1].endswith(b"\n")
    assert storage.blocks
