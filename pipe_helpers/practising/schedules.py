"""Random schedules: which process makes which call, and one of them to be asked about.

A problem is told by its seed and its level, and is the same anywhere and in every Python: of
random only random() is used, whose numbers after a seed never change [random, "Notes on
Reproducibility"].
"""
import os
from dataclasses import dataclass, replace
from random import Random

from pipe_helpers.practising.model import Hand, World, settled
from pipe_helpers.practising.rules import LEVELS, MANY, WAITS, Event, R, W, decides

_LONGEST = 10  # steps
_WORDS = [b"red", b"blue", b"green", b"white", b"black", b"brown", b"orange", b"purple"]

_PAIR = {"reader": [("my_pipe", R)], "writer": [("my_pipe", W)]}
_READERS = {**_PAIR, "second reader": [("my_pipe", R)]}
_WRITERS = {**_PAIR, "second writer": [("my_pipe", W)]}
_SERVER = {"server": [("requests", R), ("requests", W), ("reply.1", W), ("reply.2", W)],
           "client 1": [("requests", W), ("reply.1", R)],
           "client 2": [("requests", W), ("reply.2", R)]}

# How a problem of the last level may begin, lest most of it were about nothing: (role, call, ...).
_MEET = [("server", "open", "requests", R), ("client 1", "open", "requests", W)]
_ASK = [("client 1", "write", 3, b"1 hello\n"), ("server", "read", 3, 100)]
_READY = [(f"client {n}", "open", f"reply.{n}", R | os.O_NONBLOCK) for n in (1, 2)]
_ANSWER = [("server", "open", f"reply.{n}", W) for n in (1, 2)]
_LATE = "client 2", "open", "requests", W
_BEGINNINGS = (
    _MEET, [*_MEET, *_ASK], [*_MEET, *_ASK, _READY[0], _ANSWER[0]],
    [*_MEET, _READY[0], _LATE, *_ASK],
    [("client 1", "open", "requests", W)], [("client 2", "open", "reply.2", R)],
)
_SELDOM = {  # what would hardly come after another beginning
    "keeps": [*_MEET, ("server", "open", "requests", W)],
    "own-pipe": [*_MEET, *_READY, *_ANSWER],
    "client-gone": [*_MEET, *_ASK, _READY[0], _ANSWER[0]],
    "no-boundaries": [*_MEET, _LATE],
    "end-of-file": [*_MEET, *_ASK],
}


@dataclass(frozen=True)
class _Level:
    """casts: which processes there may be, and what each opens: {role: [(pipe, access)]}.

    beginnings: calls that come first. transfers, close, wrong, many, nonblocking: how likely a
    write or read is, a close, a use of the wrong end, a write of very many bytes, and that an
    open is nonblocking; beside 1 for an open. sizes: of reads. shortest: about the fewest steps.
    """

    casts: tuple
    beginnings: tuple = ([],)
    transfers: float = 1
    close: float = 0.3
    wrong: float = 0
    many: float = 0
    nonblocking: float = 0
    sizes: tuple = (2, 3, 100, 100)
    shortest: int = 3


_HOW = {
    1: _Level((_PAIR, _READERS, _WRITERS), transfers=0, close=0.3, wrong=0.3),
    2: _Level((_PAIR,), close=0, many=0.15),
    3: _Level((_PAIR,), close=0.6, many=0.08, sizes=(3, 100)),
    4: _Level((_PAIR,), close=0.3, many=0.4, nonblocking=0.7, sizes=(3, 100)),
    5: _Level((_READERS, _WRITERS), close=0.4, sizes=(3, 100)),
    6: _Level((_SERVER,), _BEGINNINGS, close=0.4, nonblocking=0.3, sizes=(100,), shortest=4),
}


@dataclass(frozen=True)
class Step:
    """A call to be made: by the process of the number who. left, outcome: after which step it
    has returned, and what, as (value, number of the error); both None while it waits."""

    who: int
    name: str
    args: tuple
    left: "int | None" = None
    outcome: "tuple | None" = None


@dataclass(frozen=True)
class Problem:
    """A schedule, and a question: what becomes of the call of step `asked` after the last step?

    roles: the processes. pipes: the names of the named pipes, which are there from the
    beginning. steps: with what comes of them. rule: the name of the one that decides. event: the
    `Event` that is asked about.
    """

    seed: int
    level: int
    roles: tuple
    pipes: tuple
    steps: tuple
    asked: int
    rule: str
    event: Event


def problem(seed, level):
    """The `Problem` of that seed, an int, and level.

    Problems of neighbouring seeds have different rules, so they are never the same. Of as many
    seeds as a level has rules, one after the other, each rule has one.
    """
    rng, wanted = Random(f"problem {level} {seed}"), rule_of(seed, level)
    while True:
        found = _walk(rng, level, wanted)
        if found:
            return Problem(seed, level, *found)


def rule_of(seed, level):
    """The name of the rule that the problem of that seed is about."""
    rules = LEVELS[level][1]
    block, place = divmod(seed, len(rules))
    return _order(level, block)[place]


def seed_for(rule, level, block):
    """The seed of that block of seeds at which a level asks for a rule."""
    return block * len(LEVELS[level][1]) + _order(level, block).index(rule)


