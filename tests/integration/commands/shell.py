"""The commands, run in this process."""

import sys

import pytest

from pipeline.cli import main as cli


class Shell:
    """Runs commands in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str, status: int = 0) -> str:
        """Return what a command printed to standard output, or to standard error if it failed."""
        self._monkeypatch.setattr(sys, "argv", ["tapewatch", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self._capsys.readouterr()
        assert ended.value.code == status, said.err
        return said.err if status else said.out
