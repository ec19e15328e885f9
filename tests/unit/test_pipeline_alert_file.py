"""The file that `tapewatch listen` keeps alerts in."""

from pathlib import Path

from alerts.messages import event_body
from alerts.types import TransitionKind
from pipeline.alert_file import AlertFile
from tests.unit.alert_events import event

BODY = event_body(event()).encode()


def test_a_file_of_alerts_has_each_event_once_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    resolved = event_body(event(TransitionKind.RESOLVED)).encode()
    with AlertFile(path) as file:
        assert [file.append(BODY), file.append(BODY)] == [True, False]

    with AlertFile(path) as file:
        assert [file.append(BODY), file.append(resolved)] == [False, True]

    assert path.read_bytes().splitlines() == [BODY, resolved]


def test_a_line_that_a_crash_cut_short_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b'{"kept": 1}\n' + BODY[:50])

    with AlertFile(path) as file:
        file.append(BODY)

    assert path.read_bytes() == b'{"kept": 1}\n' + BODY + b"\n"


def test_a_body_of_several_lines_becomes_one(tmp_path: Path) -> None:
    with AlertFile(tmp_path / "alerts.jsonl") as file:
        file.append(b'{\n  "a": "b\\n"\n}')

    assert (tmp_path / "alerts.jsonl").read_text() == '{"a":"b\\n"}\n'
