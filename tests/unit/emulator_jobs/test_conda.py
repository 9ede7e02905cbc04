import pytest

from azureml_emulator.jobs.environment import conda
from azureml_emulator.jobs.environment.definition import Requirements, UnusableEnvironment


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
        variables=(("OMP_NUM_THREADS", "2"),),
    )


@pytest.mark.parametrize(
    ("dependency", "version"),
    [
        ("python=3.11", "3.11"),
        ("python==3.11.4", "3.11"),
        ("python>=3.10,<3.12", ">=3.10,<3.12"),
        ("python=3.8.*=*_cpython", "3.8"),
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
        ("dependencies: [python=3.11, r-base=4]", "conda package 'r-base' cannot be installed"),
        ("dependencies: ['conda-forge::lalsuite']", "conda package 'lalsuite' cannot be installed"),
        ("dependencies: [{npm: [left-pad]}]", "no `pip` list: npm"),
        ("dependencies: python", "not a list"),
        ("dependencies: [numpy=1.21|1.22]", "'numpy=1.21|1.22' in the conda file cannot be asked of PyPI"),
        ("dependencies: ['numpy[version=1]']", "'numpy.version=1.' in the conda file cannot be asked of PyPI"),
        ("dependencies: [python=three]", "cannot tell a Python version"),
        ("dependencys: []", "unknown keys: dependencys"),
        ("[python]", "not a mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_what_cannot_be_met_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(UnusableEnvironment, match=problem):
        conda.read(text)


@pytest.mark.conformance("environments: a conda file, with conda packages that PyPI has")
@pytest.mark.parametrize(
    ("package", "line", "note"),
    [
        ("numpy", "numpy", "conda package numpy is installed from PyPI"),
        ("numpy=1.21", "numpy==1.21.*", "conda package numpy is installed from PyPI"),
        ("numpy==1.21.2", "numpy==1.21.2", "conda package numpy is installed from PyPI"),
        ("numpy=1.21.2=py38h6c91a56_0", "numpy==1.21.2.*", "conda package numpy is installed from PyPI"),
        ("numpy 1.21.2", "numpy==1.21.2", "conda package numpy is installed from PyPI"),
        ("numpy ~=1.22.0", "numpy~=1.22.0", "conda package numpy is installed from PyPI"),
        ("pandas >=1.1, <2", "pandas>=1.1,<2", "conda package pandas is installed from PyPI"),
        ("conda-forge::Scikit-Learn=1.5.*", "scikit-learn==1.5.*", "conda package scikit-learn is installed from PyPI"),
        ("pytorch=2.2", "torch==2.2.*", "conda package pytorch is installed from PyPI as torch"),
        ("pytorch-gpu", "torch", "conda package pytorch-gpu is installed from PyPI as torch"),
        ("pytz=2021e", "pytz==2021e", "conda package pytz is installed from PyPI"),
    ],
)
def test_conda_packages_that_pypi_has_come_from_there(package: str, line: str, note: str) -> None:
    read = conda.read(f"dependencies: ['{package}']")
    assert (read.pip, read.notes) == ((line,), (note,))


@pytest.mark.parametrize(
    "package", ["cudatoolkit=11.3", "nvidia::cuda-toolkit", "pytorch-cuda=12.1", "mkl", "libgcc-ng"]
)
def test_what_nothing_is_missing_without_is_left_out_and_told(package: str) -> None:
    read = conda.read(f"dependencies: ['{package}', six]")
    assert read.pip == ("six",)
    assert "is left out: " in read.notes[0]


def test_programs_are_the_machines_own_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", {"git": "/usr/bin/git"}.get)
    assert "/usr/bin/git of this machine is used" in conda.read("dependencies: [git]").notes[0]
    with pytest.raises(UnusableEnvironment, match="this machine has no ffmpeg"):
        conda.read("dependencies: [ffmpeg]")


def test_a_users_table_comes_first() -> None:
    assert conda.read("dependencies: [lalsuite=7.1]", {"lalsuite": "lal-suite"}).pip == ("lal-suite==7.1.*",)
