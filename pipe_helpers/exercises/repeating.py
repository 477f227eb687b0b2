"""The checks of handle_once and call_with_retries."""
import functools
import time

from pipe_helpers.exercises.deadlines import LATE_BY, TooLate, best_of_three, expect_late
from pipe_helpers.exercises.observed import did, expect_all_as_before, expect_error, observe
from pipe_helpers.exercises.pieces import LATE
from pipe_helpers.exercises.trial import Fails, NotTried, shown

_TRY = 0.05  # seconds for one try
_PAUSES = 0.02, 0.04, 0.08  # seconds
_LONG_TIME = 10
_COPY = "a copy of 1"
# In each, texts that are the same without spaces, in small letters, decoded, or for `if`.
_NEARLY = ((b"10 apples", b"10 apples ", b" 10 apples", b"10  apples", b"10 Apples", b"10 apple"),
           (b"", b"x", b" "), (b"\xff", b"\xfe", b"?", b"", "\ufffd".encode()))
_ERRORS = {"KeyError": KeyError, "RuntimeError": RuntimeError, "ValueError": ValueError,
           "TimeoutError": TimeoutError, "refused": ConnectionRefusedError,
           "reset": ConnectionResetError}


# ---------------------------------------------------------------- handle_once

def _handle_each(report, fn, *steps):
    """Each step: the number of a dictionary, the request, what work returns or raises."""
    dictionaries = {}
    for number, request, comes in steps:
        texts = []
        answers = dictionaries.setdefault(number, {})
        if number == _COPY:  # as of a server that has kept it in a file
            answers = dict(dictionaries[1])
        seen = observe(fn, answers, request, functools.partial(_work, texts, comes))
        report("worked", texts, len(answers))
        report("did", *seen)


def _work(texts, comes, text):
    texts.append(text)
    if comes in _ERRORS:
        raise _ERRORS[comes]("not now")
    return comes


class _Handling:
    """handle_once at work: a run of steps."""

    def __init__(self, trial, *steps):
        self.trial = trial
        trial.start(*steps, act=_handle_each)

    def step(self, when):
        self.when = when
        _, self.texts, self.kept = self.trial.event("worked")
        self.seen = did(self.trial, errors=True)
        expect_all_as_before(self.seen, f"{when}. After the call")
        return self

    def does(self, text, answer):
        self.raises_nothing()
        if self.texts != [text] and len(self.texts) == 1:
            raise Fails(f"{self.when}. The text is {shown(text)}, and `work` got "
                        f"{shown(self.texts[0])}.")
        if not self.texts:
            raise Fails(f"{self.when}, and `work` was not called.")
        if len(self.texts) > 1:
            raise Fails(f"{self.when}, and `work` was called {len(self.texts)} times.")
        self.returns(answer)

    def repeats(self, answer):
        self.raises_nothing()
        if self.texts:
            empty = (" Its answer was empty, which `if` takes for false: ask whether the number is "
                     "`in` the dictionary.") if answer == b"" else ""
            raise Fails(f"{self.when}, and `work` was called once more.{empty}")
        self.returns(answer)

    def returns(self, answer):
        if self.seen.value != answer or type(self.seen.value) is not bytes:
            raise Fails(f"{self.when}. It returned {shown(self.seen.value)}, and the answer is "
                        f"{shown(answer)}.")

    def raises_nothing(self):
        if self.seen.error:
            raise Fails(f"{self.when}, and it raised {self.seen.error.name}: "
                        f"{self.trial.short(self.seen.error.text)}.")

    def refuses(self, instead):
        if self.texts:
            raise Fails(f"{self.when}, and `work` was called: look at the request before.")
        expect_error(self.trial, self.seen, self.when, "ValueError", instead)


def does_new_ones(trial):
    requests = ((b"ada-1", b"10 apples", b"110"), (b"ada-11", b"", b""),
                (b"7", b" \xff\0 7 ", b"7 \r\n"), (b"ben-1", b"10 apples", b"120"),
                (b"07", b"x", b"1"), (b"Ben-1", b"x", b"2"), (b"\xfe-1", b"x", b"3"),
                (b"\xff-1", b"y", b"4"))
    handling = _Handling(trial, *[(1, number + b" " + text, answer)
                                  for number, text, answer in requests])
    for number, text, answer in requests:
        handling.step(f"A new request came, {shown(number + b' ' + text)}").does(text, answer)


