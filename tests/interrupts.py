"""Interrupt a function at each moment at which Python lets that happen."""

import dis
import functools
import gc
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any


def interrupted_at(moment: int, function: Callable[[], Any], also: tuple[str, ...] = ()) -> bool:
    """Call a function, and return whether it was interrupted: at one of the moments when Python lets that happen.

    The moments counted are those in gategraph, and in the other packages named. The garbage collector waits: Python
    prints and drops an interrupt of what it calls.
    """
    count, before = 0, ("", 0)

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal count, before
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("gates", "graph", *also):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            last, before = before, (frame, frame.f_lasti)
            if last[0] is frame and instructions(frame.f_code)[last[1]].startswith(("CALL", "RESUME", "JUMP_BACKWARD")):
                count += 1
                if count > moment:
                    sys.settrace(None)
                    raise KeyboardInterrupt
        return trace

    others, collects = sys.gettrace(), gc.isenabled()
    gc.disable()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 asks before tracing begins
    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(others)
        if collects:
            gc.enable()
    return False


@functools.cache
def instructions(code: CodeType) -> dict[int, str]:
    """Return the names of a function's instructions by their places."""
    return {instruction.offset: instruction.opname for instruction in dis.get_instructions(code)}
