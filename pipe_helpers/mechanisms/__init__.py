"""Measure how fast processes exchange data, by every mechanism of *why named pipes*.

end.py says what a mechanism is; system.py and libraries.py have one after the other, which
catalogue.py lists; partner.py is the other process; measure.py starts it and takes the time;
pictures.py draws the results.
"""
from importlib import import_module

_MODULE_OF = {
    "NAMES": "catalogue",
    "Partners": "measure",
    "round_trips": "measure",
    "throughput": "measure",
}

__all__ = list(_MODULE_OF)


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
