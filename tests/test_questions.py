"""The questions before surprising cells: their form, their words, and the cells that judge them.

Each check takes a question and returns a list of complaints. It is tried on every question of the
kit and, so that it is known to be able to complain, on a made-up bad one.
"""
import json
import os
import re

import lab_browser
import nbformat
import pytest
from save_notebooks import NOTEBOOKS, clean, gist

from pipe_helpers import predict, questions

CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
FILES = sorted((NOTEBOOKS / "questions").glob("*.json"))
CALL = re.compile(r'^predict\("([^"]+)", "([^"]+)"\)$', re.MULTILINE)

# What the chapters call otherwise: blocked, end of file, named pipe, descriptor, reader, writer.
OTHER_WORDS = re.compile(
    r"\b(hang(s|ing)?|hung|stuck|fr[eo]ez\w*|frozen|waits? for ever on|EOF|end-of-file|fifo files?"
    r"|pipe files?|(file )?handles?|fds?|consumers?|producers?|senders?|receivers?"
    r"|parties|mutex|syscalls?)\b",
    re.IGNORECASE,
)


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


ALL = [(path.stem, question) for path in FILES for question in load(path)]
each_question = pytest.mark.parametrize(
    "chapter, question", ALL, ids=[f"{chapter}-{question['cell']}" for chapter, question in ALL]
)

# ---------------------------------------------------------------- the checks


def bad_form(question):
    if set(question) - {"fact"} != {"cell", "type", "question", "answers"}:
        return [f"keys are {sorted(question)}"]
    complaints = [] if question["type"] == "multiple_choice" else ["not multiple choice"]
    for answer in question["answers"]:
        if set(answer) != {"answer", "correct", "feedback"}:
            complaints.append(f"keys of an answer are {sorted(answer)}")
        elif not isinstance(answer["correct"], bool):
            complaints.append(f"correct is {answer['correct']!r}")
    return complaints


def not_one_right_answer(question):
    answers = question["answers"]
    right = sum(answer["correct"] for answer in answers)
    complaints = [] if right == 1 else [f"{right} right answers"]
    if len(answers) < 3 or len({answer["answer"] for answer in answers}) < len(answers):
        complaints.append("fewer than three different answers")
    return complaints


def answer_without_reason(question):
    complaints = []
    for answer in question["answers"]:
        verdict, _, reason = answer["feedback"].partition(". ")
        if verdict != ("Right" if answer["correct"] else "Not so"):
            complaints.append(f"the verdict on {answer['answer']!r} is {verdict!r}")
        if len(reason.split()) < 5 or not reason.endswith("."):
            complaints.append(f"no reason with {answer['answer']!r}")
    return complaints


def texts(question):
    return [question["question"]] + [
        text for answer in question["answers"] for text in (answer["answer"], answer["feedback"])
    ]


def other_words(question):
    prose = [re.sub("<code>.*?</code>", "", text) for text in texts(question)]
    return [match.group() for text in prose for match in OTHER_WORDS.finditer(text)]


def not_shown_as_written(question):
    """jupyterquiz puts texts into the page as HTML, and has a use for $ and ]( of its own."""
    complaints = []
    for text in texts(question):
        plain = re.sub("<code>([^<>]*)</code>", r"\1", text)
        if re.search(r"[<>$]|\]\(|&(?!(amp|lt|gt);)", plain):
            complaints.append(text)
    return complaints


CHECKS = [bad_form, not_one_right_answer, answer_without_reason, other_words, not_shown_as_written]

# ---------------------------------------------------------------- the questions of the kit


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@each_question
def test_every_question_passes(chapter, question, check):
    assert check(question) == []


def test_every_chapter_from_why_named_pipes_on_has_three_questions_or_more():
    for path in CHAPTERS:
        if "01" <= path.stem[:2] <= "08":
            assert len(load(NOTEBOOKS / "questions" / f"{path.stem}.json")) >= 3, path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_cell_has_one_question_and_the_right_answer_no_usual_place(path):
    cells = [question["cell"] for question in load(path)]
    assert len(set(cells)) == len(cells)
    places = {
        [answer["correct"] for answer in question["answers"]].index(True)
        for question in load(path)
    }
    assert len(places) > 1


# ---------------------------------------------------------------- the cells that judge


def notebook_of(chapter):
    return nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=nbformat.NO_CONVERT)


def asking_cell(notebook, chapter, name):
    """Return the cell that asks the question called name, or None."""
    found = [cell for cell in notebook.cells if (chapter, name) in CALL.findall(cell.source)]
    return found[0] if len(found) == 1 else None


