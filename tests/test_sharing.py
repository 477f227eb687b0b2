"""A learner's notes in a folder of the class: only if they share them, and until they end it."""
import json
import os
import pwd
import stat

import pytest

from pipe_helpers import remembering
from pipe_helpers.chapters import command
from pipe_helpers.chapters.class_table import table
from pipe_helpers.exercises import EXERCISES
from pipe_helpers.remembering import notes, sharing

ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path):
    """The class's folder, in which learners can write, and read nothing."""
    folder = tmp_path / "class"
    folder.mkdir()
    folder.chmod(0o3773)
    return folder


def say(*words):
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    return ended.value.code


def shared(folder):
    return sharing.of_class(folder)[ME]


def test_nothing_is_shared_unless_the_learner_says_so(folder):
    remembering.note("solved", "make_pipe")
    assert list(folder.iterdir()) == [] and sharing.folder() is None


def test_what_is_noted_before_and_after_is_shared_until_the_learner_ends_it(folder, capsys):
    remembering.note("solved", "make_pipe")
    assert say("share", str(folder)) is None
    assert shared(folder) == {"solved": {"make_pipe": ""}, "done": {}, "answered": {}}
    remembering.note("answered", "03_open.1", "2 right")
    assert shared(folder)["answered"] == {"03_open.1": "2 right"}
    assert say("share") is None and str(folder) in capsys.readouterr().out
    assert [path.name for path in folder.iterdir()] == [f"{ME}.json"]

    assert say("share", "--end") is None
    assert list(folder.iterdir()) == []
    remembering.note("done", "wake a sleeper")
    assert list(folder.iterdir()) == []
    assert notes.noted("solved") == {"make_pipe": ""}  # their own notes stay


def test_the_teachers_group_can_read_it_and_other_learners_cannot(folder):
    for mask in (0o022, 0o077, 0o000):
        before = os.umask(mask)
        try:
            say("share", str(folder))
        finally:
            os.umask(before)
        assert stat.S_IMODE((folder / f"{ME}.json").stat().st_mode) == 0o640


def test_a_folder_that_is_not_there_is_told_and_nothing_is_shared(folder):
    assert f"{folder / 'no'}" in say("share", str(folder / "no"))
    assert sharing.folder() is None


def test_where_nothing_is_noted_nothing_can_be_shared(folder, monkeypatch):
    monkeypatch.setenv("KIT_STATE", "")
    assert "KIT_STATE" in say("share", str(folder))
    assert list(folder.iterdir()) == []


def test_a_class_folder_that_is_gone_disturbs_no_note_and_no_end(folder):
    say("share", str(folder))
    (folder / f"{ME}.json").unlink()
    folder.rmdir()
    assert remembering.note("solved", "make_pipe") is None
    assert say("share", "--end") is None and sharing.folder() is None


def test_the_table_has_a_line_for_each_learner_and_counts_each_exercise(folder):
    say("share", str(folder))
    names = list(EXERCISES)
    remembering.note("solved", names[0])
    remembering.note("solved", names[2])
    remembering.note("solved", "no longer in the kit")
    remembering.note("answered", "03_open.1", "2 right")
    remembering.note("answered", "03_open.2", "1 wrong")
    (folder / "anna.json").write_text(json.dumps({"solved": {names[0]: ""}}))
    for name, text in {"torn": "{", "odd": "[1]", "other": '{"solved": 3}'}.items():
        (folder / f"{name}.json").write_text(text)
    lines = table(folder)
    rows = {line.split("  ")[0].strip(): line.split() for line in lines[1:3]}
    assert sorted(rows) == sorted([f"anna (by {ME})", ME])  # whoever puts in another's file
    assert "x.x" + "." * (len(names) - 3) in rows[ME]
    assert lines[1 + sorted(rows).index(ME)].endswith("2 answered, 1 right at once")
    counts = dict(reversed(line.split(None, 1)) for line in lines if line[:4].strip().isdigit())
    assert counts[names[0]] == "2" and counts[names[2]] == "1" and counts[names[1]] == "0"


def test_a_class_of_nobody_yet_is_an_empty_table(folder):
    assert table(folder)[0].split() == ["learner", "exercises", "challenges", "questions"]
