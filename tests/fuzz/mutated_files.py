"""Mutated files: a saved graph or a checkpoint that was damaged or forged is refused with ValueError, or it runs.

Each seed makes one file, of one kind of mutation; `try_seed(seed)` loads or resumes it and runs what comes of it.
"""

from __future__ import annotations

import copy
import functools
import inspect
import io
import json
import random as randomness
import re
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gates import Copy, Exp
from graph import ComputationalGraph, fully_connected, train
from graph.structure.library import GATES

MOST_BYTES = 2**25  # of memory for a file of a few kilobytes
#: What a graph may raise when it runs, for instance because shapes no longer fit; or as training comes to inf.
CLEAR = (ValueError, TypeError, RuntimeError, FloatingPointError)
HOSTILE: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e308, 5e-324, 10**5, 10**8, 2**31, 2**63, -(10**19), 10**30, 10**400),
    *("", "no", "x", "Copy", "GraphGate", "__import__('os')", "a\0b", "\ud800", "9" * 50),
    *([], [[]], {}, [-1, -1], [0, -1], [0, 0], [-2], [10**9, 10**9], [1] * 70, ["x", 0], ["x", 10**9], [[1], [2, 3]]),
    *({"number": number} for number in ("nan", "inf", "-inf", "1", 1, None)),
    *({"array": array, "shape": shape, "dtype": dtype} for array, shape, dtype in [
        ([], [0, 10**15], "float64"), ([], [10**15, 0], "float32"), ([], [2**64, 0], "int64"), ([1, 2], [2], "int64"),
        ([1e300], [1], "float16"), ([1], [1] * 70, "float64"), ([10**400], [1], "int64"), ([-1], [], "int64"),
        ([0.5], [1], "int64"), ([1], [1], "object"), ([{"number": "nan"}], [1], "int64"), ([True], [1], "float64"),
    ]),
    {"graph": {}},
    {"graph": {"format": "gategraph", "version": 1, "guard": False, "output": None, "gates": []}},
    functools.reduce(lambda inner, _: [inner], range(200), 1),
]  # fmt: skip
TOKENS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e999",
    "1" * 5000,
    '"\\ud800"',
    '{"n": 1, "n": 2}',
    "[" * 2000,
    "01",
]
Change = Callable[[randomness.Random, bytes], bytes]


@functools.cache
def graph_file() -> bytes:
    """Return a saved graph with every kind of thing in it."""
    inner = ComputationalGraph.from_expression("leaky_relu(u * v, 0.3) + 1")
    middle = ComputationalGraph()
    middle.add(inner.as_gate(), middle.input("u"), middle.parameter("v", 2.0))
    graph = ComputationalGraph()
    x = graph.input("x")
    W = graph.parameter("W", np.array([[0.1, 1 / 3], [-2.0, 0.5]]))
    left, right = graph.add(Copy(2), x @ W + graph.constant([1.0, np.inf], name="c"), name="fork")
    z = graph.add(middle.as_gate(), left.reshape((-1, 2)).T.sum(axis=0)) * right**2
    graph.add(Exp(), x, name="unread")
    scores = np.ones((2, 1)) * z
    graph.output = graph.add(GATES["SoftmaxLoss"](), scores, graph.constant(np.array([0, 1]), name="labels"))
    return saved(graph.save)


def network() -> ComputationalGraph:
    """Return the network that the checkpoint belongs to."""
    return fully_connected([2, 3, 2])


@functools.cache
def checkpoint_file() -> bytes:
    """Return a checkpoint in the middle of training."""
    return saved(lambda path: train_on(network(), epochs=2, checkpoint=path))


def train_on(graph: ComputationalGraph, **settings: Any) -> Any:
    """Train the network on a few examples."""
    data = {"X": np.linspace(-1.0, 1.0, 10).reshape(5, 2), "y": np.array([0, 1, 1, 0, 1])}
    return train(graph, data, batch_size=2, momentum=0.5, progress=False, **settings)


def saved(save: Callable[[Path], Any]) -> bytes:
    """Return the bytes that a function saves to a file."""
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder, "file"))
        return Path(folder, "file").read_bytes()


def flipped(random: randomness.Random, content: bytes) -> bytes:
    """Flip a few bits."""
    array = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 8])):
        array[random.randrange(len(array))] ^= 1 << random.randrange(8)
    return bytes(array)


def cut(random: randomness.Random, content: bytes) -> bytes:
    """Cut off the end, or the beginning."""
    place = random.randrange(len(content))
    return random.choice([content[:place], content[place:]])


