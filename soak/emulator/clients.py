"""The clients that work while the emulator is killed: each does one thing again and again, and notes every answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from . import jobs
from .api import OK, Api, Interrupted, WrongAnswer
from .jobs import Job
from .ledger import Check, Ledger
from .moments import RUN, SUBMIT, UPLOAD, Watch

_UNFINISHED = 5
"""So many jobs are under way at once, at most."""

_PAUSE_SECONDS = 0.2
"""Between two things that a client does: more would only make the last look at all of them longer."""

_POLL_SECONDS = 0.1
_JOIN_SECONDS = 90


class Clients:
    """All clients of one emulator; `ledger` and the list of jobs stay from one life of it to the next."""

    def __init__(self, ledger: Ledger, ran: Path, seed: str) -> None:
        self.ledger = ledger
        self.wrong: list[str] = []
        self._ran = ran
        self._seed = seed
        self._jobs: list[Job] = []
        self._count = 0
        self._lock = threading.Lock()
        self._life = 0
        self.prepared = False

    def name(self, kind: str) -> str:
        """A new name."""
        with self._lock:
            self._count += 1
            return f"{kind}-{self._count}"

    def prepare(self, api: Api) -> None:
        """Make what the jobs need."""
        self.prepared = True
        machine = {"computeType": "ComputeInstance", "properties": {"vmSize": "STANDARD_DS3_V2"}}
        api.arm("PUT", f"computes/{jobs.COMPUTE}", {"location": "westeurope", "properties": machine})
        environment = {"image": "debian:12", "condaFile": jobs.CONDA}
        api.arm("PUT", jobs.ENVIRONMENT, {"properties": environment})
        api.arm("PUT", jobs.COMPONENT, jobs.component(self._ran))

    def work(self, api: Api, watch: Watch) -> Working:
        """Let all clients work until the emulator is gone."""
        self._life += 1
        self._jobs = []  # Those of the life before have ended with it; the ledger looks after them.
        works = (self._upload, self._submit, self._look, self._cancel, self._change_environments, self._change_computes)
        return Working(
            [
                _Client(work, api, watch, Random(f"{self._seed}:{self._life}:{work.__name__}"), self.wrong)  # noqa: S311
                for work in works
            ]
        )

    def submit(self, api: Api, *, is_pipeline: bool = False, lasts: bool = False) -> Job:
        """Submit a job; its entry says what must have become of it after a kill."""
        job = Job(self.name("job"), is_pipeline, lasts)
        with self.ledger.changing("jobs", f"jobs/{job.name}", job.check_after_kill):
            api.arm("PUT", f"jobs/{job.name}", job.body(api, self._ran))
        with self._lock:
            self._jobs.append(job)
        return job

    def _under_way(self) -> list[Job]:
        with self._lock:
            return [job for job in self._jobs if job.seen not in jobs.ENDED]

    def _upload(self, api: Api, watch: Watch, chance: Random) -> None:
        """Upload a folder in blobs, and make a data asset of it; now and then change or remove one of the blobs."""
        sas, folder, names = api.sas(), self.name("folder"), []
        for number in range(chance.randint(1, 4)):
            name, content = f"{folder}/{number}.bin", chance.randbytes(chance.choice((10, 5_000, 300_000)))
            watch.begins(UPLOAD)
            with self.ledger.changing("blobs", name, _blob(name, content)):
                api.put_blob(name, content, sas, block_bytes=100_000)
            names.append(name)
        data = f"data/{folder}/versions/1"
        uri = f"azureml://datastores/workspaceblobstore/paths/{folder}/"
        with self.ledger.changing("data assets", data, _asset(data, "dataUri", folder)):
            api.arm("PUT", data, {"properties": {"dataType": "uri_folder", "dataUri": uri}})
        if chance.random() < 0.3:  # noqa: PLR2004
            name, content = chance.choice(names), chance.randbytes(700)
            with self.ledger.changing("blobs", name, _blob(name, content)):
                api.put_blob(name, content, sas, block_bytes=100_000)
        if chance.random() < 0.2:  # noqa: PLR2004
            name = names[0]
            with self.ledger.changing("blobs removed", name, _no_blob(name)):
                api.delete_blob(name, sas)
        time.sleep(_PAUSE_SECONDS)

    def _submit(self, api: Api, watch: Watch, chance: Random) -> None:
        """Submit a job, unless enough are under way."""
        if len(self._under_way()) >= _UNFINISHED:
            time.sleep(_POLL_SECONDS)
            return
        watch.begins(SUBMIT)
        kind = chance.random()
        self.submit(api, is_pipeline=kind < 0.4, lasts=kind > 0.8)  # noqa: PLR2004

    def _look(self, api: Api, watch: Watch, _: Random) -> None:
        """See how the jobs are doing, each status that is told being one that counts."""
        for job in self._under_way():
            job.seen = api.arm("GET", f"jobs/{job.name}")["properties"]["status"]
            if job.seen == "Running":
                watch.begins(RUN)
            if job.seen == "Failed":
                raise WrongAnswer(f"{job.name} has failed: {reason(api, job)}")
        time.sleep(_POLL_SECONDS)

    def _cancel(self, api: Api, _: Watch, chance: Random) -> None:
        """Cancel one of the jobs that would run for long."""
        time.sleep(1)
        long = [job for job in self._under_way() if job.lasts and not job.canceled]
        if long and (job := chance.choice(long)):
            api.arm("POST", f"jobs/{job.name}/cancel")
            job.canceled = True
            self.ledger.count("cancels")

    def _change_environments(self, api: Api, _: Watch, chance: Random) -> None:
        """Make an environment, and now and then remove it again."""
        path = f"environments/{self.name('environment')}/versions/1"
        image = f"debian:{chance.randint(1, 99)}"
        with self.ledger.changing("environments", path, _asset(path, "image", image)):
            api.arm("PUT", path, {"properties": {"image": image}})
        if chance.random() < 0.3:  # noqa: PLR2004
            with self.ledger.changing("environments removed", path, _missing(path)):
                api.arm("DELETE", path)
        time.sleep(_PAUSE_SECONDS)

    def _change_computes(self, api: Api, _: Watch, chance: Random) -> None:
        """Make a compute, stop it, start it, remove it: an operation that was begun ends, be it after a restart."""
        name = self.name("ci")
        path = f"computes/{name}"
        machine = {"computeType": "ComputeInstance", "properties": {"vmSize": "STANDARD_DS3_V2"}}
        with self.ledger.changing("computes", path, _state(path, "Running")):
            api.arm("PUT", path, {"location": "westeurope", "properties": machine})
        _settled(api, path)
        for action, state in (("stop", "Stopped"), ("start", "Running"))[: chance.randint(0, 2)]:
            with self.ledger.changing("compute operations", path, _state(path, state)):
                api.arm("POST", f"{path}/{action}")
            _settled(api, path)
        with self.ledger.changing("computes removed", path, _missing_soon(path)):
            api.arm("DELETE", f"{path}?underlyingResourceAction=Delete")


def reason(api: Api, job: Job) -> str:
    """Why a job has failed."""
    error = api.data_plane("GET", "history/v1.0", f"runs/{job.name}/details")["error"]
    return str(error["error"]["message"])


class _Client(threading.Thread):
    """Does one kind of work again and again, until the emulator is gone."""

    def __init__(
        self, work: Callable[[Api, Watch, Random], None], api: Api, watch: Watch, chance: Random, wrong: list[str]
    ) -> None:
        super().__init__(name=work.__name__, daemon=True)
        self._work, self._api, self._watch, self._chance, self._wrong = work, api, watch, chance, wrong
        self.over = threading.Event()

    def run(self) -> None:
        """Work, and note the first wrong answer."""
        try:
            while not self.over.is_set():
                self._work(self._api, self._watch, self._chance)
        except Interrupted:
            return
        except WrongAnswer as error:
            self._wrong.append(str(error))
        except Exception as error:  # noqa: BLE001 - it is told at the end, with all else that is wrong
            self._wrong.append(f"{self.name}: {error!r}")


class Working:
    """Clients at work."""

    def __init__(self, clients: list[_Client]) -> None:
        self._clients = clients
        for client in clients:
            client.start()

    def join(self) -> None:
        """Wait until all have noticed that the emulator is gone."""
        for client in self._clients:
            client.over.set()
        for client in self._clients:
            client.join(_JOIN_SECONDS)
            if client.is_alive():
                raise TimeoutError(f"the client {client.name} has not noticed that the emulator is gone")


def _blob(name: str, content: bytes) -> Check:
    def check(api: Api) -> str | None:
        found = api.get_blob(name, api.sas())
        if found is None:
            return "it is gone"
        return None if found == content else f"it holds {len(found)} bytes, and not the {len(content)} of before"

    return check


def _no_blob(name: str) -> Check:
    return lambda api: None if api.get_blob(name, api.sas()) is None else "it is there again"


def _asset(path: str, field: str, holds: str) -> Check:
    def check(api: Api) -> str | None:
        found = api.arm("GET", path, expected=(200, 404))
        if found is None:
            return "it is gone"
        value = str(found["properties"][field])
        return None if holds in value else f"its {field} is {value}"

    return check


def _missing(path: str) -> Check:
    return lambda api: None if api.status(path) not in OK else "it is there again"


def _settled(api: Api, path: str) -> str | None:
    """The state of a compute once no operation is on it, None if it is gone."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = api.arm("GET", path, expected=(200, 404))
        state = None if found is None else str(found["properties"]["properties"]["state"])
        if state not in {"Creating", "Starting", "Stopping", "Deleting"}:
            return state
        time.sleep(_POLL_SECONDS)
    return "stuck"


def _state(path: str, expected: str) -> Check:
    def check(api: Api) -> str | None:
        state = _settled(api, path)
        return None if state == expected else f"its state is {state} and not {expected}"

    return check


def _missing_soon(path: str) -> Check:
    def check(api: Api) -> str | None:
        state = _settled(api, path)
        return None if state is None else f"it was removed, and is {state}"

    return check
