"""`make demo`: this repository's own workflow, mlops.yml, run whole on this machine and shown as it goes."""

from __future__ import annotations

import json
import random
import subprocess
import time
from pathlib import Path

from rich.console import Console
from rich.progress import TaskID

from azureml_emulator import settings

from . import laptop_cloud, paths, photos, report
from .act import Job, Step, WorkflowRun, start_workflow
from .laptop_cloud import LaptopCloud
from .photos import Photos
from .processes import SandboxError
from .report import Delivery, Model, Prediction
from .served import serves_another
from .stages import Stage, Stages

FOLDER = paths.ROOT / ".demo"
"""What a demo keeps: the emulator's state, the photos, the log, the report."""

WORKFLOW = paths.ROOT / ".github" / "workflows" / "mlops.yml"

_SHORT = 0.5
"""Steps that took fewer seconds than this are no stage of their own."""


def demo(data: Path | None, console: Console) -> None:
    """Start the laptop cloud, train, register, package and deploy, and classify a photo that none of it has seen.

    Writes `.demo/report.json`, also where it fails. Raises SandboxError with one line that says what went wrong.
    """
    stages, delivery, prediction = Stages(console), None, None
    try:
        with stages.live():
            with stages.stage("photos"):
                pictures = photos.prepare(FOLDER / "photos", data)
            cloud = laptop_cloud.up(stages)
            with stages.stage("data assets"):
                _register(cloud, pictures)
            delivery = _train_and_deploy(stages, cloud)
            with stages.stage("prediction"):
                prediction = _classify(delivery.url, pictures)
    finally:
        report.write(FOLDER / "report.json", stages.finished, delivery, prediction)
    _show(console, stages, delivery, prediction)


def _register(cloud: LaptopCloud, pictures: Photos) -> None:
    """Upload the photos as a data team would, long before the workflow: they are in no repository."""
    command = ["mlops", "register-assets", "--data", str(pictures.assets / "*.yaml")]
    done = subprocess.run(
        command, env=laptop_cloud.environment(cloud), cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SandboxError(f"the photos could not be registered: {''.join(done.stderr.strip().splitlines()[-1:])}")


def _train_and_deploy(stages: Stages, cloud: LaptopCloud) -> Delivery:
    log = FOLDER / "workflow.log"
    with log.open("w") as file:
        watched = _Watcher(stages)

        def write(job: Job, step: Step, line: str) -> None:
            file.write(f"[{job.id}/{step.name}] {line}\n")
            file.flush()

        run = start_workflow(
            WORKFLOW,
            workdir=paths.ROOT,
            run_id=str(int(time.time())),
            secrets=_secrets(cloud),
            variables=_variables(cloud),
            env=_runner_environment(cloud),
            on_step=watched.on_step,
            on_line=write,
        ).result()
        file.write("\n".join(run.messages))
    if not run.succeeded:
        raise SandboxError(_why(run, log))
    return _delivery(run)


def _secrets(cloud: LaptopCloud) -> dict[str, str]:
    known = cloud.emulator
    credentials = {
        "clientId": known["AZURE_CLIENT_ID"],
        "clientSecret": known["AZURE_CLIENT_SECRET"],
        "subscriptionId": known["AZURE_SUBSCRIPTION_ID"],
        "tenantId": known["AZURE_TENANT_ID"],
    }
    return {"AZURE_CREDENTIALS": json.dumps(credentials), "KUBE_CONFIG": cloud.kubeconfig.read_text()}


def _variables(cloud: LaptopCloud) -> dict[str, str]:
    """What a repository's settings page would hold: where things are here."""
    names = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_ML_WORKSPACE")
    return {
        **{name: cloud.emulator[name] for name in names},
        "REGISTRY": cloud.registry,
        "IMAGE": f"{cloud.registry}/animal-classifier",
        "BASE_IMAGE": cloud.base_image,
        "BUILD_NETWORK": "host",
        "K8S_MANIFESTS": "k8s/overlays/sandbox",
        # A model of another checkout, or of an emulator that is gone, cannot be compared with.
        "GATE_CHAMPION": "" if serves_another(cloud.kubeconfig, FOLDER / "report.json") else "deployed",
    }


def _runner_environment(cloud: LaptopCloud) -> dict[str, str]:
    """What this machine's runner has in its environment: the way to the emulator, to Docker, and kubectl."""
    whole = laptop_cloud.environment(cloud)
    names = ("HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PATH", *cloud.docker)
    return {name: whole[name] for name in names if name in whole}


class _Watcher:
    """Shows each step of the workflow as a stage."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._running: dict[tuple[str, ...], TaskID | None] = {}

    def on_step(self, job: Job, step: Step) -> None:
        if len(step.path) > 1:  # the inside of a composite action: its calling step stands for it
            return
        key, name = (job.name, *step.path), f"{job.id}: {step.name}"
        if step.outcome is None:
            if key not in self._running:
                self._running[key] = self._stages.begin(name)
            return
        if key not in self._running:  # told before
            return
        self._stages.end(self._running.pop(key))
        failed = step.outcome == "failure"
        if failed or step.seconds >= _SHORT:
            self._stages.add(Stage(name, round(step.seconds, 1), "failed" if failed else "done"))


def _why(run: WorkflowRun, log: Path) -> str:
    failed = ", ".join(job.name for job in run.jobs.values() if job.result != "success") or "no job ran"
    reason = run.errors[0] if run.errors else "no step said why"
    return f"the workflow failed ({failed}): {reason} (see {log})"


def _outputs(run: WorkflowRun, *names: str) -> dict[str, str]:
    """The outputs of the last step that has all of these."""
    for _, step in reversed(list(run.steps())):
        if all(step.outputs.get(name) for name in names):
            return step.outputs
    raise SandboxError(f"no step of the workflow has the outputs {', '.join(names)}")


def _delivery(run: WorkflowRun) -> Delivery:
    trained = _outputs(run, "job-name", "model-name", "model-version", "metrics")
    image = _outputs(run, "image", "digest", "ref")
    accuracy = float(json.loads(trained["metrics"])["accuracy"])
    return Delivery(
        job=trained["job-name"],
        model=Model(trained["model-name"], trained["model-version"], accuracy),
        image=image["ref"],
        digest=image["digest"],
        url=_outputs(run, "url", "revision")["url"],
    )


def _classify(url: str, pictures: Photos) -> Prediction:
    """Classify one of the photos held back, another one each time."""
    expected, photo = random.choice([(name, p) for name, held in pictures.held_back.items() for p in held])  # noqa: S311
    return report.classify(url, photo, expected)


def _show(console: Console, stages: Stages, delivery: Delivery, prediction: Prediction) -> None:
    console.print(stages.table())
    model = delivery.model
    stages.say(f"job       {delivery.job}")
    stages.say(f"model     {model.name} {model.version}, accuracy {model.accuracy:.3f} on the test photos")
    stages.say(f"image     {delivery.image}")
    stages.say(f"photo     {prediction.file}")
    verdict = "right" if prediction.label == prediction.expected else f"wrong, it is one of the {prediction.expected}"
    stages.say(f"answer    {prediction.label} with probability {prediction.probability:.2f} ({verdict})")
    stages.say(f"service   {delivery.url}  (a page to drop a photo on)")
    stages.say(f"emulator  https://127.0.0.1:{settings.load(laptop_cloud.EMULATOR).ports.api}, to be used by")
    stages.say(f"          uv run azureml-emulator exec --state {laptop_cloud.EMULATOR} -- COMMAND")
    stages.say("report    .demo/report.json; `make down` ends everything")
