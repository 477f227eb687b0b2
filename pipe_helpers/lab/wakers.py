"""Which press would wake a process that sleeps in a call, by the rules of FIFOs."""

_OTHER = {"read": "write", "write": "read"}


def wakers(asleep, ends, holds, can):
    """For each sleeper the presses of other processes that can wake it, a list of keys of can.

    asleep: {process: (call, pipe)}. ends: {(process, pipe): "read" or "write"}, the end that a
    process has, or would open. holds: the (process, pipe) that are open. can: the
    (process, action, pipe) that may be pressed now, in the order in which they are to be told.

    "Can": a read that frees less than a page leaves a writer asleep [pipe(7)], and so does a
    write of no bytes.
    """
    return {sleeper: [press for press in can if press[0] != sleeper and
                      _wakes(call, pipe, ends[sleeper, pipe], press, ends, holds)]
            for sleeper, (call, pipe) in asleep.items()}


def _wakes(call, pipe, end, press, ends, holds):
    process, action, of = press
    if of != pipe or ends[process, pipe] == end:
        return False
    if call == "open":
        return action == "open"  # which waits until somebody opens the other end [fifo(7)]
    # A read waits for bytes or for the last writer to leave, a write for room or for the last
    # reader to leave [pipe(7)].
    there = [who for who, held in holds if held == pipe and ends[who, pipe] == _OTHER[end]]
    return action == _OTHER[call] or action == "close" and there == [process]
