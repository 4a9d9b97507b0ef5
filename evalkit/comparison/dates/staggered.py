"""Starts at several dates: what each start changed at each date, and the averages that compare with nobody treated already.

Not two groups with one start: `difference_in_differences` says more about those.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.people import number_values, rows_of
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.comparison.dates import grouptime as gt
from evalkit.comparison.dates.leads import largest_of
from evalkit.comparison.dates.sampling import written
from evalkit.comparison.dates.started import WORDS, EventStudy
from evalkit.comparison.dates.student import Asked
from evalkit.comparison.dates.twofold import told
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import generator, level, one_of
from evalkit.numerics.proportions import ALTERNATIVES
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

FUNCTION = "event_study"
#: Fewer people than this at a start are named.
_FEW = 10


def event_study(
    data: pd.DataFrame,
    outcome: str,
    *,
    unit: str,
    time: str,
    start: str,
    never: Any = None,
    controls: str = "never",
    base: str = "last",
    conf_level: float = 0.95,
    alternative: str = "two-sided",
    missing: str = "error",
    seed: int = 1,
    provenance: Provenance | None = None,
) -> EventStudy:
    """Compare people (or sites) who start at different dates with those who have not started, start by start and date by date.

    A single regression with fixed effects for people and dates is not offered: it also compares late starters with people treated
    already, so that some effects count negatively and the result may have the wrong sign (Goodman-Bacon 2021).

    Parameters
    ----------
    data : DataFrame
        Long: one row per unit and date. Units not seen at every date, or treated from the first, are left out and counted.
    outcome : str
        Numbers (0 and 1 are numbers too).
    unit : str
        What treatment was decided for: a person, or a site when sites start (then one row per site and date).
    time : str
        Dates or numbers.
    start : str
        First date treated, the same in all rows of a unit; missing, infinite or `never` for those who never start.
    never : value of `start`, optional
    controls : {"never", "not_yet"}
        Compared with units that never start, or that have not started yet at that date.
    base : {"last", "previous"}
        Differences before the start are from the last date before it, or from the date before each.
    conf_level : float
        Level of the intervals, which stay two-sided.
    alternative : {"two-sided", "greater", "less"}
    missing : {"error", "drop"}
        For `outcome` and `time`; a missing start is a unit that never starts.
    seed : int
        Of the simultaneous band.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    EventStudy
        Rows by ``term``, ``method``, ``start``, ``time`` and ``since`` (dates since the start):

        - ``average_by_start``: each start's mean effect, by how many start then (read this one); ``average_by_date``: every start and
          date after it; ``average_by_length``: every number of dates since the start alike;
        - ``effect_of_start``; ``effect_since`` (pointwise and ``simultaneous``); ``effect_cell``, each start at each date;
        - ``pretrend_test`` of the differences before; how many units start when, and were left out.

    Raises
    ------
    InputError
        Columns that are not there or hold something else, a unit twice at a date or with two starts, nobody to compare with.

    References
    ----------
    Callaway & Sant'Anna (2021), Journal of Econometrics 225:200. Goodman-Bacon (2021), Journal of Econometrics 225:254.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> sites = pd.DataFrame({"site": range(40), "opened": [2010, 2011] * 10 + [np.nan] * 20})
    >>> long = sites.merge(pd.DataFrame({"year": [2008, 2009, 2010, 2011, 2012]}), how="cross")
    >>> long["placed"] = rng.normal(50, 2, len(long)) + 4 * (long["year"] >= long["opened"])
    >>> answer = event_study(long, "placed", unit="site", time="year", start="opened")
    >>> answer.tidy()[["term", "estimate", "conf_low", "conf_high"]].head(1).round(2)
                   term  estimate  conf_low  conf_high
    0  average_by_start      3.93      2.67        5.2
    """
    one_of(controls, ("never", "not_yet"), "controls")
    one_of(base, ("last", "previous"), "base")
    one_of(alternative, ALTERNATIVES, "alternative")
    asked = Asked(level(conf_level), alternative)
    rng = generator(seed)
    panel, dates, counts, said = _read(data, outcome, unit, time, start, never, missing)
    if controls == "never" and not (panel.start == panel.never).any():
        raise InputError(
            f"{FUNCTION}: every unit starts at some date; compare with those who have not started yet: controls='not_yet'"
        )
    made = gt.cells(panel, controls, base) if panel.starts else None
    if made is None or not made.after.any():
        raise InputError(
            f"{FUNCTION}: nobody can be compared: all units start at the same date, or none does after the first"
        )
    rows = [
        *_averages(panel, made, asked),
        *_since(panel, made, asked, rng),
        *_cells(panel, made, dates, asked),
    ]
    for r in rows:
        if isinstance(r.get("start"), int):
            r["start"] = written(dates[r["start"]])
    rows += [
        row(
            "units_starting", count=int((panel.start == g).sum()), n=len(panel.start), start=written(dates[g])
        )
        for g in panel.starts
    ]
    rows += [row(name, count=k, n=counts["units_all"]) for name, k in counts.items()]
    table = frame(rows, keys=("start", "time", "since"))
    if provenance is None:
        known = pd.DataFrame(panel.y).assign(start=panel.start)
        provenance = Provenance(inputs={FUNCTION: digest(known)}, seed=seed)
    smallest, alike = _answers(panel)
    return EventStudy(
        table,
        message("comparison_dates.question_event"),
        (*said, *_caveats(panel, table, counts, controls, asked), *reasons(table)),
        provenance,
        {
            "n_total": counts["units_all"], "n_used": len(panel.start), "controls": controls, "base": base,
            "conf_level": asked.conf_level, "alternative": alternative,
        },
        labels("comparison_dates", *WORDS),
        smallest=smallest,
        alike=alike,
    )  # fmt: skip


def _answers(panel: gt.Panel) -> tuple[int, bool]:
    """Return, of yes/no answers, the least units of one start with the same two, and whether some start gave one answer."""
    if not np.isin(panel.y, (0, 1)).all():
        return 0, False
    counts, alike = [], False
    for g in np.unique(panel.start):
        mine = panel.y[panel.start == g].astype(int)
        alike |= bool((mine.min(axis=0) == mine.max(axis=0)).any())
        counts += [np.bincount(2 * mine[:, a] + mine[:, b]) for a in range(mine.shape[1]) for b in range(a)]
    seen = np.concatenate(counts)
    return int(seen[seen > 0].min()), alike


def _read(
    data: pd.DataFrame, outcome: str, unit: str, time: str, start: str, never: Any, missing: str
) -> tuple[gt.Panel, list[Any], dict[str, int], tuple[Message, ...]]:
    frame_, kept, said = rows_of(data, (outcome, unit, time), FUNCTION, missing)
    if start not in data.columns:
        raise InputError(f"{FUNCTION}: no column ['{start}'] in data; it has {data.columns.tolist()}")
    began = data.loc[kept, start]
    values = number_values(frame_[outcome], outcome, FUNCTION)
    if twice := int(frame_.duplicated([unit, time]).sum()):
        raise InputError(
            f"{FUNCTION}: {twice} rows list a {unit} again at the same {time}; keep one row per unit and date"
        )
    dates = sorted(frame_[time].unique())
    if any(isinstance(d, str) for d in dates):
        raise InputError(
            f"{FUNCTION}: {time} holds text, which has no order in time; make it dates or numbers"
        )
    if (
        pd.api.types.is_numeric_dtype(began) != pd.api.types.is_numeric_dtype(frame_[time])
        and began.notna().any()
    ):
        raise InputError(
            f"{FUNCTION}: {start} must be a {time} like {dates[0]!r}, but holds {began.dropna().iloc[0]!r}"
        )
    if never is None and pd.api.types.is_numeric_dtype(began) and dates[0] > 0 and (began == 0).any():
        raise InputError(
            f"{FUNCTION}: {start} is 0 in {int((began == 0).sum())} rows, before the first {time}; "
            "if that means never, say so: never=0"
        )
    off = began.isna() if never is None else began.isna() | (began == never)
    grid = pd.Index(dates)
    number = grid.searchsorted(began.where(~off, dates[-1]))
    # Whoever starts after the last date never does, as far as these data go.
    number = np.where(off.to_numpy(), len(dates), number)
    long = pd.DataFrame({"unit": frame_[unit].to_numpy(), "start": number})
    if (mixed := int((long.groupby("unit", observed=True)["start"].nunique() > 1).sum())) > 0:
        raise InputError(
            f"{FUNCTION}: {start} changes in time for {mixed} units; it must say when each first starts, in all its rows"
        )
    wide = long.assign(date=grid.searchsorted(frame_[time]), y=values)
    table = wide.pivot(index="unit", columns="date", values="y")
    began_at = wide.groupby("unit", observed=True)["start"].first().loc[table.index].to_numpy()
    every = table.notna().all(axis=1).to_numpy()
    counts = {
        "units_all": len(table),
        "units_not_at_every_date": int((~every).sum()),
        "units_treated_from_first": int((every & (began_at == 0)).sum()),
        "units_never": int((every & (began_at == len(dates))).sum()),
    }
    used = every & (began_at > 0)
    if len(dates) < 2 or not used.any():
        raise InputError(
            f"{FUNCTION}: no unit is seen at every date (there are {len(dates)}) and untreated at the first"
        )
    return gt.Panel(table.to_numpy()[used], began_at[used], len(dates)), dates, counts, said


def _averages(panel: gt.Panel, made: gt.Cells, asked: Asked) -> list[dict]:
    starts = gt.by_start(panel, made)
    lengths = gt.since_start(panel, made)
    treated = int(np.isin(panel.start, panel.starts).sum())
    overall = {
        "average_by_start": gt.over_starts(panel, starts),
        "average_by_date": gt.by_size(panel, made, made.after),
        "average_by_length": gt.evenly([a for e, a in lengths.items() if e >= 0]),
    }
    rows = []
    for term, average in overall.items():
        rows += told(term, "", "influence", gt.precision(panel, average), treated, asked)
    for g, average in starts.items():
        rows += [
            r | {"start": g}
            for r in told(
                "effect_of_start",
                "",
                "influence",
                gt.precision(panel, average),
                int((panel.start == g).sum()),
                asked,
            )
        ]
    return rows


def _since(panel: gt.Panel, made: gt.Cells, asked: Asked, rng: np.random.Generator) -> list[dict]:
    """Return effects by dates since the start, their band, and the test of those before."""
    lengths = gt.since_start(panel, made)
    rows, sound = [], {}
    for e, average in lengths.items():
        whose = np.unique(made.start[(made.date - made.start) == e]).tolist()
        n = int(np.isin(panel.start, whose).sum())
        mine = told("effect_since", "", "influence", gt.precision(panel, average), n, asked)
        rows += [r | {"since": e} for r in mine]
        if mine[-1]["status"] == "ok":
            sound[e] = (average, mine[-1])
    if not sound:
        return rows
    spread = gt.covariance(panel, [a for a, _ in sound.values()])
    error = np.sqrt(np.diag(spread))
    df = min(r["df"] for _, r in sound.values())
    reach = largest_of(spread / np.outer(error, error), df, asked.conf_level, rng)
    rows += [
        row("effect_since", "", "simultaneous", estimate=a.effect, conf_low=a.effect - reach * r["std_error"],
            conf_high=a.effect + reach * r["std_error"], conf_level=asked.conf_level, n=r["n"], since=e)
        for e, (a, r) in sound.items()
    ]  # fmt: skip
    before = [k for k, e in enumerate(sound) if e < 0]
    if before:
        effect = np.array([a.effect for e, (a, _) in sound.items() if e < 0])
        rows.append(_pretrend(effect, spread[np.ix_(before, before)], df, panel))
    return rows


def _pretrend(effect: np.ndarray, spread: np.ndarray, df: float, panel: gt.Panel) -> dict:
    """Return Hotelling's test that all differences before are zero, with the least degrees of freedom of any."""
    from scipy import stats

    q, n = len(effect), len(panel.start)
    if df - q + 1 <= 0 or np.linalg.cond(spread) > 1e12:
        return missing_row("pretrend_test", "", "htz", n, message("comparison_dates.few_clusters"))
    f = (df - q + 1) / (df * q) * float(effect @ np.linalg.solve(spread, effect))
    p = max(float(stats.f.sf(f, q, df - q + 1)), np.finfo(float).tiny)
    return row("pretrend_test", "", "htz", statistic=f, df=df - q + 1, p_value=p, count=q, n=n)