@each_question
def test_the_named_cell_judges_right_after_the_question(chapter, question):
    notebook = notebook_of(chapter)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    asking = asking_cell(notebook, chapter, question["cell"])
    assert asking is not None, f"no cell, or two, with predict({chapter!r}, {question['cell']!r})"
    place = code.index(asking)
    following = [cell.id for cell in code[place + 1 : place + 3]]
    assert question["cell"] in following
    judge = code[place + 1 + following.index(question["cell"])]
    assert "fact" not in question or f"fact:{question['fact']}" in judge.metadata.tags
    # A cell that shows nothing judges by coming back from an open.
    assert judge.outputs or "os.open(" in judge.source


@each_question
def test_a_saved_chapter_shows_the_question_in_words_and_nothing_random(chapter, question):
    asking = asking_cell(notebook_of(chapter), chapter, question["cell"])
    assert {"question", "nbval-ignore-output"} <= set(asking.metadata.tags)
    assert [output.data for output in asking.outputs] == [
        {"text/plain": questions.in_words(question)}
    ]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_question_that_a_chapter_asks_exists(path):
    known = {(chapter, question["cell"]) for chapter, question in ALL}
    asked = [call for cell in notebook_of(path.stem).cells for call in CALL.findall(cell.source)]
    assert set(asked) <= known
    assert {chapter for chapter, _ in asked} <= {path.stem}


# ---------------------------------------------------------------- the checks can complain

GOOD = {
    "cell": "read",
    "type": "multiple_choice",
    "question": "What does <code>os.read</code> do?",
    "answers": [
        {"answer": "It is blocked.", "correct": True,
         "feedback": "Right. The pipe is empty and has a writer."},
        {"answer": "It fails.", "correct": False,
         "feedback": "Not so. Nothing is wrong with an empty pipe."},
        {"answer": "<code>b\"\"</code>", "correct": False,
         "feedback": "Not so. End of file needs the writer to close."},
    ],
}


def changed(**answer_or_question):
    bad = json.loads(json.dumps(GOOD))
    for key, value in answer_or_question.items():
        (bad["answers"][1] if key in bad["answers"][1] else bad)[key] = value
    return bad


