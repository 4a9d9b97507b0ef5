"""The one tree of errors, each family with its exit code.

Not the place for caveats: what a result must say about itself is a message on the result, not an exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an input, said in every language.

    Parameters
    ----------
    texts : mapping of str to str
        Language code to the whole sentence: where, what is wrong, how many, what to do.
    file, line, column, value, count
        The same facts as data, for programs.
    """

    texts: Mapping[str, str]
    file: str | None = None
    line: int | None = None
    column: str | None = None
    value: object = None
    count: int = 1
    key: str = field(default="", compare=False)

    def render(self, lang: str = "en") -> str:
        """Return the sentence in `lang`, in English when that language is missing."""
        return self.texts.get(lang) or self.texts["en"]


class EvalkitError(Exception):
    """Root of every error evalkit raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 2

    def render(self, lang: str = "en") -> str:
        """Return the message in `lang`."""
        return str(self)


class InputError(EvalkitError, ValueError):
    """The input is wrong: every fault found is listed, up to `cap`, then "and n more".

    Parameters
    ----------
    faults : str, Fault or iterable of Fault
        A plain English sentence (programming interfaces) or faults made by `evalkit.wording.fault`.
    cap : int
        How many faults to print.

    Examples
    --------
    >>> str(InputError("weights: 2 of 10 are negative; give positive weights"))
    'weights: 2 of 10 are negative; give positive weights'
    """

    exit_code = 2

    def __init__(self, faults: str | Fault | Iterable[Fault], cap: int = 20):
        if isinstance(faults, str):
            faults = [Fault({"en": faults})]
        elif isinstance(faults, Fault):
            faults = [faults]
        self.faults: tuple[Fault, ...] = tuple(faults)
        self.cap = cap
        super().__init__(self.render("en"))

    def __reduce__(self):
        return (type(self), (self.faults, self.cap))

    def render(self, lang: str = "en") -> str:
        """Return all faults, one a line, in `lang`."""
        lines = [fault.render(lang) for fault in self.faults[: self.cap]]
        left = len(self.faults) - len(lines)
        if left > 0:
            lines.append(
                {"fr": f"… et {left} de plus", "en": f"… and {left} more"}.get(lang, f"… and {left} more")
            )
        return "\n".join(lines)


class MissingData(InputError):
    """Data a study needs are not on this machine; the message says where to get them and where to put them."""


class Drift(EvalkitError):
    """Regenerated results differ from the expected ones."""

    exit_code = 1

    def __init__(self, texts: Mapping[str, str]):
        self.texts = dict(texts)
        super().__init__(self.texts["en"])

    def __reduce__(self):
        return (type(self), (self.texts,))

    def render(self, lang: str = "en") -> str:
        """Return what drifted, in `lang`."""
        return self.texts.get(lang) or self.texts["en"]
