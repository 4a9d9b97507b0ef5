"""How far the lost would have to differ from those seen to overturn the answer.

Not a test: whether so large a difference is plausible is for those who know the field.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import Comparison, reasons
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.comparison.missingness.answer import without_figures
from evalkit.comparison.missingness.entry import KINDS, answer_counts
from evalkit.comparison.missingness.people import People, read
from evalkit.comparison.missingness.seen import without_spread
from evalkit.comparison.missingness.supposed import Group, answer_at, groups_of, tipping
from evalkit.disclosure import Headcount, Policy
from evalkit.errors import InputError
from evalkit.numerics.arguments import level, numbers, one_number, one_of
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

METHOD = "delta"
WORDS = (
    "group", "count", "n", "share_after", "mean_after", "change", "difference", "difference_of_changes", "tipping_share",
    "tipping_shift", "lost_reference", "lost_other", "lost_all", "like_seen", "interval", "sign",
    "delta", "tip_above", "tip_below", "tip_within",
)  # fmt: skip
#: Steps of the grid, in standard deviations of those seen.
_STEPS = np.linspace(-1.0, 1.0, 9)


@dataclass(frozen=True, repr=False)
class TippingPoint(Comparison):
    """What the lost would have to be to overturn the answer; see `evalkit.comparison.tipping_point`.

    Parameters
    ----------
    null : float
        The value that the answer must not reach.
    names : tuple of str
        The groups, the reference last.
    cells : tuple of int
        Numbers of people that could be solved from the figures; not part of what is published.
    """

    null: float = 0.0
    names: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()

    @property
    def grid(self) -> pd.DataFrame:
        """The rows of the grid: what was supposed of the lost, the estimate, its interval and the verdict in ``part``."""
        tried = self.table["lost_all" if "lost_all" in self.table else "lost_other"].notna()
        return self.table[tried & (self.table["part"] != "like_seen")]

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the grid and return the Axes: a table in colours for two groups, estimates with intervals for one."""
        from evalkit import figures

        lang = wording.language(lang)
        grid, title = self.grid, self.question.text(lang)
        kind = "share" if (self.table["term"] == "tipping_share").any() else "shift"
        if len(self.names) == 2:
            other, reference = (
                wording.text(f"comparison_missingness.axis_{kind}", lang, group=name) for name in self.names
            )
            words = {code: self._label(code, lang) for code in ("tip_below", "tip_within", "tip_above")}
            drawn = grid.rename(columns={"lost_reference": "x", "lost_other": "y", "part": "code"})
            return figures.heat(drawn, words, title, (reference, other), ax=ax, lang=lang)
        axis = wording.text(f"comparison_missingness.axis_{kind}_all", lang)
        values = grid[["estimate", "conf_low", "conf_high", "conf_level", "status"]]
        drawn = values.assign(**{axis: grid["lost_all"].round(8)})
        return figures.estimates(drawn, title, ax=ax, lang=lang, no_effect=self.null)

    def publish(self, policy: Policy | None = None) -> TippingPoint:
        """Pass the gate; see `Result.publish`.

        The grid can be solved for how many are lost and what those seen answered: when one of these numbers is small in a group,
        the whole answer is hidden.
        """
        out = super().publish(policy)
        if self.provenance.kind != "records":
            return out
        if not (out.table["status"] == "suppressed").any():
            return dataclasses.replace(out, cells=())
        kept = tuple(c for c in out.caveats if c.key != "comparison_missingness.how_many")
        hidden = dataclasses.replace(out, caveats=kept, cells=())
        return hidden.with_caveats(message("comparison_missingness.tip_hidden"))

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        few = any(0 < k < policy.threshold for k in self.cells)
        table = without_figures(self.table, np.full(len(self.table), few))
        if few:
            # What was tried is no secret; where the lost are like those seen, or which cells overturn the answer, tells of them.
            tried = table["part"].astype(str).str.startswith("tip_")
            for column in [c for c in table if str(c).startswith("lost_")]:
                table[column] = table[column].where(tried)
            table["part"] = table["part"].mask(tried, "")
        return table, len(table) if few else 0


