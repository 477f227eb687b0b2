"""time_limit frees a blocked call, tells why, and gives signal handler and timer back."""
import asyncio
import contextlib
import math
import os
import random
import signal
import sys
import threading
import time

import pytest

from pipe_helpers import time_limit

pytestmark = pytest.mark.usefixtures("own_folder", "no_alarm")


def no_handler(number, frame):
    raise AssertionError("an alarm outside of every limit")


@pytest.fixture
def no_alarm():
    """Before and after the test: a known handler, no timer, and no alarm comes afterwards."""
    former = signal.signal(signal.SIGALRM, no_handler)
    try:
        yield
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        assert signal.getsignal(signal.SIGALRM) is no_handler
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


@pytest.fixture
def pipe():
    """Both ends of a FIFO, open in this process: (read end, write end)."""
    os.mkfifo("pipe")
    fd = os.open("pipe", os.O_RDWR)
    ends = os.open("pipe", os.O_RDONLY), os.open("pipe", os.O_WRONLY)
    os.close(fd)
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def busy(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


# ---- it frees a blocked call

@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY], ids=["reading", "writing"])
def test_it_frees_os_open(flags):
    os.mkfifo("pipe")
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="open is still waiting after 0.1 s.*other end.*again"):
        with time_limit(0.1):
            os.open("pipe", flags)
    assert 0.1 <= time.monotonic() - started < 1


@pytest.mark.parametrize("mode", ["r", "w", "rb", "wb", "a"])
def test_it_frees_the_built_in_open(mode):
    os.mkfifo("pipe")
    with pytest.raises(TimeoutError, match="^open is still waiting"):
        with time_limit(0.05):
            open("pipe", mode)


def test_it_frees_os_read(pipe):
    with pytest.raises(TimeoutError, match="^read is still waiting.*still has it open"):
        with time_limit(0.05):
            os.read(pipe[0], 100)


def test_it_frees_os_write_on_a_full_pipe(pipe):
    with pytest.raises(TimeoutError, match="^write is still waiting.*full"):
        with time_limit(0.05):
            while True:
                os.write(pipe[1], bytes(4096))


def test_it_frees_a_read_of_a_file_object(pipe):
    with pytest.raises(TimeoutError, match="^read"):
        with open(pipe[0], "rb", closefd=False) as file, time_limit(0.05):
            file.read(10)


def test_it_ends_a_sleep_a_lock_and_a_loop():
    lock = threading.Lock()
    lock.acquire()
    for work in (lambda: time.sleep(9), lock.acquire, lambda: busy(9)):
        with pytest.raises(TimeoutError, match="still waiting after 0.05 s"):
            with time_limit(0.05):
                work()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before PEP 657 the whole line has to do")
def test_the_text_names_the_call_that_waits_and_no_other_on_its_line(pipe):
    read, write = pipe
    with pytest.raises(TimeoutError, match="^read"):
        with time_limit(0.05):
            os.write(write, b"x"), os.read(read, 1), os.read(read, 1)
    with pytest.raises(TimeoutError, match="^read"):
        with time_limit(0.05):
            os.write(write, os.read(
                read,
                1,
            ))


def test_the_text_names_the_call_in_a_function_that_the_body_calls(pipe):
    def receive():
        return os.read(pipe[0], 10)

    with pytest.raises(TimeoutError, match="^read"):
        with time_limit(0.05):
            receive()


def test_code_without_source_gets_a_text_as_well():
    code = compile("import time\nwith time_limit(0.05):\n    time.sleep(9)", "<nowhere>", "exec")
    with pytest.raises(TimeoutError, match="program has not done its part"):
        exec(code, {"time_limit": time_limit})


def test_a_body_that_is_done_in_time_is_left_alone():
    with time_limit(5) as limit:
        value = 7
    assert value == 7 and limit.seconds == 5


def test_an_error_of_the_body_passes_through():
    with pytest.raises(KeyError):
        with time_limit(5):
            raise KeyError


def test_one_limit_may_be_used_again():
    limit = time_limit(0.05)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            with limit:
                time.sleep(9)


def test_a_second_entry_of_one_limit_is_refused_and_the_first_goes_on():
    limit = time_limit(0.3)
    with limit:
        for enter in limit.__enter__, lambda: contextlib.ExitStack().enter_context(limit):
            with pytest.raises(RuntimeError, match="in use already: make another one"):
                enter()
        with pytest.raises(TimeoutError, match="0.3 s"):
            time.sleep(9)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    with pytest.raises(TimeoutError, match="1 s"):  # a later one counts
        with time_limit(1):
            time.sleep(9)
    with limit:  # and so does the same one, now that it has been left
        assert 0.2 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.31


def test_a_limit_that_another_task_has_yet_to_give_back_is_refused():
    async def main():
        early, late = time_limit(5), time_limit(2)
        early.__enter__()
        late.__enter__()
        early.__exit__(None, None, None)
        with pytest.raises(RuntimeError, match="in use already"):
            early.__enter__()
        late.__exit__(None, None, None)
        with early:
            pass

    asyncio.run(main())