def _order(level, block):
    """The rules of a level in the order of a block of seeds."""
    order = _shuffled(level, block)
    if order[0] == _shuffled(level, block - 1)[-1]:
        order[:2] = order[1::-1]
    return order


def _shuffled(level, block):
    rng = Random(f"order {level} {block}")
    return sorted(LEVELS[level][1], key=lambda rule: rng.random())


def _choice(rng, things):
    return things[int(rng.random() * len(things))]


def _walk(rng, level, wanted):
    """One random walk. What a Problem needs, if it has come to the rule; else None."""
    how = _HOW[level]
    cast = _choice(rng, how.casts)
    beginning = _choice(rng, how.beginnings)
    if level == 6:
        beginning = _SELDOM.get(wanted, beginning)
    shortest = how.shortest - 1 + int(4 * rng.random())
    pipes = tuple(dict.fromkeys(pipe for opens in cast.values() for pipe, _ in opens))
    world = World([Hand() for _ in cast])
    for pipe in pipes:
        [world] = settled(world.pressed(0, "mkfifo", pipe))
    steps, past = [], []
    while len(steps) < _LONGEST:
        if len(steps) < len(beginning):
            role, name, *args = beginning[len(steps)]
            who = [*cast].index(role)
        elif moves := _moves(rng, how, cast, world, past):
            who, name, *args = _weighted(rng, moves)
        else:
            return None
        ends = settled(world.pressed(who, name, *args))
        if len(ends) > 1:  # the system does not say which
            return None
        events = _events(world, ends[0], (who, name, tuple(args)), past)
        steps.append(Step(who, name, tuple(args)))
        steps = [_after(step, number, len(steps) - 1, events) for number, step in enumerate(steps)]
        world = ends[0]
        for event in events:
            if len(steps) >= shortest and decides(wanted, level, event):
                asked = max(number for number, step in enumerate(steps) if step.who == event.who)
                return tuple(cast), pipes, tuple(steps), asked, wanted, event
        past += [event for event in events if event.new or event.outcome is not WAITS]
    return None


def _events(before, after, pressed, past):
    """The event of the call that was entered, and those of the calls that were waiting."""
    who, name, args = pressed
    calls = [(who, name, args)]
    calls += [(other, hand.call.name, hand.call.args) for other, hand in enumerate(before.hands)
              if hand.call]
    return [Event(before, after, number, name, args, pressed,
                  WAITS if after.hands[number].call else after.hands[number].outcome, list(past))
            for number, name, args in calls]


def _after(step, number, now, events):
    """A step with what it has come to by now."""
    if step.left is not None:
        return step
    [event] = [event for event in events if event.who == step.who] or [None]
    if event is None or event.outcome is WAITS:
        return step
    return replace(step, left=now, outcome=event.outcome)


def _moves(rng, how, cast, world, past):
    """The calls that can be made: [(weight, (who, name, *args))]."""
    moves, calm = [], not any(hand.call for hand in world.hands)
    for who, (hand, role) in enumerate(zip(world.hands, cast)):
        if hand.call:
            continue
        held = {(number, flags & os.O_ACCMODE) for number, flags in hand.fds.values()}
        for pipe, access in cast[role]:
            number = world.names[pipe]
            keeps = role == "server" and (pipe, access) == ("requests", W)
            if (number, access) not in held and not (keeps and (number, R) not in held):
                nonblock = os.O_NONBLOCK * (rng.random() < how.nonblocking)
                moves.append((1, (who, "open", pipe, access | nonblock)))
        for fd, (number, flags) in hand.fds.items():
            pages = world.pipes[number].pages
            full = bool(pages) and pages[-1].data[-1:] == b"."  # nobody wants to see that read
            read = who, "read", fd, _choice(rng, how.sizes)
            write = who, "write", fd, _data(role, past)
            writes = [(how.transfers, write), (how.many * calm, (who, "write", fd, MANY))]
            if role == "server" and number == world.names["requests"]:
                writes = []  # it holds that end, and no more
            right = [(how.transfers * (not full), read)], writes
            at = flags & os.O_ACCMODE == W
            wrong = (write, read)[at]
            moves += [*right[at], (how.close, (who, "close", fd)), (how.wrong, wrong)]
    return [(weight, move) for weight, move in moves
            if weight and not (past and _once_more(move, past[-1]))]


def _once_more(move, last):
    """Whether a call would only do again what the last one did, or fail as that did."""
    who, name, *args = move
    return last.pressed == (who, name, tuple(args)) or bool(last.error) and (
        who, name, args[0]) == (last.who, last.name, last.args[0])


def _data(role, past):
    """What a process writes next: no two writes are alike."""
    word = _WORDS[sum(event.name == "write" and event.new for event in past) % len(_WORDS)]
    if role == "server":
        return word.upper() + b"\n"
    return role[-1:].encode() + b" " + word + b"\n" if "client" in role else word


def _weighted(rng, moves):
    """One of the moves, by its weight."""
    left = rng.random() * sum(weight for weight, _ in moves)
    for weight, move in moves:
        left -= weight
        if left < 0:
            return move
    return moves[-1][1]
