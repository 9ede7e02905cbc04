from pathlib import Path

import pytest

from azureml_emulator.jobs.environment import dockerfile, dockerfile_steps
from azureml_emulator.jobs.environment.definition import Requirements, UnusableEnvironment

CONDA = """
dependencies: [python=3.10, numpy=1.26, {pip: [six]}]
variables: {MODE: fast}
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context with requirements, a conda file, and a file beside it that is not part of it."""
    folder = tmp_path / "context"
    (folder / "deep").mkdir(parents=True)
    (folder / "requirements.txt").write_text("# these\npillow==12.0.0\n\ntqdm\n")
    (folder / "deep" / "more.txt").write_text("rich\n")
    (folder / "conda.yaml").write_text(CONDA)
    (tmp_path / "secret.txt").write_text("six\n")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


def read(text: str, context: Path) -> Requirements:
    return dockerfile_steps.read(text, context, {})[1]


def test_comments_and_continued_lines_are_no_part_of_an_instruction() -> None:
    text = "FROM python\nRUN pip install \\\n   # a comment\n\n   six \\\n   rich\n"
    assert [(one.name, one.rest.split()) for one in dockerfile.instructions(text)] == [
        ("FROM", ["python"]),
        ("RUN", ["pip", "install", "six", "rich"]),
    ]


def test_the_images_that_a_build_begins_with_are_found() -> None:
    text = "ARG V=1\nFROM base:${V} AS one\nFROM --platform=linux/amd64 other AS two\nFROM one\nCOPY --from=two a b\n"
    assert dockerfile.bases(text) == ["base:1", "other"]
    assert dockerfile.last(dockerfile.stages(text)).image == "base:1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "no FROM"), ("RUN a", "begins with RUN"), ("FROM", "names no image"), ("FROM a\n{}", "no instruction")],
)
def test_what_is_no_dockerfile_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(UnusableEnvironment, match=problem):
        dockerfile.stages(text)


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        (
            "COPY requirements.txt .\nRUN pip install -r requirements.txt && rm requirements.txt",
            ["pillow==12.0.0", "tqdm"],
        ),
        (
            "COPY requirements.txt /tmp/\nRUN pip3 install --no-cache-dir -r /tmp/requirements.txt",
            ["pillow==12.0.0", "tqdm"],
        ),
        ("COPY requirements.txt /tmp/r\nRUN python -m pip install -qr /tmp/r", ["pillow==12.0.0", "tqdm"]),
        (
            'COPY ["requirements.txt", "/a/"]\nWORKDIR /a\nRUN pip install -r requirements.txt',
            ["pillow==12.0.0", "tqdm"],
        ),
        ("WORKDIR /app\nCOPY . .\nRUN pip install -r deep/more.txt", ["rich"]),
        ("COPY d*p /x\nRUN pip install --requirement=/x/more.txt", ["rich"]),
        ("ARG V=1.2\nRUN pip install 'lightgbm>=1,<2' \"six==$V\"", ["lightgbm>=1,<2", "six==1.2"]),
        ("RUN pip install -U pip==21 six -i https://x.org/simple", ["--index-url https://x.org/simple", "six"]),
        ("RUN set -eux; HOROVOD_WITH_PYTORCH=1 pip install six; true", ["six"]),
        ("RUN conda install -y -c conda-forge numpy=1.26 'pandas>=2'", ["numpy==1.26.*", "pandas>=2"]),
        ("RUN conda run -p /azureml-envs/x pip install six && conda clean -a -y", ["six"]),
        ("RUN pip install --upgrade pip\nRUN pip cache purge", []),
        ('USER 1000\nCMD ["bash"]\nLABEL a=b\nEXPOSE 80', []),
    ],
)
def test_what_steps_install_is_found(steps: str, lines: list[str], context: Path) -> None:
    assert list(read(f"FROM python:3.8\n{steps}\n", context).pip) == lines


@pytest.mark.conformance("environments: a build context without Docker")
def test_a_dockerfile_as_azures_own_images_have_it_is_followed(context: Path) -> None:
    text = """FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest
WORKDIR /
ENV CONDA_PREFIX=/azureml-envs/mine
ENV PATH=$CONDA_PREFIX/bin:$PATH GREETING="hello you" LD_LIBRARY_PATH=$CONDA_PREFIX/lib
COPY conda.yaml .
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 git && rm -rf /var/lib/apt/lists/*
RUN conda env create -p $CONDA_PREFIX -f conda.yaml -q && \\
    rm conda.yaml && conda run -p $CONDA_PREFIX pip cache purge
"""
    image, found = dockerfile_steps.read(text, context, {})
    assert image == "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
    assert found == Requirements(
        python="3.10",
        pip=("numpy==1.26.*", "six"),
        variables=(("GREETING", "hello you"), ("MODE", "fast")),
        notes=(
            "Not installed, this machine's own are used: libgl1, git",
            "conda package numpy is installed from PyPI",
        ),
    )


def test_steps_of_the_stages_that_the_last_one_is_built_on_count(context: Path) -> None:
    text = "FROM python AS one\nRUN pip install six\nFROM other AS two\nRUN make\nFROM one\nRUN pip install rich\n"
    assert read(text, context).pip == ("six", "rich")


@pytest.mark.parametrize(
    "step",
    [
        "RUN git clone https://example.com/x",
        "RUN pip install six && ./configure",
        "RUN curl https://example.com/x | sh",
        "RUN pip install $(cat requirements.txt)",
        "RUN pip install .",
        "RUN pip install -e /src",
        "RUN pip install ./x.whl",
        "RUN pip install --no-deps six",
        "RUN pip install -r /elsewhere/requirements.txt",
        "RUN pip uninstall six",
        "RUN apt-get install -y r-base",
        "RUN conda install --file requirements.txt",
        'RUN ["pip", "install", "six"]',
        "RUN <<EOF",
        "RUN pip install 'six",
        "COPY --from=other a b",
        "ADD https://example.com/x /x",
        "ONBUILD RUN pip install six",
    ],
)
def test_a_step_that_is_not_understood_is_named(step: str, context: Path) -> None:
    with pytest.raises(UnusableEnvironment, match="can only be built by Docker, since of this step: ") as raised:
        read(f"FROM python\n{step}\n", context)
    instruction = step.split(maxsplit=1)[0].replace("ADD", "COPY")
    assert f"of this step: {instruction}" in str(raised.value)


@pytest.mark.parametrize("source", ["missing.txt", "../secret.txt", "link.txt"])
def test_what_is_not_in_the_context_cannot_be_copied(source: str, context: Path) -> None:
    with pytest.raises(UnusableEnvironment, match="the build context"):
        read(f"FROM python\nCOPY {source} /a/\nRUN pip install -r /a/{source}\n", context)


def test_a_link_in_a_copied_folder_leads_nowhere(context: Path) -> None:
    with pytest.raises(UnusableEnvironment, match=r"link\.txt is not from the build context"):
        read("FROM python\nCOPY . /a/\nRUN pip install -r /a/link.txt\n", context)
