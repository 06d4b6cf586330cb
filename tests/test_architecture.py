"""The architecture, read from the imports, those for types and those within functions included."""

import ast
from functools import cache
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).parent.parent

#: Each imports only from those before it, and not from one in its own row.
ORDER = [
    ["gates"],
    ["losses"],
    ["graph.structure"],
    ["graph.passes"],
    ["graph.saving", "graph.engines", "graph.watching"],
    ["graph.drawing"],
    ["graph.page"],
    ["graph.gradient_check"],
    ["graph.computational_graph"],
    ["graph.training"],
    ["graph.networks"],
    ["graph.__init__"],
    ["graph.digits"],
    ["graph.__main__"],
]
_SHARED = ["graph.engines.engine", "graph.engines.program"]
#: What each of the engines imports of the others.
ENGINES = {
    "graph.engines.engine": _SHARED,
    "graph.engines.program": _SHARED,
    "graph.engines.trace": _SHARED,
    "graph.engines.source": [*_SHARED, "graph.engines.trace"],
    "graph.engines.on_jax": [*_SHARED, "graph.engines.trace"],
    "graph.engines.batched": [*_SHARED, *(f"graph.engines.{name}" for name in ("trace", "source", "loop"))],
    "graph.engines.loop": [*_SHARED, "graph.engines.trace", "graph.engines.source"],
    "graph.engines.registry": [
        *_SHARED,
        *(f"graph.engines.{name}" for name in ("trace", "source", "on_jax", "batched", "loop")),
    ],
}


def test_each_folder_imports_from_those_before_it() -> None:
    rows = {place: row for row, places in enumerate(ORDER) for place in places}
    upwards = [
        f"{importer} imports {imported}"
        for importer, imported in _imports().edges
        if (there := _place(imported, rows)) != (here := _place(importer, rows)) and rows[there] >= rows[here]
    ]
    assert upwards == []


def test_each_engine_imports_what_it_may_of_the_others() -> None:
    sideways = [
        f"{importer} imports {imported}"
        for importer, imported in _imports().edges
        if importer.startswith("graph.engines.")
        and imported.startswith("graph.engines.")
        and _place(imported, ENGINES) not in [here := _place(importer, ENGINES), *ENGINES[here]]
    ]
    assert sideways == []


def test_losses_are_known_to_the_names_in_expressions_and_to_ready_made_networks_alone() -> None:
    importers = {importer for importer, imported in _imports().edges if imported.startswith("losses.")}
    assert {importer for importer in importers if importer.startswith("graph.")} == {
        "graph.structure.library",
        "graph.networks",
    }


def test_no_circle_of_imports_has_more_than_three_files() -> None:
    circles = [sorted(files) for files in nx.strongly_connected_components(_imports()) if len(files) > 3]
    assert circles == []


def _place(module: str, places: dict[str, object]) -> str:
    """Return the place in a table that a module belongs to."""
    (found,) = [place for place in places if f"{module}.".startswith(f"{place}.")] or [module]
    assert found in places, f"{module} has no place in the table"
    return found


@cache
def _imports() -> nx.DiGraph:
    """Return which module imports from which; a name that a package hands on belongs to the module that it is of."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
        for package in ("gates", "losses", "graph")
        for path in (ROOT / package).rglob("*.py")
    }
    handed_on = {
        (module.removesuffix(".__init__"), name): source
        for module, tree in modules.items()
        if module.endswith(".__init__")
        for source, name in _names(tree)
    }
    graph = nx.DiGraph()
    graph.add_nodes_from(modules)
    for module, tree in modules.items():
        for source, name in _names(tree):
            while (source, name) in handed_on:
                source = handed_on[source, name]
            candidates = (f"{source}.{name}", source, f"{source}.__init__")
            imported = next((each for each in candidates if each in modules), None)
            if imported is not None and imported != module:
                graph.add_edge(module, imported)
            assert imported is not None or source.partition(".")[0] not in ("gates", "losses", "graph"), source
    assert graph.number_of_edges() > len(modules) > 50
    return graph


def _names(tree: ast.Module) -> list[tuple[str, str]]:
    """Return the names that a module imports, each with where from."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            found += [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
    return found
