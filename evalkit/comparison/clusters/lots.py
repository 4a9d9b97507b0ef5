"""A comparison judged by the draw that made the arms: how often would another draw have given as large a gap, had nothing changed.

Not for arms that nobody drew: then no draw stands behind the p-value, whatever it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.clusters.answer import SHARED, ClusterAnswer, cells_of
from evalkit.comparison.clusters.draws import Lot
from evalkit.comparison.clusters.few import count_arms
from evalkit.comparison.clusters.randomising import STATISTICS, Drawn, Units
from evalkit.comparison.clusters.rows import WORDS, arm_rows
from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.people import number_values, rows_of, two_levels
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import generator, level, one_of
from evalkit.numerics.proportions import ALTERNATIVES
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

ASSIGNMENTS = ("complete", "stratified", "cluster", "stratified cluster")
_WORDS = (
    *WORDS, "lot_test", "shift_difference", "arrangements", "people_left_out", "lot_exact", "lot_drawn", "rank_sum", "studentised",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _People:
    """People whose draw says something: those of strata with both arms."""

    outcome: np.ndarray
    unit: np.ndarray
    lot: Lot
    levels: tuple[str, str]
    left_out: int
    left_strata: int
    caveats: tuple[Message, ...]


def randomisation_test(
    data: Any,
    outcome: str,
    treatment: str,
    *,
    assignment: str = "complete",
    strata: str | None = None,
    cluster: str | None = None,
    statistic: str = "difference",
    alternative: str = "two-sided",
    reference: Any = None,
    conf_level: float = 0.95,
    draws: int = 9_999,
    seed: int = 0,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> ClusterAnswer:
    """Test that a programme drawn by lot changed nothing for anybody, by the draw itself.

    Parameters
    ----------
    data : DataFrame
        One row per person.
    outcome, treatment : str
        Columns: numbers; two groups.
    assignment : {"complete", "stratified", "cluster", "stratified cluster"}
        What was drawn: so many people among all; so many in each stratum (pairs are strata of two); the same with whole clusters.
    strata, cluster : str, optional
        Columns, as `assignment` needs them.
    statistic : {"difference", "studentised", "rank_sum"}
        Difference of means (strata weighted by their people); the same over its standard error between units; sum of ranks among the
        treated, ranked within strata.
    alternative : {"two-sided", "greater", "less"}
        "greater": more among the treated. The interval stays two-sided.
    reference : optional
        Group compared with; default: the first in order.
    conf_level : float
    draws : int
        Simulated draws when all are too many to examine (above 2²⁰, or 50 million draws times units).
    seed : int
    missing : {"error", "drop"}
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    ClusterAnswer
        ``difference`` (estimate alone), ``lot_test`` (p, ``p_floor``: the least p that any draw would have given with these outcomes),
        ``shift_difference`` (interval by inversion for a constant shift, with ``level_achieved``), ``arrangements`` (number of
        possible draws), clusters and people by arm.

    Raises
    ------
    InputError
        Columns absent, missing values unless dropped, other than two groups, clusters with both groups or of two strata when
        clusters were drawn.

    Notes
    -----
    p = share of draws at least as extreme as the one made, itself included; of m simulated draws (b + 1)/(m + 1).

    References
    ----------
    Fisher (1935), The Design of Experiments, chapter 3; Rosenbaum (2002), Observational Studies, chapter 2; Phipson & Smyth (2010),
    Statistical Applications in Genetics and Molecular Biology 9:39; Wu & Ding (2021), Journal of the American Statistical Association
    116:1898, for the studentised statistic.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"treat": [0, 0, 0, 0, 1, 1, 1, 1], "score": [1, 2, 3, 5, 4, 6, 7, 9]})
    >>> answer = randomisation_test(people, "score", "treat")
    >>> rows = answer.tidy().set_index("term")
    >>> round(float(rows.loc["lot_test", "p_value"]), 4), round(float(rows.loc["lot_test", "p_floor"]), 4)
    (0.0571, 0.0286)
    >>> int(rows.loc["arrangements", "estimate"])
    70
    """
    one_of(assignment, ASSIGNMENTS, "assignment")
    one_of(statistic, STATISTICS, "statistic")
    one_of(alternative, ALTERNATIVES, "alternative")
    conf_level = level(conf_level)
    rng = generator(seed)
    if not isinstance(draws, (int, np.integer)) or isinstance(draws, bool) or draws < 1:
        raise InputError(f"draws: must be a whole number, 1 or more, but was {draws!r}")
    people = _read(data, outcome, treatment, assignment, strata, cluster, reference, missing)
    lot = people.lot
    units = Units(people.outcome, people.unit, lot)
    exact = lot.enumerable
    method = "lot_exact" if exact else "lot_drawn"
    made = lot.every() if exact else lot.sample(int(draws), rng)
    seen = int(np.flatnonzero((made == lot.treated).all(axis=1))[0]) if exact else 0
    n = len(people.outcome)
    obstacle = _obstacle(units, statistic)
    estimate = Drawn(units, lot.treated[None, :], "difference", 0).values(0.0)[0]
    rows = [row("difference", "", "", estimate=float(estimate), n=n)]
    if obstacle is None:
        tested = Drawn(units, made, statistic, seen)
        rows += _tested(tested, method, statistic, alternative, conf_level, float(estimate), n)
    else:
        rows += [missing_row(term, "", method, n, obstacle) for term in ("lot_test", "shift_difference")]
    rows.append(row("arrangements", estimate=float(lot.count) if lot.count < 1e300 else math.inf, n=n))
    arms = count_arms(units.treated, people.unit)
    rows += [r for r in arm_rows(arms) if "cluster" in assignment or r["term"].startswith("people")]
    if people.left_out:
        rows.append(row("people_left_out", count=people.left_out, n=n + people.left_out))
    table = frame(rows)
    caveats = [
        *_about(people, lot, assignment, exact, int(draws), seed, obstacle),
        *_on_test(table, conf_level),
    ]
    if len(np.unique(people.outcome)) == 2 and table["conf_low"].notna().any():
        caveats.append(message("comparison_clusters.shift_binary"))
    return ClusterAnswer(
        table,
        message("comparison_clusters.question_lot", other=people.levels[1], reference=people.levels[0]),
        tuple([*people.caveats, *caveats, *reasons(table)]),
        provenance=provenance or Provenance(inputs={"randomisation_test": digest(data)}),
        glance_values={"n": n, "arrangements": lot.count, "exact": exact, "assignment": assignment, "statistic": statistic,
                       "conf_level": conf_level, "alternative": alternative},
        labels={**SHARED, **labels("comparison_clusters", *_WORDS)},
        cells=cells_of(people.outcome, units.treated),
    )  # fmt: skip


def _tested(
    tested: Drawn, method: str, statistic: str, alternative: str, conf_level: float, estimate: float, n: int
) -> list[dict[str, Any]]:
    """Return the rows of the test and of the interval."""
    part = "" if statistic == "difference" else statistic
    seen = tested.values(0.0)[tested.seen]
    if math.isnan(seen):
        why = message("comparison_clusters.no_denominator")
        return [missing_row(term, part, method, n, why) for term in ("lot_test", "shift_difference")]
    p, floor = tested.p(alternative=alternative)
    lone = tested.units.lot.count
    floor = max(floor, (2 if tested.units.lot.swaps and alternative == "two-sided" else 1) / lone)
    still = message("comparison_clusters.no_variation") if np.ptp(tested.units.outcome) == 0 else None
    rows = [
        row(
            "lot_test",
            part,
            method,
            statistic=float(seen),
            p_value=p,
            p_floor=min(floor, p),
            n=n,
            reason=still,
        )
    ]
    if still is not None:
        return [
            *rows,
            missing_row("shift_difference", part, method, n, message("comparison_clusters.no_variation")),
        ]
    found = tested.interval(conf_level)
    if math.isinf(found.low) and math.isinf(found.high):
        why = message("comparison_clusters.unbounded", level=conf_level)
        return [*rows, missing_row("shift_difference", part, method, n, why)]
    open_side = math.isinf(found.low) or math.isinf(found.high)
    return [
        *rows,
        row("shift_difference", part, method, estimate=estimate, conf_low=found.low, conf_high=found.high,
            conf_level=conf_level, level_achieved=found.achieved, n=n,
            reason=message("comparison_clusters.unbounded_side") if open_side else None),
    ]  # fmt: skip


def _obstacle(units: Units, statistic: str) -> Message | None:
    """Return why no test can be made, or None."""
    lot = units.lot
    if lot.count == 1:
        return message("comparison_clusters.one_draw")
    if statistic == "studentised":
        for s in range(int(lot.stratum.max()) + 1):
            treated = int(lot.treated[lot.stratum == s].sum())
            if min(treated, int((lot.stratum == s).sum()) - treated) < 2:
                return message("comparison_clusters.no_pairs_studentised")
    return None


def _read(
    data: Any,
    outcome: str,
    treatment: str,
    assignment: str,
    strata: str | None,
    cluster: str | None,
    reference: Any,
    missing: str,
) -> _People:
    function = "randomisation_test"
    needs = {"strata": "stratified" in assignment, "cluster": "cluster" in assignment}
    for name, given in (("strata", strata), ("cluster", cluster)):
        if needs[name] and given is None:
            raise InputError(
                f"{function}: assignment={assignment!r} needs {name}=, the column that says them"
            )
        if given is not None and not needs[name]:
            raise InputError(
                f"{function}: {name}={given!r} is of no use with assignment={assignment!r}; "
                "say an assignment that has it, or leave it out"
            )
    columns = [outcome, treatment, *[c for c in (strata, cluster) if c is not None]]
    frame_, _, said = rows_of(data, columns, function, missing)
    y = number_values(_bools_as_numbers(frame_[outcome]), outcome, function)
    first, second = two_levels(frame_[treatment], treatment, function, reference)
    treated = (frame_[treatment] == second).to_numpy(dtype=bool)
    unit = np.arange(len(y)) if cluster is None else pd.factorize(frame_[cluster])[0]
    stratum = np.zeros(len(y), dtype=int) if strata is None else pd.factorize(frame_[strata])[0]
    if cluster is not None:
        _refuse_split(treated, unit, f"{cluster} (cluster)", treatment, function)
        _refuse_split(stratum, unit, f"{cluster} (cluster)", str(strata), function)
    _, place = np.unique(unit, return_index=True)
    on, of = treated[place], stratum[place]
    both = {s for s in np.unique(of) if 0 < on[of == s].sum() < (of == s).sum()}
    kept = np.isin(stratum, list(both))
    if not kept.any():
        raise InputError(f"{function}: no stratum has people of both groups; nothing can be compared")
    unit_kept = np.isin(of, list(both))
    return _People(
        y[kept],
        pd.factorize(unit[kept], sort=True)[0],
        Lot(on[unit_kept], pd.factorize(of[unit_kept])[0]),
        (str(first), str(second)),
        int((~kept).sum()),
        len(np.unique(of)) - len(both),
        said,
    )


def _bools_as_numbers(values: pd.Series) -> pd.Series:
    return values.astype(float) if pd.api.types.is_bool_dtype(values) else values


def _refuse_split(values: np.ndarray, unit: np.ndarray, where: str, what: str, function: str) -> None:
    """Refuse clusters whose people differ in what was drawn for the whole of them."""
    table = pd.DataFrame({"unit": unit, "value": values}).groupby("unit")["value"].nunique()
    if split := int((table > 1).sum()):
        raise InputError(
            f"{function}: {split} of {len(table)} values of {where} have people of several values of {what}; whole clusters "
            "cannot have been drawn: say assignment='complete' or 'stratified', or mend the data"
        )


def _about(
    people: _People, lot: Lot, assignment: str, exact: bool, draws: int, seed: int, obstacle: Message | None
) -> list[Message]:
    drawn = (int(lot.treated.sum()), len(lot.treated))
    # Clusters are no people; without them, units are.
    m, n = drawn if "cluster" in assignment else map(Headcount, drawn)
    key = "comparison_clusters.lot_" + assignment.replace(" ", "_")
    how = (
        message(key, strata=int(lot.stratum.max()) + 1)
        if "stratified" in assignment
        else message(key, m=m, n=n)
    )
    said = [message("comparison_clusters.only_lot", how=how)]
    if people.left_out:
        said.append(
            message(
                "comparison_clusters.one_armed", people=Headcount(people.left_out), strata=people.left_strata
            )
        )
    if obstacle is None:
        said.append(
            message("comparison_clusters.enumerated", count=lot.count)
            if exact
            else message("comparison_clusters.drawn", draws=draws, seed=seed, count=_rounded(lot.count))
        )
    return said


def _rounded(count: int) -> float:
    return float(count) if count < 1e300 else math.inf


def _on_test(table: pd.DataFrame, conf_level: float) -> list[Message]:
    """Return what the interval supposes, and that the least p lies above the level of the test."""
    said = [message("comparison_clusters.shift")] if table["conf_low"].notna().any() else []
    floor = float(table.loc[table["term"] == "lot_test", "p_floor"].iloc[0])
    alpha = round(1 - conf_level, 10)
    if floor > alpha:
        said.append(message("comparison_clusters.lot_floor", floor=floor, alpha=alpha))
    return said
