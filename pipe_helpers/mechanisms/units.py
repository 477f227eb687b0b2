"""Times and sizes as a person writes them."""


def micro(seconds):
    return f"{seconds * 1e6:.1f} µs"


def size_text(size):
    for unit, bytes_in_it in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= bytes_in_it:
            return f"{size // bytes_in_it} {unit}"
    return f"{size} bytes"