def test_code_that_swallows_the_first_alarms_still_gets_out():
    os.mkfifo("pipe")
    swallowed = 0
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        with time_limit(0.05):
            while swallowed < 2:
                try:
                    os.open("pipe", os.O_RDONLY)
                except OSError:
                    swallowed += 1
            os.open("pipe", os.O_RDONLY)
    assert swallowed == 2 and time.monotonic() - started < 3


# ---- nested

def test_of_nested_limits_the_inner_one_counts_if_it_is_sooner():
    with time_limit(5):
        with pytest.raises(TimeoutError, match="0.05 s"):
            with time_limit(0.05):
                time.sleep(9)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 4


def test_of_nested_limits_the_outer_one_counts_if_it_is_sooner():
    with pytest.raises(TimeoutError, match="0.05 s"):
        with time_limit(0.05):
            with time_limit(5):
                time.sleep(9)


def test_the_outer_limit_still_comes_at_its_own_time():
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="0.3 s"):
        with time_limit(0.3):
            for _ in range(2):
                with pytest.raises(TimeoutError, match="0.05 s"):
                    with time_limit(0.05):
                        time.sleep(9)
            time.sleep(9)
    assert 0.3 <= time.monotonic() - started < 1.3


def test_an_outer_limit_that_passes_while_the_inner_one_runs_comes_after_it():
    with pytest.raises(TimeoutError, match="0.1 s"):
        with time_limit(0.1):
            with contextlib.suppress(TimeoutError), time_limit(0.05):
                try:
                    time.sleep(9)
                except TimeoutError:
                    with contextlib.suppress(TimeoutError):
                        busy(0.15)
            time.sleep(9)


# ---- handler and timer are given back

def test_the_former_handler_and_timer_are_given_back():
    calls = []
    signal.signal(signal.SIGALRM, lambda *_: calls.append(1))
    handler = signal.getsignal(signal.SIGALRM)
    try:
        signal.setitimer(signal.ITIMER_REAL, 30, 7)
        with contextlib.suppress(KeyError, TimeoutError), time_limit(5):
            busy(0.05)
            raise KeyError
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert 25 < left <= 29.95 and interval == 7
        with contextlib.suppress(TimeoutError), time_limit(0.05):
            time.sleep(9)
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert 25 < left <= 29.9 and interval == 7
        assert signal.getsignal(signal.SIGALRM) is handler and calls == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, no_handler)


def test_a_former_timer_that_was_due_meanwhile_rings_at_once(until):
    calls = []
    signal.signal(signal.SIGALRM, lambda *_: calls.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with contextlib.suppress(TimeoutError), time_limit(0.05):
            try:
                time.sleep(9)
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
                busy(0.1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        until(lambda: calls, "the former timer rings", 2)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, no_handler)


def test_an_interrupt_in_the_body_gives_them_back():
    with pytest.raises(KeyboardInterrupt):
        with time_limit(5):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(9)
    # The fixture looks at handler and timer.


@pytest.mark.parametrize("function", ["__enter__", "__exit__", "_restore"])
def test_an_interrupt_at_any_line_of_entry_and_exit_gives_them_back(function):
    code = getattr(time_limit, function).__code__

    def interrupted_at(step):
        lines = 0

        def trace(frame, event, argument):
            nonlocal lines
            if frame.f_code is not code:
                return None
            if event == "line":
                lines += 1
                if lines == step:
                    raise KeyboardInterrupt
            return trace

        former = sys.gettrace()
        sys.settrace(trace)
        try:
            with time_limit(5):
                pass
            return False
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(former)

    step = 1
    while interrupted_at(step):
        # No signal is looked at between the start of a function and a `try:` that it begins with.
        if not (function == "__exit__" and step == 1):
            assert signal.getitimer(signal.ITIMER_REAL) == (0, 0), step
            assert signal.getsignal(signal.SIGALRM) is no_handler, step
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, no_handler)
        step += 1
    assert step > 2


# ---- where it is refused

def test_it_is_refused_in_another_thread():
    errors = []

    def work():
        try:
            with time_limit(1):
                pass
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(errors) == 1 and "main thread" in errors[0]


@pytest.mark.parametrize("seconds", [0, -1, 0.0, math.nan, math.inf, -math.inf, "5", None, [], 1j,
                                     10**400, 1e300, 1e18], ids=lambda value: repr(value)[:9])
def test_what_is_not_a_time_in_seconds_is_refused(seconds):
    with pytest.raises(ValueError, match="number of seconds above 0"):
        with time_limit(seconds):
            pass


@pytest.mark.parametrize("seconds", [1, 0.5, True, 1e6, 9e8])
def test_what_is_a_time_in_seconds_is_taken(seconds):
    with time_limit(seconds):
        left = signal.getitimer(signal.ITIMER_REAL)[0]
    assert seconds - 0.4 < left <= seconds + 1


