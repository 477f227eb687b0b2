"""The questions before surprising cells: their form, their words, and the cells that judge them.

Each check takes a question and returns a list of complaints. It is tried on every question of the
kit and, so that it is known to be able to complain, on a made-up bad one.
"""
import html
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import lab_browser
import nbformat
import pytest
from lab_browser import wait_until
from save_notebooks import NOTEBOOKS

from pipe_helpers import predict
from pipe_helpers.notebook import questions

CHAPTERS = sorted([*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("more/*.ipynb")])
FILES = sorted((NOTEBOOKS / "questions").glob("*.json"))
CALL = re.compile(r'^predict\("([^"]+)", (\d+)\)$', re.MULTILINE)

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


def questions_of(chapter):
    return [question for name, question in ALL if name == chapter]


# ---------------------------------------------------------------- the checks


def bad_form(question):
    if set(question) - {"fact", "see"} != {"cell", "question", "answers"}:
        return [f"keys are {sorted(question)}"]
    complaints = []
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


def plain(text):
    return html.unescape(re.sub("</?code>", "", text))


def other_words(question):
    prose = [re.sub("<code>.*?</code>", "", text) for text in texts(question)]
    return [match.group() for text in prose for match in OTHER_WORDS.finditer(text)]


def not_shown_as_written(question):
    """Texts go into the page as HTML, in which JupyterLab takes what stands between $ for TeX."""
    complaints = []
    for text in texts(question):
        plain = re.sub("<code>([^<>]*)</code>", r"\1", text)
        if re.search(r"[<>$]|&(?!(amp|lt|gt);)", plain):
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
            assert len(questions_of(path.stem)) >= 3, path.stem


def test_ten_myths_or_more_are_tried():
    assert len(questions_of("myths")) >= 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_cell_has_one_question_and_the_right_answer_no_usual_place(path):
    cells = [question["cell"] for question in load(path)]
    assert len(set(cells)) == len(cells)
    places = {
        [answer["correct"] for answer in question["answers"]].index(True)
        for question in load(path)
    }
    assert len(places) > 1 or len(cells) < 3


# ---------------------------------------------------------------- the cells that judge


def notebook_of(chapter):
    [path] = [path for path in CHAPTERS if path.stem == chapter]
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def number(chapter, question):
    return questions_of(chapter).index(question) + 1


def asking_cell(notebook, chapter, question):
    """Return the cell that asks a question of a chapter."""
    call = chapter, str(number(chapter, question))
    [found] = [cell for cell in notebook.cells if call in CALL.findall(cell.source)]
    return found


@pytest.mark.parametrize(
    "chapter, question", [each for each in ALL if "see" not in each[1]],
    ids=[f"{chapter}-{question['cell']}" for chapter, question in ALL if "see" not in question])
def test_the_named_cell_judges_right_after_the_question(chapter, question):
    notebook = notebook_of(chapter)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    place = code.index(asking_cell(notebook, chapter, question))
    following = [cell.id for cell in code[place + 1 : place + 3]]
    assert question["cell"] in following
    judge = code[place + 1 + following.index(question["cell"])]
    assert "fact" not in question or f"fact:{question['fact']}" in judge.metadata.tags
    # A cell that shows nothing judges by coming back from an open.
    assert judge.outputs or "os.open(" in judge.source


@each_question
def test_a_saved_chapter_shows_the_question_and_compares_it(chapter, question):
    asking = asking_cell(notebook_of(chapter), chapter, question)
    assert asking.metadata == {"tags": ["question"]}
    assert [output.data for output in asking.outputs] == [
        {"text/html": questions.in_html(question), "text/plain": questions.in_words(question)}
    ]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_asks_its_questions_in_their_order(path):
    asked = [call for cell in notebook_of(path.stem).cells for call in CALL.findall(cell.source)]
    known = len(questions_of(path.stem))
    assert asked == [(path.stem, str(number)) for number in range(1, known + 1)]


@pytest.mark.parametrize(
    "question", [question for _, question in ALL if "see" in question],
    ids=[question["cell"] for _, question in ALL if "see" in question])
def test_an_answer_leads_back_to_the_cell_that_shows_it(question):
    page, _, cell = question["see"][1].partition("#cell-id=")
    [shown] = [each for each in nbformat.read(NOTEBOOKS / page, as_version=4).cells
               if each.id == cell]
    assert "fact" not in question or f"fact:{question['fact']}" in shown.metadata.tags


