"""What the commands say of themselves."""

import pytest
from click.testing import CliRunner

from service.__main__ import main
from service.settings import Settings


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_help_of_serve_lists_every_setting(name: str) -> None:
    assert f"SQUINT_{name.upper()} " in CliRunner().invoke(main, ["serve", "--help"]).output


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_says_what_it_does(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0 and len(result.output.splitlines()) > 4
