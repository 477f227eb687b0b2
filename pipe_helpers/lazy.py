"""Names of a package, each imported from its module when it is first used (PEP 562)."""
import sys
from importlib import import_module


def lazy_names(package, module_of):
    """Return the __getattr__ of a package. module_of: the name of the module for each name."""
    def __getattr__(name):
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__
