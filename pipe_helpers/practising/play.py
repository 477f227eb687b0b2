"""Let real processes do what a problem says, call by call, and see what comes of each."""
import contextlib
import time
from dataclasses import replace

from pipe_helpers.keeping.folder import KeptFolder
from pipe_helpers.keeping.one_go import in_one_go
from pipe_helpers.practising.rules import MANY
from pipe_helpers.processes import asleep
from pipe_helpers.processes.puppet import Puppet

_LIMIT = 5  # seconds for one call to return, or to fall asleep


def played(problem):
    """Start a puppet for each process of a `Problem`, let them do it, and end them.

    Returns its steps with what has come of them, and {role: PID}. Where the processes do
    something else than the problem says, the steps end after the first such call. Blocks for
    about half a second, for some seconds if a process does not do what it should; an interrupt
    meanwhile leaves nothing. Raises OSError or RuntimeError if the system refuses a process,
    TimeoutError if one neither returns nor sleeps.
    """
    def work():
        with Hands(len(problem.roles)) as hands:
            return hands.play(problem), dict(zip(problem.roles, hands.pids))

    return in_one_go("the processes", work, undo=lambda _: None)


class Hands:
    """So many puppets in a folder of their own. A context manager, which ends them."""

    def __init__(self, count):
        self._count, self._stack = count, contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            folder = KeptFolder("named_pipes_practice_")
            stack.callback(folder.remove)
            self._puppets = [
                stack.enter_context(Puppet("practice", cwd=folder.path, listed=False))
                for _ in range(self._count)]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self._stack.close()

    @property
    def pids(self):
        return [puppet.pid for puppet in self._puppets]

    def play(self, problem):
        """Do what a problem says, and leave no pipe. Returns its steps, as `played`."""
        for pipe in problem.pipes:
            self._puppets[0].mkfifo(pipe).result()
        try:
            return self._play(problem)
        finally:
            for puppet in self._puppets:
                puppet.cancel()
            for puppet in self._puppets:
                for fd in puppet.descriptors:
                    puppet.close(fd).result()
            for pipe in problem.pipes:
                self._puppets[0].unlink(pipe).result()

    def _play(self, problem):
        steps, presses = [], []
        for number, step in enumerate(problem.steps):
            args = [len(arg) if arg is MANY else arg for arg in step.args]
            presses.append(self._puppets[step.who].press(step.name, *args))
            steps.append(replace(step, left=None, outcome=None))
            expected = [_by(each, number) for each in problem.steps[:number + 1]]
            _settle(presses, [each.left is not None for each in expected])
            steps = [replace(each, left=number, outcome=_outcome(press))
                     if press.done and each.left is None else each
                     for each, press in zip(steps, presses)]
            if steps != expected and not alike(steps, expected):
                break
        return tuple(steps)


def _by(step, number):
    """A step as it is after the step of that number."""
    if step.left is None or step.left > number:
        return replace(step, left=None, outcome=None)
    return step


def alike(steps, others):
    """Whether they came to the same, where how much a pipe holds may be another number."""
    return [_rough(step) for step in steps] == [_rough(step) for step in others]


def _rough(step):
    if step.name == "write" and step.outcome and step.outcome[0] and step.args[1] is MANY:
        return replace(step, outcome=(step.outcome[0] < len(MANY), None))
    return step


def _settle(presses, returns):
    """Wait until each call has returned or is asleep. returns: which of them should return."""
    for press, expected in zip(presses, returns):
        if expected and not press.done:
            with contextlib.suppress(TimeoutError):
                press.wait(_LIMIT)
    deadline = time.monotonic() + _LIMIT
    while waiting := [press for press in presses if not press.done]:
        if all(asleep.which_sleep([press.look for press in waiting])):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{waiting[0]} has neither returned nor fallen asleep")
        time.sleep(0.0005)  # between two looks


def _outcome(press):
    try:
        return press.result(), None
    except OSError as error:
        return None, error.errno
