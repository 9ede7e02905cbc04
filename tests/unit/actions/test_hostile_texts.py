"""Whatever a text holds: it is shown, and is no command, no output of its own, no markup, and no secret."""

from __future__ import annotations

import base64
import binascii
import html
import io
import itertools
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions import github, markdown, masking
from mlops_actions.guarded_output import GuardedStream, guarded_output, visible
from tests.hostile_texts import HOSTILE, NUL, SURROGATE
from tests.runner_rules import Command, commands_in, outputs_in

TEXTS = [*HOSTILE.values(), NUL, SURROGATE]
IDS = [*HOSTILE, "nul", "surrogate"]
# Pieces of what is dangerous, put together at random, find what no list of whole texts has.
PIECES = st.sampled_from(
    [
        *(
            "::",
            "##[",
            "]",
            "error",
            "add-mask",
            "stop-commands",
            "\n",
            "\r",
            " ",
            "\t",
            "%",
            "0A",
            "25",
            "x",
            "=",
            "<<",
        ),
        *(
            "end-",
            "EOF",
            "\x1b[31m",
            "\x1b[2J",
            "\x00",
            "\u202e",
            "\u200b",
            "\u2028",
            "\x85",
            "\\",
            "|",
            "`",
            "<b>",
            "*",
        ),
    ]
)
ASSEMBLED = st.lists(PIECES, max_size=30).map("".join) | st.text()

each_text = pytest.mark.parametrize("text", TEXTS, ids=IDS)


@pytest.fixture(autouse=True)
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    yield tmp_path
    masking.forget()


def printed(show: object, capsys: pytest.CaptureFixture[str]) -> tuple[str, list[Command]]:
    """What `show` prints, and what a runner obeys of it."""
    capsys.readouterr()
    with guarded_output(runner=True):
        show()  # type: ignore[operator]
    said = capsys.readouterr()
    return said.out + said.err, [*commands_in(said.out), *commands_in(said.err)]


def say(text: str, stream: object = None) -> None:
    (stream or sys.stdout).write(f"{text}\n")  # type: ignore[attr-defined]


def shows_nothing_hidden(text: str) -> None:
    without_colours = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert visible(without_colours) == without_colours


@each_text
def test_outputs(runner: Path, text: str) -> None:
    github.set_outputs({"first": text, "second": "after"})
    expected = text.replace("\0", "\ufffd").encode(errors="backslashreplace").decode()
    assert outputs_in((runner / "output").read_bytes().decode()) == {"first": expected, "second": "after"}


