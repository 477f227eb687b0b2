"""Slides of the chapters, from their headings and cells: python site/slides.py [CHAPTER ...]

A slide has one cell that shows something: between the sentence that leads to it and what is said
of what it shows, all a little smaller if it would else not have room. A slide that goes on has its
title in small letters. Left out are what sets up, tidies up or checks an exercise; a text cell with
the tag no-slide, and its whole section if it begins one; and what follows the last hint or answer:
it leads to the next chapter.
"""
import html
import math
import re
import shutil
import sys
from dataclasses import dataclass, field

import fonts
import pypandoc
import stored

HERE = stored.ROOT / "site"
OUT = HERE / "build/slides"
# In pixels of a slide, as in slides.css. What a line holds is counted with wide letters in mind.
ROOM, WIDTH = 590, 1180
LINE, LETTERS = 44, 72
CODE_LINE, CODE_LETTERS = 30, 79
GAP = 18
ZOOMS = 1, 0.93, 0.87, 0.82, 0.77  # the first of them at which all has room is taken
SMALLEST = 0.75  # of its size, to which a picture is made smaller so that it stays with its cell
NOT_SHOWN = re.compile(r"exercises\.check|raise NotImplementedError|replay\(")
SETS_UP = re.compile(r"(?:(?:import |from |workspace\(\)|os\.mkfifo\().*\n?|\n)+")
TIDIES_UP = re.compile(r"(?:(?:os\.(?:close|unlink)|\w+\.(?:close|end|kill|wait))\(.*\n?|\n)+")
FOLDED = re.compile(r"(^<details.*</summary>)(.*)(</details>)", re.DOTALL)
NO_PARAGRAPH = re.compile(r"[<|]|```|- |\d+\. ")
SENTENCE = re.compile(r"(?<=[.?!)]) (?=[A-Z`*(\[])(?!It |They |So )")


@dataclass
class Group:
    """What belongs together, in three lists of parts: (id of a cell, Markdown, heights).

    The heights are in pixels before each zoom, with the gap below.
    lead: what leads to a cell; shown: the cell; told: what is said of it. title: begins a slide.
    """

    title: tuple = None
    lead: list = field(default_factory=list)
    shown: list = field(default_factory=list)
    told: list = field(default_factory=list)
    code: str = ""
    quiet: bool = False  # its cell shows nothing
    tells: bool = False  # its cell has shown something to speak of

    @property
    def whole(self):
        return self.lead + self.shown + self.told


@dataclass
class Slide:
    """One slide: its title, the ids of the cells on it, its parts."""

    title: str
    again: bool = False  # the title was there before
    cells: list = field(default_factory=list)
    parts: list = field(default_factory=list)
    full: bool = False  # nothing more is put on it

    def put(self, parts):
        self.cells += [part[0] for part in parts]
        self.parts += parts

    @property
    def body(self):
        """Its Markdown, in a list."""
        return [part[1] for part in self.parts]

    @property
    def attributes(self):
        """Of its section, for slides.css."""
        zoom = zoomed(self.parts) or 0
        style = f' style="--zoom: {ZOOMS[zoom]}"' * bool(zoom)
        return f"{{#{self.cells[0]}{' .again' * self.again}{style}}}"


def lines(text, letters):
    """Return how many lines a text takes that is broken after so many letters."""
    return sum(max(1, math.ceil(len(line) / letters)) for line in text.split("\n"))


def bare(text):
    """Return a Markdown text without what is not seen: addresses and tags."""
    text = re.sub(r"\]\([^)]+\)", "", re.sub(r"<[^>]+>", "", text))
    return html.unescape(re.sub(r"[`*\[]", "", text))


def height(block, zoom=1):
    """Return the height of a block of text, with the gap below it, in pixels before the zoom."""
    if block.startswith("|"):
        rows = block.split("\n")[:1] + block.split("\n")[2:]
        letters = LETTERS / zoom // (rows[0].count("|") - 1)
        high = [max(lines(bare(cell).strip(), letters) for cell in row.split("|")) for row in rows]
        return sum(high) * 32 + len(rows) * 12 + GAP
    if block.startswith("```"):
        return lines(block, CODE_LETTERS) * CODE_LINE + GAP
    if block.startswith("<details"):  # open
        return sum(lines(bare(each), 88 / zoom) * 34 + GAP for each in re.split("\n\n+", block))
    return lines(bare(block), LETTERS / zoom) * LINE + GAP