def _cells(panel: gt.Panel, made: gt.Cells, dates: list[Any], asked: Asked) -> list[dict]:
    rows = []
    for k in range(len(made.effect)):
        g = int(made.start[k])
        average = gt.Average(float(made.effect[k]), made.influence[:, k])
        found = told(
            "effect_cell", "", "influence", gt.precision(panel, average), int((panel.start == g).sum()), asked
        )
        rows += [
            r | {"start": g, "time": written(dates[made.date[k]]), "since": int(made.date[k]) - g}
            for r in found
        ]
    return rows


def _caveats(
    panel: gt.Panel, table: pd.DataFrame, counts: dict[str, int], controls: str, asked: Asked
) -> list[Message]:
    said = [
        message(f"comparison_dates.parallel_{controls}"),
        message("comparison_dates.no_two_way"),
        message("comparison_dates.which_average"),
    ]
    before = (table["since"].astype(float) < 0).any()
    said.append(message(f"comparison_dates.{'pretrend_proves_nothing' if before else 'no_pretrend'}"))
    if not (panel.start == panel.never).any():
        said.append(message("comparison_dates.last_start_compares"))
    for name in ("units_not_at_every_date", "units_treated_from_first"):
        if counts[name]:
            said.append(message(f"comparison_dates.{name}_said", n=Headcount(counts[name])))
    smallest = min(int((panel.start == g).sum()) for g in panel.starts)
    if smallest < _FEW:
        said.append(message("comparison_dates.small_start", n=Headcount(smallest)))
    if asked.alternative != "two-sided":
        side = message(f"comparison_dates.{asked.alternative}_did")
        said.append(message("comparison_dates.one_sided", side=side, level=asked.conf_level))
    return said