def repeats(trial):
    first, other = b"ada-1 10 apples", b"ben-1 10 apples"
    handling = _Handling(trial, (1, first, b"110"), (1, other, b""), (1, first, b"no"),
                         (1, other, b"no"), (1, first, b"no"))
    handling.step("A new request came").does(b"10 apples", b"110")
    handling.step("A new request came").does(b"10 apples", b"")
    for answer in b"110", b"", b"110":
        handling.step("The same request came again").repeats(answer)


def keeps_them_there(trial):
    request = b"ada-1 10 apples"
    handling = _Handling(trial, (1, request, b"110"), (2, request, b"500"), (1, request, b"no"),
                         (2, request, b"no"))
    handling.step("A new request came").does(b"10 apples", b"110")
    handling.step("Another server has a dictionary of its own, and the request is new "
                  "there").does(b"10 apples", b"500")
    for answer in b"110", b"500":
        handling.step("Two servers, each with its dictionary, got the request again"
                      ).repeats(answer)
    handling = _Handling(trial, (1, request, b"110"), (_COPY, request, b"no"),
                         (2, b"ada-1 20 apples", b"520"), (1, request, b"no"))
    handling.step("A new request came").does(b"10 apples", b"110")
    handling.step("The server passed a copy of its dictionary, and the same request came again"
                  ).repeats(b"110")
    handling.step("In another server's dictionary the number is new, whatever the text").does(
        b"20 apples", b"520")
    handling.step("The number came to two servers, with another text to each, and the first got "
                  "its request again").repeats(b"110")


def refuses_another_text(trial):
    handling = _Handling(trial, (1, b"ada-1 10 apples", b"110"), (1, b"ada-1 20 apples", b"no"),
                         (1, b"ada-1 10 apples", b"no"))
    handling.step("A new request came").does(b"10 apples", b"110")
    handling.step("The number of an old request came with another text").refuses(
        "This client would take the answer for its own: keep the text, too, and raise ValueError.")
    handling.step("The old request came again after that").repeats(b"110")
    keep = "Keep the texts, too, in the dictionary that is passed."
    handling = _Handling(trial, (1, b"ada-1 10 apples", b"110"), (_COPY, b"ada-1 20 apples", b"no"),
                         (2, b"ada-1 20 apples", b"520"), (1, b"ada-1 20 apples", b"no"))
    handling.step("A new request came").does(b"10 apples", b"110")
    handling.step("The server passed a copy of its dictionary, and the old number came with "
                  "another text").refuses(keep)
    handling.step("To another server that number is new").does(b"20 apples", b"520")
    handling.step("The number came to two servers, with another text to each, and the first got "
                  "the text of the second").refuses(keep)
    handling = _Handling(trial, *[(1, b"%d %s" % (number, text), b"110")
                                  for number, texts in enumerate(_NEARLY) for text in texts])
    for first, *others in _NEARLY:
        handling.step("A new request came").does(first, b"110")
        for other in others:
            handling.step(f"An old number came, first with {shown(first)}, now with "
                          f"{shown(other)}").refuses("Compare the bytes as they are.")


def refuses_no_text(trial):
    handling = _Handling(trial, (1, b"ada-1", b"no"), (1, b"", b"no"), (1, b"ada-1 apples", b"1"))
    for request in b"ada-1", b"":
        handling.step(f"A request without a space came, {shown(request)}").refuses(
            "Raise ValueError.")
        if handling.kept:
            raise Fails(f"{handling.when}, and something was kept in the dictionary.")
    handling.step("A whole request came after that").does(b"apples", b"1")


def lets_errors_through(trial):
    for name in "RuntimeError", "KeyError":
        handling = _Handling(trial, (1, b"ada-1 apples", name), (1, b"ada-1 apples", b"1"),
                             (1, b"ada-1 apples", b"no"))
        step = handling.step(f"`work` raised {name}")
        if not step.texts:
            raise NotTried  # another point says why
        expect_error(trial, step.seen, step.when, name, "Let its error come through.")
        if step.kept:
            raise Fails(f"{step.when}, and something was kept in the dictionary: keep the answer "
                        "when there is one.")
        handling.step(f"The request came again, after `work` had raised {name}").does(
            b"apples", b"1")
        handling.step("The same request came again").repeats(b"1")


# ---------------------------------------------------------------- call_with_retries

def _call_each(report, fn, *steps):
    """Each step: text, seconds, and what comes of each try; the last of that again and again."""
    for text, seconds, *comes in steps:
        tries = []
        ask = functools.partial(_ask, tries, comes, time.monotonic())
        seen = observe(fn, ask, text, seconds)
        report("tried", tries)
        report("did", *seen)


