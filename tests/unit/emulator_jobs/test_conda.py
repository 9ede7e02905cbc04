import pytest

from azureml_emulator.jobs import conda
from azureml_emulator.jobs.conda import Requirements, UnusableEnvironment


def test_python_and_the_pip_section_are_taken() -> None:
    text = """
name: train
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
      - pillow==12.0.0
      - --extra-index-url https://example.com/simple
variables: {OMP_NUM_THREADS: 2}
"""
    assert conda.read(text) == Requirements(
        python="3.11",
        pip=("pillow==12.0.0", "--extra-index-url https://example.com/simple"),
        has_pip=True,
        variables=(("OMP_NUM_THREADS", "2"),),
    )


@pytest.mark.parametrize(
    ("dependency", "version"),
    [
        ("python=3.11", "3.11"),
        ("python==3.11.4", "3.11"),
        ("python>=3.10,<3.12", "3.10"),
        ("python 3.12", "3.12"),
        ("conda-forge::python=3.13", "3.13"),
        ("python", None),
    ],
)
def test_the_python_version_is_read(dependency: str, version: str | None) -> None:
    assert conda.read(f"dependencies: ['{dependency}']").python == version


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dependencies: [python=3.11, numpy=2]", "conda package 'numpy' cannot be installed"),
        ("dependencies: ['nvidia::cudatoolkit']", "conda package 'cudatoolkit' cannot be installed"),
        ("dependencies: [{npm: [left-pad]}]", "no `pip` list: npm"),
        ("dependencies: python", "not a list"),
        ("dependencies: [python=three]", "cannot tell a Python version"),
        ("dependencys: []", "unknown keys: dependencys"),
        ("[python]", "not a mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_what_cannot_be_met_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(UnusableEnvironment, match=problem):
        conda.read(text)