def spliced(random: randomness.Random, content: bytes) -> bytes:
    """Put one part in the place of another, or repeat it, or leave it out."""
    first, second, third = sorted(random.randrange(len(content)) for _ in range(3))
    part = random.choice(
        [b"", content[first:second], content[second:third] * 2, random.randbytes(random.randrange(40))]
    )
    return content[:first] + part + content[random.choice([first, second]) :]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return each place in decoded JSON as a container and a key."""
    found, left = [], [value]
    while left:
        container = left.pop()
        keys = (
            container if isinstance(container, dict) else range(len(container)) if isinstance(container, list) else ()
        )
        found += [(container, key) for key in keys]
        left += [container[key] for key in keys]
    return found


def json_value(random: randomness.Random, content: bytes) -> bytes:
    """Change values in JSON: for hostile ones, for one another, for text that json.dumps would not write."""
    document = json.loads(content)
    for _ in range(random.choice([1, 1, 1, 1, 1, 3])):
        container, key = random.choice(places(document))
        other, other_key = random.choice(places(document))
        match random.randrange(7):
            case 0 | 1 if isinstance(container[key], (int, float)):
                container[key] = random.choice([True, 0, 1, 2, 3, -1, 0.5, -2.5, 1e300, 100])
            case 0 | 1 | 2:
                container[key] = copy.deepcopy(random.choice(HOSTILE))
            case 3:
                container[key] = copy.deepcopy(other[other_key])
            case 4 if isinstance(container, dict):
                container[random.choice(["grad", "n", "own", "reads", "graph", "\0"])] = container.pop(key)
            case 4 if isinstance(container, list):
                container.insert(key, copy.deepcopy(container[key]))
            case _:
                del container[key]
    text = json.dumps(document)
    if not random.randrange(8):
        numbers = list(re.finditer(r"(?<=[ \[])-?\d[\d.e+-]*", text))
        if numbers:
            number = random.choice(numbers)
            text = text[: number.start()] + random.choice(TOKENS) + text[number.end() :]
    return text.encode()


def setting(random: randomness.Random, content: bytes) -> bytes:
    """Add a gate of the library whose settings are hostile."""
    document = json.loads(content)
    kind = random.choice([gate for gate in GATES.values() if inspect.signature(gate).parameters])
    given = {name: random.choice(HOSTILE) for name in inspect.signature(kind).parameters if random.randrange(4)}
    reads = [[random.choice(["x", "W", "c", "labels"]), 0] for _ in range(int((kind.takes or (1, 1))[0]))]
    document["gates"].append({"name": "added", "gate": kind.__name__, "settings": given, "reads": reads})
    document["output"] = ["added", 0]
    return json.dumps(document).encode()


def nested_deep(random: randomness.Random, content: bytes) -> bytes:
    """Nest the graph in itself."""
    document = json.loads(content)
    for _ in range(random.choice([1, 5, 40, 120])):
        row = {"name": "g", "gate": "GraphGate", "settings": {"graph": {"graph": document}}, "reads": [["x", 0]]}
        gates = [{"name": "x", "gate": "Input", "settings": {"grad": True}}, row]
        document = {"format": "gategraph", "version": 1, "guard": False, "output": None, "gates": gates}
    return json.dumps(document).encode()


def members_of(content: bytes) -> dict[str, bytes]:
    """Return the members of a zip file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def member(random: randomness.Random, content: bytes) -> bytes:
    """Change the bytes of a member, under a checksum that is right; or leave it out, or rename it, or exchange two."""
    members = members_of(content)
    name, other = random.choice(list(members)), random.choice(list(members))
    match random.randrange(6):
        case 0:
            del members[name]
        case 1:
            members[random.choice(["../x", "facts", "parameter_9.npy", "é"])] = members.pop(name)
        case 2:
            members[name], members[other] = members[other], members[name]
        case _:
            members[name] = random.choice([flipped, cut, spliced])(random, members[name])
    return zipped(members)


def header(random: randomness.Random, content: bytes) -> bytes:
    """Change the header of an array: its shape, dtype, order, version, or all of it."""
    members = members_of(content)
    name = random.choice(list(members))
    shape = random.choice(["(2**40,)", f"({2**43},)", "(-2, -3)", "()", "(True, 6)", "(0,)", "(1e3,)", f"({10**30},)"])
    dtype = random.choice(["'|O'", "'<f2'", "'>f8'", "'<c16'", "'<M8[s]'", "'|V8'", "[('a', '<f8')]", "3", "'x'"])
    edits = {
        rb"'shape': \([^)]*\)": f"'shape': {shape}",
        rb"'descr': '[^']*'": f"'descr': {dtype}",
        rb"False": random.choice(["True", "None", "__import__('os')"]),
        rb"\{.*\}": random.choice(["(" * 3000, "{" * 90, "1" * 6000, "'''", "{1: 2L}", "{[]: 1}", "\\N{x}", ""]),
        rb"\x01\x00(?=..\{)": random.choice(["\2\0", "\3\0", "\x09\0", "\1\1"]),
    }
    pattern, text = random.choice(list(edits.items()))
    members[name] = re.sub(pattern, lambda _: text.encode(), members[name], count=1, flags=re.DOTALL)
    return zipped(members)


