from pathlib import Path

import pytest

from azureml_emulator.faults import files, validation
from azureml_emulator.faults.rules import Route, Rule
from azureml_emulator.faults.validation import RuleError

WS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.mark.parametrize(
    ("route", "method", "path"),
    [
        ("PUT jobs/*", "PUT", f"{WS}/jobs/one"),
        ("jobs/*", "DELETE", f"{WS}/jobs/one"),
        ("put JOBS/*", "PUT", f"{WS}/jobs/One"),
        ("GET /subscriptions/**/computes", "GET", f"{WS}/computes"),
        ("* computes/ci-*/start", "POST", f"{WS}/computes/ci-1/start"),
    ],
)
def test_a_route_means(route: str, method: str, path: str) -> None:
    assert Route.parse(route).matches(method, path)


@pytest.mark.parametrize(
    ("route", "method", "path"),
    [
        ("PUT jobs/*", "GET", f"{WS}/jobs/one"),
        ("PUT jobs/*", "PUT", f"{WS}/jobs/one/cancel"),
        ("PUT jobs/*", "PUT", f"{WS}/morejobs/one"),
        ("GET /computes", "GET", f"{WS}/computes"),
        ("GET a.b", "GET", "/axb"),
    ],
)
def test_a_route_does_not_mean(route: str, method: str, path: str) -> None:
    assert not Route.parse(route).matches(method, path)


def test_an_operation_means_its_requests_by_name_and_by_pattern() -> None:
    rule = validation.read({"fault": "reset", "operation": "compute sta*"}, name="r")
    assert rule.means_request("POST", f"{WS}/computes/a/start")
    assert not rule.means_request("POST", f"{WS}/computes/a/stop")


def test_a_rule_passes_over_the_first_and_then_strikes() -> None:
    rule = Rule("r", "reset", route="**", after=2)
    assert [rule.strikes(occasion) for occasion in range(4)] == [False, False, True, True]


def test_a_seed_gives_the_same_strikes_again() -> None:
    def struck(seed: int) -> list[int]:
        rule = Rule("r", "reset", route="**", probability=0.3, seed=seed)
        return [occasion for occasion in range(1000) if rule.strikes(occasion)]

    assert struck(1) == struck(1) != struck(2)
    assert 230 < len(struck(1)) < 370


def mistakes(folder: Path, text: str) -> list[str]:
    file = folder / "rules.yml"
    file.write_text(text)
    with pytest.raises(RuleError) as caught:
        files.load(file)
    return [line.removeprefix(str(file)) for line in caught.value.lines]


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("""
seed: 5
rules:
  - {fault: status, status: 429, route: PUT jobs/*, retry_after: 2}
  - {name: lost, fault: reset, tunnel: "*.blob.core.windows.net", after_bytes: 100, seed: 6}
""")
    first, second = files.load(file)
    assert first == Rule("rule-1", "status", route="PUT jobs/*", status=429, retry_after=2, seed=5)
    assert second == Rule("lost", "reset", tunnel="*.blob.core.windows.net", after_bytes=100, seed=6)
    assert validation.read(first.given(), name="another") == first


def test_every_mistake_is_a_line_with_its_line(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """rules:
  - fault: status
    status: 200
    rout: x
  - fault: slow
    route: GET jobs
  - fault: explode
  - just a text
  - fault: stuck_operation
    operation: compute buy
  - fault: reset
    name: twice
    route: jobs
  - fault: reset
    name: twice
    route: FETCH jobs
    count: 0
    probability: 1.5
""",
    )
    assert [line.split(":")[1] for line in found] == ["3", "4", "2", "5", "7", "8", "10", "16", "17", "18"]
    assert found[0] == ":3: status: 200 is not a status of an error: 400 to 599"
    assert found[1].startswith(":4: unknown key 'rout': name, fault, route, ")
    assert found[2] == ":2: the fault status needs 'route' or 'operation'"
    assert found[3] == ":5: the fault slow needs 'seconds'"
    assert found[6].startswith(":10: operation: 'compute buy' is none of compute create, compute update, ")
    assert "FETCH" in found[7]


@pytest.mark.parametrize("aim", ['tunnel: "*.blob.core.windows.net"', "route: PUT https://x.blob.core.windows.net/**"])
def test_a_status_for_storage_is_told_to_be_out_of_reach(tmp_path: Path, aim: str) -> None:
    found = mistakes(tmp_path, f"- fault: status\n  status: 503\n  {aim}\n")
    assert len(found) == 1
    assert found[0].startswith(":3: ")
    assert "TLS ends in Azurite, so no status can be put into it: aim a reset, slow or refuse at 'tunnel'" in found[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ": there is no list of rules"),
        ("rules: {}\n", ":1: there is no list of rules"),
        ("- {fault: reset\n", ":2: it is not YAML: expected ',' or '}', but got '<stream end>'"),
        ("- fault: reset\n  fault: slow\n  route: x\n  seconds: 1\n", ":2: the key 'fault' is there twice"),
        ("seed: -1\nrules: []\n", ":1: seed: -1 is not a whole number from 0 on"),
        ("rules: []\nrule: 1\n", ":2: unknown key 'rule': rules, seed"),
        ("- fault: reset\n  route: a\n  name: two words\n", ":3: name: 'two words' is not a name: "),
        (
            "- fault: reset\n  name: a\n  route: x\n- fault: reset\n  name: a\n  route: x\n",
            ":4: name: there is a rule 'a'",
        ),
        ("- fault: reset\n  tunnel: x\n  performed: true\n", ":3: performed: means nothing together with 'tunnel'"),
        ("- fault: refuse\n  tunnel: x\n  node: a\n", ":3: node: means nothing to the fault refuse"),
        ("- fault: reset\n  tunnel: x\n  route: a\n", ":2: route and tunnel: only one of them can be given"),
        ("- fault: reset\n  route: !python/object x\n", ":2: it cannot be read: "),
    ],
)
def test_a_wrong_file(tmp_path: Path, text: str, line: str) -> None:
    assert line in "\n".join(mistakes(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"none\.yml: No such file or directory"):
        files.load(tmp_path / "none.yml")


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "emulator-faults.md").read_text()
    file = tmp_path / "rules.yml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    assert [rule.fault for rule in files.load(file)] == ["status", "preempted_node", "reset"]
    told = {line.split("|")[1].strip(" `") for line in page.splitlines() if line.startswith("| `")}
    assert told - {"fault"} == set(validation.FAULTS)
