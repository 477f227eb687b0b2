"""Measure how fast processes exchange data, by every mechanism of *why named pipes*.

end.py says what a mechanism is; system.py and libraries.py have one after the other, which
catalogue.py lists; partner.py is the other process; measure.py starts it and takes the time;
pictures.py draws the results.
"""
from pipe_helpers.lazy import lazy_names

_MODULE_OF = {
    "NAMES": "catalogue",
    "Partners": "measure",
    "round_trips": "measure",
    "throughput": "measure",
}

__all__ = list(_MODULE_OF)
__getattr__ = lazy_names(__name__, _MODULE_OF)
