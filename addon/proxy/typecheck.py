"""mitmproxy's check of a message's fields, without what it leaves behind.

mitmproxy checks each request and response that it makes, field by field. For a type of several parts (``Headers |
None``) it raises and catches an error that refers to itself by way of its traceback, and so to every frame on the
stack: to the bytes that were read, and to the flow with its bodies. All of that waits for the garbage collector. Under
300 kB requests these are 2 to 10 MB, and the errors cost a tenth of a request's CPU. A value whose type is exactly
one of those that are asked for needs no error; everything else goes the old way.
"""

import inspect
from collections.abc import Callable
from types import UnionType
from typing import Any

from mitmproxy.utils import typecheck

type Check = Callable[[str, Any, Any], None]

_CHECK: Check = typecheck.check_option_type


def check(name: str, value: object, wanted: Any) -> None:
    """Accept at once what mitmproxy's own check would accept after an error; ask it about all else."""
    kind = type(value)
    if kind is not wanted and (type(wanted) is not UnionType or kind not in wanted.__args__):
        _CHECK(name, value, wanted)


def take_over() -> None:
    """Put ours in place, where mitmproxy's is the one that we know."""
    if list(inspect.signature(_CHECK).parameters) == ["name", "value", "typeinfo"]:
        typecheck.check_option_type = check  # type: ignore[assignment]  # with another name for the third


def give_back() -> None:
    """Undo ``take_over``."""
    typecheck.check_option_type = _CHECK  # type: ignore[assignment]  # as it was
