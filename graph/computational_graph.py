"""The computational graph: every public method, with its documentation, and a call of the feature behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from inspect import isfunction
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from gates import Gate
from gates.values import Given
from graph.drawing import MAX_GATES
from graph.passes.arguments import merged
from graph.passes.nested import GraphGate, evaluating
from graph.passes.two_passes import TwoPasses
from graph.saving import graph_files
from graph.saving.atomic_file import check_suffix, write_atomically
from graph.structure import expression
from graph.structure.structure import Structure
from graph.structure.wire import Wire
from graph.watching import tables

if TYPE_CHECKING:
    from graph.drawing.look import Direction, Names
    from graph.drawing.svg import Picture, Theme
    from graph.engines.engine import Run
    from graph.gradient_check import GraphReport
    from graph.page.page import Page, PageFile
    from graph.watching.explanation import Explanation
    from graph.watching.stepper import Stepper

_INHERITED: tuple[str, ...] = (
    "graph",
    "guard",
    "input",
    "inputs",
    "parameter",
    "parameters",
    "constant",
    "add",
    "group",
    "output",
    "expression",
)
_INHERITED += ("nodes_topologically_sorted", "forward", "backward", "evaluate", "copy")
#: Names that features use, and that completion in a REPL hides.
_FOR_FEATURES = {name for base in (Structure, TwoPasses) for name in vars(base) if name[0] != "_"} - {*_INHERITED}
_FOR_FEATURES |= {"parameter_gates", "chosen_output", "one_at_a_time"}


class ComputationalGraph(TwoPasses):
    """A directed graph of gates that runs them in topological order, then in reverse.

    Parameters
    ----------
    guard : bool
        Whether both passes stop with FloatingPointError at the first gate that makes an inf or a nan from
        finite numbers.

    Attributes
    ----------
    graph : networkx.MultiDiGraph
        The graph, to read: a node for each gate, called by its name, with `gate`; an edge for each wire end,
        whose `key` is the input port, with `source_port`, the output port.

    Examples
    --------
    >>> from gates import Add, Multiply
    >>> graph = ComputationalGraph()
    >>> x, y, z = graph.inputs("x", "y", "z")
    >>> q = graph.add(Add(), x, y, name="q")
    >>> f = graph.add(Multiply(), q, z, name="f")
    >>> graph.forward(x=-2, y=5, z=-4)
    -12.0
    >>> graph.backward()
    {'x': -4.0, 'y': -4.0, 'z': 3.0}
    >>> q.value, q.grad
    (3.0, -4.0)
    """

    def stepper(
        self, inputs: Mapping[str, Given] | None = None, upstream: Given | None = None, /, **named: Given
    ) -> Stepper:
        """Go through both passes one gate at a time; the stepper can also go back.

        Until the stepper is at its end, the graph shows what has been computed so far.

        Parameters
        ----------
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead.
        upstream : number or array, optional
            The gradient with respect to the output, as `backward` takes it.

        Returns
        -------
        Stepper
            An iterator of steps, at its start.

        Raises
        ------
        ValueError
            If an input is missing or unknown.

        Examples
        --------
        >>> graph = ComputationalGraph.from_expression("(x + y) * z")
        >>> stepper = graph.stepper(x=-2, y=5, z=-4)
        >>> for step in stepper:
        ...     print(step)
        add_1 = x + y = -2 + 5 = 3
        multiply_1 = add_1 * z = 3 * (-4) = -12
        multiply_1 = add_1 * z   dadd_1 = z × dmultiply_1 = -4 × 1 = -4
                                 dz = add_1 × dmultiply_1 = 3 × 1 = 3
        add_1 = x + y   dx = 1 × dadd_1 = 1 × -4 = -4
                        dy = 1 × dadd_1 = 1 × -4 = -4
        """
        from graph.watching.stepper import Stepper

        return Stepper(self, merged(inputs, named), upstream, self._picture, self._page)

    def explain(self, name: str | Wire) -> Explanation:
        """Explain in numbers where a gradient comes from: one part from each gate that reads the wire.

        Parameters
        ----------
        name : str or Wire
            The gate or wire.

        Returns
        -------
        Explanation
            Print it to read it; `parts` has an entry for each branch.

        Raises
        ------
        RuntimeError
            If there have not been both passes since the graph was made or changed.
        KeyError
            If no gate has that name.
        ValueError
            If the gate has several outputs; pass one of its wires.

        Examples
        --------
        >>> graph = ComputationalGraph.from_expression("x * y + x")
        >>> graph.forward(x=3, y=-4)
        -9.0
        >>> gradients = graph.backward()
        >>> print(graph.explain("x"))
        x has the gradient -3, the sum of what comes back from 2 branches (gradient adder)
          multiply_1 = x * y      dx = y × dmultiply_1 = -4 × 1 = -4  gradient switcher
          add_1 = multiply_1 + x  dx = 1 × dadd_1 = 1 × 1 = 1         gradient distributor
          sum: -4 + 1 = -3
        """
        from graph.watching.explanation import explained

        return explained(self, name)

    def check(
        self, inputs: Mapping[str, Given] | None = None, upstream: Given | None = None, /, **named: Given
    ) -> GraphReport:
        """Check the gradients end to end, and those of every gate at the values that flow through it.

        The graph stays as it is: a copy of it runs.

        Parameters
        ----------
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead.
        upstream : number or array, optional
            The gradient with respect to the output: 1 if left out for a number, drawn at random for an array.

        Returns
        -------
        GraphReport
            A report like that of `gates.check_gate`; its `blame` lists the names of the faulty gates.

        Raises
        ------
        ValueError
            If an input is missing or unknown.
        Exception
            Whatever a gate raised in the forward pass.

        Examples
        --------
        >>> graph = ComputationalGraph.from_expression("(x + y) * z")
        >>> report = graph.check(x=-2, y=5, z=-4)
        >>> report.verdict, report.blame
        ('pass', [])
        """
        from graph.gradient_check import check_graph  # here, like others that not everyone needs, to save their time

        return check_graph(self, merged(inputs, named), upstream)

    def to_svg(
        self,
        path: str | PathLike[str] | None = None,
        *,
        digits: int = 2,
        local: bool = False,
        names: Names = "given",
        width: float | None = None,
        direction: Direction = "right",
        depth: int | None = None,
        steps: Iterable[int] | None = None,
        theme: Theme | None = None,
        background: str | None = None,
        legend: bool = False,
        scale: float = 2.0,
        max_gates: int = MAX_GATES,
    ) -> Picture:
        """Draw the graph with the values and gradients that it shows, as an SVG, a PNG or a PDF.

        The longest way through the graph is straight; parameters stand beside the gate that reads them. Each wire has
        its value above it, in green, and its gradient below it, in red. An array is a heat map, orange where it is
        negative and blue where it is positive; below the map are its shape and ±, the largest absolute value.

        Parameters
        ----------
        path : path, optional
            A file to write it into, which ends in .svg, .png or .pdf, or has no suffix for an SVG. PNG and PDF need the
            package typst.
        digits : int
            The digits after the point, from 0 to 17; whole numbers have no point if all numbers on wires are whole.
        local : bool
            Whether the local gradients that are numbers stand at the inputs of the gates, such as ×0.37: what a gate
            multiplies the gradient of its output by.
        names : "given" or "all"
            Whether names such as `add_1`, which the graph gave, are left out.
        width : float, optional
            The greatest width in px, or height if wires run down: a longer drawing goes on in the next line, as text
            does.
        direction : "right" or "down"
            Where the wires run.
        depth : int, optional
            How many groups (`graph.group`) and nested graphs within one another are open; 0 closes all. By default
            groups are open, and nested graphs closed.
        steps : iterable of int, optional
            Draw the graph at these steps of its two passes, one below the other, with the gate and the wires at work
            highlighted. Step 0 is the start; with n gates, n is the end of forward. The graph must have run forward.
        theme : "auto", "light" or "dark", optional
            The colors: "auto" follows the text around the picture, or the screen if it is a file of its own. By default
            "light" in a file, and otherwise "auto".
        background : str, optional
            The color behind the drawing, such as "white"; by default it is transparent.
        legend : bool
            Whether the picture explains itself below.
        scale : float
            The pixels of a PNG for each px of the SVG.
        max_gates : int
            A graph with more gates gets closed groups, and if it still has more, or no groups, boxes of gates of the
            same kind. Several wires between boxes are a bundle, whose numbers are a heat map.

        Returns
        -------
        Picture
            The SVG, a string, which a notebook shows as a picture.

        Raises
        ------
        ValueError
            If the path has another suffix, an option is something else, or a PNG would be too large.
        ImportError
            If the file is a PNG or a PDF and typst is not installed.

        Examples
        --------
        >>> svg = ComputationalGraph.from_expression("(x + y) * z").to_svg()
        >>> svg.startswith("<svg")
        True
        """
        from graph.drawing.files import contents_of, format_of
        from graph.drawing.look import Look
        from graph.drawing.picture import picture

        kind = "svg" if path is None else format_of(path)
        is_file = path is not None
        look = Look(digits, bool(local), names, width, direction, bool(legend), depth, max_gates)
        if theme is None:
            theme = "light" if is_file else "auto"
        if kind != "svg" and theme == "auto":
            theme = "light"  # there is nothing to follow
        svg = picture(self, look, theme=theme, background=background, steps=steps)
        if path is not None:
            contents = contents_of(svg, kind, scale)
            write_atomically(path, lambda file: file.write(contents))
        return svg

    def to_html(
        self,
        path: str | PathLike[str],
        inputs: Mapping[str, Given] | None = None,
        upstream: Given | None = None,
        /,
        **named: Given,
    ) -> PageFile:
        """Write a page in which to step through both passes: one self-contained HTML file, which works offline.

        If the circuit is one of numbers, its inputs can be changed in the page, and a quiz asks for the gradients. The
        graph stays as it is: a copy of it runs.

        Parameters
        ----------
        path : path
            The file, which ends in .html or .htm or has no suffix. An existing one is replaced in one step, when the
            new one is complete.
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead. By default those of the last forward pass.
        upstream : number or array, optional
            The gradient with respect to the output, as `backward` takes it.

        Raises
        ------
        ValueError
            If an input is missing or unknown, the graph has more than 400 gates, or the path has another suffix.

        Returns
        -------
        PageFile
            The path as a string, which a notebook shows as a link.

        Examples
        --------
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "circuit.html")
        >>> ComputationalGraph.from_expression("(x + y) * z").to_html(path, x=-2, y=5, z=-4) == path
        True
        """
        check_suffix(path, "a page", ".html", ".htm")
        from graph.page.page import PageFile

        html = self._page(merged(inputs, named) or self.last_inputs(), upstream)
        write_atomically(path, lambda file: file.write(html.encode()))
        return PageFile(fspath(path))

    def show(
        self,
        inputs: Mapping[str, Given] | None = None,
        upstream: Given | None = None,
        /,
        **named: Given,
    ) -> Page:
        """Return the page that `to_html` writes, which a notebook shows in its cell.

        It needs no extension, and its frame can do nothing outside of itself. The parameters and the errors are those
        of `to_html`.

        Examples
        --------
        >>> page = ComputationalGraph.from_expression("(x + y) * z").show(x=-2, y=5, z=-4)
        >>> page.startswith("<!DOCTYPE html>")
        True
        """
        return self._page(merged(inputs, named) or self.last_inputs(), upstream)

    def _page(self, inputs: Mapping[str, Any], upstream: Any, place: int = 0) -> Page:
        from graph.page.page import page_of

        return page_of(self, inputs, upstream, place)

    def to_tikz(
        self,
        *,
        digits: int = 2,
        local: bool = False,
        names: Names = "given",
        width: float | None = None,
        direction: Direction = "right",
        depth: int | None = None,
        steps: Iterable[int] | None = None,
    ) -> str:
        """Return the picture of `to_svg` as a tikzpicture for LaTeX, in the fonts of the document around it.

        The options are those of `to_svg`; a width is in units of 0.75 pt. It needs the package tikz alone.

        Raises
        ------
        ValueError
            If an option is something else.

        Examples
        --------
        >>> tikz = ComputationalGraph.from_expression("(x + y) * z").to_tikz()
        >>> lines = tikz.splitlines()
        >>> print(lines[0].partition("[")[0], lines[-1])
        \\begin{tikzpicture} \\end{tikzpicture}
        """
        from graph.drawing.look import Look
        from graph.drawing.picture import diagram_of
        from graph.drawing.tikz import tikz

        return tikz(diagram_of(self, Look(digits, bool(local), names, width, direction, depth=depth), steps=steps))

    def to_mermaid(self) -> str:
        """Return the graph as a Mermaid flowchart, with the values and gradients that it shows.

        Examples
        --------
        >>> print(ComputationalGraph.from_expression("x * 2").to_mermaid())
        flowchart LR
            n0(["x"])
            n1["2 #42; #183;<br/>scale_1"]
            output(["output"])
            n0 -->|"x"| n1
            n1 -->|"scale_1"| output
        <BLANKLINE>
        """
        from graph.drawing.mermaid_and_dot import mermaid

        return mermaid(self)

    def to_dot(self) -> str:
        """Return the graph in DOT, the language of Graphviz, with the values and gradients that it shows.

        Examples
        --------
        >>> dot = ComputationalGraph.from_expression("x * y").to_dot()
        >>> print("\\n".join(line for line in dot.splitlines() if "->" in line))
            n0 -> n2 [label="x"];
            n1 -> n2 [label="y"];
            n2 -> output [label="multiply_1"];
        """
        from graph.drawing.mermaid_and_dot import dot

        return dot(self)

    def to_source(self, inputs: Mapping[str, Given] | None = None, /, **named: Given) -> str:
        """Return both passes as Python code: the staged computation that one writes by hand.

        The code is a function of the graph's inputs and parameters that returns what a compiled graph returns: a
        statement for each gate, which assigns to a variable with the gate's name, and then the gradients, `dx` for x.
        It needs NumPy, or for numbers only `math`, and gives the same bits as the graph. It comes from tracing the
        gates; a gate that looks at values of numbers, as in `if x > 0`, cannot be traced: it is called as an object,
        which becomes an argument of the function. The code does not check labels.

        Parameters
        ----------
        inputs : mapping of str to number or array, optional
            Inputs by name, or as keywords, whose shapes the code is for. By default those of the last forward pass,
            or numbers if there was none.

        Returns
        -------
        str
            The text of a module with the function `both_passes`.

        Raises
        ------
        ValueError
            If an input is missing or unknown, or the graph is guarded.
        Exception
            Whatever a gate raised at these inputs.

        Examples
        --------
        >>> print(ComputationalGraph.from_expression("(x + y) * z").to_source())
        \"""Both passes of a graph, gate by gate.\"""
        <BLANKLINE>
        <BLANKLINE>
        def both_passes(x, y, z, *, dmultiply_1=1.0):
            \"""Return the value of the output, and the gradients by name, of numbers.\"""
            # forward
            add_1 = x + y
            multiply_1 = add_1 * z
        <BLANKLINE>
            # backward
            # multiply_1: Multiply, gradient switcher
            dadd_1 = dmultiply_1 * z
            dz = dmultiply_1 * add_1
            # add_1: Add, gradient distributor
            dx = dadd_1
            dy = dadd_1
            return multiply_1, {"x": dx, "y": dy, "z": dz}
        <BLANKLINE>
        """
        from graph.engines import registry

        return registry.source_text(self, merged(inputs, named) or self.last_inputs())

    def compile(self, engine: str = "source") -> Run:
        """Return a function that runs both passes of the graph as it is now, faster than gate by gate.

        `value, gradients = run(x=..., ...)` takes the arguments of `forward`, and the upstream gradient as a second
        positional argument: `run({"x": x}, upstream)`. It reads the graph's current parameters, and leaves the values
        and gradients that the graph shows as they are, since copies of the gates run. Anything else that a formula
        looks up, such as a setting or a variable of its module, is as it was at the first call, when the formulas are
        also tried with other numbers; state that a gate keeps from call to call may be lost. `run.__self__` is the
        engine. The gradients share no memory with anything; the value may be a view of an input or a parameter that was
        only copied, reshaped or transposed.

        It raises what the graph's passes raise. A gate that the output does not need counts too: one that cannot take
        its inputs is an error, as in `forward`. Threads may share the function, and wait for each other where gates
        run as objects.

        Parameters
        ----------
        engine : str
            "source" runs the code of `to_source`, written at the first call, and again for other shapes. It gives the
            same bits as the graph's passes (but for the order of a sum where graphs nested in one another share a
            parameter), and is fastest when floats are passed as keywords.
            "batched" runs graphs of numbers as vectors: gates of one kind that do not depend on each other run at
            once. It adds in another order, so that results agree to some 1e-15.
            "loop" runs graphs of numbers in a loop with a branch for each kind of gate, with the same bits as the
            graph's passes. Nothing is written for a gate: take it in place of "source" from some 10,000 gates on.
            "numba" compiles that loop, which takes a second or two, and less where its code is kept on disk from an
            earlier process. The bits are the same, but for powers, which may differ by 1 ulp in each.
            "jax" runs both passes as one program that JAX compiles, on one device or on many, in float32 unless JAX's
            64-bit mode is enabled.
            "plain" runs gate by gate.
            "auto" chooses at the first call; its `repr` says which engine it chose, and why.

        Returns
        -------
        function
            A function that runs the graph.

        Raises
        ------
        ValueError
            If there is no such engine, or the graph is guarded.
        ImportError
            If the engine is "jax" or "numba", and that is not installed.

        Examples
        --------
        >>> graph = ComputationalGraph.from_expression("(x + y) * z")
        >>> run = graph.compile()
        >>> run(x=-2, y=5, z=-4)
        (-12.0, {'x': -4.0, 'y': -4.0, 'z': 3.0})
        """
        from graph.engines import registry

        return registry.compiled(self, engine)

    def _repr_html_(self) -> str:
        return self._picture()

    def _picture(self, active: str | None = None) -> str:
        """Return the HTML of a picture of the graph, with a gate highlighted."""
        from graph.drawing.picture import picture

        return picture(self, active=active)._repr_html_()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        svg = self.to_svg()
        return {"text/plain": repr(self), "text/html": svg._repr_html_(), "image/svg+xml": str(svg)}

    def evaluating(self) -> AbstractContextManager[None]:
        """Return a context in which gates such as `Dropout` and `BatchNorm` do what they do after training.

        Those of nested graphs do, too. In it, as in PyTorch after `model.eval()`, dropout drops nothing and batch
        normalization takes the statistics that it has learned. Afterwards the gates are as before.

        Examples
        --------
        >>> from gates import Dropout
        >>> graph = ComputationalGraph()
        >>> y = graph.add(Dropout(0.5), graph.input("x"))
        >>> with graph.evaluating():
        ...     graph.forward(x=[1, 2, 3])
        array([1., 2., 3.])
        """
        return evaluating(self)

    def as_gate(self) -> Gate:
        """Return the graph as one gate, to be used alone or in another graph.

        The gate takes the graph's inputs in the order they were made and returns its output. It keeps a copy of the
        graph as it is now, `gate.graph`, which shares its parameters; the surrounding graph lists them under names
        such as `graph_1.W`.

        Returns
        -------
        Gate
            The gate. Its backward returns None, not 0, for an input that the output does not depend on.

        Examples
        --------
        >>> inner = ComputationalGraph()
        >>> inner.output = inner.input("x") * inner.parameter("w", 3)
        >>> gate = inner.as_gate()
        >>> graph = ComputationalGraph()
        >>> y = graph.add(gate, graph.input("x"))
        >>> graph.forward(x=2)
        6.0
        >>> graph.backward()
        {'x': 3.0, 'graph_1.w': 2.0}
        """
        return GraphGate(self)

    @classmethod
    def from_expression(cls, source: str, guard: bool = False) -> ComputationalGraph:
        """Build a graph from an arithmetic expression. It is parsed, never evaluated as code.

        Parameters
        ----------
        source : str
            Numbers, names, `+ - * / ** @`, parentheses, and a function for each gate: `exp(x)`, `max(x, y, z)`,
            `leaky_relu(x, 0.2)`. Every name becomes an input, in order of appearance; `pi` is the number. Statements
            such as `q = x + y; f = q * z`, separated by `;` or by the end of a line, name their gates.
        guard : bool
            As for the constructor.

        Returns
        -------
        ComputationalGraph
            The graph, whose output is the value of the last statement.

        Raises
        ------
        ValueError
            If it is anything else. The message shows the place.

        Examples
        --------
        >>> graph = ComputationalGraph.from_expression("1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))")
        >>> graph.forward(w0=2, x0=-1, w1=-3, x1=-2, w2=-3)
        0.7310585786300049
        >>> graph = ComputationalGraph.from_expression("q = x + y; f = q * z")
        >>> graph.forward(x=-2, y=5, z=-4)
        -12.0
        >>> graph.backward(), graph["q"].grad
        ({'x': -4.0, 'y': -4.0, 'z': 3.0}, -4.0)
        """
        graph = cls(guard)
        graph.output = expression.build(graph, source)
        graph.express(source)
        return graph

    def save(self, path: str | PathLike[str]) -> None:
        """Save the graph, with its settings and parameters, as JSON. An existing file is replaced in one step.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        TypeError
            If a gate has a setting that JSON cannot hold.
        OSError
            If there is no such folder, or the file cannot be written; an existing one is then as it was.

        Examples
        --------
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "graph.json")
        >>> ComputationalGraph.from_expression("x ** 2").save(path)
        >>> ComputationalGraph.load(path).forward(x=3)
        9.0
        """
        graph_files.write(self, path)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        gates: Iterable[type] = (),
        *,
        max_bytes: int = 2**28,
        max_outputs: int = 100_000,
        max_nesting: int = 32,
    ) -> ComputationalGraph:
        """Load a graph that was saved.

        The file may come from anyone: loading runs no code from it, and takes at most some 60 times as much memory as
        the file is large. Running the graph takes what its gates take. A file that any version has saved can be loaded.

        Parameters
        ----------
        path : path
            The file.
        gates : iterable of classes
            The classes of user-defined gates in the file.
        max_bytes : int
            The largest size of the file, and of an array in it, in bytes.
        max_outputs : int
            How many outputs the gates may have together; one for each gate and one for each input of a gate are free.
        max_nesting : int
            How many graphs may be nested in one another.

        Returns
        -------
        ComputationalGraph
            The graph.

        Raises
        ------
        ValueError
            If the file is damaged, is not a saved graph, names an unknown gate, or is beyond one of the limits.
        OSError
            If there is no such file, or it cannot be read.

        Examples
        --------
        >>> import os, tempfile
        >>> from gates import Gate
        >>> class Twice(Gate):
        ...     def forward(self, x):
        ...         return 2 * x
        ...
        ...     def backward(self, dy):
        ...         return [2 * dy]
        >>> graph = ComputationalGraph()
        >>> y = graph.add(Twice(), graph.input("x"))
        >>> path = os.path.join(tempfile.mkdtemp(), "graph.json")
        >>> graph.save(path)
        >>> ComputationalGraph.load(path, gates=[Twice]).forward(x=3)
        6.0
        """
        graph: ComputationalGraph = graph_files.read(
            path, gates, cls, max_bytes=max_bytes, max_outputs=max_outputs, max_nesting=max_nesting
        )
        return graph

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in _FOR_FEATURES]

    def __repr__(self) -> str:
        return tables.summary(self)

    def __str__(self) -> str:
        return tables.table(self)


# What Python itself says of a wrong call names the class that users know.
for _class in (Structure, TwoPasses):
    for _name, _method in vars(_class).items():
        if isfunction(_method):
            _method.__module__, _method.__qualname__ = __name__, f"{ComputationalGraph.__name__}.{_name}"