# ---------------------------------------------------------------- the checks can complain

GOOD = {
    "cell": "read",
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


@each_question
def test_predict_shows_one_question_whatever_the_current_folder(
    chapter, question, tmp_path, monkeypatch
):
    shown = []
    monkeypatch.setattr(questions, "display", lambda data, raw: shown.append(data))
    monkeypatch.chdir(tmp_path)
    predict(chapter, number(chapter, question))
    assert shown == [
        {"text/html": questions.in_html(question), "text/plain": questions.in_words(question)}
    ]


def test_in_words_a_question_has_no_html():
    assert questions.in_words(GOOD) == (
        'What does os.read do?\n( ) It is blocked.\n( ) It fails.\n( ) b""'
    )
    assert questions.in_words(changed(answer="<code>a &gt; b</code>")).count("( ) a > b") == 1


class Elements(HTMLParser):
    """.found: (element, its attributes, its text, with that of its children), in order."""

    def __init__(self, page):
        super().__init__()
        self.found, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.open.append([tag, dict(attributes), ""])
        self.found.append(self.open[-1])

    def handle_data(self, data):
        for element in self.open:
            element[2] += data

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag


@each_question
def test_an_answer_holds_its_feedback_and_right_and_wrong_look_alike_until_opened(
    chapter, question
):
    def elements(tag):
        return [element for element in page if element[0] == tag]

    page = Elements(questions.in_html(question)).found
    see = f" See {question['see'][0]}." if "see" in question else ""
    answers = [(plain(each["answer"]), plain(each["feedback"]) + see)
               for each in question["answers"]]
    assert page[0][2] == plain(question["question"])
    assert [text for _, _, text in elements("summary")] == [answer for answer, _ in answers]
    assert [text.strip() for _, _, text in elements("details")] == ["\n".join(a) for a in answers]
    for tag in ("details", "summary"):
        assert all(attributes == elements(tag)[0][1] for _, attributes, _ in elements(tag))
    # What JupyterLab keeps in a notebook that it does not trust.
    assert {tag for tag, _, _ in page} <= {"p", "strong", "code", "details", "summary", "a"}
    assert {name for _, attributes, _ in page for name in attributes} - {"href"} == {"style"}


def test_asking_brings_in_neither_matplotlib_nor_widgets():
    ask = 'import sys, pipe_helpers; pipe_helpers.predict("03_open", 1)\n'
    ask += 'sys.exit(bool({"matplotlib", "ipywidgets"} & set(sys.modules)))'
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr


def test_an_unknown_question_and_a_kit_without_questions_are_told(monkeypatch, tmp_path):
    with pytest.raises(LookupError, match="03_open.json has the questions 1 to [0-9]+, and none 0"):
        predict("03_open", 0)
    monkeypatch.setattr(questions, "QUESTIONS", tmp_path)
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}.* clone it again"):
        predict("03_open", 1)


# ---------------------------------------------------------------- live


@pytest.fixture
def live():
    """A function that makes a live question; .answers are the answers it was given."""
    from pipe_helpers.showing.live_question import LiveQuestion

    def make(question):
        answers = []
        made = LiveQuestion(question, answers.append)
        made.answers = answers
        return made

    return make


def opened(live):
    return [place for place, text in enumerate(live._texts) if "<strong>" in text.value]


def press(live, place):
    live._buttons[place].click()


def test_another_answer_can_be_chosen_until_what_is_right_and_why_is_opened(live):
    asked = live(GOOD)
    assert "You expect" not in asked._said.value and asked._why.layout.display == "none"
    press(asked, 2)
    assert "kit-expected" in asked._boxes[2]._dom_classes
    press(asked, 1)
    assert [each for each in asked._boxes if "kit-expected" in each._dom_classes] == \
        [asked._boxes[1]]
    assert "You expect: It fails." in asked._said.value and asked._why.layout.display is None
    assert asked.answers == [2, 1] and opened(asked) == []
    asked._why.click()
    assert opened(asked) == [0, 1] and asked._why.layout.display == "none"
    for place, then in ((2, [0, 1, 2]), (1, [0, 2])):
        press(asked, place)
        assert opened(asked) == then
    assert asked.answers == [2, 1] and "You expected: It fails." in asked._said.value


