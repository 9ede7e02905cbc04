"""The pipeline that prepares photos on many machines, run up to its training, beside the preparation on one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.ai.ml import MLClient, load_environment, load_job
from azure.ai.ml.entities import AmlCompute, Data
from PIL import Image

from .conftest import children, ended, failure

ROOT = Path(__file__).parents[3]
PIPELINES = ROOT / "pipelines"
ANIMALS = ("cats", "dogs", "pandas")
TRAINED = {"training", "register"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a class: ten photos, some of them there twice under names far apart, and what is none."""
    folder = tmp_path_factory.mktemp("photos")
    for shade, animal in enumerate(ANIMALS):
        (folder / animal / "more").mkdir(parents=True)
        for number in range(10):
            colour = (20 * number, 60 * shade, 200 - 20 * number)
            Image.linear_gradient("L").resize((90, 60)).convert("RGB").point(
                [value * part // 255 for part in colour for value in range(256)]
            ).save(folder / animal / f"{number}.jpg")
        again = (folder / animal / "0.jpg").read_bytes()
        for name in ("9 again.jpg", "more/0 again.jpg", ".first.jpg"):
            (folder / animal / name).write_bytes(again)
        (folder / animal / "more" / "notes.txt").write_text(animal)
        (folder / animal / "cut off.jpg").write_bytes(again[: len(again) // 2])
    return folder


def pipeline(file: Path, folder: Path, *, size: str | None = None) -> Path:
    """A pipeline of this repository without its training; `size` is for the mini batches."""
    document: dict[str, Any] = yaml.safe_load((PIPELINES / file).read_text(encoding="utf-8"))
    document["settings"] = {"default_compute": "azureml:preparation-cluster", "force_rerun": True}
    document["jobs"] = {name: copy.deepcopy(job) for name, job in document["jobs"].items() if name not in TRAINED}
    document["outputs"] = {}
    document["inputs"].pop("epochs")
    for job in document["jobs"].values():
        job["component"] = str((PIPELINES / job["component"]).resolve())
        if job["type"] == "parallel":
            job["mini_batch_size"] = size
    written = folder / file.name
    written.write_text(yaml.safe_dump(document), encoding="utf-8")
    return written


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder by their names."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def outputs(client: MLClient, photos: Path, tmp_path: Path) -> Callable[..., Callable[[str, str], dict[str, bytes]]]:
    """Runs a pipeline over the photos; the answer gives the files of a node's output."""
    client.compute.begin_create_or_update(
        AmlCompute(name="preparation-cluster", size="Standard_DS3_v2", max_instances=4)
    ).result()
    client.environments.create_or_update(load_environment(ROOT / "environment" / "pillow.yaml"))
    for animal in ANIMALS:
        client.data.create_or_update(Data(name=animal, version="1", type="uri_folder", path=str(photos / animal)))

    def run(name: str, size: str | None = None) -> Callable[[str, str], dict[str, bytes]]:
        job = client.jobs.create_or_update(load_job(pipeline(Path(name), tmp_path, size=size)))
        assert ended(client, job.name, seconds=240) == "Completed", failure(client, job.name)
        nodes = children(client, job.name)

        def read(node: str, output: str) -> dict[str, bytes]:
            place = tmp_path / job.name / node
            client.jobs.download(nodes[node].name, download_path=place, output_name=output)
            return files(place / "named-outputs" / output)

        return read

    return run


@pytest.mark.conformance("parallel: photos are prepared on many machines as on one, whatever the mini batches")
def test_many_machines_prepare_the_very_photos_that_one_prepares(
    outputs: Callable[..., Callable[[str, str], dict[str, bytes]]],
) -> None:
    one = outputs("animals-classification.yaml")
    many = outputs("animals-classification-parallel.yaml", "4")
    for animal in ANIMALS:
        prepared = one(f"data_prep_{animal}", "output_data")
        report = {name: prepared.pop(name) for name in ("report.json", "prepared.csv")}
        assert len(prepared) == 10
        assert many(f"data_prep_{animal}", "output_data") == prepared
        assert many(f"report_{animal}", "report") == report
        left_out = yaml.safe_load(report["report.json"])["left_out"]
        assert list(left_out) == ["0.jpg", "9 again.jpg", "cut off.jpg", "more/0 again.jpg", "more/notes.txt"]
        assert left_out["more/0 again.jpg"] == "the same file as .first.jpg"
    for part in ("training_data", "testing_data"):
        assert many("data_split", part) == one("data_split", part)
