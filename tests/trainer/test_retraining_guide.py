"""The table for people who come from retrain.py: complete, and every option in it exists."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from monitor.cli import app

GUIDE = Path(__file__).parents[2] / "docs" / "retraining.md"

OLD_FLAGS = tuple(
    """
    image_dir output_graph intermediate_output_graphs_dir intermediate_store_frequency
    output_labels summaries_dir how_many_training_steps learning_rate testing_percentage
    validation_percentage eval_step_interval train_batch_size test_batch_size
    validation_batch_size print_misclassified_test_images bottleneck_dir final_tensor_name
    flip_left_right random_crop random_scale random_brightness tfhub_module saved_model_dir
    logging_verbosity checkpoint_path model_dir architecture
""".split()  # noqa: SIM905 - a list of 27 words reads better without quotes
)


def offered() -> dict[str, set[str]]:
    """The options of each command, and of the program itself."""
    program = get_command(app)
    commands = {"": program, **program.commands}  # type: ignore[attr-defined]  # it is a group
    return {
        name: {
            text
            for parameter in command.params
            for text in (*parameter.opts, *parameter.secondary_opts)
        }
        for name, command in commands.items()
    }


def rows() -> dict[str, str]:
    """What stands for each old flag."""
    _, _, section = GUIDE.read_text("utf-8").partition("## For those who come from retrain.py")
    section, _, _ = section.partition("\n## ")
    return dict(re.findall(r"^\| `--(\w+)` \| (.+) \|$", section, re.MULTILINE))


def test_every_old_flag_has_its_row() -> None:
    assert sorted(rows()) == sorted(OLD_FLAGS)


@pytest.mark.parametrize("old", OLD_FLAGS)
def test_what_a_row_names_is_there(old: str) -> None:
    commands = offered()
    here = rows()[old]
    named = re.findall(r"`emberwatch ([\w-]+)`", here)
    known = commands["train"] | commands[""]
    for name in named:
        known = known | commands[name]
    options = re.findall(r"`(--[\w-]+)", here)
    assert set(options) <= known
    assert options or named or "no option" in here or "labels.txt" in here or "BUNDLE." in here
