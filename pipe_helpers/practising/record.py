"""How well the learner knows each rule, noted beyond the end of the kernel."""
import random

from pipe_helpers import remembering
from pipe_helpers.practising.rules import LEVELS
from pipe_helpers.remembering import notes

_KIND = "practised"
_KEPT = 5  # answers to a rule
_SURE = 2  # right answers in a row


def note(rule, right):
    """Note an answer to a problem about a rule. Returns as `remembering.note`."""
    past = _answers().get(rule, [])
    return remembering.note(_KIND, rule, " ".join([*past, "right" if right else "wrong"][-_KEPT:]))


def known():
    """The rules that were answered: {name: whether the last answers say that it is known}."""
    return {rule: answers[-_SURE:] == ["right"] * _SURE for rule, answers in _answers().items()}


def wanted(level, but=None):
    """The name of a rule to ask for next: rather one that is not known. but: not this one."""
    sure = known()
    rules = [rule for rule in LEVELS[level][1] if rule != but]
    weights = [{True: 1, False: 4, None: 2}[sure.get(rule)] for rule in rules]
    return random.choices(rules, weights)[0]


def _answers():
    rules = {rule for _, asked in LEVELS.values() for rule in asked}
    return {rule: text.split() for rule, text in notes.noted(_KIND).items() if rule in rules}
