"""The image, and what runs it: the versions of the lock, not root, and they fit each other.

That it can be built and runs every chapter is tried by the workflow's job `image`.
"""
import json
import re
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from pipe_helpers.chapters import command

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
VALUES = yaml.safe_load((ROOT / "classroom/values.yaml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
PORT = 8888


def instructions():
    """The Dockerfile, as pairs: RUN and such, and what stands behind it."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.M)
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


DOCKERFILE = instructions()


def behind(word):
    return [rest for name, rest in DOCKERFILE if name == word]


def test_the_release_of_debian_is_named_and_every_version_of_python_is_that_of_the_lock():
    assert re.fullmatch(r"debian:\d+-slim", *behind("FROM"))
    [install] = [run for run in behind("RUN") if "pip install" in run]
    assert "PIP_CONSTRAINT=requirements.lock PIP_BUILD_CONSTRAINT=requirements.lock" in install
    assert "==" not in " ".join(behind("RUN"))
    named = re.search(r"pip install (.*?) &&", install)[1].split()
    assert named == ["--no-cache-dir", "--editable", ".", "jupyterhub"]
    assert "\njupyterhub==" in LOCK


def test_it_runs_as_the_user_whom_binder_and_the_chart_expect_who_may_change_nothing_of_the_kit():
    words = [name for name, _ in DOCKERFILE]
    assert behind("USER") == ["1000"]  # by number: Kubernetes can tell that it is not root
    after = DOCKERFILE[words.index("USER") + 1:]
    assert [each for each in after if each[0] == "RUN"] == [("RUN", "named-pipes copy")]
    assert any(run.startswith("useradd --uid 1000 ") and run.endswith(" jovyan")
               for run in behind("RUN"))
    assert behind("WORKDIR")[-1] == "/home/jovyan"
    assert not any(re.search(r"sudo|chmod|chown|chromium", run) for run in behind("RUN"))


def test_pid_1_waits_for_orphans_and_the_port_is_one_everywhere():
    assert json.loads(*behind("ENTRYPOINT")) == ["tini", "--"]
    assert behind("EXPOSE") == [str(PORT)]
    assert f"--port={PORT}" in json.loads(*behind("CMD"))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"docker run --rm --publish {PORT}:{PORT}" in text


def test_what_is_copied_is_there_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    taken = {line[1:] for line in ignored if line.startswith("!")}
    copied = [name for rest in behind("COPY") for name in rest.split()[:-1]]
    assert set(copied) == taken
    assert all((ROOT / name).exists() for name in copied)
    assert not any(fnmatch("tests", name) for name in taken)


@pytest.mark.parametrize("words", [json.loads(*behind("CMD")), VALUES["singleuser"]["cmd"]])
def test_what_is_started_is_a_command_of_the_kit(words, monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(command, "start_jupyterlab", lambda *told: started.append(told))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KIT_STATE", "")
    monkeypatch.setattr(command.copy, "place", lambda: tmp_path / "named-pipes")
    with pytest.raises(SystemExit) as ended:
        command.main(words[1:])
    assert words[0] == "named-pipes" and not ended.value.code
    assert started == [(tmp_path / "named-pipes", words[2:], words[1] == "hub")]


def test_a_learner_gets_on_kubernetes_what_was_measured():
    learner = VALUES["singleuser"]
    megabytes = {"M": 1, "G": 1000}
    least, most = [int(learner["memory"][name][:-1]) * megabytes[learner["memory"][name][-1]]
                   for name in ("guarantee", "limit")]
    page = (ROOT / "classroom/README.md").read_text(encoding="utf-8")
    measured = int(re.search(r"\| memory, with two chapters open \| (\d+) MB", page)[1])
    assert measured <= least < 1.5 * measured and 3 * measured < most
    assert [bool(each.get("default")) for each in learner["profileList"]].count(True) == 1
    assert VALUES["cull"]["enabled"] and VALUES["cull"]["timeout"] <= 3600
    assert re.search(rf'^version = "{re.escape(learner["image"]["tag"])}"$',
                     (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)


def test_the_workflow_builds_it_and_runs_the_chapters_in_it_as_docker_starts_it():
    runs = [step["run"] for step in WORKFLOW["jobs"]["image"]["steps"] if "run" in step]
    assert runs[0] == "docker build --tag named-pipes ."
    assert any(run.startswith("docker run ") and run.endswith(" named-pipes") for run in runs)
    assert not any(word in run for run in runs for word in ("--init", "--privileged", "seccomp"))
    assert any(re.fullmatch(r"docker exec .* -m pytest .* notebooks", run) for run in runs)


def test_on_binder_each_chapter_has_a_link_and_the_badge_opens_the_first():
    page = (ROOT / "classroom/binder.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((https://mybinder\.org/v2/[^)]*)\)", page)
    places = {urlsplit(link).path for link in links}
    assert len(places) == 1 and re.fullmatch(r"/v2/gh/[\w.-]+/[\w.-]+/HEAD", places.pop())
    opened = [parse_qs(urlsplit(link).query)["urlpath"] for link in links]
    chapters = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
    assert opened == [[f"lab/tree/named-pipes/{name}"] for name in chapters]
    badge = re.search(r"\[!\[[^]]*\]\(https://mybinder\.org/badge_logo\.svg\)\]\(([^)]*)\)", readme)
    assert badge[1] == links[0]
