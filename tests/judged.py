"""Check answers to the exercises, several at a time: a check mostly waits.

As a program: judge the answers that come as JSON, [name, sources], and print the verdicts as JSON.
"""
import json
import linecache
import subprocess
import sys

from exercise_answers import PRELUDE

from pipe_helpers.exercises import check

_AT_ONCE = 2


def answer(name, source):
    """The function of that name that source defines, as a cell would."""
    text = PRELUDE + source
    file = f"<answer {abs(hash(text))}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names = {"__name__": "__main__"}
    exec(compile(text, file, "exec"), names)
    return names[name]


def judged(name, sources):
    """The verdicts on the answers of these sources, in order: (solved, hint, its text)."""
    programs = []
    try:
        for number in range(_AT_ONCE):
            programs.append(subprocess.Popen([sys.executable, __file__], text=True,
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            json.dump([name, sources[number::_AT_ONCE]], programs[-1].stdin)
            programs[-1].stdin.close()
        verdicts = [None] * len(sources)
        for number, program in enumerate(programs):
            verdicts[number::_AT_ONCE] = json.loads(program.stdout.read())
            assert program.wait() == 0
    finally:
        for program in programs:
            program.kill()
            program.wait()
            program.stdout.close()
    return verdicts


if __name__ == "__main__":
    name, sources = json.load(sys.stdin)
    verdicts = [check(answer(name, source)) for source in sources]
    print(json.dumps([(each.solved, each.hint, repr(each)) for each in verdicts]))