def test_what_no_cell_below_shows_is_told_at_once_with_a_link(live):
    asked = live({**GOOD, "see": ["read", "05_read.ipynb#cell-id=end"]})
    assert asked._see.layout.display == "none"
    press(asked, 2)
    assert opened(asked) == [0, 2] and asked._see.layout.display is None
    assert 'href="05_read.ipynb#cell-id=end"' in asked._see.outputs[0]["data"]["text/html"]


IN_A_KERNEL = """
import os
from pipe_helpers import predict
from pipe_helpers.showing import alive
made = []
alive.show = lambda live, still: made.append(live)
"""
WITHOUT_IPYWIDGETS = """
import sys
os.environ["KIT_STATE"] = {0!r}
sys.modules["pipe_helpers.showing.live_question"] = None"""


def test_the_answer_of_the_first_time_is_noted_and_nothing_where_nothing_is_to_be(
    kernel, tmp_path, monkeypatch
):
    def noted():
        return {path.name: path.read_text() for path in tmp_path.glob("*.answered")}

    kernel.run(IN_A_KERNEL + f"os.environ['KIT_STATE'] = {str(tmp_path)!r}")
    kernel.run("predict('03_open', 1)")
    for place, text in ((2, "3 "), (1, "2 wrong")):  # who thinks again
        assert kernel.run(f"made[-1]._buttons[{place}].click()") == ("", None)
        assert noted()["03_open.1.answered"].startswith(text)
    kernel.run("predict('03_open', 1); made[-1]._buttons[0].click()")
    assert noted() == {"03_open.1.answered": "2 wrong"}
    for still in ("os.environ['KIT_STATE'] = ''", WITHOUT_IPYWIDGETS.format(str(tmp_path))):
        assert kernel.run(f"{still}; predict('03_open', 2); print(len(made))") == ("2\n", None)


# ---------------------------------------------------------------- in a browser

PRACTICE = "from pipe_helpers import practise\n\npractise(seed=110, level=6)"
CHAPTER = "01_why_named_pipes"


@pytest.fixture(scope="module")
def lab():
    """JupyterLab, started for the first time by this user, with the chapters as they are stored."""
    if reason := lab_browser.missing():
        (pytest.fail if os.environ.get("KIT_REQUIRE_BROWSER") else pytest.skip)(reason)
    with lab_browser.Lab(NOTEBOOKS) as lab:
        yield lab


def answer_by_keyboard(page, question, shown):
    """Tab through the answers in `shown`, opening one by Enter, the next by the space bar."""
    answers = shown.locator("summary")
    assert answers.count() == len(question["answers"])
    assert shown.locator("details > p:visible").count() == 0
    for number, answer in enumerate(question["answers"]):
        answers.first.focus() if number == 0 else page.keyboard.press("Tab")
        page.keyboard.press(("Enter", "Space")[number % 2])
        shown.locator("details[open]").nth(number).wait_for()
        feedback = shown.locator("details").nth(number).locator("p")
        assert feedback.inner_text() == plain(answer["feedback"])
        assert shown.locator("details > p:visible").count() == number + 1


def shown_question(page, question):
    """The output with a question and its answers."""
    outputs = page.locator(".jp-RenderedHTMLCommon:has(summary)")
    return outputs.filter(has_text=plain(question["question"]))


def test_a_stored_question_in_jupyterlab_can_be_read_and_answered_without_a_mouse(lab):
    lab.open(f"{CHAPTER}.ipynb")
    lab.page.locator("#jp-main-statusbar [title^='Notebook not trusted']").wait_for()
    for question in load(NOTEBOOKS / "questions" / f"{CHAPTER}.json"):
        shown = shown_question(lab.page, question)
        answer_by_keyboard(lab.page, question, shown)
    for theme in ("dark", "light"):
        lab.theme(theme)
        shown.locator("summary").first.focus()
        assert lab.axe(".jp-RenderedHTMLCommon:has(summary:focus)") == []


def test_a_question_in_an_exported_page_needs_no_script(lab):
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_filename(str(NOTEBOOKS / f"{CHAPTER}.ipynb"))
    context = lab.page.context.browser.new_context(java_script_enabled=False, offline=True)
    try:
        exported = context.new_page()
        exported.set_content(page, wait_until="domcontentloaded")
        for question in load(NOTEBOOKS / "questions" / f"{CHAPTER}.json"):
            answer_by_keyboard(exported, question, shown_question(exported, question))
        # An element left open by a question would hold the cells that follow.
        assert exported.locator(".jp-Cell .jp-Cell").count() == 0
    finally:
        context.close()


