from __future__ import annotations

import os
from pathlib import Path

import pytest
from animal_classifier import cores


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return tmp_path / "cgroup"


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="ascii")


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({}, 8),
        ({"": "max 100000\n"}, 8),
        ({"a/b": "200000 100000\n"}, 2),
        ({"a/b": "150000 100000\n"}, 2),
        ({"a/b": "10000 100000\n"}, 1),
        ({"a": "300000 100000\n", "a/b": "max 100000\n"}, 3),
        ({"": "100000 100000\n", "a/b": "300000 100000\n"}, 1),
        ({"a/b": "9900000 100000\n"}, 8),
    ],
)
def test_version_2(tmp_path: Path, mount: Path, quotas: dict[str, str], expected: int) -> None:
    group(mount / "a" / "b")
    for name, quota in quotas.items():
        group(mount / name, cpu__max=quota)
    (tmp_path / "membership").write_text("0::/a/b\n", encoding="ascii")
    assert cores.granted(tmp_path / "membership", mount) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1\n", 8), ("250000\n", 3)])
def test_version_1(tmp_path: Path, mount: Path, quota: str, expected: int) -> None:
    group(mount / "cpu,cpuacct" / "pod", cpu__cfs_quota_us=quota, cpu__cfs_period_us="100000\n")
    lines = ("11:memory:/pod", "4:cpu,cpuacct:/pod", "1:name=systemd:/pod")
    (tmp_path / "membership").write_text("\n".join(lines), encoding="ascii")
    assert cores.granted(tmp_path / "membership", mount) == expected


def test_a_container_that_sees_only_its_own_group(tmp_path: Path, mount: Path) -> None:
    group(mount, cpu__max="400000 100000\n")
    (tmp_path / "membership").write_text("0::/kubepods/pod1/abc\n", encoding="ascii")
    assert cores.granted(tmp_path / "membership", mount) == 4


def test_without_control_groups(tmp_path: Path, mount: Path) -> None:
    assert cores.granted(tmp_path / "none", mount) == 8
