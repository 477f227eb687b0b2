"""The checks of make_pipe, try_open_writer and send_all."""
import errno
import os
import stat

from pipe_helpers.exercises.trial import Fails, call_and_count, is_fifo, shown

# ---------------------------------------------------------------- make_pipe


def makes(trial):
    path = trial.path()
    trial.run(path)
    if not os.path.lexists(path):
        raise Fails("After the call there is nothing at the path that was given.")
    if not is_fifo(path):
        raise Fails(f"What it made is {_kind(path)}, not a named pipe: os.mkfifo makes one.")
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o600 != 0o600:
        raise Fails(f"The pipe has the mode {stat.filemode(mode)[1:]}, so that its owner can't "
                    "both read and write. A mode is written in octal, 0o600.")


def twice(trial):
    path = trial.path()
    trial.run(path)
    if not is_fifo(path):
        raise Fails("After the first call there is no named pipe at the path.")
    reader = trial.puppet("reader")
    reader.open(path, os.O_RDONLY | os.O_NONBLOCK).result()
    trial.run(path, raised=lambda name, *_: (
        f"The second call raised {name}: the pipe is there already, and that is well."))
    if not is_fifo(path):
        raise Fails("After the second call there is no named pipe any more.")
    try:  # a writer finds the reader only if it is the same pipe
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise Fails("The second call put a new pipe in the place of the old one. A reader that "
                    "had the old one open would wait for ever.") from None


def refuses(trial):
    path = trial.path()
    with open(path, "w") as file:
        file.write("keep me")
    _must_raise(trial, path, "a regular file")
    if not os.path.isfile(path) or open(path).read() != "keep me":
        raise Fails("There was a regular file at the path, and your function destroyed it.")
    path = trial.path()
    os.mkdir(path)
    _must_raise(trial, path, "a folder")


def races(trial):
    path = trial.path()
    trial.start(path, act=_hold_before_mkfifo)
    event = trial.event("mkfifo", "returned", hold=True)
    if event[0] == "mkfifo":  # now another process is quicker
        maker = trial.puppet("reader")
        maker.mkfifo(path).result()
        trial.value(raised=lambda name, *_: (
            "Another process made the pipe just before your os.mkfifo, and it raised "
            f"{name}. First try to make it, and look only if that fails."))
    if not is_fifo(path):
        raise Fails("Another process made the pipe first, and in the end there was none.")


def _must_raise(trial, path, what):
    trial.start(path)
    event = trial.event("raised", "returned")
    if event[0] == "returned" and is_fifo(path):
        raise Fails(f"There was {what} at the path, and your function put a pipe in its place.")
    if event[0] == "returned":
        raise Fails(f"There was {what} at the path, and it said nothing. Whoever opens that does "
                    "not get a pipe: look what is there, and raise an error.")
    if event[1] == "NotImplementedError":
        trial.event()


def _hold_before_mkfifo(report, fn, path):
    mkfifo = os.mkfifo

    def held(*args, **options):
        report("mkfifo")
        return mkfifo(*args, **options)

    os.mkfifo = held
    names = getattr(fn, "__globals__", {})
    for name in [name for name, value in names.items() if value is mkfifo]:
        names[name] = held
    return fn(path)


def _kind(path):
    mode = os.lstat(path).st_mode
    if stat.S_ISREG(mode):
        return "a regular file"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a folder" if stat.S_ISDIR(mode) else "something else"


# ---------------------------------------------------------------- try_open_writer


def nobody(trial):
    value, open_now = trial.run(
        trial.pipe(), act=call_and_count,
        asleep="Nobody reads, and it waits. With O_NONBLOCK, os.open does not wait for a reader.",
        raised=lambda name, text, number: (
            f"Nobody reads, and it raised {name}: catch that one error (ENXIO) and return None."
            if number == errno.ENXIO else None),
    )
    if type(value) is int and value > 2 and open_now:
        raise Fails("Nobody reads, and it returned a descriptor. Opened for both directions, a "
                    "pipe has a reader: yourself. Opened for reading, it never asks for one.")
    if value is not None:
        raise Fails(f"Nobody reads, and it returned {shown(value)} instead of None.")
    if open_now:
        raise Fails("It returned None and left a descriptor open.")


def somebody(trial):
    path = trial.pipe()
    reader = trial.puppet("reader")
    fd = reader.open(path, os.O_RDONLY | os.O_NONBLOCK).result()
    trial.start(path, act=_write_hello)
    value = trial.event("value", asleep="A reader has the pipe open, and it still waits.")[1]
    if value is None:
        raise Fails("A reader has the pipe open, and it returned None.")
    if type(value) is not int:
        raise Fails(f"It returned {shown(value)}. Asked for is a descriptor, the number that "
                    "os.open returns.")
    trial.value(raised=lambda name, text, number: (
        f"The descriptor that it returned can't be written to: {name}, {text}. Return it open, "
        "and opened for writing."))
    if reader.read(fd, 512).wait().result is None or reader.calls[-1].result.size != 5:
        raise Fails("Five bytes were written to what it returned, and something else is what "
                    "the reader got.")


