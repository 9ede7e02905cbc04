from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Data

from .conftest import Submit, children, ended, failure, node

COUNT = """
import argparse, pathlib
p = argparse.ArgumentParser()
p.add_argument("--source"); p.add_argument("--times", type=int); p.add_argument("--target")
a = p.parse_args()
words = [f.read_text() for f in sorted(pathlib.Path(a.source).rglob("*.txt"))]
print("counting", words)
pathlib.Path(a.target, "words.txt").write_text(" ".join(words * a.times))
pathlib.Path("outputs/note.txt").write_text("a default artifact")
"""


def test_data_flows_through_the_nodes(
    client: MLClient, submit: Submit, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client.data.create_or_update(Data(name="words", path=str(folder), type="uri_folder"))
    count = "python count.py --source ${{inputs.source}} --times ${{inputs.times}} --target ${{outputs.target}}"
    job = submit(
        {
            "first": node(
                count,
                code=True,
                inputs={"source": "${{parent.inputs.words}}", "times": "${{parent.inputs.times}}"},
                outputs={"target": {"type": "uri_folder"}},
            ),
            "second": node(
                count,
                code=True,
                inputs={"source": "${{parent.jobs.first.outputs.target}}", "times": 1},
                outputs={"target": "${{parent.outputs.counted}}"},
            ),
        },
        scripts={"count.py": COUNT},
        inputs={"words": {"type": "uri_folder", "path": "azureml:words@latest"}, "times": 2},
        outputs={"counted": {"type": "uri_folder"}},
    )
    client.jobs.stream(job.name)
    assert client.jobs.get(job.name).status == "Completed"
    assert "Streaming logs/azureml/executionlogs.txt" in capsys.readouterr().out

    client.jobs.download(job.name, download_path=tmp_path / "out", all=True)
    assert (tmp_path / "out/named-outputs/counted/words.txt").read_text() == "two one two one"
    assert (tmp_path / "out/artifacts/logs/azureml/executionlogs.txt").is_file()

    nodes = children(client, job.name)
    assert {name: child.status for name, child in nodes.items()} == {"first": "Completed", "second": "Completed"}
    client.jobs.download(nodes["first"].name, download_path=tmp_path / "first", all=True)
    assert "counting ['two', 'one']" in (tmp_path / "first/artifacts/user_logs/std_log.txt").read_text()
    assert (tmp_path / "first/artifacts/outputs/note.txt").read_text() == "a default artifact"


def test_the_parent_tells_which_node_failed_and_why(client: MLClient, submit: Submit) -> None:
    job = submit({"broken": node("echo on its way; echo the reason >&2; exit 3"), "fine": node("true")})
    assert ended(client, job.name) == "Failed"
    message = failure(client, job.name)
    assert "Failed nodes: /broken" in message
    assert "status code 3" in message
    assert "the reason" in message
