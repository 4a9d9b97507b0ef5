"""Coverage and size of repeated measures and models of a yes or no: GEE, mixed model, conditional and Firth's logit, ANCOVA."""

from __future__ import annotations

import numpy as np
import pandas as pd
from case import Case

from evalkit.comparison import ancova, conditional_logit, firth_logit, gee, mixed_model

_SIZES = (20, 79, 170)
_NONE = (np.nan, np.nan)


def _row(fit, **where) -> pd.Series | None:
    table = fit.table
    for column, value in where.items():
        table = table[table[column] == value]
    return table.iloc[0] if len(table) else None


def _ends(found: pd.Series | None) -> tuple[float, float]:
    return _NONE if found is None else (found["conf_low"], found["conf_high"])


def _long(rng: np.random.Generator, n: int, share: float) -> pd.DataFrame:
    """Return people at three dates, 15 % of the later rows missing, a share of them treated (at least two)."""
    treated = np.zeros(n, dtype=int)
    treated[: max(2, round(share * n))] = 1
    frame = pd.DataFrame(
        {"who": np.repeat(np.arange(n), 3), "m": np.tile([0, 1, 2], n), "t": np.repeat(treated, 3)}
    )
    return frame[(frame["m"] == 0) | (rng.random(len(frame)) > 0.15)].reset_index(drop=True)


def _scores(rng: np.random.Generator, n: int) -> dict:
    """A fifth treated, twice as variable: the hardest for a sandwich. Effect 0.5 at date 2, none at date 1."""
    frame = _long(rng, n, 0.2)
    level = rng.normal(size=n)[frame["who"]]
    noise = rng.normal(size=len(frame)) * (1 + frame["t"])
    frame["y"] = level + 0.3 * frame["m"] + 0.5 * frame["t"] * (frame["m"] == 2) + noise
    found = {}
    for kind in ("CR2", "CR0"):
        fit = gee(frame, "y", "C(m) * t", person="who", covariance=kind)
        found[kind] = _ends(_row(fit, term="m[2]:t"))
        found[f"{kind}, no effect"] = _row(fit, term="m[1]:t")["p_value"]
    return found


def _shares(rng: np.random.Generator, n: int) -> dict:
    """Answers with a share of their own for each person: 0.3 on average, 0.5 if treated; exchangeable."""
    frame = _long(rng, n, 0.4)
    mean = np.where(frame.groupby("who")["t"].first() == 1, 0.5, 0.3)
    own = rng.beta(2 * mean, 2 * (1 - mean))[frame["who"]]
    frame["y"] = (rng.random(len(frame)) < own).astype(int)
    found = {}
    for kind in ("CR2", "CR0"):
        fit = gee(frame, "y", "t", person="who", family="binomial", working="exchangeable", covariance=kind)
        found[kind] = _ends(_row(fit, term="t"))
    return found


def _levels(rng: np.random.Generator, n: int) -> dict:
    """A level for each person (standard deviation 1), 0.5 if treated, nothing for date 1."""
    frame = _long(rng, n, 0.5)
    frame["y"] = rng.normal(size=n)[frame["who"]] + 0.5 * frame["t"] + rng.normal(size=len(frame))
    fit = mixed_model(frame, "y", "C(m) + t", person="who")
    return {
        "Kenward-Roger": _ends(_row(fit, term="t")),
        "profile, standard deviation": _ends(_row(fit, term="sd_person")),
        "Kenward-Roger, no effect": _row(fit, term="m[1]")["p_value"],
    }


def _within(rng: np.random.Generator, n: int) -> dict:
    """Yes or no at three dates, people of very different levels; log ratio of odds 0.8 along a number."""
    who = np.repeat(np.arange(n), 3)
    frame = pd.DataFrame({"who": who, "x": rng.normal(size=3 * n), "z": rng.normal(size=3 * n)})
    linear = 1.5 * rng.normal(size=n)[who] + 0.8 * frame["x"]
    frame["y"] = (rng.random(3 * n) < 1 / (1 + np.exp(-linear))).astype(int)
    fit = conditional_logit(frame, "y", "x + z", person="who")
    found = _row(fit, term="x", method="likelihood_ratio")
    tested = _row(fit, term="z", method="likelihood_ratio")
    return {
        "profile": _ends(found), "Wald": _ends(_row(fit, term="x", method="wald")), "likelihood ratio, no effect": tested["p_value"],
    }  # fmt: skip


def _rare(rng: np.random.Generator, n: int) -> dict:
    """A mark that a sixth have (log ratio of odds 1.5) and one without effect, three in ten say yes: often separated when n = 20."""
    frame = pd.DataFrame({"mark": rng.random(n) < 1 / 6, "other": rng.integers(0, 2, n)}).astype(int)
    frame["y"] = (rng.random(n) < 1 / (1 + np.exp(1.0 - 1.5 * frame["mark"]))).astype(int)
    fit = firth_logit(frame, "y", "mark + other")
    found = _row(fit, term="mark")
    wald = (
        found["estimate"] - 1.96 * found["std_error"],
        found["estimate"] + 1.96 * found["std_error"],
    )
    return {
        "profile": _ends(found),
        "Wald, not offered": wald,
        "likelihood ratio, no effect": _row(fit, term="other")["p_value"],
    }


def _two_waves(rng: np.random.Generator, n: int) -> dict:
    """A quarter treated, twice as variable, effect 0.5; slopes of 0.4 and 0.8 on before."""
    treated = np.zeros(n, dtype=int)
    treated[: round(n / 4)] = 1
    pre = rng.normal(size=n)
    post = 0.5 * treated + (0.4 + 0.4 * treated) * pre + (1 + treated) * rng.normal(size=n)
    fit = ancova(pd.DataFrame({"g": treated, "pre": pre, "post": post}), "pre", "post", "g", by_lot=True)
    return {
        m: _ends(_row(fit, term="effect", method=m))
        for m in ("post_only", "change_score", "ancova", "ancova_lin")
    }


def cases() -> list[Case]:
    """Return the cases of the room."""
    odds = np.log(0.5 / 0.5) - np.log(0.3 / 0.7)
    return [
        Case(
            "GEE, scores at three dates, a fifth treated and twice as variable", {"CR2": 0.5, "CR0": 0.5}, _scores, _SIZES, 300,
            ("CR2, no effect", "CR0, no effect"),
        ),
        Case("GEE, shares at three dates, exchangeable", {"CR2": odds, "CR0": odds}, _shares, _SIZES, 300),
        Case(
            "mixed model, three dates", {"Kenward-Roger": 0.5, "profile, standard deviation": 1.0}, _levels, _SIZES, 200,
            ("Kenward-Roger, no effect",),
        ),
        Case("conditional logit, three dates", {"profile": 0.8, "Wald": 0.8}, _within, _SIZES, 300, ("likelihood ratio, no effect",)),
        Case(
            "Firth's logit, a rare mark", {"profile": 1.5, "Wald, not offered": 1.5}, _rare, _SIZES, 300,
            ("likelihood ratio, no effect",),
        ),
        Case(
            "ANCOVA, a quarter treated and twice as variable",
            dict.fromkeys(("post_only", "change_score", "ancova", "ancova_lin"), 0.5), _two_waves, _SIZES, 300,
        ),
    ]  # fmt: skip