BAD = {
    "an unknown key": (bad_form, changed(colour="red")),
    "another type": (bad_form, changed(type="numeric")),
    "true as text": (bad_form, changed(correct="true")),
    "two right answers": (not_one_right_answer, changed(correct=True)),
    "no right answer": (not_one_right_answer, {**GOOD, "answers": GOOD["answers"][1:] * 2}),
    "one answer twice": (not_one_right_answer, changed(answer="It is blocked.")),
    "two answers": (not_one_right_answer, {**GOOD, "answers": GOOD["answers"][:2]}),
    "a verdict alone": (answer_without_reason, changed(feedback="Not so.")),
    "the wrong verdict": (answer_without_reason, changed(feedback="Right. A writer has gone.")),
    "hangs": (other_words, changed(answer="It hangs.")),
    "EOF": (other_words, changed(feedback="Not so. There is no EOF as yet.")),
    "FIFO file": (other_words, changed(question="What is in the FIFO file?")),
    "a dollar": (not_shown_as_written, changed(answer="It costs $5 and $6.")),
    "a bare <": (not_shown_as_written, changed(answer="count < 5")),
    "another element": (not_shown_as_written, changed(answer="<b>Yes</b>")),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_question_is_refused(what):
    check, question = BAD[what]
    assert check(question), f"{check.__name__} did not notice {what}"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_question_is_not_refused(check):
    assert check(GOOD) == []


# ---------------------------------------------------------------- predict


@pytest.fixture
def shown():
    """A function that calls predict and returns the data of what it shows."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    InteractiveShell.instance()

    def show(*args):
        with capture_output() as captured:
            predict(*args)
        return [output.data for output in captured.outputs]

    try:
        yield show
    finally:
        InteractiveShell.clear_instance()


@each_question
def test_predict_shows_one_question_whatever_the_current_folder(
    shown, chapter, question, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    page, script = shown(chapter, question["cell"])
    assert page["text/plain"] == questions.in_words(question)
    assert json.dumps(question["question"]) in script["application/javascript"]
    assert script["application/javascript"].count('"cell": ') == 1


def test_in_words_a_question_has_no_html():
    assert questions.in_words(GOOD) == (
        'What does os.read do?\n( ) It is blocked.\n( ) It fails.\n( ) b""'
    )
    assert questions.in_words(changed(answer="<code>a &gt; b</code>")).count("( ) a > b") == 1


def test_an_unknown_question_and_a_kit_without_its_clone_are_told(monkeypatch, tmp_path):
    with pytest.raises(LookupError, match="03_open.json has no question on the cell 'nothing'"):
        predict("03_open", "nothing")
    monkeypatch.setattr(questions, "QUESTIONS", tmp_path)
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}.*clone.*make lab"):
        predict("03_open", "alone")


def test_a_question_is_saved_in_words(shown):
    page, script = shown("03_open", "alone")
    cell = nbformat.v4.new_code_cell("predict()", metadata={"tags": ["question"]})
    cell.outputs = [nbformat.v4.new_output("display_data", data) for data in (page, script)]
    live = nbformat.v4.new_notebook(cells=[cell])
    notebook = clean(nbformat.from_dict(live))
    assert gist(notebook) != gist(live)  # so that `make notebooks` replaces what JupyterLab saved
    assert [output.data for output in notebook.cells[0].outputs] == [
        {"text/plain": page["text/plain"]}
    ]


# ---------------------------------------------------------------- in JupyterLab

# The contrast, as WCAG defines it, of an element's text with what stands behind it.
CONTRAST = """element => {
    const parse = colour => colour.match(/[\\d.]+/g).map(Number);
    let behind = element;
    while (parse(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const back = parse(getComputedStyle(behind).backgroundColor);
    const text = parse(getComputedStyle(element).color);
    const mixed = [0, 1, 2].map(i => text[i] * (text[3] ?? 1) + back[i] * (1 - (text[3] ?? 1)));
    const light = colour => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
        const c = colour[i] / 255;
        return sum + weight * (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    }, 0.05);
    const [dark, bright] = [light(mixed), light(back)].sort((a, b) => a - b);
    return bright / dark;
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab with a notebook that asks one question, before and after a formula."""
    if reason := lab_browser.missing():
        (pytest.fail if os.environ.get("KIT_REQUIRE_BROWSER") else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("questions")
    (folder / ".jupyter").symlink_to(NOTEBOOKS / ".jupyter")
    ask = 'from pipe_helpers import predict\npredict("03_open", "rdwr-no-eof")'
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("A formula brings in MathJax: $x^2$"),
            nbformat.v4.new_code_cell(ask),
        ],
        metadata={"kernelspec": {
            "name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"
        }},
    )
    nbformat.write(notebook, folder / "of_the_test.ipynb")
    with lab_browser.Lab(folder) as lab:
        lab.requests = []
        lab.page.on("request", lambda request: lab.requests.append(request.url))
        lab.open("of_the_test.ipynb")
        yield lab


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_question_in_jupyterlab_can_be_read_and_answered_without_a_mouse(lab, theme):
    lab.theme(theme)
    lab.page.wait_for_selector(".jp-RenderedMarkdown mjx-container")
    lab.run_all()
    answers = lab.page.locator(".Quiz label.MCButton")
    feedback = lab.page.locator(".Quiz .Feedback")
    answers.last.wait_for()
    chosen = {}
    answers.first.focus()
    for number in range(answers.count()):
        lab.page.keyboard.press("Space")
        lab.page.wait_for_function(
            "number => [...document.querySelectorAll('label.MCButton')].every((button, i) =>"
            " /correctButton/.test(button.className)"
            " == (i == number) && button.getAnimations().every(a => a.playState == 'finished'))",
            arg=number,
        )
        chosen[number] = feedback.text_content()
        for part in lab.page.locator(
            ".Quiz .MultipleChoiceQn, .Quiz label.MCButton, .Quiz code, .Quiz .Feedback"
        ).all():
            assert part.evaluate(CONTRAST) >= 4.5, part.inner_html()
        lab.page.keyboard.press("Tab")
    shown = [
        re.sub("</?code>", "", answer["feedback"])
        for question in load(NOTEBOOKS / "questions" / "03_open.json")
        if question["cell"] == "rdwr-no-eof"
        for answer in question["answers"]
    ]
    assert list(chosen.values()) == shown


def test_a_question_needs_nothing_from_the_network(lab):
    answers = lab.page.locator(".Quiz label.MCButton")
    lab.run_all()
    answers.last.wait_for()
    answers.first.click()
    lab.page.locator(".Quiz .Feedback").get_by_text(re.compile("^(Right|Not so)")).wait_for()
    hosts = {re.match(r"\w+://([^/:]*)", url)[1] for url in lab.requests if "://" in url}
    assert hosts == {"127.0.0.1"}
