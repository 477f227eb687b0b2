"""The book, as build/book/named-pipes.pdf and .epub: python site/book.py [PAGE ...]"""
import re
import shutil
import sys

import fonts
import pypandoc
import pypdfium2
import stored
import weasyprint

HERE = stored.ROOT / "site"
OUT = HERE / "build/book"
DOTS_PER_INCH = 220
LETTERS = "ABCDEFGH"
TEXT_WIDTH = 624  # CSS pixels between the margins of a page, as in book.css


def parts(names):
    """Yield (title, pages) of the parts of the book that some pages make."""
    yield "The chapters", [name for name in names if stored.is_chapter(name)]
    yield "Beside the chapters", [name for name in names if name.startswith("more/")]
    yield "To look things up", [name for name in names if "/" not in name
                                and not stored.is_chapter(name)]


def place(name, fragment):
    """Return the id, in the book, of a cell or a heading of a page."""
    stem = name.rpartition("/")[2].removesuffix(".ipynb")
    fragment = re.sub(r"[^\w.-]", "", fragment)  # a quote would end it
    return f"page-{stem}" + (f".{fragment}" if fragment else "")


def headings(name, cell):
    """Return [(block, level, words, id)] of a cell's text; of what is no heading, level is 0."""
    found = []
    for number, block in enumerate(stored.blocks(cell.text)):
        level, words = stored.heading(block) or (0, "")
        fragment = f"at-{words.replace(' ', '-')}" if number else cell.id
        found.append((block, level, words, place(name, "" if level == 1 else fragment)))
    return found


def places(name):
    """Return {fragment: id in the book} of a page, of its cells and its headings."""
    found = {"": place(name, "")}
    for cell in stored.cells(name, lambda page, fragment: None):
        found[cell.id] = place(name, cell.id)
        for number, (_, level, words, here) in enumerate(headings(name, cell)):
            if level:
                found[words.replace(" ", "-")] = here
                if not number:
                    found[cell.id] = here
    return found


def page(name, target):
    """Yield the blocks of a page of the book as Markdown; its pictures are written."""
    for cell in stored.cells(name, target):
        if not stored.heading(cell.text.partition("\n")[0]):
            yield f"::: {{#{place(name, cell.id)}}}\n:::"
        for block, level, words, here in headings(name, cell):
            yield f"{'#' * (level + 1)} {words} {{#{here}}}" if level else block
        if cell.question:
            yield asked(cell.question, cell.number, place(name, f"answer-{cell.number}"))
            continue
        if cell.code:
            yield stored.fenced(cell.code, ".python")
        for number, output in enumerate(cell.shown):
            if isinstance(output, stored.Picture):
                width = min(TEXT_WIDTH, output.size[0] * 96 // DOTS_PER_INCH)
                yield output.saved(OUT, f"{place(name, cell.id)}.{number}.png", width)
            elif isinstance(output, stored.Html):
                yield output
            else:
                yield stored.fenced(output, ".output")


def asked(question, number, answer):
    """Return a question as Markdown, with a link to its answer."""
    items = [f"{letter}. {stored.plain(each['answer'])}"
             for letter, each in zip(LETTERS, question["answers"])]
    return "\n\n".join(["::: question", f"**{number}. {stored.plain(question['question'])}**",
                        *items, f"[Answer](#{answer})", ":::"])


def answered(question, number, here, back):
    """Return the answer to a question as Markdown: the right one, then why others are not."""
    told = [f"{letter}. {stored.plain(each['answer'])} {stored.plain(each['feedback'])}"
            for letter, each in sorted(zip(LETTERS, question["answers"]),
                                       key=lambda each: not each[1]["correct"])]
    see = [f"See {question['see']}."] if "see" in question else []
    return "\n\n".join([f"::: {{.answered #{here}}}", f"[{number}.](#{back}) "
                        f"**{stored.plain(question['question'])}**", *told, *see, ":::"])


def answers(names, target):
    """Yield the blocks of the book's last part, the answers to the questions of some pages."""
    yield "# Answers {#answers}"
    for name in names:
        asking = [cell for cell in stored.cells(name, target) if cell.question]
        if asking:
            yield f"### {title(name)} {{#{place(name, 'answers')}}}"
        for cell in asking:
            yield answered(cell.question, cell.number, place(name, f"answer-{cell.number}"),
                           place(name, cell.id))


def title(name):
    """Return the title of a page."""
    first = stored.cells(name, lambda page, fragment: None)[0]
    return stored.heading(stored.blocks(first.text)[0])[1]


def markdown(names):
    """Return the book of some pages as Markdown."""
    known = {name: places(name) for name in names}

    def target(name, fragment):
        there = known.get(name, {})
        return f"#{there.get(fragment, there[''])}" if there else None

    blocks = [(HERE / "book.md").read_text(encoding="utf-8")]
    for part, its in parts(names):
        if its:
            blocks.append(f"# {part}")
        for name in its:
            blocks += page(name, target)
    return "\n\n".join([*blocks, *answers(names, target)])


def build(names):
    """Make the book of some pages, as PDF and as EPUB. Return both paths."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    pdf, epub = OUT / "named-pipes.pdf", OUT / "named-pipes.epub"
    text = markdown(names)
    citation = stored.ROOT / "CITATION.cff"
    author = re.search(r"^  - name: (.+)$", citation.read_text(encoding="utf-8"), re.MULTILINE)[1]
    options = ["--standalone", "--toc", "--toc-depth=2", "--wrap=none",
               f"--resource-path={OUT}", f"--metadata-file={citation}",
               f"--metadata=author:{author}", "--metadata=lang:en"]
    fonts.copy(OUT)
    whole = pypandoc.convert_text(
        text, "html5", stored.MARKDOWN, [*options, f"--template={HERE / 'book.html'}"])
    (OUT / "named-pipes.html").write_text(whole, encoding="utf-8")
    weasyprint.HTML(OUT / "named-pipes.html").write_pdf(
        pdf, stylesheets=[OUT / "fonts.css", HERE / "book.css"], presentational_hints=True)
    cover = OUT / "cover.png"
    pypdfium2.PdfDocument(pdf)[0].render(scale=2).to_pil().save(cover)
    pypandoc.convert_text(
        text, "epub3", stored.MARKDOWN,
        [*options, "--split-level=2", f"--css={HERE / 'epub.css'}", f"--epub-cover-image={cover}"],
        outputfile=epub)
    return pdf, epub


if __name__ == "__main__":
    every = stored.names()
    wanted = [name for name in every if name.endswith(tuple(sys.argv[1:]) or "")]
    for made in build(wanted):
        print(made)