def facts(random: randomness.Random, content: bytes) -> bytes:
    """Change a value of the JSON in a checkpoint: names, position, state of the random generator."""
    members = members_of(content)
    before = str(np.load(io.BytesIO(members["facts.npy"])))
    file = io.BytesIO()
    np.save(file, np.array(json_value(random, before.encode()).decode()))
    return zipped({**members, "facts.npy": file.getvalue()})


def packed(random: randomness.Random, content: bytes) -> bytes:
    """Compress the members, some of them much larger than they should be."""
    members = members_of(content)
    if random.randrange(4):
        return zipped(members, random.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    file = io.BytesIO()
    np.save(file, np.zeros(MOST_BYTES // 7))
    return zipped(members | {random.choice(list(members)): file.getvalue()}, zipfile.ZIP_DEFLATED)


def directory(random: randomness.Random, content: bytes) -> bytes:
    """Change a field of the zip file's headers: sizes, offsets, compression, flags, counts."""
    array = bytearray(content)
    signature, length = random.choice([(b"PK\1\2", 46), (b"PK\3\4", 30), (b"PK\5\6", 22)])
    place = random.choice([found.start() for found in re.finditer(re.escape(signature), content)])
    at, size = place + random.randrange(4, length), random.choice([1, 2, 4])
    new = random.choice([0, 1, 8, 12, 14, 99, 2**16 - 1, 2**31, 2**32 - 1, random.randrange(2**32)])
    array[at : at + size] = new.to_bytes(4, "little")[:size]
    return bytes(array)


KINDS: list[tuple[str, Change]] = [
    *(
        (f"graph: {change.__name__}", change)
        for change in (flipped, cut, spliced, json_value, json_value, setting, setting)
    ),
    ("graph: nested_deep", nested_deep),
    *((f"checkpoint: {change.__name__}", change) for change in (flipped, cut, spliced, member, header, header)),
    *((f"checkpoint: {change.__name__}", change) for change in (facts, facts, packed, directory)),
]


def try_seed(seed: int) -> tuple[str, str]:
    """Load or resume the mutated file of a seed, run what comes of it, and return the kind of mutation and the outcome.

    Returns
    -------
    tuple of (str, str)
        Such as ("graph: cut", "refused"). The other outcomes are "runs" and "runs into" a clear error.

    Raises
    ------
    AssertionError
        If another error came, or it took too much memory. The message is a program that shows it.
    """
    random = randomness.Random(seed)
    kind, change = KINDS[seed % len(KINDS)]
    is_graph = kind.startswith("graph")
    content = change(random, graph_file() if is_graph else checkpoint_file())
    error: BaseException | None = None
    outcome = "refused"
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        path = Path(folder, "mutated")
        path.write_bytes(content)
        try:
            outcome = loaded(path) if is_graph else resumed(path)
        except ValueError as refused:
            error = refused if str(path) not in str(refused) else None
        except Exception as other:
            error = other
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    program = f"from tests.fuzz.mutated_files import try_seed; try_seed({seed})  # {kind}"
    assert error is None, f"{type(error).__name__}: {str(error)[:200]}\n{program}"
    assert peak <= MOST_BYTES + 100 * len(content), f"{peak} bytes of memory for a file of {len(content)}\n{program}"
    return kind, outcome


def loaded(path: Path) -> str:
    """Load a graph, and run it if that was possible."""
    graph = ComputationalGraph.load(path)
    inputs = {name: [[3.0, 1.0]] for name, gate in graph.graph.nodes(data="gate") if type(gate).__name__ == "Input"}
    return outcome_of(lambda: (graph.forward(inputs), graph.backward(1.0)))


def resumed(path: Path) -> str:
    """Resume from a checkpoint, and train on if that was possible."""
    graph = network()
    train_on(graph, epochs=0, resume=path)  # only reads it
    return outcome_of(lambda: train_on(graph, epochs=3, resume=path))


def outcome_of(run: Callable[[], Any]) -> str:
    """Return what came of a run."""
    try:
        run()
    except CLEAR as error:
        assert not isinstance(error, RecursionError)
        return f"runs into {type(error).__name__}"
    return "runs"
