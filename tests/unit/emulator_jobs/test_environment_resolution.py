"""What images, names of curated environments, lines of requirements and versions of Python are taken for."""

from pathlib import Path

import pytest

from azureml_emulator.curated.catalogue import Catalogue, CatalogueError, read
from azureml_emulator.jobs.environment import images, interpreters, pip_lines
from azureml_emulator.jobs.environment.definition import UnusableEnvironment
from azureml_emulator.jobs.environment.resolve import of_image


@pytest.mark.parametrize(
    ("name", "python", "is_plain"),
    [
        ("python:latest", None, True),
        ("python", None, True),
        ("docker.io/python", None, True),
        ("library/python:latest", None, True),
        ("docker.io/library/python:3.8-slim", "3.8", True),
        ("python:3.10.16", "3.10", True),
        ("python:3.11@sha256:0123", "3.11", True),
        ("ubuntu:22.04", None, True),
        ("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04", None, True),
        ("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:20231011.v1", None, True),
        ("mcr.microsoft.com/azureml/minimal-ubuntu20.04-py38-cpu-inference:latest", "3.8", True),
        ("localhost:5000/team/model:1", None, False),
    ],
)
@pytest.mark.conformance("environments: an image alone")
def test_images_for_python_are_told_by_their_names(name: str, python: str | None, is_plain: bool) -> None:
    found = images.describe(name)
    assert (found.language, found.python, found.is_plain) == (None, python, is_plain)
    assert ("is not known" in of_image(found).notes[0]) is not is_plain


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("rocker/tidyverse:4.0.0-ubuntu18.04", "R"),
        ("docker.io/r-base", "R"),
        ("julia:1.6", "Julia"),
        ("mcr.microsoft.com/dotnet/sdk:8.0", ".NET"),
        ("library/node:20", "Node.js"),
    ],
)
def test_images_for_other_languages_are_refused(name: str, language: str) -> None:
    with pytest.raises(UnusableEnvironment, match=f"is for {language}, and only Docker can run it"):
        of_image(images.describe(name))


@pytest.mark.parametrize(
    ("name", "python", "line"),
    [
        ("sklearn-1.5", "3.10", "scikit-learn==1.5.*"),
        ("mldesigner-minimal", "3.9", "mldesigner"),
        ("AzureML-sklearn-1.0-ubuntu20.04-py38-cpu", "3.8", 'scikit-learn~=1.0.2; python_version < "3.11"'),
        ("AzureML-sklearn-0.24-ubuntu18.04-py37-cpu", "3.7", 'scikit-learn~=0.24.2; python_version < "3.10"'),
        (
            "tensorflow-2.16-cuda12",
            "3.10",
            'tensorflow-cpu==2.16.*; python_version < "3.13" and platform_machine == "x86_64"',
        ),
        ("AzureML-tensorflow-2.4-ubuntu18.04-py37-cuda11-gpu", "3.7", 'numpy<2; python_version < "3.13"'),
        ("acpt-pytorch-2.2-cuda12.1", "3.10", 'torch~=2.2.2; python_version < "3.13"'),
        ("acpt-pytorch-2.8-cuda12.6", "3.10", "torch==2.8.*"),
        ("AzureML-ACPT-pytorch-1.13-py38-cuda11.7-gpu", "3.8", 'torch~=1.13.1; python_version < "3.11"'),
        ("AzureML-pytorch-1.10-ubuntu18.04-py38-cuda11-gpu", "3.8", 'torch~=1.13.1; python_version < "3.11"'),
        ("AzureML-PyTorch-1.3-CPU", "3.8", 'torch~=1.13.1; python_version < "3.11"'),
        ("AzureML-lightgbm-3.3-ubuntu20.04-py38-cpu", "3.8", "lightgbm==3.3.*"),
        ("azureml-lightgbm-3.2-ubuntu18.04-py37-cpu", "3.7", "lightgbm==3.2.*"),
        ("AzureML-Minimal", None, "azureml-mlflow"),
        ("responsibleai-ubuntu20.04-py38-cpu", "3.8", "responsibleai>=0.30"),
    ],
)
@pytest.mark.conformance("environments: curated ones, by a catalogue")
def test_curated_environments_are_found_by_families(name: str, python: str | None, line: str) -> None:
    found = Catalogue().find(name)
    assert found is not None
    assert found.python == python
    assert line in found.pip


