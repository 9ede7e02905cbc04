import pytest

from azureml_emulator.jobs.definition.references import NodeOutput, ParentInput, ParentOutput, parse, render_command


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("${{parent.inputs.epochs}}", ParentInput("epochs")),
        ("${{ parent.inputs.group.epochs }}", ParentInput("group.epochs")),
        ("${{parent.outputs.model}}", ParentOutput("model")),
        ("${{ parent.jobs.train.outputs.model }}", NodeOutput("train", "model")),
        ("a value", None),
        ("", None),
    ],
)
def test_a_reference_is_read(text: str, reference: object) -> None:
    assert parse(text) == reference


@pytest.mark.parametrize(
    "text",
    [
        "${{inputs.epochs}}",
        "${{parent.jobs.train.inputs.model}}",
        "${{parent.jobs.train.outputs}}",
        "${{parent.inputs.a}} and more",
        "${{}}",
    ],
)
def test_what_is_no_reference_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"expression|is none of"):
        parse(text)


def test_a_command_gets_its_values() -> None:
    command = "train --data ${{inputs.data}} --epochs ${{ inputs.epochs }} --to ${{outputs.model}}/m"
    rendered = render_command(command, {"data": "/in", "epochs": "5"}, {"model": "/out"})
    assert rendered == "train --data /in --epochs 5 --to /out/m"


def test_an_optional_part_is_left_out_without_its_input() -> None:
    command = "train $[[--seed ${{inputs.seed}}]] $[[--rate ${{inputs.rate}} --decay ${{inputs.decay}}]]"
    assert render_command(command, {"seed": "1", "rate": "2"}, {}).split() == ["train", "--seed", "1"]


def test_a_value_is_not_read_as_an_expression() -> None:
    assert render_command("echo ${{inputs.a}}", {"a": "${{inputs.b}}"}, {}) == "echo ${{inputs.b}}"


@pytest.mark.parametrize("command", ["${{inputs.gone}}", "${{outputs.gone}}", "${{parent.inputs.a}}", "${{x}}"])
def test_a_command_without_a_value_is_an_error(command: str) -> None:
    with pytest.raises(ValueError, match=r"has no value|neither an input nor an output"):
        render_command(command, {"a": "1"}, {})
