"""The website: every link leads somewhere, nothing comes from a network, and anybody can read it.

All pages are made. Three notebooks and the first page are looked at in a browser; if KIT_SITE is
set, all pages.
"""
import os
import re
import subprocess
import sys
from urllib.parse import unquote

import lab_browser
import pytest
from links import Html

ROOT = lab_browser.ROOT
SOME = ["index", "notebooks/00_start_here", "notebooks/03_open", "notebooks/quiz"]
WHOLE = os.environ.get("KIT_SITE")
THEMES = ["light", "dark"]
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
# No preload: it reads style sheets, which a page from a folder is not allowed to do.
AXE = {"preload": False, "resultTypes": ["violations"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the website, made as `make site` does it on GitHub, with a book."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "source" / "build" / "book").mkdir(parents=True)
    (folder / "source" / "build" / "book" / "named-pipes.pdf").touch()
    (folder / "source" / "build" / "slides").mkdir()
    (folder / "source" / "build" / "slides" / "03_open.html").touch()
    (folder / "source" / "build" / "slides" / "index.html").write_text("<ol></ol>")
    (folder / "source" / "index.md").write_bytes((ROOT / "site" / "index.md").read_bytes())
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going",
         "--conf-dir", ROOT / "site", folder / "source", folder / "html"],
        env=os.environ | {"GITHUB_REPOSITORY": "owner/kit"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def browser():
    if reason := lab_browser.missing():
        (pytest.fail if os.environ.get("KIT_REQUIRE_BROWSER") else pytest.skip)(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=lab_browser.find_chromium(), args=lab_browser.CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser):
    return browser.new_page(viewport={"width": 1280, "height": 720})


def pages(site):
    return [site / "index.html", *sorted(site.glob("notebooks/**/*.html"))]


def looked_at(site):
    return pages(site) if WHOLE else [site / f"{name}.html" for name in SOME]


def chapter(site, name):
    return (site / "notebooks" / f"{name}.html").as_uri()


def test_every_link_leads_to_a_page_and_to_an_anchor_there(site):
    # Sphinx has followed those of the text; those in HTML, of questions, it takes as they are.
    read = {path: Html(path.read_text(encoding="utf-8")) for path in pages(site)}
    wrong, to_cells = [], 0
    for path, found in read.items():
        for link in found.links + found.pictures:
            name, _, anchor = link.partition("#")
            target = (path.parent / unquote(name)).resolve() if name else path
            if re.match("[a-z]+:", link):
                continue
            to_cells += anchor.startswith("cell-id=")
            if not target.exists() or anchor and unquote(anchor) not in read[target].ids:
                wrong.append(f"{path.name}: {link}")
    assert wrong == [] and to_cells > 300


def test_the_first_page_offers_of_slides_and_book_what_has_been_made(site):
    links = Html((site / "index.html").read_text(encoding="utf-8")).links
    assert "book/named-pipes.pdf" in links and (site / "book" / "named-pipes.pdf").exists()
    assert "book/named-pipes.epub" not in links and "slides/index.html" in links
    index = Html((site / "slides" / "index.html").read_text(encoding="utf-8"))
    assert index.links == ["../index.html"]


def test_pages_are_there_in_a_second_ask_nothing_of_a_network_and_anybody_can_read_them(
        site, page):
    from axe_playwright_python.sync_playwright import Axe

    asked, late, told = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    for number, path in enumerate(looked_at(site)):
        for theme in THEMES if WHOLE else [THEMES[number % 2]]:
            page.emulate_media(color_scheme=theme)
            page.goto(path.as_uri())
            seconds = page.evaluate(LOADED)
            late += [(path.name, seconds)] if seconds > 1 else []
            found = Axe().run(page, options=AXE).response["violations"]
            told += [(path.name, theme, rule["id"], rule["nodes"][0]["html"][:200])
                     for rule in found if rule["impact"] in ("serious", "critical")]
    assert told == [] and late == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_a_link_to_a_cell_leads_there(site, page):
    page.goto(f"{chapter(site, '03_open')}#cell-id=nonblock-write")
    page.wait_for_function("""() => {
        const cell = document.getElementById('cell-id=nonblock-write').nextElementSibling;
        const top = cell.getBoundingClientRect().top;
        return cell.textContent.includes('O_NONBLOCK') && top >= 0 && top < 200;
    }""")


def test_a_question_answers_without_scripts(site, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(chapter(site, "03_open"))
        assert "predict(" not in page.locator("article").inner_text()  # nobody can run it here
        answer = page.locator("details").first
        assert not answer.locator("p").is_visible()
        answer.locator("summary").click()
        assert answer.locator("p").inner_text().startswith("Right.")


def test_without_a_repository_no_page_has_a_link_to_binder(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "site")
    import pages

    text = (ROOT / "site" / "index.md").read_text(encoding="utf-8")
    assert "/owner/kit/" in pages.with_readme(text, "owner/kit")
    assert "OWNER" not in pages.with_readme(text, "owner/kit")
    assert "mybinder.org" not in pages.with_readme(text, "")


def test_search_finds_a_word_in_a_folder_too(site, page):
    page.goto((site / "index.html").as_uri())
    page.locator(".sidebar-search").fill("rendezvous")
    page.keyboard.press("Enter")
    page.locator("#search-results a", has_text=re.compile("^open$")).click()
    page.wait_for_url("**/notebooks/03_open.html*")


def test_a_page_has_its_notebook_a_button_for_binder_and_the_next_page(site, page):
    page.goto(chapter(site, "03_open"))
    binder, slides, teachers, notebook = page.locator(".buttons > a").all()
    assert binder.get_attribute("href") == (
        "https://mybinder.org/v2/gh/owner/kit/HEAD?urlpath=lab/tree/named-pipes/03_open.ipynb")
    file = site / "notebooks" / notebook.get_attribute("href")
    assert file.read_bytes() == (ROOT / "notebooks" / "03_open.ipynb").read_bytes()
    assert (slides.get_attribute("href"), teachers.get_attribute("href")) == (
        "../slides/03_open.html", "teaching/03_open.html")
    title = page.locator("h1").inner_text()
    page.locator(".next-page").click()
    assert page.locator("h1").inner_text() != title


def test_the_left_column_shows_where_one_is(site, page):
    page.goto(chapter(site, "teaching/13_beyond_one_machine"))
    assert 0 < page.locator(".sidebar-tree .current-page").bounding_box()["y"] < 700


def test_pictures_are_sharp_and_told_in_words_and_that_of_a_lab_says_that_it_is_still(site, page):
    page.goto(chapter(site, "00_start_here"))
    pictures = page.locator(".cell_output img")
    assert pictures.evaluate_all("all => all.every(each => each.naturalWidth >= 2 * each.width)")
    words = pictures.evaluate_all("all => all.map(each => each.alt)")
    assert len(words) == 3 and words[0].startswith("PipeLab: ") and "open(" in words[1]
    still = page.locator(".cell_output:has(img)").first.inner_text()
    assert "A still picture" in still and "has ended" not in still


def test_on_a_telephone_no_table_has_a_column_beside_the_screen_and_code_its_indentation(
        site, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    for name, cells in [("practise", ".cell_output td"), ("glossary", "td"), ("reference", "td")]:
        page.goto(chapter(site, name))
        rights = page.locator(cells).evaluate_all(
            "all => all.map(each => each.getBoundingClientRect().right)")
        assert len(rights) > 50 and max(rights) <= 390, name
    assert page.locator(".highlight pre").first.evaluate(
        "pre => getComputedStyle(pre).whiteSpace") == "pre"
    page.close()


def test_on_paper_answers_are_open_and_the_two_tables_are_on_one_page(site, page):
    page.goto(chapter(site, "03_open"))
    page.emulate_media(media="print")
    assert page.locator("details p").first.is_visible()
    page.goto(chapter(site, "tables"))
    page.set_viewport_size({"width": 680, "height": 1009})  # A4 at 96 dpi, without its margins
    last = page.locator("td").last.bounding_box()
    assert last["y"] + last["height"] < 1009
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1280, "height": 720})