def _ask(tries, comes, began, request, limit):
    tries.append([request, limit, time.monotonic() - began, None])
    how = comes[min(len(tries), len(comes)) - 1]
    if how == "TimeoutError" and type(limit) in (int, float):
        time.sleep(max(0, min(limit, _TRY)))
    tries[-1][3] = time.monotonic() - began
    if how in _ERRORS:
        raise _ERRORS[how](how)
    return how


class _Calling:
    """call_with_retries at work: a run of steps."""

    def __init__(self, trial, *steps):
        self.trial = trial
        trial.start(*steps, act=_call_each)

    def step(self, when):
        self.when = when
        on = f"{when}, and it never came back: it sleeps, or asks on and on."
        _, self.tries = self.trial.event("tried", spins=on, asleep=on, **LATE)
        self.seen = did(self.trial, errors=True)
        if not self.tries and (error := self.seen.error):
            raise Fails(f"It raised {error.name} before `ask` could send anything: "
                        f"{self.trial.short(error.text)}.")
        if not self.tries:
            raise Fails("It came back without a call of `ask`.")
        return self

    def number(self, text):
        """The number in the request, which is the same in each try."""
        requests = [each[0] for each in self.tries]
        for request in requests:
            if type(request) is not bytes:
                raise Fails(f"`ask` got {shown(request)}, and a request is bytes.")
            number, space, rest = request.partition(b" ")
            if not number or not space or rest != text:
                raise Fails(f"`ask` got {shown(request)}. A request is a number, a space and the "
                            f"text, which was {shown(text)}.")
        if len(set(requests)) > 1:
            raise Fails(f"{self.when}, and it asked again with another number: the server takes "
                        "that for a new request, and does it twice.")
        return requests[0].partition(b" ")[0]

    def returns(self, answer, count):
        if self.seen.error:
            raise Fails(f"{self.when}, and it raised {self.seen.error.name}.")
        if self.seen.value != answer or type(self.seen.value) is not bytes:
            raise Fails(f"{self.when}. It returned {shown(self.seen.value)}, and the answer was "
                        f"{shown(answer)}.")
        if len(self.tries) != count:
            raise Fails(f"{self.when}, and it asked {len(self.tries)} times in place of {count}.")
        expect_all_as_before(self.seen, f"{self.when}. After the call")


def asks(trial):
    for text, answer in (b"add 10", b"110"), (b" \xff\0 7 ", b""):
        calling = _Calling(trial, (text, _LONG_TIME, answer))
        calling.step("`ask` returned an answer at once").number(text)
        calling.returns(answer, 1)


def asks_again(trial):
    calling = _Calling(trial, (b"add 10", _LONG_TIME, "TimeoutError", "reset", "refused", b"110"))
    calling.step("`ask` raised TimeoutError, ConnectionResetError, ConnectionRefusedError, and "
                 "then returned an answer")
    if calling.seen.error and len(calling.tries) < 4:
        name = ("TimeoutError", "ConnectionResetError", "ConnectionRefusedError"
                )[len(calling.tries) - 1]
        raise Fails(f"`ask` raised {name}, and it did not ask again. TimeoutError and all errors "
                    "of connections are an OSError.")
    calling.returns(b"110", 4)
    calling.number(b"add 10")


def numbers(trial):
    found = []
    for _ in range(2):
        calling = _Calling(trial, *[(b"add 10", _LONG_TIME, b"110")] * 2)
        mine = [calling.step("It was called").number(b"add 10") for _ in range(2)]
        if mine[0] == mine[1]:
            raise Fails("Two calls had the same number. The server would take the second for the "
                        "first once more, and not do it.")
        if set(mine) & set(found):
            raise Fails("Two processes had the same number: the PID, os.getpid(), is another in "
                        "each process. Make it a part of the number.")
        found += mine


def limits(trial):
    times = 0.1, 0.18, 0.09, 0.17  # in each a try begins when little is left
    calling = _Calling(trial, *[(b"add 10", seconds, "TimeoutError") for seconds in times])
    for seconds in times:
        for _, limit, begun, _ in calling.step("No try was answered").tries:
            if type(limit) not in (int, float) or not 0 < limit <= _TRY + 1e-9:
                limit = f"{limit:.2f}" if type(limit) is float else shown(limit)
                raise Fails(f"It gave a try {limit} seconds. That is to be a number above 0, and "
                            f"at most {_TRY}.")
            if begun + limit > seconds + 0.01:
                # TooLate: what is left is less by what passes until the try begins.
                raise TooLate(f"{max(0, seconds - begun):.2f} s were left of its {seconds}, and it "
                              f"gave a try {limit:.2f} s. Give it no more than is left.")
        if (first := calling.tries[0][1]) < _TRY - 0.01:
            raise TooLate(f"Much time was left, and it gave the first try {first:.2f} s, not "
                          f"{_TRY}.")


