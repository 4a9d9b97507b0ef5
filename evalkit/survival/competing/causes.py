"""Every exit's two ratios side by side: of its pace among those still there, and of the share it takes in the end.

Not a new model: Cox of each cause and Fine-Gray of each cause, in one table, because either alone misleads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_levels
from evalkit.errors import InputError
from evalkit.result import Result
from evalkit.survival.competing.combining import combined
from evalkit.survival.competing.prediction import PredictedIncidence
from evalkit.survival.competing.subdistribution import fine_gray
from evalkit.survival.core.sample import accept, label_of
from evalkit.survival.core.showing import READ, draw_ratios, exponentiated
from evalkit.survival.curves.readings import both
from evalkit.survival.proportional.fit import cox
from evalkit.survival.proportional.table import variables
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

PARTS = ("cause_specific", "subdistribution")


@dataclass(frozen=True, repr=False)
class CauseModels(Result):
    """Rows per cause, term and kind of ratio, on the log scale.

    Parameters
    ----------
    fits : mapping of (cause, part) to the fit
        Each answers what `cox` and `fine_gray` fits answer; a published result no longer has them.
    conf_level : float
    causes : tuple of str
        All exits there are.
    """

    fits: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    conf_level: float = 0.95
    causes: tuple[str, ...] = ()

    def tidy(self, exponentiate: bool = False) -> pd.DataFrame:
        """Return one row per cause, term and kind of ratio.

        Parameters
        ----------
        exponentiate : bool
            Ratios and their bounds instead of their logarithms; ``std_error`` stays that of the logarithm.
        """
        table = self._worded(None)
        return exponentiated(table) if exponentiate else table

    def glance(self) -> pd.DataFrame:
        """Return one row per fit: cause, kind, people, exits, log-likelihoods."""
        if not self.fits:
            return super().glance()
        kept = ["n", "n_events", "log_likelihood", "log_likelihood_null"]
        rows = [
            {"cause": cause, "part": part, **fit.glance()[kept].iloc[0].to_dict()}
            for (cause, part), fit in self.fits.items()
        ]
        return pd.DataFrame(rows)

    def predict(self, new: pd.DataFrame, times: float | Iterable[float] | None = None) -> PredictedIncidence:
        """Return the shares gone by each exit that the Cox models of all exits together predict, for people like those in `new`.

        Parameters
        ----------
        new : DataFrame
            One row per profile, with the columns of the formula (and the strata).
        times : number or list of numbers, optional
            Up to a hundred of the times at which somebody left otherwise.

        Returns
        -------
        PredictedIncidence
            Per profile and time one row per cause, and ``cause = "no_exit"``: they sum to 1. Intervals are on the scale
            log(-log(1 - F)); there are none with clusters or sampling weights.

        Raises
        ------
        InputError
            Models of some exits only; a time beyond the last one observed; columns absent; levels or strata not seen.

        Notes
        -----
        As R's ``survfit`` of a multi-state ``coxph`` with Breslow's ties; variance by the delta method on the steps of all hazards
        (Andersen, Borgan, Gill & Keiding 1993, §VII.2.3), which R does not give.
        """
        if not self.fits:
            raise InputError("predict: a published result no longer has the fits; ask before publishing")
        asked = set(self.table["cause"])
        if lacking := [c for c in self.causes if c not in asked]:
            raise InputError(
                f"predict: shares need a model of every exit, and {', '.join(lacking)} has none; ask cause_specific without cause="
            )
        fits = {cause: fit for (cause, part), fit in self.fits.items() if part == PARTS[0]}
        return combined(self, fits, new, times)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the ratios, the two kinds of each term and cause one under the other, and return the Axes."""
        lang = wording.language(lang)
        frame = exponentiated(self._worded(lang))
        for column in ("cause", "part"):
            frame[column] = [self._label(value, lang) for value in frame[column]]
        return draw_ratios(self, frame, "survival_competing.either_ratio", ax, lang)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        if self.provenance.kind != "records":
            return published
        return dataclasses.replace(published, fits={})

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return suppress_levels(self.table, policy, variables(self.table["term"], self.table["part"]))

    def _display_frame(self, lang: str) -> pd.DataFrame:
        shown = ["cause", "term", "part", *READ[1:]]
        labels = {**self.labels, "estimate": both("survival_competing.either_ratio")}
        return Result(exponentiated(self.table)[shown], self.question, labels=labels)._display_frame(lang)


