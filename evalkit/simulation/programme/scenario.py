"""A scenario: a named set of assumptions in the programme's language, usually based on another.

Not a run: `play`, `replicate` and `contrast` run scenarios.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from evalkit.errors import InputError
from evalkit.provenance import digest
from evalkit.simulation.language.pathway import Pathway
from evalkit.simulation.programme import files
from evalkit.simulation.programme.checks import check_between, unknown_tables
from evalkit.simulation.programme.quantities import Assumption, Quantity
from evalkit.simulation.programme.words import OPTIONAL, OPTIONAL_OF_LIST, OwnPathway, Programme
from evalkit.tomlfile import TomlFile, faults_of, validate
from evalkit.wording import fault

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.result import Result


@dataclass(frozen=True, repr=False)
class Scenario:
    """A checked scenario; made by `load`, `of` or `with_`.

    Parameters
    ----------
    model : Programme or OwnPathway
        The checked content of the file.
    data : mapping
        The same as plain tables, assumptions whole.
    path : Path, optional
        The file it was read from.

    Examples
    --------
    >>> visits = Scenario.of({"name": "visits", "pathway": {
    ...     "start": "2024-01-01", "end": "2024-12-31", "pools": {"desk": {"weekly": 3}},
    ...     "sources": {"list": {"to": "queue", "dates": ["2024-01-02"], "size": 40}},
    ...     "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}}}})
    >>> busier = visits.with_({"pathway.sources.list.size": 60, "name": "busier"})
    >>> visits.diff(busier).tidy()[["term", "before", "after"]].values.tolist()
    [['pathway.sources.list.size', '40', '60']]
    """

    model: Programme | OwnPathway
    data: Mapping[str, Any]
    path: Path | None = None
    file: TomlFile = field(default_factory=files.no_file, compare=False)

    @classmethod
    def load(cls, path: str | Path) -> Scenario:
        """Read a scenario file, and those it is based on.

        Raises
        ------
        InputError
            With every fault: its file, its line, what is wrong and what to write, in French and English.
        """
        file = files.read(path)
        return cls._checked(file, file.data, Path(path))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Scenario:
        """Make a scenario from tables written in code, as they would stand in a file."""
        return cls._checked(files.no_file(), data, None)

    @classmethod
    def _checked(cls, file: TomlFile, data: Mapping[str, Any], path: Path | None) -> Scenario:
        file = file if file.data else TomlFile(file.path, dict(data), file.lines)
        model: Programme | OwnPathway
        if "pathway" in data:
            model = validate(OwnPathway, file)
        else:
            model = _programme(file, data)
        made = cls(model, dict(data), path, file)
        if isinstance(model, OwnPathway):
            made.compile()  # a pathway refuses itself at once, while the lines are known
        return made

    @property
    def name(self) -> str:
        """The scenario's own name."""
        return self.model.name

    @property
    def title(self) -> Mapping[str, str]:
        """The title in French and English; the name where there is none."""
        return {lang: self.model.title.get(lang, self.model.name) for lang in ("fr", "en")}  # type: ignore[call-overload]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, equal for equal scenarios however they are written."""
        return digest(_content(self.model))

    @cached_property
    def _pathway(self) -> Pathway:
        if isinstance(self.model, OwnPathway):
            return Pathway(self.data["pathway"], file=self.file, at=("pathway",))
        from evalkit.simulation.programme.compiling import tables

        return Pathway(tables(self.model))

    def compile(self) -> Pathway:
        """Return the pathway the scenario stands for."""
        return self._pathway

    def with_(self, changes: Mapping[str, Any] | None = None, /, **more: Any) -> Scenario:
        """Return a scenario with other values.

        Parameters
        ----------
        changes, more
            Nested mappings (``counsellors={"slots_per_week": 18}``) or dotted keys (``{"counsellors.slots_per_week": 18}``);
            a site may end the key (``"counsellors.slots_per_week.est"``). A number for an assumption replaces its value: unit
            and range stay (the range is widened if need be) and the status becomes "assumed".

        Raises
        ------
        InputError
            For an unknown name (with the nearest), or a value out of bounds.
        """
        data: dict[str, Any] = dict(self.data)
        for key, value in {**(changes or {}), **more}.items():
            data = _changed(data, tuple(key.split(".")), value, (), tuple(self.data.get("sites", ())))
        return self._checked(files.no_file(), data, self.path)

    def check(self) -> Result:
        """Return how many assumptions are published, derived, calibrated, assumed, and what is worth a second look."""
        from evalkit.simulation.programme.reading import check

        return check(self)

    def diff(self, other: Scenario) -> Result:
        """Return what differs in `other`: key, before, after, unit, source."""
        from evalkit.simulation.programme.reading import diff

        return diff(self, other)

    def assumptions(self) -> pd.DataFrame:
        """Return one row per number: key, value, unit, source, status, low, high, label_fr, label_en."""
        import pandas as pd

        rows = []
        for key, assumption, quantity in self.quantities():
            for site, value, low, high in assumption.items():
                rows.append({
                    "key": f"{key}.{site}" if site else key, "value": float(value), "unit": assumption.unit,
                    "source": assumption.source, "status": assumption.status, "low": low, "high": high,
                    "label_fr": quantity.fr, "label_en": quantity.en,
                })  # fmt: skip
        columns = ["key", "value", "unit", "source", "status", "low", "high", "label_fr", "label_en"]
        return pd.DataFrame(rows, columns=columns)

    def quantities(self) -> Iterator[tuple[str, Assumption, Quantity]]:
        """Yield every assumption with its dotted key and what its field expects."""
        yield from _quantities(self.model, ())

    def __repr__(self) -> str:
        return f"Scenario({self.name!r}, {self.digest[:12]})"


def _programme(file: TomlFile, data: Mapping[str, Any]) -> Programme:
    known, found = unknown_tables(data, file)
    try:
        model = Programme.model_validate(known)
    except ValidationError as error:
        found += faults_of(error, Programme, file)
    else:
        found += check_between(model, file)
    if found:
        raise InputError(sorted(found, key=lambda f: f.line or 0))
    return model


def _content(model: Programme | OwnPathway) -> dict[str, Any]:
    """Return what a scenario says, without the optional parts it leaves out."""
    content = model.model_dump(mode="json", by_alias=True, exclude={"based_on"})
    listed = content.get("education_nationale") or {}
    for table, names in ((content, OPTIONAL), (listed, OPTIONAL_OF_LIST)):
        for name in names:
            if table.get(name, ...) is None:
                del table[name]
    return content


def _quantities(model: Any, at: tuple[str, ...]) -> Iterator[tuple[str, Assumption, Quantity]]:
    if isinstance(model, BaseModel):
        for name, info in type(model).model_fields.items():
            value = getattr(model, name)
            if isinstance(value, Assumption):
                quantity = next(m for m in info.metadata if isinstance(m, Quantity))
                yield ".".join((*at, name)), value, quantity
            else:
                yield from _quantities(value, (*at, name))
    elif isinstance(model, Mapping):
        for name, value in model.items():
            yield from _quantities(value, (*at, str(name)))


def _changed(
    data: Mapping[str, Any], key: tuple[str, ...], value: Any, above: tuple[str, ...], sites: tuple[str, ...]
) -> dict[str, Any]:
    """Return a table with one key (or the keys of a nested mapping) changed."""
    name, rest = key[0], key[1:]
    old = data.get(name)
    if name not in data and (rest or not isinstance(value, Mapping | list | str | dt.date)):
        raise _unknown((*above, name), list(data))
    if isinstance(old, Mapping) and "value" in old:
        new: Any = _changed_assumption(old, rest, value, (*above, name), sites)
    elif rest:
        if not isinstance(old, Mapping):
            raise _unknown((*above, *key), list(data))
        new = _changed(old, rest, value, (*above, name), sites)
    elif isinstance(value, Mapping) and isinstance(old, Mapping):
        new = dict(old)
        for inner, v in value.items():
            new = _changed(new, tuple(str(inner).split(".")), v, (*above, name), sites)
    else:
        new = value
    return {**data, name: new}


def _changed_assumption(
    old: Mapping[str, Any], rest: tuple[str, ...], value: Any, at: tuple[str, ...], sites: tuple[str, ...]
) -> dict[str, Any]:
    if not rest and isinstance(value, Mapping) and "value" in value:
        return {**old, **value}
    if rest and rest[0] not in sites:
        raise _unknown((*at, *rest), list(sites))
    by_site = {rest[0]: value} if rest else value
    if isinstance(by_site, Mapping):
        for site in by_site:
            if site not in sites:
                raise _unknown((*at, str(site)), list(sites))
        before = old["value"] if isinstance(old["value"], Mapping) else dict.fromkeys(sites, old["value"])
        new: Any = {**before, **by_site}
    else:
        new = by_site
    return {**old, "value": new, "status": "assumed", "source": _source(old), "range": _widened(old, new)}


def _source(old: Mapping[str, Any]) -> str:
    said = str(old.get("source", ""))
    return said if said.startswith("with_()") else f"with_(); {said}"


def _widened(old: Mapping[str, Any], new: Any) -> Any:
    """Return the old range, stretched to hold the new values: a what-if may lie beyond what was thought plausible."""
    values = new if isinstance(new, Mapping) else {"": new}
    out = {}
    for site, value in values.items():
        was = old["value"].get(site) if isinstance(old["value"], Mapping) else old["value"]
        given = old.get("range")
        given = given.get(site) if isinstance(given, Mapping) else given
        ends = [x for x in (*(given or ()), was, value) if isinstance(x, int | float)]
        out[site] = [min(ends), max(ends)]
    return out.get("", out)


def _unknown(key: tuple[str, ...], known: list[str]) -> InputError:
    near = difflib.get_close_matches(key[-1], known, n=1, cutoff=0.5)
    dotted = ".".join(key)
    if near:
        return InputError(fault("tomlfile.unknown_near", key=dotted, near=near[0]))
    return InputError(fault("tomlfile.unknown", key=dotted, known=sorted(known)))
