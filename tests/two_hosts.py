"""Run by `test_jax.py` as two processes with two devices each: what README's program for several hosts does not try.

Its arguments are an address, the number of processes, which of them this is, and a folder that they share.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from graph import ComputationalGraph, fully_connected, train
from tests.training_example import bits, data

SETTINGS: dict[str, Any] = {"batch_size": 16, "momentum": 0.9, "epochs": 2, "progress": False}


def network() -> ComputationalGraph:
    """Return a network for the data."""
    return fully_connected([4, 8, 3], regularization=1e-3)


def message_of(graph: ComputationalGraph, given: Any, **settings: Any) -> str:
    """Return the message of the error that training ends with."""
    try:
        train(graph, given, **settings)
    except (ValueError, FloatingPointError) as error:
        return str(error)
    return "no error"


def main() -> None:
    """Train in several ways, and print the losses and messages as JSON."""
    import jax

    address, hosts, host, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, hosts, host)
    devices = np.array(jax.devices()).reshape(hosts, -1)
    rows = jax.sharding.Mesh(devices.flatten(), ("data",))
    grid = jax.sharding.Mesh(devices.T, ("data", "model"))  # each host has half of the model
    on_rows: dict[str, Any] = {"engine": "jax", "mesh": rows, **SETTINGS}
    found: dict[str, Any] = {}

    def halved() -> ComputationalGraph:
        graph = network()
        for name, spec in (("W1", jax.P(None, "model")), ("b1", jax.P("model")), ("W2", jax.P("model", None))):
            graph.parameters[name] = jax.device_put(graph.parameters[name], jax.NamedSharding(grid, spec))
        return graph

    graph = halved()
    found["model"] = train(graph, data(), engine="jax", mesh=grid, **SETTINGS).loss
    found["spread"] = not graph.parameters["W1"].is_fully_replicated
    found["refused"] = message_of(
        halved(), data(), engine="jax", mesh=grid, checkpoint=folder / "halved.npz", **SETTINGS
    )

    def minibatches(given: dict[str, Any]) -> Any:
        for start in range(0, 48, 16):
            ours = slice(start + 8 * host, start + 8 * host + 8)
            yield {
                name: jax.make_array_from_process_local_data(jax.NamedSharding(rows, jax.P("data")), array[ours])
                for name, array in given.items()
            }

    found["own rows"] = train(network(), lambda: minibatches(data()), **on_rows).loss
    wrong = data()
    wrong["y"][[2, 10]] = 3  # one on each host, which sees its own
    found["own label"] = message_of(network(), lambda: minibatches(wrong), **on_rows)

    own = folder / str(host)  # each process has a folder: only the first is to write into its own
    own.mkdir()
    unbroken, broken, on = network(), network(), network()
    train(unbroken, data(), **on_rows)
    train(broken, data(), **{**on_rows, "epochs": 1}, checkpoint=own / "run.npz")
    found["files"] = [path.name for path in own.iterdir()]
    jax.experimental.multihost_utils.sync_global_devices("saved")
    train(on, data(), resume=folder / "0" / "run.npz", **on_rows)
    found["resumed"] = bits(on) == bits(unbroken)

    wrong = data()
    wrong["y"][7] = 3
    found["label"] = message_of(network(), wrong, **on_rows)
    wrong = data()
    wrong["X"][7, 1] = np.inf
    found["infinite"] = message_of(network(), wrong, **on_rows)
    found["seeds"] = message_of(fully_connected([4, 3], seed=host), data(), **on_rows)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
