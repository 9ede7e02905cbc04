"""kube-deploy called wrongly: one clear line before anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops_actions.errors import ActionError
from mlops_actions.kube_deploy import DeploymentFailedError, kube_deploy


def fails(cluster: Any, message: str, **given: Any) -> ActionError:
    arguments = {"kubeconfig": str(cluster.kubeconfig), "timeout_minutes": 1, **given}
    with pytest.raises(ActionError, match=message) as caught:
        kube_deploy(**arguments)
    assert not isinstance(caught.value, DeploymentFailedError)
    assert "\n" not in str(caught.value)
    return caught.value


def test_missing_folder(cluster: Any, probe_app: Any, tmp_path: Path) -> None:
    fails(cluster, "there is no folder .*/nowhere", image=probe_app.image("v1"), manifests=tmp_path / "nowhere")


def test_folder_without_kustomization(cluster: Any, probe_app: Any, tmp_path: Path) -> None:
    fails(cluster, "has no kustomization.yaml", image=probe_app.image("v1"), manifests=tmp_path)


def test_bad_yaml_is_named_with_its_line(cluster: Any, probe_app: Any, manifests: Any) -> None:
    bad = manifests.folder / "service.yaml"
    bad.write_text("kind: Service\nspec: [1\nx: y\n")
    error = fails(cluster, "service.yaml is not YAML", image=probe_app.image("v1"), manifests=manifests.folder)
    assert (error.file, error.line) == (str(bad), 3)


def test_kustomization_that_names_a_missing_file(cluster: Any, probe_app: Any, manifests: Any) -> None:
    (manifests.folder / "service.yaml").unlink()
    fails(cluster, "does not build: .*service.yaml", image=probe_app.image("v1"), manifests=manifests.folder)


def test_deployment_that_the_manifests_lack(cluster: Any, probe_app: Any, manifests: Any) -> None:
    fails(
        cluster,
        "has no Deployment 'web', only: probe-app",
        image=probe_app.image("v1"),
        manifests=manifests.folder,
        deployment="web",
    )


def test_cluster_that_does_not_answer(cluster: Any, probe_app: Any, manifests: Any) -> None:
    config = cluster.kubeconfig.read_text().replace("127.0.0.1:6443", "127.0.0.1:9")
    fails(
        cluster,
        "the cluster at https://127.0.0.1:9 does not answer: .*refused",
        image=probe_app.image("v1"),
        manifests=manifests.folder,
        kubeconfig=config,
    )


def test_unknown_context(cluster: Any, probe_app: Any, manifests: Any) -> None:
    fails(
        cluster,
        "the kubeconfig has no 'prod', only: sandbox",
        image=probe_app.image("v1"),
        manifests=manifests.folder,
        context="prod",
    )


@pytest.mark.parametrize(
    ("kubeconfig", "message"),
    [
        ("/no/such/file", "there is no file /no/such/file"),
        ("a: [\nsecret", "the content is not YAML"),
        ("a: 1\nb: 2\n", "names no clusters"),
        ('{"clusters": []}', "names no clusters"),
    ],
)
def test_bad_kubeconfig(kubeconfig: str, message: str, cluster: Any, probe_app: Any, manifests: Any) -> None:
    error = fails(cluster, message, image=probe_app.image("v1"), manifests=manifests.folder, kubeconfig=kubeconfig)
    assert "secret" not in str(error)


def test_image_that_does_not_exist(cluster: Any, probe_app: Any, manifests: Any) -> None:
    for image in (f"{probe_app.registry}/probe-app:none", f"{probe_app.registry}/none@sha256:{'0' * 64}"):
        fails(cluster, f"{image} does not exist in {probe_app.registry}", image=image, manifests=manifests.folder)


def test_tag_whose_registry_does_not_answer(cluster: Any, manifests: Any) -> None:
    fails(cluster, "has no digest, and .*refused", image="127.0.0.1:9/app:v1", manifests=manifests.folder)


@pytest.mark.parametrize("image", ["Not An Image", "app:", "app@sha256:12", "127.0.0.1:5000/"])
def test_text_that_is_not_an_image(image: str, cluster: Any, manifests: Any) -> None:
    fails(cluster, "is not the name of an image", image=image, manifests=manifests.folder)


def test_smoke_file_that_does_not_exist(cluster: Any, probe_app: Any, manifests: Any, tmp_path: Path) -> None:
    fails(
        cluster,
        "smoke-file: there is no file",
        image=probe_app.image("v1"),
        manifests=manifests.folder,
        smoke_path="/predict",
        smoke_file=tmp_path / "none.jpg",
    )


def test_content_of_the_kubeconfig_is_removed(
    cluster: Any, probe_app: Any, manifests: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner_temp = tmp_path / "runner"
    runner_temp.mkdir()
    monkeypatch.setenv("RUNNER_TEMP", str(runner_temp))
    config = cluster.kubeconfig.read_text()
    fails(cluster, "no folder", image=probe_app.image("v1"), manifests=tmp_path / "none", kubeconfig=config)
    assert list(runner_temp.iterdir()) == []
