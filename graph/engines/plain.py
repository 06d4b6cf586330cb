"""The engine of plain passes: gate by gate, as `graph.forward` and `graph.backward` run them."""

from __future__ import annotations

from typing import Any

from gates.values import Value
from graph.engines.engine import Engine, returned
from graph.passes.arguments import upstream_gradient
from graph.passes.passes import run_backward, run_forward


class Plain(Engine):
    """Runs gate by gate, on gates of its own."""

    name = "plain"

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        program = self.program
        run_forward(program.calls, values)
        value = values[program.output_slot]
        grads: list[Any] = [None] * program.size
        grads[program.output_slot] = upstream_gradient(upstream, value, program)
        run_backward(program.calls, values, grads)
        return value, returned(program, values, grads)
