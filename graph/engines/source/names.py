"""Names for variables in generated code: identifiers that are no keywords, each used once."""

import keyword
import unicodedata

#: What generated code calls by name.
RESERVED = {"both_passes", "math", "np", "abs", "float", "ArithmeticError", "ValueError"}
_LONGEST = 20


def is_keyword_argument(name: str) -> bool:
    """Return whether a function can have a keyword argument of that name, which means nothing else in its code.

    All other names in code that nobody reads begin with an underscore.
    """
    plain = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    return plain and not name.startswith("_") and name not in RESERVED


class Names:
    """Hands out names that are free.

    Parameters
    ----------
    taken : iterable of str
        Names that nothing may have.
    """

    def __init__(self, taken: set[str]) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}

    def new(self, wanted: str) -> str:
        """Return what was wanted, made an identifier, with a number if it is taken. It is short, and not private."""
        name = self.like(wanted)
        if not name.isidentifier() or keyword.iskeyword(name):
            name = f"v_{name}" if name and not keyword.iskeyword(name) else f"{name}_" if name else "v"
        count, free = self._counts.get(name, 0), name
        while free in self._taken or keyword.iskeyword(free):
            count += 1
            free = f"{name.rstrip('_')}_{count}"
        self._counts[name] = count
        self._taken.add(free)
        return free

    @staticmethod
    def like(wanted: str) -> str:
        """Return what was wanted with the characters that an identifier can have."""
        letters = unicodedata.normalize("NFKC", wanted)
        return "".join([c if f"v{c}".isidentifier() else "_" for c in letters]).strip("_")[:_LONGEST]


class Numbers(Names):
    """Hands out numbered names, which begin with an underscore: for code that nobody reads."""

    def __init__(self) -> None:
        super().__init__(set())
        self._count = 0

    def new(self, wanted: str) -> str:
        self._count += 1
        return f"_{self._count}"