def cause_specific(
    tte: TimeToEvent,
    formula: str,
    cause: str | Sequence[str] | None = None,
    subdistribution: bool = True,
    ties: str = "efron",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    missing: str = "error",
    conf_level: float = 0.95,
) -> CauseModels:
    """Fit, for each exit, a Cox model of its own hazard and a Fine-Gray model of the share it takes.

    Parameters
    ----------
    tte : TimeToEvent
    formula : str
        Right-hand side, the same for all: see `evalkit.formula`.
    cause : str or list of str, optional
        The exits; all of them otherwise.
    subdistribution : bool
        Whether to fit the second kind, which covariates that change in time do not allow.
    ties : {"efron", "breslow"}
        Of the Cox models.
    strata, cluster, missing, conf_level
        As in `cox` and `fine_gray`. Sampling weights bring robust variances, late entries the robust variance of `fine_gray`.

    Returns
    -------
    CauseModels
        ``part``: ``cause_specific`` (who leaves that way sooner, among those still there) or ``subdistribution`` (who has left
        that way more often, in the end). An exit that nobody took is "not_estimable".

    Raises
    ------
    InputError
        A cause that is none, no cause with an exit, whatever `cox` and `fine_gray` refuse.

    Notes
    -----
    Latouche, Allignol, Beyersmann, Labopin & Fine (2013): report both, for every cause.

    Examples
    --------
    >>> people = pd.DataFrame({"helped": [1, 0, 1, 0, 1, 0, 0, 1]})
    >>> tte = TimeToEvent(time=range(2, 10), cause=[1, 1, 2, 1, 0, 1, 2, 1], causes=("relapse", "death"), covariates=people)
    >>> cause_specific(tte, "helped").tidy(exponentiate=True)[["cause", "part", "estimate"]].round(2).to_numpy().tolist()[:2]
    [['relapse', 'cause_specific', 0.46], ['relapse', 'subdistribution', 0.64]]
    """
    tte = accept(tte, "cause_specific")
    chosen = list(tte.causes) if cause is None else [cause] if isinstance(cause, str) else list(cause)
    unknown = [c for c in chosen if c not in tte.causes]
    if unknown:
        raise InputError(f"cause: no exit {', '.join(map(repr, unknown))}; they are {', '.join(tte.causes)}")
    taken = [c for c in chosen if (tte.cause == tte.causes.index(c) + 1).any()]
    if not taken:
        raise InputError(f"cause_specific: no exit ({', '.join(chosen)}) among {tte.n} rows")
    shared = {"strata": strata, "cluster": cluster, "missing": missing, "conf_level": conf_level}
    robust = tte.weight_kind == "sampling" and cluster is None
    late = tte.entry is not None and bool((tte.entry > 0).any())
    fits: dict[tuple[str, str], Any] = {}
    for of in taken:
        fits[of, PARTS[0]] = cox(tte, formula, ties=ties, of=of, robust=robust, **shared)
        if subdistribution:
            variance = "robust" if late else "fine_gray"
            fits[of, PARTS[1]] = fine_gray(tte, formula, cause=of, variance=variance, **shared)
    table = _table(tte, chosen, fits)
    said: list[Message] = [message("survival_competing.both_ratios")] if subdistribution else []
    for fit in fits.values():
        said += [c for c in fit.caveats if c not in said and c.key not in _SAID_ONCE]
    return CauseModels(
        table,
        message(
            "survival_competing.question_causes",
            events=[label_of(tte, c) for c in chosen],
            terms=list(fits[taken[0], PARTS[0]].question.values["terms"]),
        ),
        tuple(said),
        tte.provenance,
        labels={**tte.labels, **{part: both(f"survival_competing.part_{part}") for part in PARTS}},
        fits=fits,
        conf_level=conf_level,
        causes=tte.causes,
    )


#: What each fit says about its own kind of ratio; the table says it once.
_SAID_ONCE = ("survival.cause_specific", "survival_competing.subdistribution")
_COLUMNS = (
    "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "conf_level", "n", "n_event", "status", "reason",
)  # fmt: skip


def _table(tte: TimeToEvent, chosen: list[str], fits: Mapping[tuple[str, str], Any]) -> pd.DataFrame:
    any_fit = next(iter(fits.values())).table
    parts = list(dict.fromkeys(part for _, part in fits))
    rows = []
    for cause in chosen:
        for at, term in enumerate(any_fit["term"]):
            for part in parts:
                row = {"cause": cause, "term": term, "part": part}
                if (cause, part) in fits:
                    row |= {c: fits[cause, part].table[c].iloc[at] for c in _COLUMNS}
                else:
                    reason = message("survival_competing.no_such_exit", event=label_of(tte, cause))
                    row |= {
                        "n": any_fit["n"].iloc[at],
                        "n_event": 0.0,
                        "status": "not_estimable",
                        "reason": reason,
                    }
                rows.append(row)
    return pd.DataFrame(rows, columns=["cause", "term", "part", *_COLUMNS])
