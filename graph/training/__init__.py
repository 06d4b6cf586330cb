"""Training: minibatch stochastic gradient descent on a graph's parameters.

In the order in which to read it:

- `train.py` is where it begins and ends: the loop over epochs and minibatches.
- `minibatches.py` deals out the examples in random order.
- `state.py` changes by whole steps, whose numbers `descent.py` computes: by the graph, an engine, or JAX.
- `threads.py` has BLAS use one thread where matrices are small.
- `validation.py` measures the graph on data that it is not trained on.
- `checkpoints.py` writes and reads the state; `progress.py` has the history and the progress bar.
"""
