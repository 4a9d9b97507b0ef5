"""The shape of this room's answers: coefficients or ratios, means over dates drawn, and what may leave the room.

Not estimates: the models make the rows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import Comparison, masked, reasons, still_said
from evalkit.comparison.core.rows import frame
from evalkit.disclosure import Policy, protected, too_small
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels

#: Codes every answer of the room may hold.
WORDS = (
    "constant", "time", "count", "n", "p_floor", "persons", "observations", "persons_at_date", "persons_every_date", "pattern",
    "other", "mean", "change_from_first", "log_ratio_from_first", "log_odds_from_first", "likelihood_ratio", "wald",
)  # fmt: skip
#: Terms that are no coefficient, whatever the model: never turned into ratios.
_NO_COEFFICIENT = {
    "persons", "observations", "persons_at_date", "persons_every_date", "pattern", "mean", "change_from_first", "correlation",
    "dispersion", "persons_never_change", "persons_informative", "model_test", "events",
}  # fmt: skip
#: Sentences that tell of a group that all answers alike, or how many stand at an end of the scale.
_OF_SMALL = (
    "comparison_repeated.explained", "comparison_repeated.firth_separated", "comparison_repeated.many_at_highest",
    "comparison_repeated.many_at_lowest",
)  # fmt: skip
#: Sentences that say a figure, and a column and term that must still be shown for them to stay.
_RESTS_ON = {
    "comparison_repeated.floor_binds": ("p_floor", "exact_test"),
    "comparison_repeated.lord_gap": ("estimate", "effect"),
}
_RATIOS = {"identity": None, "log": "ratio_of_rates", "logit": "ratio_of_odds"}


@dataclass(frozen=True, repr=False)
class Repeated(Comparison):
    """A model of people seen several times, or of a yes or no: coefficients, means over dates, who was seen.

    Parameters
    ----------
    link : {"identity", "log", "logit"}
        What the coefficients are: differences, or logarithms of ratios of rates or odds.
    least : tuple of float
        Per row the least number of people that could be solved from it; nan where none can.
    """

    link: str = "identity"
    least: tuple[float, ...] = ()

    def tidy(self, exponentiate: bool = False) -> pd.DataFrame:
        """Return a copy of the table, reasons written in the current language.

        Parameters
        ----------
        exponentiate : bool
            Ratios of odds or rates instead of their logarithms; ``std_error`` stays that of the logarithm. Models of differences
            have none and are returned as they are.
        """
        table = self._worded(None)
        return _ratios(table) if exponentiate and self.link != "identity" else table

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the means over dates if there are any, else the estimates; ratios where the model has them."""
        from evalkit import figures

        lang = wording.language(lang)
        title = self.question.text(lang)
        means = self.table[self.table["term"] == "mean"]
        if means["estimate"].notna().any():
            return self._over_dates(means, title, ax, lang)
        ratios = self.link != "identity"
        table = _ratios(self.table) if ratios else self.table
        drawn = table[table["estimate"].notna() & table["conf_low"].notna() & (table["term"] != "constant")]
        # One line an estimate: the interval that does not rest on a symmetric curve; of ANCOVA, the answers to one question.
        drawn = drawn[drawn["method"] != "wald"]
        effects = drawn[drawn["term"] == "effect"]
        names = [self._label(term, lang) for term in drawn["term"]]
        if len(effects):
            drawn, names = effects, [self._label(method, lang) for method in effects["method"]]
        shown = drawn[["estimate", "conf_low", "conf_high", "conf_level", "status"]].assign(term=names)
        axis = self._axis(_RATIOS[self.link], drawn, lang) if ratios else None
        return figures.estimates(
            shown, title, ax=ax, lang=lang, no_effect=1.0 if ratios else 0.0, log=ratios, axis=axis
        )

    def _over_dates(self, means: pd.DataFrame, title: str, ax: Any, lang: str) -> Any:
        from evalkit import figures

        times = list(dict.fromkeys(means["time"]))
        numbers = all(isinstance(t, (int, float, np.number)) and not isinstance(t, bool) for t in times)
        places = {t: float(t) if numbers else float(k) for k, t in enumerate(times)}
        drawn = pd.DataFrame({
            "group": [str(part) for part in means["part"]],
            "place": [places[t] for t in means["time"]],
            "date": [_time(t, lang) for t in means["time"]],
            **{c: means[c].to_numpy(dtype=float) for c in ("estimate", "conf_low", "conf_high")},
        })  # fmt: skip
        axis = self._axis("axis_mean", means, lang)
        time = wording.text("comparison_repeated.time", lang)
        return figures.over_dates(drawn, title, axis, time, self.link == "logit", ax, lang)

    def _axis(self, key: str, drawn: pd.DataFrame, lang: str) -> str:
        return wording.text(f"comparison_repeated.{key}", lang, level=drawn["conf_level"].dropna().iloc[0])

    def publish(self, policy: Policy | None = None) -> Repeated:
        """Pass the gate; see `Result.publish`.

        A coefficient, a mean or a difference that tells of fewer people than the threshold (of a level, at a date, with or
        without the event) is hidden; dates and patterns are hidden so that no total gives one away.
        """
        out = super().publish(policy)
        if self.provenance.kind != "records":
            return out
        policy = policy or Policy()
        told = reasons(out.table)
        some = bool((out.table["status"] == "suppressed").any())
        kept = []
        for before, caveat in zip(self.caveats, out.caveats, strict=False):
            of_small = (some and caveat.key in _OF_SMALL) or (
                caveat.key == "comparison_repeated.alike" and _one_small(before, policy)
            )
            unsaid = caveat.key == "result.not_estimable" and caveat not in told
            kept += [] if of_small or unsaid else [caveat]
        kept = still_said((*kept, *out.caveats[len(self.caveats) :]), out.table, _RESTS_ON)
        return dataclasses.replace(out, caveats=kept, least=())

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        term = self.table["term"]
        least = np.array(self.least or [math.nan] * len(term))
        hide = ((least > 0) & (least < policy.threshold)) | too_small(self.table, policy)
        if hide[least > 0].any():
            # Coefficients add up to every share and rate, the hidden ones too: a constant alone is that of the reference.
            # Of yes and no, the spread about the means shown gives the last mean.
            kept = _NO_COEFFICIENT - {"dispersion", "correlation"}
            hide |= ~term.isin(kept).to_numpy() & self.table["estimate"].notna().to_numpy()
        where = lambda name: [i for i, t in enumerate(term) if t == name]
        partitions = [(None, where("pattern")), (None, where("persons_at_date"))]
        hide = protected(self.table["count"], hide, partitions, policy)
        if hide[where("pattern")].any():
            hide[where("persons_every_date")] = True
        table, hidden = masked(self.table, hide)
        # What one person decides has an estimate and no precision: it is that person's. That a small group all answers alike is its
        # members' answer.
        told = hide & (table["status"] == "not_estimable").to_numpy()
        table["estimate"] = table["estimate"].astype(float).mask(told)
        table["status"] = table["status"].mask(told, "suppressed")
        table["reason"] = [None if now else old for now, old in zip(told, table["reason"], strict=True)]
        hidden += int(told.sum())
        dates = {str(self.table["time"].iloc[i]) for i in where("persons_at_date") if hide[i]}
        table["n"] = table["n"].astype(float).mask(table["time"].map(str).isin(dates))
        return table, hidden

    def _display_frame(self, lang: str) -> pd.DataFrame:
        table = _ratios(self.table) if self.link != "identity" else self.table
        written = table.assign(time=[None if _none(t) else _time(t, lang) for t in table["time"]])
        return Comparison._display_frame(dataclasses.replace(self, table=written), lang)

    def _cell(self, column: str, value: Any, lang: str) -> str:
        if column == "conf_level" and value == value:
            return wording.percent(value, lang)
        return super()._cell(column, value, lang)