def tipping_point(
    data: Any,
    outcome: str,
    kind: str = "binary",
    *,
    before: str | None = None,
    arm: str | None = None,
    reference: Any = None,
    scale: Sequence[float] | None = None,
    null: float | None = None,
    grid: Sequence[float] | None = None,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> TippingPoint:
    """Say how far the lost would have to differ from those seen to overturn the answer.

    Parameters
    ----------
    data : DataFrame
        One row per person, the lost included.
    outcome : str
        Column of the answer at the second date, empty for the lost.
    kind : {"binary", "continuous"}
        The lost are supposed to have a share (of 1), or a mean shifted from that of those seen in their group.
    before : str, optional
        Column of the answer at the first date: the answer is then the change (after − before).
    arm : str, optional
        Column of two groups, of which the reference is subtracted.
    reference : optional
    scale : (float, float), optional
        Least and greatest possible answer of a continuous outcome: what the lost cannot be is not looked at.
    null : float, optional
        The value the answer must not reach; default 0 for changes and differences. A share or mean alone needs one.
    grid : sequence of float, optional
        Shares or shifts to try, in each group; default 0, 0.1 … 1, or −1 to 1 standard deviation of those seen.
    conf_level : float
    missing : {"error", "drop"}
        What to do with rows without a "before" or an arm.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    TippingPoint
        - first row: the answer when the lost are like those seen;
        - ``tipping_share`` or ``tipping_shift`` of each group, the lost of the other being like those seen: where the interval
          (``part`` "interval") and the estimate ("sign") reach `null`;
        - the grid: what was supposed in ``lost_other`` and ``lost_reference`` (``lost_all`` without arms), with ``part`` "tip_above",
          "tip_below" or "tip_within" when the interval lies above, below or around `null`.

    Raises
    ------
    InputError
        More than two groups; no `null` for a share or mean alone; a grid of shares beyond 0 and 1.

    Notes
    -----
    Shift: mean of everybody = mean seen + share lost × shift, its variance that of the mean seen plus shift² × that of the share lost;
    Welch's degrees of freedom. Share: the lost filled in with the share, normal interval; where
    they are like those seen, that the share is estimated is counted. With a "before", shares are those after.

    References
    ----------
    Delta adjustment: Rubin (1977), Journal of the American Statistical Association 72:538; tipping point: Yan, Lee & Li (2009),
    Journal of Biopharmaceutical Statistics 19:1085.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> people = pd.DataFrame({
    ...     "arm": ["control"] * 80 + ["programme"] * 80,
    ...     "job": [1.0] * 20 + [0.0] * 40 + [np.nan] * 20 + [1.0] * 44 + [0.0] * 28 + [np.nan] * 8,
    ... })
    >>> found = tipping_point(people, "job", arm="arm").tidy()
    >>> found = found[found["term"] == "tipping_share"]
    >>> print(found[["group", "part", "estimate", "status"]].round(3).to_string(index=False))
        group     part  estimate        status
    programme interval       NaN not_estimable
    programme     sign       NaN not_estimable
      control interval     0.835            ok
      control     sign       NaN not_estimable
    """
    one_of(kind, KINDS, "kind")
    one_of(missing, ("error", "drop"), "missing")
    conf_level = level(conf_level)
    people = read(
        data, outcome, "tipping_point", before=before, arm=arm, kind=kind, reference=reference, scale=scale, missing=missing
    )  # fmt: skip
    if len(people.levels) > 2:
        raise InputError(
            f"tipping_point: {arm} must hold two groups, but holds {list(people.levels)}; keep two"
        )
    if null is None and arm is None and before is None:
        raise InputError("tipping_point: say null=, the value that the mean or share after must not reach")
    null = 0.0 if null is None else one_number(null, "null")
    table, groups = _table(people, null, conf_level, grid)
    if provenance is None:
        used = [c for c in (outcome, before, arm) if c is not None]
        provenance = Provenance(inputs={"tipping_point": digest(people.frame[used])})
    n_lost = int((~people.seen).sum())
    cells = [k for group in groups for k in (len(group.after), group.lost, len(group.after) - group.lost)]
    for _, own in people.groups():
        cells += answer_counts(people, own) if people.binary else ()
    return TippingPoint(
        table,
        message("comparison_missingness.question_tipping"),
        (*_caveats(people, n_lost, null), *_why(table)),
        provenance,
        {"n_total": people.n, "n_lost": n_lost, "null": null, "conf_level": conf_level},
        labels("comparison_missingness", *WORDS)
        | {"part": labels("comparison_missingness", "verdict")["verdict"]},
        null=null,
        names=tuple(group.name for group in groups),
        cells=tuple(cells),
    )


def _table(
    people: People, null: float, conf_level: float, grid: Sequence[float] | None
) -> tuple[pd.DataFrame, list[Group]]:
    groups = groups_of(people)
    term = people.term if len(groups) == 1 else people.contrast_term
    keys = ("lost_all",) if len(groups) == 1 else ("lost_other", "lost_reference")
    values = _grid(grid, people)
    stop = _obstacle(groups)
    if stop:
        rows = [missing_row(term, "like_seen", METHOD, people.n, stop)]
        rows += [
            _tip(group, people.binary, kind, None, stop) for group in groups for kind in ("interval", "sign")
        ]
        return frame(
            ({"group": "", **dict.fromkeys(keys, math.nan), **r} for r in rows), ("group", *keys)
        ), groups
    like_seen = dict(zip(keys, (group.like_seen for group in groups), strict=True))
    rows = [_supposed(groups, [None] * len(groups), term, "like_seen", people.n, conf_level) | like_seen]
    start = rows[0]
    for which, group in enumerate(groups):
        for kind in ("interval", "sign"):
            why = _unmoved(group, start, null, kind)
            found = None if why else tipping(groups, which, null, conf_level, kind == "interval")
            if found is None and why is None:
                why = _about(group, "tip_never" if kind == "interval" else "tip_same_sign")
            rows.append(_tip(group, people.binary, kind, found, why) | dict.fromkeys(keys, math.nan))
    combined = [[a] for a in values] if len(groups) == 1 else [[a, b] for a in values for b in values]
    for supposed in combined:
        made = _supposed(groups, supposed, term, "", people.n, conf_level)
        rows.append(made | dict(zip(keys, supposed, strict=True)) | {"part": _verdict(made, null)})
    return frame(({"group": ""} | r for r in rows), ("group", *keys)), groups


def _grid(grid: Sequence[float] | None, people: People) -> np.ndarray:
    if grid is not None:
        found = np.unique(numbers(grid, "grid"))
        if not np.isfinite(found).all() or (people.binary and ((found < 0) | (found > 1)).any()):
            raise InputError(
                f"tipping_point: grid must hold finite numbers{', shares from 0 to 1' if people.binary else ''}, but was {grid!r}"
            )
        return found
    if people.binary:
        return np.linspace(0.0, 1.0, 11)
    known = people.response[people.seen]
    return _STEPS * (float(known.std(ddof=1)) if len(known) > 1 else 1.0)


def _obstacle(groups: list[Group]) -> Message | None:
    if any(group.lost == len(group.after) for group in groups):
        key = "nobody_seen" if len(groups) == 1 else "arm_unseen"
        return message(f"comparison_missingness.{key}")
    if groups[0].binary:
        # Supposed answers bring a spread of their own; a row without any says so itself.
        few = any(len(group.after) < 2 for group in groups)
        return message("comparison_missingness.one_seen") if few else None
    return without_spread(*((group.after - group.before)[group.seen] for group in groups))


def _unmoved(group: Group, start: dict, null: float, kind: str) -> Message | None:
    """Return why the lost of a group cannot overturn the answer, or None."""
    if group.lost == 0:
        return _about(group, "tip_no_lost")
    if start["status"] == "not_estimable":
        return start["reason"]
    if kind == "interval" and start["conf_low"] <= null <= start["conf_high"]:
        return message("comparison_missingness.tip_open", null=null)
    exactly = math.isclose(start["estimate"], null, rel_tol=1e-12, abs_tol=1e-12)
    return message("comparison_missingness.tip_zero", null=null) if exactly else None


def _about(group: Group, key: str) -> Message:
    """Return a sentence about one of the groups, or about all when there are none."""
    if not group.name:
        return message(f"comparison_missingness.{key}_all")
    return message(f"comparison_missingness.{key}", group=group.name)


def _supposed(
    groups: list[Group], values: list[float | None], term: str, part: str, n: int, conf_level: float
) -> dict:
    found = answer_at(groups, values, conf_level)
    if found.std_error == 0:
        return missing_row(term, part, METHOD, n, message("comparison_missingness.all_alike"))
    df = math.nan if math.isinf(found.df) else found.df
    return row(
        term, part, METHOD, estimate=found.estimate, std_error=found.std_error, df=df, conf_low=found.low,
        conf_high=found.high, conf_level=conf_level, n=n,
    )  # fmt: skip


def _tip(group: Group, binary: bool, kind: str, found: float | None, why: Message | None) -> dict:
    term, n = "tipping_share" if binary else "tipping_shift", len(group.after)
    if why is not None:
        return missing_row(term, kind, METHOD, n, why) | {"group": group.name, "count": group.lost}
    return row(term, kind, METHOD, group=group.name, estimate=found, count=group.lost, n=n)


def _verdict(made: dict, null: float) -> str:
    if made["conf_low"] > null:
        return "tip_above"
    return "tip_below" if made["conf_high"] < null else "tip_within"


def _why(table: pd.DataFrame) -> tuple[Message, ...]:
    """Return what the rows' reasons say; that nothing overturns the answer is an answer, not a failure."""
    own = [r is not None and r.key.startswith("comparison_missingness.tip_") for r in table["reason"]]
    said: list[Message] = []
    for reason in table.loc[own, "reason"]:
        if reason not in said:
            said.append(reason)
    return (*said, *reasons(table[~np.array(own)]))


def _caveats(people: People, n_lost: int, null: float) -> tuple[Message, ...]:
    said = list(people.caveats)
    if people.before is not None and not people.arm_column:
        said.insert(0, message("result.no_counterfactual"))
    how = "share" if people.binary else "shift"
    said.append(message("comparison_missingness.how_many", n=Headcount(n_lost), total=people.n))
    said.append(message(f"comparison_missingness.tip_how_{how}", null=null))
    return (*said, message("comparison_missingness.tip_judge"))
