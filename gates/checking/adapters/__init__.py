"""Adapters: what was written for other libraries, as gates that the checker takes as it takes any.

In the order in which to read it:

- `gate_of.py` chooses the adapter, from the libraries that the user has imported; the choice is no import.
- `adapter.py` is what they share: which arguments are inputs, copies of the others, what runs note.
- `torch_function.py`, `jax_function.py`, `autograd_primitive.py`, `mygrad_operation.py`: one library each.
- `pair.py`: a forward that returns (out, cache), and its backward.
- `check_grad.py`: an objective with its gradient, Jacobian or Hessian, as SciPy takes them.
- `check_objective.py`: an objective for boosting; `objective.py` makes two gates of it.
- `check_model.py`: all functions with a backward of their own in a model; `recording.py` finds their calls.
"""