def test_a_live_question_is_answered_by_keyboard_recalled_and_still_once_its_kernel_ends(lab):
    page = lab.page
    [question, *others] = load(NOTEBOOKS / "questions" / f"{CHAPTER}.json")
    right, wrong = sorted(question["answers"], key=lambda answer: not answer["correct"])[:2]
    live = page.locator(".kit-question")
    still = page.locator(".jp-OutputArea-output:has(summary)")

    def sees(lives):
        def seen():
            return [each.filter(visible=True).count() for each in (live, still)]

        wanted = [len(others) + 1, 0] if lives else [0, len(others) + 1]
        wait_until(lambda: seen() == wanted, lambda: f"questions, live and still: {seen()}")

    lab.open(f"{CHAPTER}.ipynb")
    lab.run_all()
    sees(lives=True)
    answer = live.first.get_by_role("button", name=plain(wrong["answer"]), exact=True)
    answer.focus()
    page.keyboard.press("Enter")
    why = live.first.get_by_role("button", name="What is right, and why?")
    why.wait_for()
    assert "Right." not in live.first.inner_text()
    [ask] = [place for place, cell in enumerate(lab.cells()) if f'"{CHAPTER}", 1)' in cell.source]
    [judge] = [place for place, cell in enumerate(notebook_of(CHAPTER).cells)
               if cell.id == question["cell"]]
    lab.run_cell(judge)
    recalled = f"You expected: {plain(wrong['answer'])}"
    lab.wait_cell(judge, lambda cell: recalled in cell.output, "what was expected is recalled")
    why.focus()
    page.keyboard.press("Space")
    for text in (wrong["feedback"], right["feedback"]):
        live.first.get_by_text(plain(text.partition(". ")[2])).wait_for()
    page.wait_for_function("document.activeElement.closest('.kit-answer')")
    for theme in ("dark", "light"):
        lab.theme(theme)
        lab.select(ask)
        assert lab.axe(".kit-question:has(.kit-expected)") == []
    with page.expect_response(lambda response: response.request.method == "PUT"):
        page.keyboard.press("Control+s")
    lab.open(f"{CHAPTER}.ipynb")
    sees(lives=True)
    lab.restart()
    sees(lives=False)
    lab.open(f"{CHAPTER}.ipynb")  # with widgets that no kernel knows any more
    page.get_by_text("model not found").first.wait_for(state="attached")
    sees(lives=False)


def test_a_problem_is_answered_by_keyboard_done_by_processes_and_followed_by_another(lab):
    page = lab.page
    page.set_viewport_size({"width": 1280, "height": 720})
    lab.open_cells("practice.ipynb", PRACTICE)
    lab.run_all()
    live = page.locator(".kit-practice")
    table = live.get_by_role("table", name="seed 110, level 6")
    assert "pid" not in table.inner_text()
    live.get_by_role("button", name="It returns a descriptor, at once.").focus()
    page.keyboard.press("Enter")
    live.get_by_role("status").filter(has_text="3 processes have done it").wait_for()
    assert table.get_by_text("pid").count() == 3 and table.get_by_text("waits").count() == 2
    wait_until(lambda: all(words in live.inner_text() for words in ("Right.", "Not so.")),
               live.inner_text)
    for theme in ("dark", "light"):
        lab.theme(theme)
        assert lab.axe(".kit-practice") == []
    live.get_by_role("button", name="Another problem").focus()
    page.keyboard.press("Space")
    live.get_by_role("table", name="seed 111, level 6").wait_for()  # there is hardly a larger one
    page.wait_for_function("document.activeElement.textContent == 'seed 111, level 6: a server'")
    answers = live.locator(".kit-answer")
    wait_until(lambda: answers.count() == 5, "the former answers are gone")
    view = page.locator(f"{lab_browser.PANEL} .jp-WindowedPanel-outer").bounding_box()
    title, last = live.locator(".kit-title").bounding_box(), answers.last.bounding_box()
    assert view["y"] <= title["y"]
    assert last["y"] + last["height"] <= view["y"] + view["height"]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.title") == 'It returns b"".'
    still = page.locator(".jp-OutputArea-output:has(summary)").get_by_text("seed 111, level 6")
    still.wait_for(state="attached")
    ended = page.get_by_text("This problem has ended with its kernel: run this cell again.")
    assert not ended.is_visible()
    lab.restart()
    still.wait_for()
    assert ended.is_visible() and live.filter(visible=True).count() == 0