def pauses(trial):
    calling = _Calling(trial, (b"add 10", _LONG_TIME, *["refused"] * 3, b"110"))
    calling.step("Three tries were refused, and the fourth answered")
    calling.returns(b"110", 4)
    made = [after[2] - before[3] for before, after in zip(calling.tries, calling.tries[1:])]
    for number, (pause, wanted) in enumerate(zip(made, _PAUSES), 1):
        late = pause > wanted + LATE_BY + calling.seen.delayed
        if pause < wanted - 0.003 or late and pause > 2 * wanted:
            raise TooLate(f"Its pause number {number} took {pause:.3f} s. The first is "
                          f"{_PAUSES[0]} s, and each is twice as long as the one before.")


def deadline(trial):
    # 0.85: a long pause begins at 0.62, and would end at 1.26, on a busy machine somewhat later
    for how, when, seconds in (("refused", "Each try was refused", 0.85),
                               ("TimeoutError", "No try was answered", 0.1)):
        calling = _Calling(trial, (b"add 10", seconds, how)).step(when)
        expect_late(trial, calling.seen, seconds, when)


def other_errors(trial):
    calling = _Calling(trial, (b"add 10", _LONG_TIME, "ValueError", b"110"))
    calling.step("`ask` raised ValueError, which is a fault of the program")
    expect_error(trial, calling.seen, calling.when, "ValueError",
                 "Only an OSError is a reason to ask again.")
    if len(calling.tries) > 1:
        raise Fails(f"{calling.when}, and it asked again.")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "handle_once": ("beyond one machine", {
        "does a new request, once": does_new_ones,
        "answers a repeated request without doing it": repeats,
        "keeps the answers in the dictionary": keeps_them_there,
        "refuses an old number with another text": refuses_another_text,
        "refuses a request without a text": refuses_no_text,
        "lets an error through, and keeps nothing": lets_errors_through,
    }),
    "call_with_retries": ("remote calls", {
        "returns the answer": asks,
        "asks again with the same number": asks_again,
        "gives each call another number": numbers,
        "gives a try no more time than is left": best_of_three(limits),
        "pauses, twice as long each time": best_of_three(pauses),
        "raises TimeoutError at the deadline": best_of_three(deadline),
        "hides no other error": other_errors,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "handle_once": {
        "does a new request, once": (
            "`number, text = request.split(b\" \", 1)` cuts at the first space. Call `work(text)` "
            "in one place, and keep what it returns in a name."),
        "answers a repeated request without doing it": (
            "First `if number in answers:`, and there `return` what is kept. `work` stands below "
            "that."),
        "keeps the answers in the dictionary": (
            "`answers[number] = ...` puts something into the dictionary that was passed. A "
            "dictionary of your own outside the function is not needed."),
        "refuses an old number with another text": (
            "Keep both under the number: `answers[number] = (text, answer)`. When the number is "
            "there, compare the texts first."),
        "refuses a request without a text": (
            "`number, text = request.split(b\" \", 1)` raises ValueError by itself if there is "
            "only one piece."),
        "lets an error through, and keeps nothing": (
            "Call `work` first, outside any `try`, and put the answer into the dictionary in the "
            "next line."),
    },
    "call_with_retries": {
        "returns the answer": (
            "`request = number + b\" \" + text`; then, in a `try`, `return ask(request, limit)`."),
        "asks again with the same number": (
            "Make the request once, before the loop. In the loop, `except OSError:` and pause."),
        "gives each call another number": (
            "`uuid.uuid4().hex` is a long text that is never the same twice (`import uuid`). "
            "`.encode()` makes bytes of it."),
        "gives a try no more time than is left": (
            "`deadline = time.monotonic() + seconds` at the beginning. Before each try `left = "
            "deadline - time.monotonic()`, and `min(0.05, left)` for the try."),
        "pauses, twice as long each time": (
            "Before the loop `pause = 0.02`. After a failed try `time.sleep(pause)`, and `pause = "
            "2 * pause`."),
        "raises TimeoutError at the deadline": (
            "A pause, too, must not be longer than what is left: `min(pause, left)`, with `left` "
            "looked at anew. When nothing is left before a try, raise TimeoutError."),
        "hides no other error": (
            "`except OSError:` catches TimeoutError and all errors of connections, and no others."),
    },
}
