"""Who of a class has done what, for the teacher: of those who share it."""
from pipe_helpers import exercises
from pipe_helpers.lab.challenges import CHALLENGES
from pipe_helpers.remembering import sharing


def table(folder):
    """Lines: one for each learner, and below them one for each exercise and challenge.

    A learner's line has an x for each thing that is done, in the order of the list below. Raises
    OSError if the folder can't be read.
    """
    learners = sharing.of_class(folder)
    parts = [("exercises", "solved", exercises.EXERCISES),
             ("challenges", "done", [challenge.name for challenge in CHALLENGES])]
    width = max(map(len, ["learner", *learners]))
    heads = [f"{part:<{max(len(part), len(names))}}" for part, _, names in parts]
    lines = ["  ".join([f"{'learner':<{width}}", *heads, "questions"])]
    for learner, done in learners.items():
        marks = ["".join("x" if name in done[kind] else "." for name in names)
                 for _, kind, names in parts]
        right = sum(text.split()[1:] == ["right"] for text in done["answered"].values())
        lines.append("  ".join([
            f"{learner:<{width}}",
            *(f"{mark:<{len(head)}}" for mark, head in zip(marks, heads)),
            f"{len(done['answered'])} answered, {right} right at once"]))
    for part, kind, names in parts:
        lines += ["", f"{part}, and how many of {len(learners)} have done them"]
        lines += [f"{sum(name in done[kind] for done in learners.values()):4}  {name}"
                  for name in names]
    return lines