def test_a_time_too_short_to_do_anything_in_still_raises_in_the_body():
    for seconds in (1e-12, 1e-6, 5e-324):
        with pytest.raises(TimeoutError):
            with time_limit(seconds):
                time.sleep(9)


# ---- nowhere but in its body

def test_it_does_not_raise_in_another_task_while_its_body_awaits():
    async def limited(log):
        try:
            with time_limit(0.05):
                await asyncio.sleep(0.2)
                log.append("went on")
                time.sleep(9)
        except TimeoutError as error:
            log.append(str(error))

    async def other(log):
        busy(0.15)
        log.append("other")
        await asyncio.sleep(0)

    async def main():
        log = []
        await asyncio.gather(limited(log), other(log))
        return log

    log = asyncio.run(main())
    assert log[0] == "other" and "still waiting" in log[-1] and len(log) <= 3


def test_limits_of_tasks_that_end_in_another_order_leave_no_timer(until):
    async def limited(seconds, rest):
        with time_limit(seconds):
            await asyncio.sleep(rest)

    async def main():
        await asyncio.gather(limited(5, 0.02), limited(2, 0.05))

    asyncio.run(main())
    until(lambda: signal.getitimer(signal.ITIMER_REAL)[0] == 0, "no timer is left", 7)


def test_a_later_task_keeps_its_limit_though_an_earlier_one_ends_first(until):
    async def early():
        with time_limit(5):
            await asyncio.sleep(0.02)

    async def late():
        with time_limit(0.1):
            await asyncio.sleep(0.05)
            time.sleep(9)

    async def main():
        return await asyncio.gather(early(), late(), return_exceptions=True)

    assert isinstance(asyncio.run(main())[1], TimeoutError)
    until(lambda: signal.getitimer(signal.ITIMER_REAL)[0] == 0, "no timer is left", 7)


def test_it_does_not_raise_in_the_user_of_a_generator_that_is_suspended_inside():
    def numbers():
        with time_limit(0.05):
            yield 1
            time.sleep(9)

    generator = numbers()
    assert next(generator) == 1
    busy(0.15)
    with pytest.raises(TimeoutError):
        next(generator)


def test_a_generator_that_is_closed_inside_gives_them_back():
    def numbers():
        with time_limit(5):
            yield 1

    generator = numbers()
    next(generator)
    generator.close()


def test_an_exit_stack_may_hold_it():
    with pytest.raises(TimeoutError):
        with contextlib.ExitStack() as stack:
            stack.enter_context(time_limit(0.05))
            time.sleep(9)
    with pytest.raises(TimeoutError):
        with contextlib.ExitStack() as stack:
            stack.enter_context(time_limit(0.05))
            stack.callback(time.sleep, 9)


def test_three_hundred_limits_that_pass_as_the_body_ends_never_raise_elsewhere():
    passed = 0
    for _ in range(300):
        length = random.uniform(0.0002, 0.0006)
        try:
            entered = False
            try:
                with time_limit(0.0004):
                    entered = True
                    busy(length)
            except TimeoutError:
                passed += 1
            for _ in range(50):
                pass
        except TimeoutError:
            pytest.fail(f"outside of the with statement (entered: {entered})")
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        assert signal.getsignal(signal.SIGALRM) is no_handler
    assert passed > 20


def test_limits_of_an_exit_stack_that_pass_as_the_body_ends_leave_no_timer():
    for _ in range(200):
        with contextlib.suppress(TimeoutError):
            with contextlib.ExitStack() as stack:
                stack.enter_context(time_limit(0.0004))
                busy(random.uniform(0.0002, 0.0006))
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        assert signal.getsignal(signal.SIGALRM) is no_handler


# ---- in a kernel

def test_in_a_kernel_it_frees_cells_that_block_and_cells_that_await(kernel):
    assert kernel.run("import asyncio, os, time\nfrom pipe_helpers import time_limit\n"
                      "os.mkfifo('pipe')")[1] is None
    for blocked in ("os.open('pipe', os.O_RDONLY)", "open('pipe', 'w')"):
        _, error = kernel.run(f"with time_limit(0.2):\n    {blocked}")
        assert error.startswith("TimeoutError: open is still waiting after 0.2 s")
    _, error = kernel.run("""
        with time_limit(0.2):
            await asyncio.sleep(0.5)
            os.open("pipe", os.O_RDONLY)
    """)
    assert error.startswith("TimeoutError: open is still waiting after 0.2 s")
    _, error = kernel.run("""
        with time_limit(0.2):
            await asyncio.sleep(0.5)
            time.sleep(5)
    """)
    assert error.startswith("TimeoutError: still waiting after 0.2 s")
    # A limit that passes while nothing but the await is left: the kernel lives on.
    kernel.run("with time_limit(0.1):\n    await asyncio.sleep(0.4)")
    output, error = kernel.run("import signal\nprint(signal.getitimer(signal.ITIMER_REAL)[0])")
    assert (output, error) == ("0.0\n", None)
