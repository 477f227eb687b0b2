"""Times and sizes as a person writes them."""


def micro(seconds):
    return f"{seconds * 1e6:.1f} µs"


def size_text(size):
    for unit, bytes_in_it in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= bytes_in_it:
            return f"{size // bytes_in_it} {unit}"
    return f"{size} bytes"


def mega(rate):
    """Bytes a second in millions: at least two digits that count, and no power of ten."""
    millions = rate / 1e6
    return f"{millions:,.0f}" if millions >= 10 else f"{millions:.2g}"
