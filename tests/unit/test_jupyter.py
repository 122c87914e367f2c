"""`sparklimits lab` hands its options to JupyterLab as they are; the other commands refuse what they don't know."""

import pytest

from sparklimits import cli
from sparklimits.student import jupyter


def test_options_go_to_jupyterlab_unchanged(monkeypatch, tmp_path):
    monkeypatch.setenv("SPARKLIMITS_HOME", str(tmp_path))
    (tmp_path / "labs").mkdir()
    calls = []
    monkeypatch.setattr(jupyter.subprocess, "call", lambda command, **rest: calls.append(command) or 7)
    assert cli.main(["lab", "--no-browser", "--port", "9000", "notes"]) == 7
    assert calls[0][-4:] == ["--no-browser", "--port", "9000", "notes"]


@pytest.mark.parametrize("command", [["doctor"], ["run", "lab2_skew"], ["reset", "lab2_skew"]])
def test_other_commands_refuse_unknown_options(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--unknown"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --unknown" in capsys.readouterr().err