def code_height(text):
    """Return the height of a program or an output, with the gap below it, in pixels."""
    return lines(text, CODE_LETTERS) * CODE_LINE + 16 + GAP


def slides(name, target):
    """Return the slides of a chapter, a list of Slide."""
    found = []
    for group in packed(joined(groups(name, target))):
        if group.title:
            found.append(Slide(group.title[0], cells=[group.title[1]]))
        if zoomed(group.whole) is None and zoomed(with_covers(group.whole)) is not None:
            group.lead, group.told = map(with_covers, (group.lead, group.told))
        before, parts, after = divided(group)
        if before and tall(before) < ROOM / 3 and tall(found[-1].parts + before) <= ROOM:
            found[-1].full = False  # rather than nearly nothing on a slide of its own
        add(found, before)
        add(found, parts, bool(group.shown))
        add(found, after, bool(group.shown))
        found[-1].full |= len(found) == 1
    return [slide for slide in found if slide.parts or slide is found[0]]


def tall(parts, zoom=0):
    """Return the height of parts before a zoom, the number of one of ZOOMS."""
    return sum(part[2][zoom] for part in parts)


def zoomed(parts):
    """Return the number of the zoom at which parts fit on a slide, or None."""
    return next((number for number, zoom in enumerate(ZOOMS)
                 if tall(parts, number) * zoom <= ROOM), None)


def with_covers(parts):
    """Return parts, of which hints and answers open over what is above them, and take no room."""
    cover = r'\1\n\n<div class="cover">\n\2\n</div>\n\n\3'
    return [(cell, FOLDED.sub(cover, text), (34 + GAP,) * len(ZOOMS))
            if FOLDED.search(text) else (cell, text, high) for cell, text, high in parts]


def divided(group):
    """Return a group's parts in three lists, of which the middle one has the cell and fits.

    Rather than of what is said of the cell, some of what leads to it goes before. What announces
    the next goes nowhere without it, and a hint nowhere without its task.
    """
    whole, ways = group.whole, []
    for before in range(len(group.lead) + 1):
        for end in range(len(whole) - len(group.told), len(whole) + 1):
            parts = fitted(whole[before:end])
            if parts:
                torn = sum(bool(is_announcing(whole[cut - 1]) or FOLDED.search(whole[cut][1]))
                           for cut in (before, end) if 0 < cut < len(whole))
                cost = torn, len(whole) - end, before > 0, zoomed(parts), before
                ways.append((cost, (whole[:before], parts, whole[end:])))
    return min(ways, key=lambda way: way[0])[1] if ways else (group.lead, group.shown, group.told)


def is_announcing(part):
    """Tell whether a part is a sentence that the next one ends."""
    return re.search(r"[:\w]$", part[1]) and not NO_PARAGRAPH.match(part[1])


def fitted(parts):
    """Return parts that fit on a slide, a picture among them made smaller if need be, or None."""
    if zoomed(parts) is not None:
        return parts
    over = tall(parts, -1) - ROOM / ZOOMS[-1]
    for number, (cell, text, heights) in enumerate(parts):
        scale = 1 - over / heights[-1]
        if text.startswith('<p class="picture">') and scale >= SMALLEST:
            width = re.search(r'width="(\d+)"', text)[1]
            text = text.replace(f'width="{width}"', f'width="{int(width) * scale:.0f}"')
            heights = tuple(int(each * scale) for each in heights)
            return parts[:number] + [(cell, text, heights)] + parts[number + 1:]
    return None


def add(found, parts, cell=False):
    """Put parts on the last slide, if they are but text and have room, or the next.

    Those that do not fit on one, one by one.
    cell: whether a cell is among them, or what they speak of: nothing is put below it.
    """
    if zoomed(parts) is None and len(parts) > 1:
        for part in parts:
            add(found, [part])
    elif parts:
        last = found[-1]
        if last.parts and (last.full or tall(last.parts + parts) > ROOM):
            found.append(Slide(last.title, again=True))
        found[-1].put(parts)
    found[-1].full |= cell


