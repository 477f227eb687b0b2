"""The slides and the book: nothing is cut off, left out or fetched; every address leads somewhere.

KIT_PAPER=1: what is missing fails, and is not skipped. KIT_PAPER=all: all chapters, the whole book.
"""
import ctypes
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import lab_browser
import pytest
from links import Html

sys.path.append(str(Path(__file__).parents[1] / "site"))
WANTED = os.environ.get("KIT_PAPER")
CHAPTERS = ["02_mkfifo.ipynb", "07_two_programs.ipynb", "09_a_server_for_many.ipynb"]
PAGES = ["00_start_here.ipynb", "more/nonblocking_writes.ipynb"]
CHINESE = "管道"
CUT_OFF = """async () => {
    await Promise.all([...document.fonts].map(font => font.load()));
    document.querySelectorAll('details').forEach(each => each.open = true);
    const cut = [];
    for (const slide of Reveal.getSlides()) {
        Reveal.slide(Reveal.getIndices(slide).h);
        const inside = document.createRange();
        inside.selectNodeContents(slide);
        const boxes = [inside, ...slide.querySelectorAll('*')].map(
            each => each.getBoundingClientRect());
        if (boxes.some(box => box.right > 1280 || box.bottom > 690 || box.top < 0))
            cut.push(slide.id);
    }
    return cut;
}"""


def needed(*names):
    """Import modules of site/, or skip, saying how to have what they need."""
    try:
        return [__import__(name) for name in names]
    except (ImportError, OSError) as error:  # OSError: WeasyPrint finds no Pango
        if WANTED:
            raise
        pytest.skip(f"{error}: `make book` installs what this needs, but for Pango")


