"""What of a learner's values and errors leaves the learner's process, and how it is shown."""
import math

_MOST = 1 << 22  # bytes and characters that are sent of one value
_ITEM = 1000  # what an item of a list counts for
_LONGEST_NAME = 60  # characters of a class's name
_LONGEST_TEXT = 500  # characters of an error's text


def plain(value):
    """value if it is built of None, numbers, text, bytes, lists and tuples, else what it is.

    That is told in words, as a set of one text, which no value is sent as: {"an object"}. So all
    can be sent by repr and read by ast.literal_eval, whatever the methods of a value do. Types
    derived from those count as others; so do parts that are nested deep or take too much room.
    """
    return _plain(value, 3, [_MOST])


def _plain(value, depth, room):
    kind = type(value)
    if value is None or kind is bool or kind is int and -1 << 63 <= value < 1 << 64:
        return value
    if kind is float:
        return value if math.isfinite(value) else {repr(value)}
    if kind in (str, bytes):
        room[0] -= len(value)
        if room[0] >= 0:
            return value
        return {f"{len(value):,} {'characters' if kind is str else 'bytes'}"}
    if kind in (list, tuple) and depth and len(value) * _ITEM <= room[0]:
        room[0] -= len(value) * _ITEM
        return kind([_plain(item, depth - 1, room) for item in value])
    name = _name_of(kind) or "object"
    return {f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"}


def shown(value):
    """A value that `plain` has sent, in few words."""
    if type(value) is set:
        return "".join(value)
    if type(value) in (bytes, str) and len(value) > 40:
        return f"{len(value):,} {'bytes' if type(value) is bytes else 'characters'}"
    text = _text(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _text(value):
    if type(value) is list:
        return f"[{', '.join(map(_text, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(_text, value))}{',' * (len(value) == 1)})"
    return "".join(value) if type(value) is set else repr(value)


def _name_of(kind):
    # What the metaclass calls __name__ may be anything, and the name a str of its own class.
    return str.__str__(type.__dict__["__name__"].__get__(kind))[:_LONGEST_NAME]


def printable(value):
    """str(value) as a plain str, which no output refuses: lone surrogates are escaped."""
    return str.__str__(str(value)).encode(errors="backslashreplace").decode()


def error_name(error):
    """The name of an error's class."""
    return _name_of(type(error)) or "an error without a name"


def text_of(error):
    """What an error says, as a plain str, or "" if that raises an error itself."""
    try:
        return printable(error)[:_LONGEST_TEXT]
    except BaseException:
        return ""


def errno_of(error):
    """The number that an error has as its errno, or None."""
    try:
        number = error.errno
    except BaseException:  # an attribute may be code, too
        return None
    return number if type(number) is int else None
