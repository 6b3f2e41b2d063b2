"""A mistyped name is answered with the nearest one, before anything slow is imported; and help texts read well."""

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from service import __main__ as service
from service.errors import did_you_mean
from tests.conftest import REPOSITORY
from training import cli as training

# Words of a command, and what its answer must hold.
MISTYPED = {
    "train mnsit": "no recipe is called 'mnsit' (did you mean 'mnist'?)",
    "train textbok": "(did you mean 'textbook'?)",
    "reproduce --recipe mnist_lenet": "(did you mean 'mnist_lenet5'?)",
    "inspect fashion_mnsit": "no data set is called 'fashion_mnsit' (did you mean 'fashion_mnist'?)",
    "evaluate models/mnst/2": "models/mnst does not exist (did you mean 'mnist'?)",
    "evaluate --wild docs --model mnsit": "no model called 'mnsit' (did you mean 'mnist'?)",
    "export modls/mnist/2": "modls does not exist (did you mean 'models'?)",
    "export models/mnist/2 --data-set mnsit": "no data set is called 'mnsit' (did you mean 'mnist'?)",
    "compare models models/cifar": "models/cifar does not exist (did you mean 'cifar10'?)",
    "trian mnist": "No such command 'trian'. Did you mean 'train'?",
    "train mnist --epoch 3": "No such option '--epoch'. Did you mean '--epochs'?",
}
# Runs each line of its input as a command; prints what they say, and what was imported by them.
RUN_ALL = """
import json, sys
from click.testing import CliRunner
from training.cli import main
results = [CliRunner().invoke(main, line.split()) for line in sys.stdin.read().splitlines()]
answers = [[result.exit_code, result.output] for result in results]
print(json.dumps([answers, sorted({"tensorflow", "keras", "jax"} & set(sys.modules))]))
"""


def test_a_mistyped_name_is_answered_with_the_nearest_before_tensorflow_is_imported() -> None:
    words = [sys.executable, "-c", RUN_ALL]
    lines = "\n".join(MISTYPED)
    ran = subprocess.run(words, cwd=REPOSITORY, input=lines, capture_output=True, text=True, check=True)
    answers, imported = json.loads(ran.stdout)
    for (command, expected), (exit_code, output) in zip(MISTYPED.items(), answers, strict=True):
        assert exit_code != 0 and expected in output, command
    assert imported == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["predict", "mnsit", "x.png"], "there is no model 'mnsit' (did you mean 'mnist'?)"),
        (["predct", "mnist", "x.png"], "No such command 'predct'. Did you mean 'predict'?"),
        (["predict", "mnist", "x.png", "--jsn"], "No such option '--jsn'."),
    ],
)
def test_so_is_one_given_to_the_service(words: list[str], expected: str) -> None:
    result = CliRunner().invoke(service.main, words)
    assert result.exit_code != 0 and expected in result.output


def test_a_name_like_no_other_is_answered_without_a_guess() -> None:
    assert did_you_mean("zzz", ["mnist", "cifar10"]) == "" == did_you_mean("mnist", [])
    assert did_you_mean("mnist" + 1_000_000 * "x", ["mnist"]) == ""


@pytest.mark.parametrize("group", [training.main, service.main], ids=["training", "service"])
def test_help_texts_show_no_formatting_characters(group: click.Group) -> None:
    for words in ([], *([name] for name in group.commands)):
        result = CliRunner().invoke(group, [*words, "--help"])
        assert result.exit_code == 0 and "\b" not in result.output and "\\b" not in result.output, words


def test_the_examples_in_the_help_are_lines_of_their_own() -> None:
    lines = CliRunner().invoke(training.main, ["--help"]).output.splitlines()
    examples = [line.strip() for line in lines if line.strip().startswith("python -m training ")]
    assert len(examples) == 3 and all(example.count("python") == 1 for example in examples)