def _one_small(caveat: Message, policy: Policy) -> bool:
    """Return whether a sentence that splits a total holds a small count: the other would give it away."""
    return any(0 < int(v) < policy.threshold for v in caveat.values.values())


def _none(value: Any) -> bool:
    return value is None or value != value


def _time(value: Any, lang: str) -> str:
    import datetime

    if isinstance(value, datetime.date):
        return wording.date(value, lang)
    if isinstance(value, (float, np.floating)) and value == int(value):
        return str(int(value))
    return str(value)


def _ratios(table: pd.DataFrame) -> pd.DataFrame:
    out = table.copy()
    logs = ~out["term"].isin(_NO_COEFFICIENT).to_numpy()
    with np.errstate(over="ignore"):
        for column in ("estimate", "conf_low", "conf_high"):
            values = out[column].to_numpy(dtype=float, copy=True)
            values[logs] = np.exp(values[logs])
            out[column] = values
    return out


def _once(said: Iterable[Message]) -> tuple[Message, ...]:
    kept: list[Message] = []
    for caveat in said:
        if caveat not in kept:
            kept.append(caveat)
    return tuple(kept)


def answer(
    rows: Iterable[dict],
    question: Message,
    caveats: Iterable[Message],
    words: Iterable[str],
    *,
    link: str = "identity",
    provenance: Provenance | None,
    data: pd.DataFrame,
    function: str,
    about: Mapping[str, Any],
) -> Repeated:
    """Return the answer made of rows: their table, what they say, where they come from.

    Parameters
    ----------
    rows : iterable of dict
        See `core.rows.row`; the key ``least`` is the number `Repeated.least` holds.
    words : iterable of str
        Codes used besides `WORDS`, of the catalogue "comparison_repeated".
    data : DataFrame
        What was used, for the digest.
    function : str
    about : mapping
        For `Result.glance`.
    """
    rows = [{"time": None, **r} for r in rows]
    # Whole numbers stay whole beside rows that have no date.
    table = frame(rows, ("time",)).assign(time=pd.Series([r["time"] for r in rows], dtype=object))
    if provenance is None:
        provenance = Provenance(inputs={function: digest(data)})
    return Repeated(
        table,
        question,
        _once([*caveats, *reasons(table)]),
        provenance,
        glance_values=dict(about),
        labels=labels("comparison_repeated", *WORDS, *words),
        link=link,
        least=tuple(float(r.get("least", math.nan)) for r in rows),
    )
