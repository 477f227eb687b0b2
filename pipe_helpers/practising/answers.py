"""The question of a problem, with its answers: what the call did, and what it might have done."""
import errno
import html
import os

from pipe_helpers.practising.rules import MANY, RULES, WAITS, R, W
from pipe_helpers.recording.calls import flags_text

_ERRORS = {errno.EPIPE: "<code>BrokenPipeError</code>", errno.EAGAIN:
           "<code>BlockingIOError</code>", errno.ENXIO: "an <code>OSError</code>, ENXIO",
           errno.EBADF: "an <code>OSError</code>, EBADF"}
_MOST = 5


def question(problem):
    """The question of a `Problem`, in the form of a questions file."""
    event, rule = problem.event, RULES[problem.rule]
    right = _told(event, event.outcome)
    told = [right, *(_told(event, outcome) for outcome in _others(event))]
    texts = sorted(list(dict.fromkeys(told))[:_MOST], key=_place)
    role, call = _the(problem.roles[event.who]), f"<code>{call_text(event.name, event.args)}</code>"
    asks = (f"What does this {call} of {role} do?" if event.new else
            f"{role[0].upper()}{role[1:]} waits in {call}. What becomes of this call after the "
            "last step?")
    return {
        "question": asks, "see": list(rule.see), "answers": [
            {"answer": text, "correct": text == right, "feedback":
             f"Right. {sentence(rule)}" if text == right else
             f"Not so. {_state(problem)}"} for text in texts],
    }


def sentence(rule):
    """The sentence of a `Rule` as HTML."""
    return html.escape(rule.sentence, quote=False).replace('b""', '<code>b""</code>')


def call_text(name, args):
    """A call as a person writes it, as HTML: "write(3, b&quot;red&quot;)"."""
    shown = [flags_text(arg) if (name, place) == ("open", 1) else
             bytes_text(arg) if isinstance(arg, bytes) else str(arg)
             for place, arg in enumerate(args)]
    return f"{name}({', '.join(shown)})"


def bytes_text(data):
    """Bytes as Python code, as HTML, in double quotes as the chapters have them."""
    if data == MANY:
        return f"{len(MANY):,} bytes"
    return 'b"' + html.escape(repr(data)[2:-1], quote=False) + '"'


def result_text(name, args, outcome):
    """What a call came to, as HTML: "fd 3", "5 bytes", "waits", "BrokenPipeError"."""
    if outcome is WAITS:
        return "waits"
    value, error = outcome
    if error:
        return f"{type(OSError(error, '')).__name__} ({errno.errorcode[error]})"
    if name == "read":
        return f"<code>{bytes_text(value)}</code>" + " end of file" * (not value)
    if name == "write":
        return "a part of them" if value < len(args[1]) else f"{value} bytes"
    return f"fd {value}" if name == "open" else "done"


def _told(event, outcome):
    """An outcome as an answer."""
    if isinstance(outcome, str):
        return outcome
    if outcome is WAITS:
        return _waiting(event)
    value, error = outcome
    if error:
        return f"It raises {_ERRORS[error]}."
    if event.name == "open":
        return "It returns a descriptor, at once." if event.new else "It returns a descriptor."
    if event.name == "read":
        return f"It returns <code>{bytes_text(value)}</code>."
    if value == len(event.args[1]):
        return f"It returns {value:,}, the number of its bytes."
    return "It returns a smaller number: that of the bytes that went in."


def _waiting(event):
    if not event.new:
        return "It goes on waiting."
    if event.name == "open":
        return f"It waits for a {'writer' if event.access == R else 'reader'} to open the pipe."
    return "It waits for bytes." if event.name == "read" else "It waits for room in the pipe."


def _others(event):
    """Outcomes that some learner would expect; the likely ones first."""
    if event.name == "open":
        yield WAITS
        yield 3, None
        if not event.new:
            yield None, errno.ENXIO
            return
        yield "It waits for bytes." if event.access == R else "It waits until somebody reads."
        yield None, errno.ENXIO
        if event.nonblocking:
            yield None, errno.EAGAIN
    elif event.name == "write":
        yield len(event.args[1]), None
        if event.error == errno.EBADF:
            yield WAITS
        elif event.new and event.args[1] != MANY:
            yield "It waits until the reader has read."
        yield WAITS
        if event.args[1] == MANY:
            yield 1, None
        if event.nonblocking:
            yield None, errno.EAGAIN
        yield None, errno.EPIPE
    else:
        yield WAITS
        asked, inside = event.args[1], event.inside
        if not event.new and event.pressed[1] == "write":
            inside = event.pressed[2][1]
        if inside:
            yield inside[:asked], None
            yield inside, None
        if len(inside) < asked and inside:
            yield f"It waits until {asked} bytes are there."
        yield b"", None
        written = [past.args[1] for past in event.past if past.name == "write" and past.new
                   and past.number == event.number and past.value and past.args[1] != MANY]
        if written and not event.value:
            yield written[-1], None
        elif written and event.value:
            yield written[0] if event.value != written[0] else written[-1], None
        if event.nonblocking:
            yield None, errno.EAGAIN
        yield None, errno.EBADF


def _place(text):
    """Answers stand in one order, whatever is right: returns, waits, raises."""
    words = ("It returns", "It goes", "It waits", "It raises")
    return next(place for place, word in enumerate(words) if text.startswith(word)), len(text), text


def _state(problem):
    """The state of the pipe that decides, in words."""
    event = problem.event
    still = event.outcome is WAITS and not event.new
    world, number = event.after if still else event.before, event.number
    waiting = world.pipes[number].waiting
    [name] = [name for name, at in world.names.items() if at == number]
    ends = {R: [], W: []}
    opening = []
    for role, hand in zip(problem.roles, world.hands):
        for at, flags in hand.fds.values():
            if at == number:
                ends[flags & os.O_ACCMODE].append(_the(role))
        if hand.call and hand.call.name == "open" and hand.call.args[0] == name:
            opening.append(_the(role))
    inside = ("no bytes" if not waiting else "1 byte" if waiting == 1 else f"{waiting} bytes"
              if waiting < 1000 else "very many bytes")
    when = "At this moment" if event.new else "After the last step" if still else \
        "Before the last step"
    told = (f"{when} {inside} {'is' if waiting == 1 else 'are'} in <code>{name}</code>. "
            f"Open for reading: {_names(ends[R])}. Open for writing: "
            f"{_names(ends[W])}.")
    return told + (f" Waiting in open: {_names(opening)}." if opening else "")


def _the(role):
    return role if role.startswith("client") else f"the {role}"


def _names(names):
    return " and ".join(dict.fromkeys(names)) or "nobody"
