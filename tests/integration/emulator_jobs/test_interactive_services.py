"""Interactive services of jobs: not started, and told of wherever they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.ai.ml import MLClient, command
from azure.ai.ml.entities import JupyterLabJobService, TensorBoardJobService

from .conftest import COMPUTE, ENVIRONMENT, ended


@pytest.mark.conformance("jobs: interactive services (told of as not started)")
def test_a_job_runs_without_the_services_it_asks_for(client: MLClient, tmp_path: Path) -> None:
    asked = {"lab": JupyterLabJobService(), "board": TensorBoardJobService(log_dir="outputs/logs")}
    job = client.jobs.create_or_update(
        command(command="true", environment=f"{ENVIRONMENT}@latest", compute=COMPUTE, services=asked)
    )
    assert job.services["lab"].status == "Failed"
    assert job.services["board"].properties["logDir"] == "outputs/logs"
    assert ended(client, job.name) == "Completed"
    client.jobs.download(job.name, download_path=tmp_path)
    log = (tmp_path / "artifacts" / "user_logs" / "std_log.txt").read_text()
    assert "Interactive services are not started by this emulator: lab, board" in log
    assert not client.jobs.show_services(job.name)


def test_a_job_without_services_says_nothing_of_them(client: MLClient, tmp_path: Path) -> None:
    job = client.jobs.create_or_update(command(command="true", environment=f"{ENVIRONMENT}@latest", compute=COMPUTE))
    assert set(job.services) == {"Tracking", "Studio"}
    assert ended(client, job.name) == "Completed"
    client.jobs.download(job.name, download_path=tmp_path)
    assert "services" not in (tmp_path / "artifacts" / "user_logs" / "std_log.txt").read_text()