def test_every_listed_environment_is_found_and_needs_no_gpu() -> None:
    catalogue = Catalogue()
    for name in catalogue.names():
        found = catalogue.find(name)
        assert found is not None
        assert found.name == name
        assert found.pip
        assert pip_lines.for_cpu(found.pip) == (found.pip, [])


def test_azures_curated_images_are_known() -> None:
    found = Catalogue().of_image("mcr.microsoft.com/azureml/curated/acpt-pytorch-1.13-py38-cuda11.7-gpu:10")
    assert found is not None
    assert found.python == "3.8"
    assert Catalogue().of_image("python:3.8") is None
    assert Catalogue().find("nothing-of-azures") is None


@pytest.mark.conformance("environments: a catalogue of one's own")
def test_a_users_entries_come_first_and_may_change_at_any_time(tmp_path: Path) -> None:
    file = tmp_path / "curated.yaml"
    catalogue = Catalogue(file)
    assert "sklearn-1.5" in catalogue.names()
    file.write_text(
        "environments: [{names: ['sklearn-{version}', our-*], listed: [our-one], pip: ['mine=={version}']}]"
    )
    found = catalogue.find("sklearn-1.5")
    assert found is not None
    assert found.pip == ("mine==1.5",)
    assert "our-one" in catalogue.names()
    file.unlink()
    assert catalogue.find("our-one") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "not a mapping"),
        ("environs: []", "not a mapping with"),
        ("environments: 1", "not a list"),
        ("environments: [a]", "environment 1 is not a mapping"),
        ("environments: [{pip: [a]}]", "environment 1 has no `names`"),
        ("environments: [{names: [a], pips: []}]", "unknown keys: pips"),
        ("environments: [{names: [a], python: 3.10}]", "python is 3.1, not a version in quotes"),
        ("environments: [{names: [a], pip: six}]", "`pip` is not a list of texts"),
        ("packages: [a]", "`packages` is not a mapping"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_catalogue_that_is_wrong_is_an_error(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(CatalogueError, match=problem):
        read(file)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("torch==2.0.1+cu118", "torch==2.0.1"),
        ("tensorflow[and-cuda]==2.16.2", "tensorflow==2.16.2"),
        ("tensorflow-gpu>=2.4", "tensorflow>=2.4"),
        ("onnxruntime_gpu", "onnxruntime"),
        ("--extra-index-url https://download.pytorch.org/whl/cu118", None),
        ("-f https://download.pytorch.org/whl/torch_stable.html", None),
    ],
)
def test_what_is_for_gpus_is_replaced_and_told(line: str, instead: str | None) -> None:
    kept, notes = pip_lines.for_cpu(("six", line))
    assert kept == (("six",) if instead is None else ("six", instead))
    assert line in notes[0]


@pytest.mark.parametrize(
    "line", ["torch==2.2.*", "numpy<2", "--index-url https://example.com/simple", "git+https://x.org/y"]
)
def test_what_is_not_for_gpus_stays(line: str) -> None:
    assert pip_lines.for_cpu((line,)) == ((line,), [])


def test_pins_that_an_error_speaks_of_are_found() -> None:
    lines = ("numpy==1.21.2", "scikit_learn>=1,<2", "pandas", "six==1.16; python_version < '3.9'", "-r x.txt")
    told = "Because numpy==1.21.2 has no wheels and scikit-learn>=1 needs it, pandas and you cannot be satisfied"
    assert pip_lines.pins(lines, told) == ["numpy==1.21.2", "scikit_learn>=1,<2"]


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (None, "3.8 3.9 3.10 3.11"),
        ("3.9", "3.9"),
        ("3.10", "3.10"),
        (">=3.9", "3.9 3.10 3.11"),
        (">=3.9,<3.11", "3.9 3.10"),
        (">3.9", "3.10 3.11"),
        ("<=3.9", "3.8 3.9"),
        ("<=3.9.7", "3.8 3.9"),
        ("~=3.9", "3.9 3.10 3.11"),
        ("!=3.9.*", "3.8 3.10 3.11"),
        ("3", "3.8 3.9 3.10 3.11"),
    ],
)
def test_versions_of_python_are_compared(wanted: str | None, fits: str) -> None:
    assert [one for one in ("3.8", "3.9", "3.10", "3.11") if interpreters.meets(one, wanted)] == fits.split()