def packed(found):
    """Return groups, but one whose cell shows nothing takes in the next, if there is room."""
    kept = []
    for group in found:
        last = kept[-1] if kept else group
        if (last.quiet and group.shown and not group.title
                and zoomed(last.whole + group.whole) in (0, 1)):
            last.shown += last.told + group.lead + group.shown
            last.told, last.quiet = group.told, group.quiet
        else:
            kept.append(group)
    return kept


def joined(found):
    """Return groups, but what ends a section and leads to no cell joins the group before it.

    A last cell of a section that only tidies up is left out.
    """
    found, kept = list(found), []
    for group, after in zip(found, [*found[1:], Group(("", ""))]):
        if after.title and group.quiet and not group.told and TIDIES_UP.fullmatch(group.code):
            without_colon(group.lead)
            group.shown = []
        if kept and not group.title and not group.shown:
            kept[-1].told += group.lead
        else:
            kept.append(group)
    return kept


def groups(name, target):
    """Yield a chapter's groups, in order."""
    cells = stored.cells(name, target)
    end = max(number for number, cell in enumerate(cells) if "<details" in cell.text)
    group = title = left_out = None
    for cell in cells[:end + 1]:
        for new, blocks in parts_of(cell) if cell.text else []:
            if new:
                title, left_out = new, cell.no_slide
            if left_out or cell.no_slide:
                continue
            if new:
                if group:
                    yield group
                group = Group(new)
            told, lead = split(blocks) if group.tells else ([], blocks)
            group.told += in_parts(cell, told)
            if group.shown and lead:
                yield group
                group = Group()
            group.lead += in_parts(cell, lead)
        if cell is cells[0]:  # what the chapter is for has a slide of its own
            yield group
            group = Group()
        first = title[1] == cells[0].id
        if left_out or cell.text or NOT_SHOWN.search(cell.code):
            continue
        if SETS_UP.fullmatch(cell.code) and (first or "mkfifo" not in cell.code):
            without_colon(group.lead)
            continue
        if group.shown:
            yield group
            group = Group()
        group.shown = [(cell.id, text, high if cell.question else (high,) * len(ZOOMS))
                       for text, high in shown(name, cell)]
        group.code = cell.code
        group.quiet = bool(cell.code) and len(group.shown) == 1
        group.tells = bool(cell.shown and not cell.question
                           and not cell.code.startswith("%%program"))
    yield group


def without_colon(lead):
    """Take from the parts that lead to a cell, which is left out, the last if it announces it."""
    if lead and is_announcing(lead[-1]):
        lead.pop()


def parts_of(cell):
    """Yield pairs (title, blocks) of a cell's text; the title, a pair (words, id), may be None."""
    title, blocks = None, []
    for block in stored.blocks(cell.text):
        if level_and_words := stored.heading(block):
            if title or blocks:
                yield title, blocks
            title, blocks = (level_and_words[1], cell.id), []
        else:
            blocks.append(block)
    yield title, blocks


def split(blocks):
    """Return (told, lead): the blocks about what a cell has shown, and those that lead on."""
    *first, last = blocks or [""]
    if NO_PARAGRAPH.match(last):
        return blocks, []
    if last.endswith(":"):
        *told, lead = SENTENCE.split(last)
        return first + [" ".join(told)] * bool(told), [lead]
    return (first, [last]) if first else (blocks, [])


def in_parts(cell, blocks):
    """Return blocks of a cell's text as parts."""
    return [(cell.id, piece, tuple(height(piece, zoom) for zoom in ZOOMS))
            for block in blocks for piece in pieces(block)]


def pieces(block):
    """Return a list or a table that is too high for a slide in parts, else the block alone."""
    if height(block, ZOOMS[-1]) * ZOOMS[-1] <= ROOM or block.startswith(("<", "`")):
        return [block]
    rows = block.split("\n")
    head = rows[:2] if block.startswith("|") else []
    half = (len(rows) + len(head)) // 2
    return [part for rows in (rows[:half], head + rows[half:]) for part in pieces("\n".join(rows))]