# ---------------------------------------------------------------- slides


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, {chapter: its slides}) of three chapters, or of all."""
    slides, stored = needed("slides", "stored")
    slides.OUT = tmp_path_factory.mktemp("paper") / "slides"
    names = [name for name in stored.names() if stored.is_chapter(name)]
    assert set(CHAPTERS) < set(names)
    return slides.OUT, slides.build(names if WANTED == "all" else CHAPTERS)


def test_a_chapter_is_at_most_60_slides_and_each_shows_what_one_cell_gave(made):
    from stored import NOTEBOOKS, cells

    for name, slides in made[1].items():
        assert len(slides) <= 60, name
        gives = {each.id for each in cells(name, lambda page, fragment: None)
                 if each.shown and not each.code.startswith("%%program")}
        for slide in slides:
            assert len(gives & set(slide.cells)) <= 1, (name, slide.cells)
        whole = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]
        tags = {cell["id"]: " ".join(cell["metadata"].get("tags", [])) for cell in whole}
        wanted = {cell for cell, tag in tags.items() if re.search("question|fact:", tag)}
        on_slides = {cell for slide in slides for cell in slide.cells}
        assert wanted <= on_slides, name
        assert not on_slides & {cell for cell, tag in tags.items() if "no-slide" in tag}, name


def test_what_is_said_of_a_cell_stays_with_it_and_what_leads_on_does_not():
    slides, _ = needed("slides", "stored")
    assert slides.split(["No.", "Now it opens:"]) == (["No."], ["Now it opens:"])
    assert slides.split(["No. It waits. Now he opens:"]) == (["No. It waits."], ["Now he opens:"])
    assert slides.split(["No. It waits."]) == (["No. It waits."], [])

    def part(text, high):
        return text, text, (high,) * len(slides.ZOOMS)

    ends, cell, output = part("ends:", 200), part("cell", 300), part("output", 200)
    group = slides.Group(lead=[part("Lead.", 100), ends], shown=[cell], told=[output])
    assert slides.divided(group) == (group.lead[:1], [ends, cell, output], [])
    end, section = slides.Group(lead=[part("the end", 100)]), slides.Group(("Next", "c"))
    assert slides.joined([group, end, section]) == [group, section]
    assert group.told == [output, *end.lead]


def test_no_slide_is_cut_off_and_no_request_leaves_the_page(made):
    from playwright.sync_api import sync_playwright

    if reason := lab_browser.missing():
        (pytest.fail if os.environ.get("KIT_REQUIRE_BROWSER") else pytest.skip)(reason)
    options = lab_browser.CHROMIUM_OPTIONS + ["--no-sandbox"] * (os.geteuid() == 0)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=lab_browser.find_chromium(), args=options)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: errors.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        for name in made[1]:
            page.goto((made[0] / name).with_suffix(".html").as_uri())
            page.wait_for_selector(".reveal.ready")
            assert page.evaluate(CUT_OFF) == [], name
        assert [url for url in asked if not url.startswith("file:")] == []
        assert errors == []
        browser.close()


def test_links_between_slides_lead_to_a_slide(made):
    seen = {page.name: Html(page.read_text(encoding="utf-8")) for page in made[0].glob("*.html")}
    links = {link for page in seen.values() for link in page.links if ":" not in link}
    assert any("#/" in link for link in links)
    for link in links:
        page, _, slide = link.partition("#/")
        assert page in seen and (not slide or slide in seen[page].ids), link


# ---------------------------------------------------------------- book


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """(PDF, path of the EPUB) of two pages, or of all; with a line of Chinese."""
    book, stored, pdfium = needed("book", "stored", "pypdfium2")
    book.OUT = tmp_path_factory.mktemp("paper") / "book"
    with pytest.MonkeyPatch.context() as patch:
        make = book.markdown
        patch.setattr(book, "markdown", lambda names: make(names) + f"\n\n{CHINESE}\n")
        pdf, epub = book.build(stored.names() if WANTED == "all" else PAGES)
    with pdfium.PdfDocument(pdf) as opened:
        yield opened, epub


def words(page):
    return page.get_textpage().get_text_range()


def test_the_contents_name_the_page_on_which_each_part_and_page_begins(book):
    pages = [words(page) for page in book[0]]
    assert "Named pipes, live" in pages[0]
    contents = re.findall(r"^(\w.*?) ?\.{3,} ?(\d+)\r?$", "\n".join(pages[1:4]), re.MULTILINE)
    assert len(contents) >= 6
    for title, number in contents:
        text = pages[int(number) - 1]
        assert title in text and re.search(rf"^{number}\b", text, re.MULTILINE), title


def test_nothing_runs_over_the_edge_of_a_page(book):
    for page in list(book[0])[1:]:
        text = page.get_textpage()
        for number in range(text.count_rects()):
            left, bottom, right, top = text.get_rect(number)
            assert left > 60 and right < page.get_width() - 60 and bottom > 25, words(page)


def test_pictures_have_200_dots_per_inch_and_every_font_is_embedded(book):
    from pypdfium2 import raw

    fonts, dots = {}, []
    for page in book[0]:
        for each in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_TEXT]):
            if each.type == raw.FPDF_PAGEOBJ_IMAGE:
                about = raw.FPDF_IMAGEOBJ_METADATA()
                raw.FPDFImageObj_GetImageMetadata(each, page, ctypes.byref(about))
                dots.append(round(about.horizontal_dpi))
            else:
                font, name = raw.FPDFTextObj_GetFont(each), ctypes.create_string_buffer(99)
                raw.FPDFFont_GetBaseFontName(font, name, len(name))
                fonts[name.value.decode()] = raw.FPDFFont_GetIsEmbedded(font)
    assert len(dots) >= 3 and min(dots) >= 200
    assert {"Kit", "Kit-Bold", "Kit-Code"} <= {name.partition("+")[2] for name in fonts}
    assert all(fonts.values()), fonts


def test_every_letter_of_the_book_is_in_its_fonts(book):
    from fontTools.ttLib import TTFont  # comes with WeasyPrint

    made, stored = needed("book", "stored")
    known = {"\n", "\t"}
    for file in (made.OUT / "fonts").iterdir():
        known |= {chr(code) for code in TTFont(file).getBestCmap()}
    assert set(made.markdown(stored.names())) - known == set()


def test_each_question_has_its_answer_at_the_end(book):
    text = "".join(map(words, book[0]))
    assert "{#" not in text  # no heading shows its address
    assert text.count("Answer\xa0(p.\xa0") >= 2
    assert "Right. The notebook runs already." in text


def test_every_link_of_the_epub_leads_to_a_place(book, tmp_path):
    with zipfile.ZipFile(book[1]) as opened:
        opened.extractall(tmp_path)
    seen = {page: Html(page.read_text(encoding="utf-8")) for page in tmp_path.rglob("*.xhtml")}
    for page, its in seen.items():
        for link in its.links:
            path, _, place = link.partition("#")
            if ":" not in link:
                there = seen[(page.parent / path).resolve() if path else page]
                assert not place or place in there.ids, (page, link)


# What takes long, and what wants Java, or a font that few machines have.
if WANTED == "all":
    def test_chinese_is_drawn_with_a_font_of_the_machine(book):
        from pypdfium2 import raw

        if "zh" not in subprocess.run(
                ["fc-list", ":lang=zh", "lang"], capture_output=True, text=True).stdout:
            pytest.fail("no font for Chinese on this machine")
        text = book[0][len(book[0]) - 1].get_textpage()
        name = ctypes.create_string_buffer(99)
        where = text.get_text_range().index(CHINESE)
        raw.FPDFText_GetFontInfo(text, where, name, len(name), ctypes.byref(ctypes.c_int()))
        assert name.value and b"Kit" not in name.value

    def test_epubcheck_finds_nothing(book):
        [epubcheck] = needed("epubcheck")
        assert epubcheck.EpubCheck(str(book[1])).messages == []
