"""The fuzzer: hypothesis draws graphs, and each must give the same to the bit however it is run.

Read `recipes.py`, the graphs as plain data; `program.py`, which makes a graph of a recipe, and a program that shows a
failure; `rewriting.py`, recipes made of recipes; `formulas.py`, each gate's formula once more; `laws.py`, what must
hold; `mutated_files.py`, saved files with damage; and `__main__.py`, which tries all this for as long as it is told:

    python -m tests.fuzz --minutes 30
"""