def missing(trial):
    path = trial.path()
    trial.start(path)
    event = trial.event("raised", "returned")
    if os.path.lexists(path):
        raise Fails(f"There was no pipe at the path, and it made {_kind(path)} there.")
    if event[0] == "returned":
        raise Fails("There is no pipe at the path, and it hid that (FileNotFoundError). Only one "
                    "error means that nobody reads: error.errno == errno.ENXIO.")


def _write_hello(report, fn, path):
    fd = fn(path)
    report("value", fd)
    os.write(fd, b"Hello")


# ---------------------------------------------------------------- send_all


LONG = b"".join(b"%07d\n" % number for number in range(25_000))  # 200,000 bytes


def short(trial):
    data, _ = _send(trial, b"Hello from pid [4242]")
    _compare(data, b"Hello from pid [4242]")


def long(trial):
    data, _ = _send(trial, LONG, interrupt=True)
    _compare(data, LONG)


def empty(trial):
    data, _ = _send(trial, b"", spins="It never comes to an end when there is nothing to send.")
    _compare(data, b"")


def still_open(trial):
    _, usable = _send(trial, b"Hello")
    if not usable:
        raise Fails("It closed the descriptor. That was opened by the caller, who may have more "
                    "to send.")


def reader_gone(trial):
    path = trial.pipe()
    reader = trial.puppet("reader")
    fd = reader.open(path, os.O_RDONLY | os.O_NONBLOCK).result()
    trial.start(path, LONG, act=_open_and_send)
    trial.event("asleep", patience=0.01, returned="It returned before the message was sent.")
    reader.close(fd).result()
    trial.learner.go()
    event = trial.event("raised", "returned", spins=(
        "The reader has gone, and it tries for ever: let BrokenPipeError come through."))
    if event[0] == "returned":
        raise Fails("The reader went in the middle, and it returned as if all were sent. Let "
                    "BrokenPipeError come through to the caller.")


def _send(trial, message, interrupt=False, **hints):
    """Let it send message, and return what arrives and whether the descriptor is still open."""
    path = trial.pipe()
    reader = trial.puppet("reader")
    fd = reader.open(path, os.O_RDONLY | os.O_NONBLOCK).result()
    trial.start(path, message, act=_open_and_send)
    if not interrupt:
        usable = trial.value(**hints)
        return _read_all(reader, fd), usable
    event = trial.event("asleep", "returned", patience=0.01)
    if event[0] == "asleep":  # the pipe is full: end the write in the middle
        trial.learner.signal()
        event = trial.event("asleep", "returned", patience=0.05)
    data = bytearray()
    usable = event[1] if event[0] == "returned" else None
    while event[0] == "asleep":
        piece = _piece(reader, fd)
        if not piece:
            break
        data += piece
        if len(data) > 4 * len(message):
            raise Fails(f"The message has {len(message):,} bytes, and more than "
                        f"{4 * len(message):,} came. Send on from where the last write stopped: "
                        "data[count:].", waits=True)
        event = trial.event("asleep", "returned", patience=0.01)
        if event[0] == "returned":
            usable = event[1]
    return bytes(data) + _read_all(reader, fd), usable


def _piece(reader, fd):
    press = reader.read(fd, 1 << 20)
    try:
        return press.result()
    except BlockingIOError:  # a writer is there, and has nothing to say
        return b""


def _read_all(reader, fd):
    return b"".join(iter(lambda: _piece(reader, fd), b""))


def _compare(data, wanted):
    if data == wanted:
        return
    if wanted.startswith(data):
        raise Fails(f"{len(data):,} bytes arrived, and the message has {len(wanted):,}. A write "
                    "may do a part: the count that it returns tells how much.")
    if len(data) > len(wanted):
        raise Fails(f"{len(data):,} bytes arrived, and the message has {len(wanted):,}. Send on "
                    "from where the last write stopped: data[count:].")
    at = next((i for i, (a, b) in enumerate(zip(data, wanted)) if a != b), len(data))
    raise Fails(f"{len(data):,} bytes arrived of {len(wanted):,}, and they are not the message "
                f"any more after byte {at:,}: cut off what was sent, neither more nor less.")


def _open_and_send(report, fn, path, message):
    fd = os.open(path, os.O_WRONLY)
    fn(fd, message)
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "make_pipe": ("mkfifo", {
        "makes a named pipe that its owner can read and write": makes,
        "may be called twice, and leaves the pipe that is there": twice,
        "goes on if another process is quicker": races,
        "refuses what is no pipe": refuses,
    }),
    "try_open_writer": ("open", {
        "gives None at once when nobody reads": nobody,
        "gives a descriptor to write to when somebody does": somebody,
        "hides no other error": missing,
    }),
    "send_all": ("write", {
        "sends a short message": short,
        "sends a long one whole, though a signal cuts a write": long,
        "sends nothing if there is nothing to send": empty,
        "leaves the descriptor open": still_open,
        "says so if the reader goes": reader_gone,
    }),
}