def shown(name, cell):
    """Yield the pairs (Markdown, height) of a cell's program and of its outputs."""
    if cell.code:
        wide = max(map(len, cell.code.split("\n"))) > CODE_LETTERS
        yield stored.fenced(cell.code, ".python" + " .wide" * wide), code_height(cell.code)
    for number, output in enumerate(cell.shown):
        if cell.code.startswith("%%program") or output == stored.STILL:
            continue  # the first says only that the file was written
        if isinstance(output, stored.Picture):
            wide, high = output.size
            scale = min(WIDTH / wide, 560 / high, 1)  # stored at twice its size
            picture = f"{name.removesuffix('.ipynb')}.{cell.id}.{number}.png"
            yield output.saved(OUT, picture, round(wide * scale)), round(high * scale) + GAP
        elif cell.question:
            yield output, tuple(question_height(cell.question, zoom) for zoom in ZOOMS)
        elif isinstance(output, stored.Html):
            yield output, output.count("<tr>") * 44 + 62 + GAP
        else:
            output = output.message if isinstance(output, stored.Error) else output
            for part in parted(output):
                yield stored.fenced(part, ".output"), code_height(part)


def parted(output):
    """Return a long output in parts that each fit on a slide."""
    rows = output.split("\n")
    while len(rows) > 20:
        yield "\n".join(rows[:20])
        rows = rows[20:]
    yield "\n".join(rows)


def question_height(question, zoom):
    """Return the height of a question with every answer open, before the zoom."""
    answers = question["answers"]
    text = sum(lines(bare(each[part]), 90 / zoom) for each in answers
               for part in ("answer", "feedback"))
    asked = lines(bare(question["question"]), LETTERS / zoom) * LINE
    return asked + text * 34 + len(answers) * 28 + GAP


def markdown(made):
    """Return slides as Markdown, a heading to each."""
    return "\n\n".join(f"# {slide.title} {slide.attributes}\n\n" + "\n\n".join(slide.body)
                       for slide in made)


def build(names):
    """Make the slides of some chapters in build/slides. Return {chapter: its slides}."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    (OUT / "reveal").mkdir()
    for name in ("reset.css", "reveal.css", "reveal.js"):
        shutil.copy(fonts.REVEAL / name, OUT / "reveal")
    fonts.copy(OUT)
    shutil.copy(HERE / "slides.css", OUT)
    on = {}  # where the cells of a chapter are, by its name

    def target(page, fragment):
        if page not in names:
            return None
        return f"{page.removesuffix('ipynb')}html" + (
            f"#/{on[page][fragment]}" if page in on and fragment in on[page] else "")

    for name in names:  # which slide a cell is on does not depend on where links lead
        on[name] = {}
        for slide in slides(name, lambda page, fragment: "x"):
            for cell in slide.cells:
                on[name].setdefault(cell, slide.cells[0])
    made = {name: slides(name, target) for name in names}
    for name, its in made.items():
        pypandoc.convert_text(
            markdown(its), "revealjs", stored.MARKDOWN,
            ["--standalone", "--wrap=none", f"--template={HERE / 'slides.html'}", "--slide-level=1",
             f"--metadata=pagetitle:{its[0].title}"],
            outputfile=OUT / f"{name.removesuffix('ipynb')}html")
    titles = [f"{int(name[:2])}. [{its[0].title}]({name.removesuffix('ipynb')}html)"
              for name, its in made.items()]
    pypandoc.convert_text("\n".join(titles), "html", stored.MARKDOWN,
                          ["--standalone", "--metadata=title:Named pipes, live: slides"],
                          outputfile=OUT / "index.html")
    return made


if __name__ == "__main__":
    chapters = [name for name in stored.names() if stored.is_chapter(name)]
    wanted = [name for name in chapters if name.startswith(tuple(sys.argv[1:]) or "")]
    for name, its in build(wanted).items():
        print(f"{len(its):3} slides: {name}")
    print(f"in {OUT}: open index.html")
