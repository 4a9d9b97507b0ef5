"""Power, sample size and least detectable ratio of a study that follows people over a truncated calendar and loses some.

Not for data already collected: the interval of a result says what it shows, its "power afterwards" says nothing more.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special

from evalkit import wording
from evalkit.errors import Fault, InputError
from evalkit.provenance import Provenance
from evalkit.result import Result
from evalkit.survival.curves.curveset import Curves
from evalkit.survival.curves.readings import both, unit_name
from evalkit.survival.planning import effects
from evalkit.survival.planning.checks import (
    DESIGNS,
    competing_faults,
    design_faults,
    number_faults,
    share_faults,
)
from evalkit.survival.planning.course import Course, Window
from evalkit.survival.planning.effects import Effect
from evalkit.wording import Message, message


@dataclass(frozen=True)
class StudyPlan:
    """What a study supposes: how people leave, what would change, how they are recruited and watched.

    Parameters
    ----------
    design : {"log_rank", "cox", "fine_gray", "rmst"}
        What is compared: hazards in two groups; a hazard along a covariate (adjusted for others); the share gone by one of several
        competing exits (Gray, Fine-Gray); mean times within `t`.
    control : mapping of day to share, or Curves
        Share that has met the event by some days, without what is studied: ``{90: 0.3, 365: 0.55}``; or a Kaplan-Meier curve. Hazards
        are constant between the days, and after the last. For "cox", of the people as they are.
    ratio : float, optional
        Hazard ratio (for "cox" per unit of the covariate, for "fine_gray" of subdistribution hazards).
    treated : mapping or Curves, optional
        Instead of `ratio`, for "log_rank" and "rmst": hazards need not be proportional.
    competing : mapping of day to share, optional
        Share gone by other exits by the same days. With "log_rank" the hazard of the event itself is compared.
    t : float, optional
        Window of "rmst".
    allocation : float
        Share of people in the group with `ratio` or `treated`.
    accrual, cut, horizon : float
        Entries are spread evenly over `accrual`; the file is cut at `cut` after the first entry; each is followed for `horizon` at
        most. At least one of the last two.
    loss : mapping of day to share, optional
        ``{365: 0.1}``: a tenth lost by day 365, at a constant rate.
    sd, r_squared : float
        For "cox": standard deviation of the covariate, and share of its variance that other covariates explain.
    alpha : float
    sides : {1, 2}
    method : str, optional
        For "log_rank": "risk_sets" (Lakatos 1988), "schoenfeld" or "freedman".
    unit : str

    Raises
    ------
    InputError
        Everything that cannot be, at once.

    Examples
    --------
    >>> plan = StudyPlan("log_rank", control={365: 0.55}, ratio=0.6, accrual=365, cut=730)
    >>> float(plan.power(170).tidy()["estimate"].round(2)[0])
    0.73
    """

    design: str = "log_rank"
    control: Mapping[float, float] | Curves = dataclasses.field(default_factory=dict)
    ratio: float | None = None
    treated: Mapping[float, float] | Curves | None = None
    competing: Mapping[float, float] | None = None
    t: float | None = None
    allocation: float = 0.5
    accrual: float = 0.0
    cut: float = math.inf
    horizon: float = math.inf
    loss: Mapping[float, float] | None = None
    sd: float = 1.0
    r_squared: float = 0.0
    alpha: float = 0.05
    sides: int = 2
    method: str | None = None
    unit: str = "day"

    def __post_init__(self) -> None:
        faults = [*design_faults(self), *number_faults(self)]
        for name in ("control", "treated", "competing", "loss"):
            faults += share_faults(name, getattr(self, name))
        if not faults and self.competing is not None:
            faults += competing_faults(self)
        if not faults and self.design == "rmst" and not 0 < self.t <= self._window().last:
            faults.append(
                f"t: must lie above 0 and within the time anybody is followed ({self._window().last:g}), but was {self.t:g}"
            )
        if faults:
            raise InputError([Fault({"en": text}) for text in faults])

    # -- questions ---------------------------------------------------------------------------------------------------
    def power(self, n: int) -> PlanAnswer:
        """Return the chance that `n` people in all show the effect."""
        if not isinstance(n, (int, np.integer)) or n < 2:
            raise InputError(f"n: needs a whole number of people, at least 2, but was {n!r}")
        effect = self._effect()
        return self._answer("power", self._chance(effect, n), n, effect, None)

    def sample_size(self, power: float = 0.8) -> PlanAnswer:
        """Return how many people in all are needed to show the effect with this chance."""
        self._check_power(power)
        effect = self._effect()
        if effect.size == 0:
            return self._answer(
                "sample_size", np.nan, np.nan, effect, message("survival_planning.no_effect"), power
            )
        n = math.ceil(((self._critical() + special.ndtri(power)) / effect.size) ** 2 - 1e-9)
        return self._answer("sample_size", float(n), n, effect, None, power)

    def detectable(self, n: int, power: float = 0.8) -> PlanAnswer:
        """Return the least ratio, on the side of `ratio`, that `n` people would show with this chance."""
        self._check_power(power)
        if self.ratio is None or self.ratio == 1:
            raise InputError(
                "detectable: the plan needs a `ratio` other than 1, whose side of 1 is looked on; it is not read otherwise"
            )
        side = np.sign(math.log(self.ratio))
        found = lambda size: dataclasses.replace(self, ratio=math.exp(side * size))
        missing = lambda size: abs(found(size)._effect().size) * math.sqrt(n) - self._critical() - wanted
        wanted = special.ndtri(power)
        # Ratios beyond 1 000 to 1 are no plan.
        if missing(math.log(1000)) < 0:
            return self._answer(
                "detectable", np.nan, n, self._effect(), message("survival_planning.none_detectable"), power
            )
        size = optimize.brentq(missing, 1e-9, math.log(1000), xtol=1e-12)
        return self._answer("detectable", math.exp(side * size), n, found(size)._effect(), None, power)

    # -- plumbing ----------------------------------------------------------------------------------------------------
    def _window(self) -> Window:
        lost = 0.0 if not self.loss else -math.log1p(-list(self.loss.values())[0]) / list(self.loss)[0]
        return Window(float(self.accrual), float(self.cut), float(self.horizon), lost)

    def _effect(self) -> Effect:
        window, control = self._window(), _course(self.control, self.competing)
        if self.design == "cox":
            return effects.covariate(control, window, self.ratio, self.sd, self.r_squared)
        if self.design == "fine_gray":
            return effects.subdistribution(control, window, self.allocation, self.ratio)
        treated = (
            _course(self.treated, None) if self.treated is not None else _multiplied(control, self.ratio)
        )
        if self.design == "rmst":
            return effects.areas(control, treated, window, self.allocation, self.t)[0]
        if self.method == "schoenfeld":
            return effects.by_events(control, treated, window, self.allocation, self.ratio)
        if self.method == "freedman":
            return effects.by_ratio(control, treated, window, self.allocation, self.ratio)
        return effects.risk_sets(control, treated, window, self.allocation)

    def _critical(self) -> float:
        return float(-special.ndtri(self.alpha / self.sides))

    def _chance(self, effect: Effect, n: int) -> float:
        reach, critical = math.sqrt(n) * abs(effect.size), self._critical()
        # Two-sided: significance on the wrong side counts too, so that no effect gives alpha.
        wrong = special.ndtr(-reach - critical) if self.sides == 2 else 0.0
        return float(special.ndtr(reach - critical) + wrong)

    def _check_power(self, power: float) -> None:
        if not self.alpha < power < 1:
            raise InputError(f"power: must lie between alpha ({self.alpha:g}) and 1, but was {power:g}")

    def _answer(
        self,
        term: str,
        estimate: float,
        n: float,
        effect: Effect,
        reason: Message | None,
        power: float | None = None,
    ) -> Result:
        groups = ("control", "treated") if len(effect.events) == 2 else ()
        shares = (1 - self.allocation, self.allocation)
        rows = [{
            "term": term, "part": "everybody", "estimate": estimate, "n": n, "n_event": n * sum(effect.events),
            "status": "ok" if reason is None else "not_estimable", "reason": reason, "method": self.method or DESIGNS[self.design][0],
        }]  # fmt: skip
        rows += [
            {
                "term": "events",
                "part": name,
                "estimate": n * events,
                "n": n * share,
                "n_event": n * events,
                "status": "ok",
            }
            for name, share, events in zip(groups, shares, effect.events, strict=False)
        ]
        question = message(
            f"survival_planning.question_{term}", n=n, power=power, design=message(f"survival_planning.design_{self.design}"),
            ratio=message("survival_planning.given_course") if self.ratio is None else self.ratio,
        )  # fmt: skip
        words = ("power", "sample_size", "detectable", "events", "everybody", "control", "treated")
        labels = {word: both(f"survival_planning.{word}") for word in words}
        labels |= {m: both(f"survival_planning.method_{m}") for methods in DESIGNS.values() for m in methods}
        about = {"alpha": self.alpha, "power": power}
        kind = Provenance(kind="simulated")
        return PlanAnswer(pd.DataFrame(rows), question, self._said(), kind, about, labels, plan=self)

    def _said(self) -> tuple[Message, ...]:
        window = self._window()
        unit = unit_name(self.unit, 2)
        said = [
            message(
                "survival_planning.supposed",
                alpha=self.alpha,
                test=message(f"survival_planning.sides_{self.sides}"),
            )
        ]
        if math.isfinite(self.cut):
            key = "calendar" if self.accrual else "calendar_at_once"
            said.append(message(f"survival_planning.{key}", accrual=self.accrual, cut=self.cut, unit=unit))
            if self.cut < self.accrual:
                said.append(message("survival_planning.cut_short", share=self.cut / self.accrual))
        if math.isfinite(self.horizon):
            said.append(message("survival_planning.horizon", horizon=self.horizon, unit=unit))
        if self.loss:
            (day, share), *_ = self.loss.items()
            said.append(message("survival_planning.loss", share=share, day=day, unit=unit))
        known = max(_course(self.control, self.competing).days)
        if known < window.last:
            said.append(message("survival_planning.beyond", day=float(known), last=window.last, unit=unit))
        return tuple(said)


@dataclass(frozen=True, repr=False)
class PlanAnswer(Result):
    """What a plan answers: one row for what was asked, one per group for the events expected in it."""

    plan: StudyPlan | None = None

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the power against the number of people, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        n = self.table["n"].iloc[0]
        people = np.unique(np.linspace(2, 3 * n if np.isfinite(n) else 1000, 40).round())
        effect = self.plan._effect()
        frame = pd.DataFrame({
            "group": "", "time": people, "estimate": [self.plan._chance(effect, size) for size in people],
        })  # fmt: skip
        people_word = wording.text("survival_planning.people", lang)
        ax = figures.steps(
            frame,
            title=wording.text("survival_planning.picture", lang),
            unit=people_word,
            start=self.plan.alpha,
            joined=True,
            ax=ax,
            lang=lang,
        )
        ax.set_ylabel(wording.text("survival_planning.power", lang))
        return ax


def power(n: int, **plan: Any) -> PlanAnswer:
    """Return the chance that a study of `n` people in all shows the effect it supposes.

    Parameters
    ----------
    n : int
    **plan
        What `StudyPlan` takes.

    Returns
    -------
    PlanAnswer
        The power, then the events expected in each group; ``.plot()`` draws power by size.

    Raises
    ------
    InputError
        Fewer than 2 people; what `StudyPlan` refuses.

    Notes
    -----
    By design and method: Lakatos (1988), Schoenfeld (1981), Freedman (1982), Hsieh & Lavori (2000), Latouche et al. (2004); formulas
    in `evalkit.survival.planning.effects`.

    Examples
    --------
    >>> found = power(170, design="rmst", control={365: 0.55}, ratio=0.6, t=365, accrual=365, cut=730)
    >>> float(found.tidy()["estimate"].round(2)[0])
    0.54
    """
    return StudyPlan(**plan).power(n)


def sample_size(power: float = 0.8, **plan: Any) -> PlanAnswer:
    """Return how many people in all a study needs to show the effect it supposes with this chance.

    Parameters
    ----------
    power : float
    **plan
        What `StudyPlan` takes.

    Returns
    -------
    PlanAnswer
        The number of people, then the events expected in each group; ``.plot()`` draws power by size.

    Raises
    ------
    InputError
        A power outside (`alpha`, 1); what `StudyPlan` refuses.

    Notes
    -----
    By design and method: Lakatos (1988), Schoenfeld (1981), Freedman (1982), Hsieh & Lavori (2000), Latouche et al. (2004); formulas
    in `evalkit.survival.planning.effects`.

    Examples
    --------
    >>> found = sample_size(0.8, design="log_rank", method="schoenfeld", control={365: 0.9999}, ratio=0.5, horizon=3650)
    >>> round(found.tidy()["n_event"][0])
    66
    """
    return StudyPlan(**plan).sample_size(power)


def _course(shares: Mapping[float, float] | Curves, competing: Mapping[float, float] | None) -> Course:
    if isinstance(shares, Curves):
        return Course.along(shares.table["time"].to_numpy(), shares.table["estimate"].to_numpy())
    return Course.through(shares) if competing is None else Course.through(shares, competing)


def _multiplied(control: Course, ratio: float) -> Course:
    """Return the course with the hazard of the event multiplied, other exits as they are."""
    hazards = control.hazards.copy()
    hazards[0] *= ratio
    return Course(control.days, hazards)
