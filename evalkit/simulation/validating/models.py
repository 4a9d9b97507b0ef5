"""The models of the validation pack: what each must come to, by which theory or publication, and how it is read off a tape.

Not the models themselves: they are the `[pathway]` files beside this module, which anybody can read and play.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.validating import measuring as m
from evalkit.simulation.validating import theory

if TYPE_CHECKING:
    from evalkit.simulation.programme.scenario import Scenario

FOLDER = Path(__file__).parent / "models"


@dataclass(frozen=True)
class Quantity:
    """A number that a model must come to.

    Parameters
    ----------
    name : str
        A name of the catalogue ``simulation_validating`` (``quantity_…``).
    expected : callable
        Returns the number; nothing is computed before it is asked for.
    measure : callable
        Reads independent values off a tape.
    part : str
        Of what: a state, a class, a day.
    within : float
        What the expected number itself may be off by: rounding, or the error of a published simulation; 0 for theory.
    """

    name: str
    expected: Callable[[], float]
    measure: m.Measure
    part: str = ""
    within: float = 0.0


@dataclass(frozen=True)
class Model:
    """A model of the pack.

    Parameters
    ----------
    name : str
        Its file in `models/`.
    source : str
        Where the expected numbers come from.
    quantities : tuple of Quantity
    plays, quick : int
        Number of plays; when in a hurry.
    exact : bool
        Whether the numbers must be equal, play by play.
    """

    name: str
    source: str
    quantities: tuple[Quantity, ...]
    plays: int = 24
    quick: int = 4
    exact: bool = False

    def scenario(self) -> Scenario:
        """Read the file."""
        from evalkit.simulation.programme.scenario import Scenario

        return Scenario.load(FOLDER / f"{self.name}.toml")


def all_models() -> tuple[Model, ...]:
    """Return every model of the pack."""
    return (*_queues(), *_priorities(), *_networks(), *_slots(), *_lives(), *_published())


def _queues() -> tuple[Model, ...]:
    exponential = cache(lambda: theory.abandonment(2, 2.4, 1.0, theory.exponential_patience(3.0)))
    constant = cache(lambda: theory.abandonment(2, 2.4, 1.0, theory.constant_patience(2.0), (2.0,)))
    buffer = cache(lambda: theory.finite_buffer(2, 5, 2.2, 1.0))
    empirical = theory.empirical_moments((0.2, 0.4, 0.5, 1.9))
    loss = lambda: theory.erlang_b(4, 3.0)
    patience = lambda of: (
        Quantity("wait", lambda: of()["wait"], m.wait("queue")),
        Quantity("delayed", lambda: of()["delayed"], m.delayed("queue")),
        Quantity("gave_up", lambda: of()["gave_up"], m.gave_up("queue")),
    )
    mean = lambda expected: (Quantity("wait", expected, m.wait("queue")),)
    return (
        Model("mmc", "Gross & Harris 1998, 2.3", (
            Quantity("wait", lambda: theory.mmc_wait(3, 2.25, 1.0), m.wait("queue")),
            Quantity("delayed", lambda: theory.erlang_c(3, 2.25), m.delayed("queue")),
            Quantity("inside", lambda: 2.25 * (theory.mmc_wait(3, 2.25, 1.0) + 1.0), m.number_inside("queue", "service")),
        )),
        Model("erlang_a", "Zeltyn & Mandelbaum 2005, 3", patience(exponential)),
        Model("patience_constant", "Zeltyn & Mandelbaum 2005, 3", patience(constant)),
        Model("mg1_gamma", "Gross & Harris 1998, 5.1.1", mean(lambda: theory.pollaczek_khinchine(0.7, 1.0, 3.0))),
        Model("mg1_empirical", "Gross & Harris 1998, 5.1.1", mean(lambda: theory.pollaczek_khinchine(0.7, *empirical))),
        Model("md1", "Gross & Harris 1998, 5.1.1", mean(lambda: theory.pollaczek_khinchine(0.7, 1.0, 1.0))),
        Model("finite_buffer", "Gross & Harris 1998, 2.4", (
            Quantity("turned_away", lambda: buffer()["turned_away"], m.turned_away("queue")),
            Quantity("wait", lambda: buffer()["wait"], m.wait("queue")),
        )),
        Model("loss", "Cooper 1981, p. 82", tuple(
            Quantity("turned_away", loss, m.turned_away(f"{law}_queue"), law) for law in ("exponential", "gamma", "constant")
        )),
    )  # fmt: skip


def _priorities() -> tuple[Model, ...]:
    single = cache(lambda: theory.cobham((0.2, 0.3, 0.3), (0.8, 0.6, 1.0), (1.28, 0.36, 1.5)))
    several = cache(lambda: theory.cobham_servers(2, (0.4, 0.6, 0.5), 1.0))
    resumed = cache(lambda: theory.preemptive((0.3, 0.35), (1.0, 1.0), (2.0, 1.5)))
    waits = lambda of: tuple(
        Quantity("wait", lambda k=k: of()[k], m.wait(f"queue{k + 1}"), str(k + 1)) for k in range(3)
    )
    return (
        Model("priority", "Cobham 1954, eq. 3", waits(single)),
        Model("priority_servers", "Cobham 1954, eq. 8", waits(several)),
        Model("preemption", "White & Christie 1958", tuple(
            Quantity("in_system", lambda k=k: resumed()[k], m.in_system(f"class{k + 1}"), str(k + 1)) for k in range(2)
        )),
    )  # fmt: skip


#: Of the model `caseload`: weights of the months, and days on which the number inside is looked at.
_SEASON = (2, 1, 1, 1, 1, 3, 4, 2, 6, 3, 1, 1)
_LOOKED_AT = (150.5, 270.25, 400.0, 640.75)


def _networks() -> tuple[Model, ...]:
    nodes = cache(lambda: theory.jackson(
        (0.5, 0.4, 0.0), ((0, 0.4, 0.3), (0, 0, 0.5), (0.3, 0, 0)), (0.7, 1.5, 0.8), (1, 2, 1)
    ))  # fmt: skip
    return (
        Model("network", "Jackson 1957", tuple(
            Quantity("inside", lambda k=k: nodes()[k], m.number_inside(f"queue{k + 1}", f"service{k + 1}"), str(k + 1))
            for k in range(3)
        )),
        Model("caseload", "Eick, Massey & Whitt 1993, th. 1", tuple(
            Quantity("inside_at", lambda d=d: theory.caseload(d, _months(), _stayed), m.number_at("inside", d), f"{d:g}")
            for d in _LOOKED_AT
        ), plays=96, quick=16),
    )  # fmt: skip


def _months() -> list[tuple[float, float, float]]:
    """Return the stretches of the model `caseload`: 400 people over each of two years, spread by month."""
    out = []
    for first, last in (("2024-01-01", "2025-01-01"), ("2025-01-01", "2025-12-31")):
        days = np.arange(first, last, dtype="datetime64[D]")
        weight = np.array(_SEASON, dtype=float)[days.astype("datetime64[M]").astype(int) % 12]
        since = (days - np.datetime64("2024-01-01")).astype(int)
        out += [
            (float(d), float(d + 1), 400.0 * w / weight.sum()) for d, w in zip(since, weight, strict=True)
        ]
    return out


def _stayed(days: float) -> float:
    """Return the integral of the survival function of a gamma stay of mean 60 and shape 2."""
    from scipy import special

    return float(days * special.gammaincc(2.0, days / 30.0) + 60.0 * special.gammainc(3.0, days / 30.0))


def _slots() -> tuple[Model, ...]:
    return (
        Model("weekly_slots", "Lindley 1952", (
            Quantity("off_by", lambda: 0.0, m.off_by("queue", lambda ticks: theory.slots(ticks, _mondays())), "desk"),
        ), exact=True),
        Model("sessions", "Lindley 1952", (
            Quantity("off_by", lambda: 0.0, m.off_by("small_queue", lambda ticks: theory.slots(ticks, _sittings())), "small"),
        ), exact=True),
        Model("sessions", "uniform arrivals between sittings", (
            Quantity("wait", lambda: theory.committee_wait(14.0), m.wait("open_queue"), "open"),
        )),
    )  # fmt: skip


def _mondays() -> list[tuple[float, int]]:
    """Return the openings of the model `weekly_slots`, worked out by hand from its calendar."""
    out = []
    for week in range(208):
        day = np.datetime64("2024-01-01") + 7 * week
        summer = np.datetime64("2025-07-01") <= day <= np.datetime64("2025-08-31")
        closed = day in (np.datetime64("2024-12-23"), np.datetime64("2025-12-22"))
        out.append((float(7 * week * TICKS_PER_DAY), 0 if closed else 2 if summer else 4))
    return out


def _sittings() -> list[tuple[float, int]]:
    """Return the openings of the small committee: eight places on a day, none from the next day on."""
    days = [14 * k for k in range(104)]
    return [
        pair for d in days for pair in ((float(d * TICKS_PER_DAY), 8), (float((d + 1) * TICKS_PER_DAY), 0))
    ]


def _lives() -> tuple[Model, ...]:
    chain = cache(lambda: theory.absorbing(
        ((0, 0.6, 0.2), (0.3, 0, 0.5), (0, 0.25, 0)), ((0, 0.2), (0, 0.2), (0.75, 0)), (5.0, 10.0, 7.0)
    ))  # fmt: skip
    helped = theory.switched(40.0, 20.0, 3.0)
    curve = {"working": {25: 0.12, 90: 0.31, 240: 0.4}, "trained": {25: 0.1, 90: 0.2, 240: 0.33}}
    return (
        Model("chain", "Kemeny & Snell 1960, III", (
            Quantity("reached", lambda: float(chain()[0][0, 0]), m.reached("housed"), "housed"),
            Quantity("lifetime", lambda: float(chain()[1][0]), m.lifetime),
        )),
        Model("silence", "Feller 1971, XI.1", (
            Quantity("reached", _silent, m.reached("silent", by=365.0), "silent, 365"),
        )),
        Model("fitted", "Aalen & Johansen 1978", tuple(
            Quantity("incidence", lambda v=v: v, m.incidence("inside", cause, day), f"{cause}, {day}")
            for cause, points in curve.items() for day, v in points.items()
        )),
        Model("track", "piecewise exponential", (
            Quantity("lifetime", lambda: helped["mean"], m.lifetime),
            Quantity("stayed", lambda: helped["stayed"], m.stayed("inside", 40.0), "40"),
        )),
    )  # fmt: skip


def _silent() -> float:
    from scipy import stats

    return theory.silent_by(stats.gamma(1.5, scale=35.0 / 1.5).cdf, 90.0, 365.0)


_ACUTE = (
    "stroke_acute_rehab",
    "stroke_acute_esd",
    "stroke_acute_other",
    "tia_acute",
    "neuro_acute",
    "other_acute",
)
_REHAB = ("stroke_rehab_esd", "stroke_rehab_other", "tia_rehab", "neuro_rehab", "other_rehab")
#: Probability of delay by number of beds: outputs/table2.csv of pythonhealthdatascience/pydesrap_stroke at 0d6839b, from 150 plays
#: of five years. Two decimals are printed: half of the last one, and as much again for the error of those plays. (Another output
#: there, delay_s1.csv, says 0.14 for ten acute beds, which goes with one stay for all who leave without early supported discharge.)
_DELAYS = (
    (_ACUTE, "acute", {9: 0.18, 10: 0.13, 12: 0.06, 14: 0.02}),
    (_REHAB, "rehab", {10: 0.21, 12: 0.11, 14: 0.05, 16: 0.02}),
)
_PRINTED = 0.01


def _beds() -> tuple[float, float]:
    """Return the mean number of patients in acute and in rehabilitation beds: arrivals a day times mean stay, summed."""
    acute = (0.24 * 7.4 + 0.13 * 4.6 + 0.63 * 7.0) / 1.2 + 1.8 / 9.3 + 4.0 / 3.6 + 3.8 / 3.2
    stroke = (0.24 / 1.2 + 1 / 21.8) * (0.4 * 30.3 + 0.6 * 28.4)
    others = 0.01 / 9.3 * 18.7 + (0.11 / 3.6 + 1 / 31.7) * 27.6 + (0.05 / 3.2 + 1 / 28.6) * 16.1
    return acute, stroke + others


def _published() -> tuple[Model, ...]:
    beds = _beds()
    return (
        Model("stroke", "Little 1961", (
            Quantity("inside", lambda: beds[0], m.number_inside(*_ACUTE), "acute"),
            Quantity("inside", lambda: beds[1], m.number_inside(*_REHAB), "rehab"),
        )),
        Model("stroke", "Monks et al. 2016; pydesrap_stroke", tuple(
            Quantity("full", lambda p=p: p, m.full(states, beds, 3 * 365), f"{unit}, {beds}", _PRINTED)
            for states, unit, printed in _DELAYS for beds, p in printed.items()
        ), plays=96, quick=16),
    )  # fmt: skip