@given(text=ASSEMBLED)
def test_outputs_of_anything(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "outputs-of-anything"
    file.unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_OUTPUT", str(file))
        github.set_outputs({"first": text, "second": "after"})
    found = outputs_in(file.read_bytes().decode())
    assert list(found) == ["first", "second"]
    assert found["first"] == text.replace("\0", "\ufffd").encode(errors="backslashreplace").decode()


@each_text
def test_a_printed_line(capsys: pytest.CaptureFixture[str], text: str) -> None:
    said, obeyed = printed(lambda: (say(text), say(f"compute {text} is running"), say(text, sys.stderr)), capsys)
    assert obeyed == []
    shows_nothing_hidden(said)


@given(text=ASSEMBLED, cuts=st.lists(st.integers(0, 60), max_size=4))
def test_anything_printed_in_any_pieces(text: str, cuts: list[int]) -> None:
    behind = io.StringIO(newline="")
    stream = GuardedStream(behind, runner=True)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    for begin, end in itertools.pairwise(places):
        stream.write(text[begin:end])
        stream.flush()
    stream.finish()
    assert list(commands_in(behind.getvalue())) == []
    shows_nothing_hidden(behind.getvalue())


def test_what_is_harmless_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "compute a::b: \x1b[1;32mRunning\x1b[0m\tünï 🐼 👩\u200d💻 100% ##"
    said, obeyed = printed(lambda: say(text), capsys)
    assert (said, obeyed) == (f"{text}\n", [])


def test_a_library_that_logs(capsys: pytest.CaptureFixture[str]) -> None:
    def log() -> None:
        logging.Logger("some.library").warning("Uploading %s", "a\n::error::forged")

    said, obeyed = printed(log, capsys)
    assert "\\::error::forged" in said
    assert obeyed == []


@each_text
def test_a_foreign_log_is_not_obeyed(capsys: pytest.CaptureFixture[str], text: str) -> None:
    def show() -> None:
        with github.group("docker build"), github.untrusted_lines():
            say(text)
        github.annotate("notice", "after")

    said, obeyed = printed(show, capsys)
    assert [command.name for command in obeyed] == ["group", "endgroup", "notice"]
    shows_nothing_hidden(said)


@pytest.mark.parametrize("text", [HOSTILE["ansi"], HOSTILE["control"], HOSTILE["right-to-left"]])
def test_a_foreign_log_draws_nothing_on_a_laptop(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    with github.untrusted_lines():
        say(text)
    shows_nothing_hidden(capsys.readouterr().out)


@each_text
def test_an_annotation_is_one_command(capsys: pytest.CaptureFixture[str], text: str) -> None:
    said, obeyed = printed(lambda: github.annotate("error", f"it says {text}", file=text, line=3), capsys)
    assert [command.name for command in obeyed] == ["error"]
    assert said.count("\n") == 1
    assert len(obeyed[0].data) < 4100
    if text.isprintable() and len(text) < 1000:
        assert obeyed[0].data == f"it says {text}"


@each_text
def test_a_title_is_one_command(capsys: pytest.CaptureFixture[str], text: str) -> None:
    def show() -> None:
        with github.group(text):
            pass

    assert [command.name for command in printed(show, capsys)[1]] == ["group", "endgroup"]


@each_text
def test_a_summary_keeps_each_text_in_its_place(runner: Path, text: str) -> None:
    template = runner / "template.md"
    template.write_text("### $title\n\n| A | B |\n|---|---|\n| $cell | last |\n\n$code\nend\n")
    cell = github.table_cell(text)
    github.summarize(template, {"title": cell, "cell": cell, "code": markdown.code_block(text)})
    title, _, heads, rule, row, _, *code, end, _, _ = (runner / "summary").read_text().split("\n")
    assert title.startswith("### ")
    assert (heads, rule, end) == ("| A | B |", "|---|---|", "end")
    assert row.startswith("| ")
    assert row.endswith(" | last |")
    assert row.replace("\\\\", "").replace("\\|", "").count("|") == 3
    assert "<" not in row
    assert all(line.startswith("    ") or not line for line in code)
    shows_nothing_hidden(row)


@given(text=ASSEMBLED)
def test_a_cell_is_one_line_without_markup(text: str) -> None:
    cell = markdown.table_cell(text)
    assert cell.splitlines() in ([], [cell])
    bare = cell.replace("\\\\", "")
    for character in "|`*~$[]":
        assert bare.count(character) == bare.count(f"\\{character}")
    assert "<" not in cell


def test_a_name_is_shown_as_it_is() -> None:
    assert markdown.table_cell("tiny_training-v1.2 (100%): a/b@c") == "tiny_training-v1.2 (100%): a/b@c"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ml.azure.com/runs/x?wsid=/a/b&tid=c", "[j](https://ml.azure.com/runs/x?wsid=/a/b&tid=c)"),
        ("https://x.example/) **b** <img>", "[j](https://x.example/%29%20**b**%20%3Cimg%3E)"),
        ("javascript:alert(1)", "j"),
        ("", "j"),
    ],
)
def test_a_link(url: str, expected: str) -> None:
    assert markdown.link("j", url) == expected


def test_a_summary_that_is_too_long_is_cut_and_says_so(runner: Path) -> None:
    template = runner / "template.md"
    template.write_text("$text")
    for _ in range(3):
        github.summarize(template, {"text": "🐼" * 200_000})
    written = (runner / "summary").read_bytes()
    assert len(written) <= 1024 * 1024
    assert written.decode().endswith("(The rest is left out: a summary has no more than 1 MiB.)\n")


SECRETS = ["pa/ss w+rd?&=%", 'quo"ted\\secret<1>', "plain-secret-123", "ünï-gehëim", "~8Q~aB.c_D-e" * 3]


def encodings(secret: str) -> Iterator[str]:
    yield secret
    yield from (
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        re.sub("%..", lambda code: code[0].lower(), quote(secret)),
    )
    yield from (json.dumps(secret), json.dumps(secret, ensure_ascii=False), html.escape(secret))
    for before in ("", "a", "ab", "user:"):
        for after in ("", "z", "zz"):
            whole = f"{before}{secret}{after}".encode()
            yield from (base64.b64encode(whole).decode(), base64.urlsafe_b64encode(whole).decode())


def decoded(text: str) -> str:
    try:
        return base64.b64decode(text, altchars=b"-_" if {*text} & {*"-_"} else None).decode(errors="replace")
    except binascii.Error:
        return ""


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_hidden_in_all_its_forms(runner: Path, capsys: pytest.CaptureFixture[str], secret: str) -> None:
    github.mask(secret)
    masks = {command.data for command in commands_in(capsys.readouterr().out)}
    for form in encodings(secret):
        shown = masking.without_secrets(f"it is {form}.")
        assert "***" in shown
        before, *_, after = shown.removeprefix("it is ").removesuffix(".").split("***")
        # Of base64 a character at each end may stay, which has bits of what stands beside the secret too.
        kept = [before, after, decoded(before[: len(before) // 4 * 4]), decoded(after[-(len(after) // 4 * 4) or 9 :])]
        pieces = [secret[begin : begin + 4] for begin in range(len(secret) - 3)]
        assert not any(piece in text for text in kept for piece in pieces), (form, shown)
        assert any(mask in form for mask in masks), form


def test_a_secret_of_several_lines_is_hidden_whole_and_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    secret = json.dumps({"clientId": "an-application", "clientSecret": "one-canary-secret"}, indent=2)
    github.mask(secret)
    masks = [command.data for command in commands_in(capsys.readouterr().out)]
    assert "{" not in masks
    assert '"clientSecret": "one-canary-secret"' in masks
    assert "one-canary" not in masking.without_secrets(f"x\n{secret}\ny")
    encoded = base64.b64encode(secret.encode()).decode()
    assert masking.without_secrets(encoded) == "***"


@pytest.mark.parametrize(
    "text",
    [
        "https://x.blob.core.windows.net/c/b?sv=2024&sig=aB%2Bc0123456789%3D&se=2030",
        "url: /c/b?sig=aB%2Bc0123456789%3D (Caused by",
        "AccountKey=aB%2Bc0123456789%3D;EndpointSuffix=x",
        "Bearer eyJhbGciOiJub25l.eyJzdWIiOiJhQiUyQmMwMTIzNDU2Nzg5In0.aB_2Bc0123456789",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    shown = masking.without_secrets(text)
    assert "0123456789" not in shown
    assert "***" in shown


def test_secrets_are_in_no_output_summary_annotation_or_line(runner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "a-canary-that-nobody-sees"
    template = runner / "template.md"
    template.write_text("### $title\n\n$code\n")
    github.mask(secret)
    capsys.readouterr()

    def show() -> None:
        github.set_outputs({"o": f"x{secret}"})
        github.summarize(template, {"title": github.table_cell(secret), "code": markdown.code_block(secret)})
        github.annotate("error", f"refused: {secret}")
        say(f"said {secret}")
        with github.untrusted_lines(), github.group(f"of {secret}"):
            say(f"log {secret}")

    said, _ = printed(show, capsys)
    for text in (said, (runner / "output").read_text(), (runner / "summary").read_text()):
        assert secret not in text
        assert "***" in text


def test_a_command_is_one_when_a_library_has_wrapped_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The SDK's colorama does so when it colours an error."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with github.guarded():
        sys.stdout = io.TextIOWrapper(Through(sys.stdout), write_through=True)
        sys.stdout.write("::error::a library's\n")
        github.annotate("error", "ours")
        with github.untrusted_lines():
            sys.stdout.write("::error::a job's\n")
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["\\::error::a library's", "::error::ours"]
    assert said[3] == "::error::a job's"


class Through(io.RawIOBase):
    def __init__(self, behind: TextIO) -> None:
        self.behind = behind

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self.behind.write(bytes(data).decode())
