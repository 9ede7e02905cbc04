from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from benchmarks import report
from benchmarks.report import merge
from benchmarks.serving import contenders, figures, page, photos
from benchmarks.serving.closed_loop import Load
from benchmarks.serving.open_loop import Offered
from benchmarks.serving.overload import Overload, Probe, back_to_normal
from benchmarks.serving.rounds import CONNECTIONS, Measured, Results
from soak.serving.overload import Outcome

RATES = {"plain": 10, "litserve": 150, "litserve_batches": 160, "bentoml": 100, "mlserver": 200, "ours": 300}


def load(rate: float, milliseconds: float, errors: int = 0) -> Load:
    answered = Counter({200: int(rate * 4), 503: errors})
    return Load(4, answered, 0, Counter({int(milliseconds * 1000): answered.total()}))


def measured(rate: float) -> Measured:
    one = Measured(megabytes=[90, 100, 95], seconds_to_ready=[1, 2, 9], seconds_to_first_prediction=[1.5, 2.5, 9])
    for number in CONNECTIONS:
        # Neither a round that was disturbed counts, nor one that was lucky.
        one.loads[number] = [load(rate, 1000 * number / rate), load(2 * rate, 400 * number / rate), load(1, 9000, 3)]
    return one


def found() -> figures.Figures:
    results = Results({key: measured(rate) for key, rate in RATES.items()}, {1: [310, 400, 320], 4: [300, 300, 300]})
    steady = Offered(Counter({200: 1000}), Counter(), Counter({5000: 990, 12_000: 10}), 0, 5)
    crowded = Overload(
        300, Offered(Counter({200: 3000, 503: 27_000}), Counter(), Counter({9000: 3000}), 0, 10), 100, 106, 99, 0.1
    )
    return {
        "model_parameters": 4_623_875,
        **figures.ratios(results),
        **figures.at_seventy_percent(steady, results.servers["ours"]),
        **crowded.figures(),
        **figures.raw(results),
        **{f"{key}_installed_mb": 100 for key in RATES},
        **{f"{name}_ms_at_batch_{batch}": 1.5 for name in ("onnxruntime", "litert") for batch in (1, 8)},
    }


def test_the_service_against_the_best_of_its_peers() -> None:
    told = found()
    assert told["rps_over_plain"] == 30
    assert [told[f"rps_over_best_peer_{number}"] for number in CONNECTIONS] == [1.5] * 4
    assert told["p99_over_best_peer_32"] == pytest.approx(2 / 3, abs=0.001)
    assert told["rps_over_limit_8"] == pytest.approx(300 / 320, abs=0.001)
    assert told["pss_mb_under_load"] == 100
    assert told["seconds_to_first_prediction"] == 2.5
    assert told["ours_errors_8"] == 3
    assert told["p99_at_70_percent_over_alone"] == pytest.approx(5 / (1000 / 300), abs=0.01)
    assert told["overload_times_peak_offered"] == pytest.approx(10, abs=0.01)
    assert told["overload_errors_but_503"] == 0
    assert told["overload_pss_growth_mb"] == 6


def test_every_figure_that_is_asked_for_is_in_the_report_or_said_to_be_missing() -> None:
    told = found()
    assert [wanted.key for wanted in figures.WANTED if wanted.key not in told] == [
        "image_seconds_to_first_prediction",
        "image_mb_beyond_base",
    ]
    short = figures.unmet(told)
    assert "image beyond its base, uncompressed, MB: not measured" in short
    assert "ten times the peak: growth of memory (PSS), MB: 6, wanted at most 5" in short
    assert not any("plain API" in line for line in short)


def test_the_page_names_all() -> None:
    text = page.text(found(), {"wrk": "4.1.0", "vegeta": "v12.12.0"}, photos="120 real photos")
    for one in contenders.ALL:
        assert f"| {one.name} | " in text
        assert one.how in text
    assert "4,623,875 parameters" in text
    assert "| LiteRT | 1.50 | 1.50 |" in text
    assert "| image beyond its base, uncompressed, MB | not measured | at most 130 | **no** |" in text


def test_back_to_normal_is_counted_from_the_last_request_of_the_load() -> None:
    probes = [Probe(9.0, 0.001), Probe(10.05, 0.1), Probe(10.2, None), Probe(10.5, 0.2), Probe(10.7, 0.01)]
    assert back_to_normal(probes, 10.0, normal=0.02) == pytest.approx(0.7)
    with pytest.raises(report.BenchmarkError, match="no request alone was answered within 5 ms"):
        back_to_normal(probes, 10.0, normal=0.005)


def test_a_soak_calls_each_fault_of_an_overload_by_its_name() -> None:
    offered = Offered(Counter({200: 50, 503: 900, 500: 1, 0: 2}), Counter({"EOF": 2}), Counter({9000: 50}), 0, 1)
    assert Outcome(Overload(100, offered, 100, 150, 120, 2.5), 60).mistakes() == [
        "overload: 2 connections broke",
        "overload: 1 answers of status 500",
        "overload: most often: EOF",
        "overload: memory grew by 50 MB",
        "overload: back to normal only after 2.5 s",
    ]
    good = Offered(Counter({200: 50, 503: 900}), Counter(), Counter({9000: 50}), 0, 1)
    assert Outcome(Overload(100, good, 100, 104, 102, 0.4), 60).mistakes() == []


def test_a_bench_leaves_the_figures_of_the_soak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "REPORTS", tmp_path)
    merge("serving", {"soak_a": 1, "b": 2}, others=("soak_",))
    merge("serving", {"c": 3}, others=("soak_",))
    assert (tmp_path / "serving.json").read_text() == '{\n  "c": 3,\n  "soak_a": 1\n}\n'


def test_drawn_photos_where_there_are_no_real_ones(tmp_path: Path) -> None:
    sample = photos.sample(tmp_path, count=2)
    assert sample.described.startswith("2 drawn photos, as there are no real ones beside this project: 2 of 500 x 375")
    forms = photos.write_forms(sample, tmp_path / "out")
    body = (forms.folder / "1").read_bytes()
    assert sample.files[1] in body
    assert body.startswith(b"--" + forms.content_type.partition("boundary=")[2].encode())


@pytest.mark.parametrize("peer", sorted(path.parent.name for path in contenders.PEERS.glob("*/requirements.in")))
def test_every_package_of_a_peer_is_pinned_with_its_hashes(peer: str) -> None:
    text = (contenders.PEERS / peer / "requirements.txt").read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert "==" in line, line
        assert "--hash=sha256:" in line, line


def test_the_environment_of_the_training_is_pinned() -> None:
    file = Path(report.ROOT / "environment" / "conda" / "tensorflow.yaml")
    (pins,) = (entry["pip"] for entry in yaml.safe_load(file.read_text())["dependencies"] if isinstance(entry, dict))
    assert all("==" in pin for pin in pins)
