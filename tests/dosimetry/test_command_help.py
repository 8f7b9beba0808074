"""Every command of ``python -m dosimetry`` says what it takes."""

import pytest

from dosimetry.__main__ import main


@pytest.mark.parametrize("command", ["", "analyse", "reconstruct", "population", "phantom", "train", "compare"])
def test_help_is_printed(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command.split(), "--help"])
    assert stopped.value.code == 0
    assert "usage: python -m dosimetry" in capsys.readouterr().out
