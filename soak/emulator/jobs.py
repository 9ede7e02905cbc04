"""Jobs for the soak: what they are, and what must have become of them after a kill."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .api import Api

COMPUTE = "soak-machine"
ENVIRONMENT = "environments/soak-python/versions/1"
COMPONENT = "components/soak-step/versions/1"
ENDED = frozenset({"Completed", "Failed", "Canceled"})

CONDA = "name: soak\ndependencies:\n- python=3.11\n"
_STEP = 'echo "$AZUREML_RUN_ID" >> {ran} && echo {said} | tee {out}/said.txt'


@dataclass
class Job:
    """A job that was sent, the status that the emulator last told of it, and whether a cancel was acknowledged."""

    name: str
    is_pipeline: bool
    lasts: bool
    seen: str = ""
    canceled: bool = False

    def body(self, api: Api, ran: Path) -> dict[str, object]:
        """What is submitted: it notes its run in the file `ran`, and writes its own name to its output and its log."""
        if self.is_pipeline:
            return {"properties": self._pipeline(api)}
        command = "sleep 60" if self.lasts else _STEP.format(ran=ran, said=self.name, out="${{outputs.out}}")
        return {
            "properties": {
                "jobType": "Command",
                "experimentName": "soak",
                "command": command,
                "environmentId": f"{api.workspace}/{ENVIRONMENT}",
                "computeId": f"{api.workspace}/computes/{COMPUTE}",
                "inputs": {},
                "outputs": {"out": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount"}},
            }
        }

    def _pipeline(self, api: Api) -> dict[str, object]:
        def step(said: str) -> dict[str, object]:
            inputs = {"said": {"job_input_type": "literal", "value": said}}
            return {"type": "command", "componentId": f"{api.workspace}/{COMPONENT}", "inputs": inputs}

        second = step("second")
        second["inputs"] = {
            **second["inputs"],  # type: ignore[dict-item]
            "before": {"job_input_type": "literal", "value": "${{parent.jobs.first.outputs.out}}"},
        }
        return {
            "jobType": "Pipeline",
            "experimentName": "soak",
            "settings": {"default_compute": f"{api.workspace}/computes/{COMPUTE}", "force_rerun": True},
            "inputs": {},
            "outputs": {},
            "jobs": {"first": {"name": "first", **step(self.name)}, "second": {"name": "second", **second}},
        }

    def check_after_kill(self, api: Api) -> str | None:
        """What is wrong with the job after a restart, None if nothing is."""
        found = api.arm("GET", f"jobs/{self.name}", expected=(200, 404))
        if found is None:
            return "it is gone"
        status = found["properties"]["status"]
        if status not in ENDED:
            return f"no job runs on after a kill, but it is {status}"
        if self.seen in ENDED and status != self.seen:
            return f"it was {self.seen} and is {status}"
        if self.canceled and status == "Failed":
            return "it was to be canceled, and has failed"
        return self._check_results(api, found) if status == "Completed" else None

    def _check_results(self, api: Api, found: dict[str, dict[str, dict[str, dict[str, str]]]]) -> str | None:
        if self.is_pipeline or self.lasts:
            return None
        place = found["properties"]["outputs"]["out"]["uri"].partition("/paths/")[2].rstrip("/")
        said = api.get_blob(f"{place}/said.txt", api.sas())
        if said is None or said.decode().strip() != self.name:
            return f"it is Completed, but its output is {said!r}"
        details = api.data_plane("GET", "history/v1.0", f"runs/{self.name}/details")
        log = api.read(details["logFiles"]["user_logs/std_log.txt"]) or b""
        return None if self.name.encode() in log else "it is Completed, but its log does not hold what it said"


def component(ran: Path) -> dict[str, object]:
    """The component of the pipelines' steps."""
    text = _STEP.format(ran=ran, said="${{inputs.said}}", out="${{outputs.out}}")
    spec = {
        "name": "soak-step",
        "version": "1",
        "type": "command",
        "command": text,
        "environment": "azureml:soak-python:1",
        "inputs": {"said": {"type": "string"}, "before": {"type": "uri_folder", "optional": True}},
        "outputs": {"out": {"type": "uri_folder"}},
    }
    return {"properties": {"componentSpec": spec}}
