"""Train a network on scikit-learn's handwritten digits: `python -m graph.digits [--convolution] [--plot FILE]`.

The data is 1,797 pictures of 8 x 8 pixels, of which a fifth is held out. This needs the extra `train`, and the extra
`plot` for `--plot`.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np

from graph import ComputationalGraph, fully_connected, train
from graph.networks import convolutional

_SIZES = [64, 200, 100, 10]
_CHANNELS = [16, 32]
#: Learning rate and epochs: long steps first, then short ones to settle.
_STAGES = (0.1, 40), (0.01, 15)
_STAGES_OF_CONVOLUTION = (0.05, 25), (0.01, 8)


def split_digits(seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the pictures, with pixels from 0 to 1, and their digits: four fifths to train on, one fifth held out."""
    from sklearn.datasets import load_digits

    pictures, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(digits))
    held_out, trained_on = np.split(order, [len(order) // 5])
    return (
        {"X": pictures[trained_on] / 16.0, "y": digits[trained_on]},
        {"X": pictures[held_out] / 16.0, "y": digits[held_out]},
    )


def confusion(truth: Any, guesses: Any) -> Any:
    """Return the confusion matrix: how often each digit (row) was classified as each digit (column)."""
    table = np.zeros((10, 10), dtype=int)
    np.add.at(table, (truth, guesses), 1)
    return table


def table_text(table: Any) -> str:
    """Format a confusion matrix as text, with a dot for 0."""
    lines = ["digit  taken for", "     " + "".join(f"{digit:5}" for digit in range(10))]
    lines += [f"{digit:5}" + "".join(f"{count or '.':>5}" for count in row) for digit, row in enumerate(table.tolist())]
    return "\n".join(lines)


def plot(graph: ComputationalGraph, losses: list[float], path: str) -> None:
    """Plot the loss at each step, and the first layer's weights as a square for each neuron or kernel, to a file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 5), layout="constrained")
    axes, squares_axes = figure.subplots(1, 2, width_ratios=(2, 3))
    axes.semilogy(losses, linewidth=0.8)
    axes.set(title="loss on each minibatch", xlabel="step", ylabel="nats")
    W = np.asarray(graph.parameters["W1"])
    each = W[:, 0] if W.ndim == 4 else W.T.reshape(-1, 8, 8)
    across, side = min(20, len(each)), each.shape[1]
    squares = np.full((-(-len(each) // across) * (side + 1) - 1, across * (side + 1) - 1), np.nan)
    for neuron, weights in enumerate(each):
        row, column = ((side + 1) * place for place in divmod(neuron, across))
        squares[row : row + side, column : column + side] = weights
    limit = float(np.abs(W).max())
    squares_axes.set_axis_off()
    squares_axes.set_title(f"weights of the first layer, a square for each {'kernel' if W.ndim == 4 else 'neuron'}")
    image = squares_axes.imshow(squares, cmap="RdBu", vmin=-limit, vmax=limit)
    figure.colorbar(image, ax=squares_axes, shrink=0.8)
    figure.savefig(path, dpi=120)


def _natural(text: str) -> int:
    """Parse a whole number of at least 0, or raise ValueError."""
    if (number := int(text)) < 0:
        raise ValueError
    return number


def main(arguments: list[str] | None = None) -> int:
    """Train the network, and print how many of the held-out digits it classifies correctly."""
    parser = argparse.ArgumentParser(prog="python -m graph.digits", description="Train on handwritten digits.")
    parser.add_argument("--plot", metavar="FILE", help="write the loss curve and the weights as a picture")
    parser.add_argument("--convolution", action="store_true", help="train a convolutional network, which errs less")
    parser.add_argument("--seed", type=_natural, default=0, help="of the split, the weights and the order (default: 0)")
    given = parser.parse_args(arguments)
    try:
        trained_on, held_out = split_digits(given.seed)
        if given.convolution:
            graph, stages = convolutional(8, _CHANNELS, 10, seed=given.seed), _STAGES_OF_CONVOLUTION
        else:
            graph, stages = fully_connected(_SIZES, regularization=1e-3, seed=given.seed), _STAGES
        if given.plot:
            plot(graph, [1.0], given.plot)  # find problems with the plot now, not after training
    except ImportError as error:
        parser.error(f'{error}; pip install -e ".[train,plot]" installs it')
    except (OSError, ValueError) as error:
        parser.error(str(error))
    start = time.perf_counter()
    losses = []
    for stage, (rate, epochs) in enumerate(stages):
        settings = {"batch_size": 32, "epochs": epochs, "seed": given.seed + stage}
        history = train(graph, trained_on, learning_rate=rate, momentum=0.9, **settings)
        losses += history.loss
        if history.interrupted:
            break
    seconds = time.perf_counter() - start
    with graph.evaluating():
        guesses = np.argmax(graph.evaluate("scores", X=held_out["X"]), axis=1)
    right = int(np.sum(guesses == held_out["y"]))
    count = len(guesses)
    kind = "convolutional" if given.convolution else "-".join(map(str, _SIZES))
    print(f"{kind} network, {len(losses):,} steps in {seconds:.1f} s")
    print(f"{right} of {count} held-out digits right: {right / count:.1%}\n")
    print(table_text(confusion(held_out["y"], guesses)))
    if given.plot:
        plot(graph, losses, given.plot)
        print(f"\nthe loss curve and the first layer's weights are in {given.plot}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
