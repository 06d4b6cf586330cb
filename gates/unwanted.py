"""Gradients that nobody wants are not computed, although a formula is written as if all were.

The backward of an elementwise gate reads as on the lecture's slide:

    return [sum_to(dz * y, x), sum_to(dz * x, y)]

and runs as

    return [sum_to(dz * y, x) if self.wanted[0] else None, sum_to(dz * x, y) if self.wanted[1] else None]

The syntax tree of the formula is changed once, when its class is made. Names, line numbers and the source that
`inspect` shows stay those of the formula as it is written.
"""

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def only_wanted(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Return a formula that computes only the gradients that are wanted, for one that ends in a list of several.

    A formula of another form, one without source text, and one with variables of an enclosing function or private
    names, which mean something in their class alone, come back as they are: they compute all gradients.
    """
    try:
        (function,) = ast.parse(textwrap.dedent(inspect.getsource(backward))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return backward
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return backward
    last, names = function.body[-1], backward.__code__.co_names
    if backward.__code__.co_freevars or any("__" in name.strip("_") for name in names):
        return backward
    if not isinstance(last, ast.Return) or not isinstance(last.value, ast.List) or len(last.value.elts) < 2:
        return backward
    if any(isinstance(gradient, ast.Starred) for gradient in last.value.elts):
        return backward
    wanted = ast.parse(f"{function.args.args[0].arg}.wanted", mode="eval").body
    last.value.elts = [
        ast.IfExp(ast.Subscript(wanted, ast.Constant(port), ast.Load()), gradient, ast.Constant(None))
        for port, gradient in enumerate(last.value.elts)
    ]
    for argument in function.args.args:
        argument.annotation = None
    function.returns = None
    tree = ast.increment_lineno(ast.Module([function], []), backward.__code__.co_firstlineno - 1)
    space: dict[str, Any] = {}
    code = compile(ast.fix_missing_locations(tree), backward.__code__.co_filename, "exec", dont_inherit=True)
    exec(code, backward.__globals__, space)
    return functools.wraps(backward)(space[function.name])
