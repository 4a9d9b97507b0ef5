"""The numbers behind each line of the answer, as results, and the lines themselves.

Not the order of the page: that is `analysis.py`. Nothing here plays anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from published import END, FACTS, LABELS, START, against, fact, say

import evalkit as ek
from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.simulation.programme.quantities import UNITS
from evalkit.vocabulary import standard
from evalkit.wording import Message, message

M = ek.simulation
LIST = "education_nationale"
#: The assumptions drawn over their ranges: all those of the list, and the diary that both scenarios share.
DRAWN = tuple(
    f"{LIST}.{name}"
    for name in (
        "in_territory", "known", "agreement", "delay", "youths_per_year", "not_dropout", "out_of_scope", "unreachable", "reached",
        "refused", "missed_match", "false_match", "ages.aged_16_17",
    )
) + ("counsellors.slots_per_week",)  # fmt: skip
#: A gain of fewer youths than this has vanished.
VANISHED = 1.0
#: The share of plays, and of draws, between the two bounds of a range.
MOST = 0.90
YOUNG = ("16-17", "18")
#: Simulated figures of this study carry these two caveats.
CAVEATS = (message("result.simulated"), say("not_validated"))


def result(table: pd.DataFrame, question: str, provenance: Provenance, **values: object) -> ek.Result:
    """Return a simulated table with its question and what to bear in mind."""
    return ek.Result(table, say(question, **values), CAVEATS, provenance, labels=LABELS)


# ---- published beside simulated ------------------------------------------------------------------------------------------------
def comparison(played: M.Contrast, traits: pd.DataFrame, provenance: Provenance) -> ek.Result:
    """Return the published totals beside the baseline's means, with the Monte-Carlo error of the means."""
    plays = played.plays.set_index(["outcome", "part", "by", "level"]).sort_index()
    table = against(lambda key: plays.loc[key].sort_values("replication")["before"].to_numpy())
    joint = traits[(traits["scenario"] == without("central")) & (traits["trait"] == "co_accompanied")]
    share = joint.pivot(index="replication", columns="level", values="n")
    share = share["yes"] / (share["yes"] + share["no"])
    least = fact("coacc_min.min")
    table.loc[len(table)] = {
        "quantity": "co_accompanied", "low": least, "high": 1.0, "estimate": share.mean(),
        "std_error": share.sem(), "n": len(share), "verdict": "within" if least <= share.mean() else "outside",
    }  # fmt: skip
    return result(table, "comparison_question", provenance, n=int(table["n"].max()))


# ---- from the list to the gain -------------------------------------------------------------------------------------------------
def funnel(passages: pd.DataFrame, gain: float, provenance: Provenance) -> ek.Result:
    """Return how many of the list's youths are left at each step, and the net gain they come to."""
    mine = passages[(passages["scenario"] == with_list("central")) & (passages["source"] == LIST)]
    n = mine["replication"].nunique()
    of = mine.groupby("state")["n"].sum() / n
    steps = {
        "listed": of["listed"],
        "in_territory": of["listed"] - of["outside_territory"],
        "not_known": of["to_spot"],
        "eligible": of["attempt_1"],
        "answered": of["answered"],
        "accepted": of["notice"],
        "entered": of["entered"],
        "net": gain,
    }
    table = pd.DataFrame({"step": list(steps), "estimate": list(steps.values()), "n": n})
    return result(table, "funnel_question", provenance)


# ---- the gain and its two ranges -----------------------------------------------------------------------------------------------
#: Name of a line of the table of gains to the outputs of a play that are added up.
GAINS = {
    "mobilised": [("mobilised", "", "", "")],
    "mobilised_16_18": [("mobilised", "", "age", level) for level in YOUNG],
    "in_solution": [("in_solution", "", "", "")],
    "sooner_paired": [("sooner_paired", "", "", "")],
    "sooner_restricted": [("sooner_restricted", "", "", "")],
}
#: The columns of the table of gains shown on the page; the CSV has all of them.
GAINS_SHOWN = (
    "gain", "estimate", "assumptions_low", "assumptions_median", "assumptions_high", "luck_low", "luck_high",
)  # fmt: skip


def gain_by_draw(over: pd.DataFrame, name: str) -> np.ndarray:
    """Return one gain of every draw of the assumptions."""
    table = over.set_index(["outcome", "part", "by", "level"]).sort_index()
    parts = [table.loc[key].sort_values("draw")["estimate"].to_numpy() for key in GAINS[name]]
    return np.sum(parts, axis=0)


def gains(played: M.Contrast, over: pd.DataFrame, plays_per_draw: int, provenance: Provenance) -> ek.Result:
    """Return each gain at the central assumptions, its range over the assumptions, and its range by luck alone."""
    rows = []
    for name, keys in GAINS.items():
        by_luck = np.sum([played.values(*key) for key in keys], axis=0)
        by_draw = gain_by_draw(over, name)
        low, middle, high = np.quantile(by_draw, [(1 - MOST) / 2, 0.5, (1 + MOST) / 2])
        luck_low, luck_high = np.quantile(by_luck, [(1 - MOST) / 2, (1 + MOST) / 2])
        rows.append({
            "gain": name, "estimate": by_luck.mean(), "std_error": by_luck.std(ddof=1) / np.sqrt(len(by_luck)),
            "assumptions_low": low, "assumptions_median": middle, "assumptions_high": high,
            "least": by_draw.min(), "most": by_draw.max(), "draws": len(by_draw),
            "luck_low": luck_low, "luck_high": luck_high, "plays": len(by_luck),
        })  # fmt: skip
    central = played.values("mobilised")
    left = say(
        "left_luck",
        n=plays_per_draw,
        these=central[:plays_per_draw].mean(),
        all=central.mean(),
        plays=len(central),
    )
    table = pd.DataFrame(rows)
    return result(table, "gains_question", provenance, start=START, end=END).with_caveats(left)


def against_target(over: pd.DataFrame) -> Message:
    """Return in how many draws the gain makes up for the youths missing from the programme's target."""
    missing, by_draw = fact("target_n") - fact("mobilised.total"), gain_by_draw(over, "mobilised")
    enough = int((by_draw >= missing).sum())
    return say("section_gain_target", missing=missing, target=fact("target_n"), n=enough, draws=len(by_draw))


def ranges(gained: ek.Result) -> ek.Result:
    """Return the two ranges of the number mobilised, assumptions first, ready to be drawn."""
    row = gained.table.set_index("gain").loc["mobilised"]
    table = pd.DataFrame({
        "range": [say("range_assumptions", n=int(row["draws"])), say("range_luck", n=int(row["plays"]))],
        "estimate": [row["assumptions_median"], row["estimate"]],
        "conf_low": [row["assumptions_low"], row["luck_low"]],
        "conf_high": [row["assumptions_high"], row["luck_high"]],
    })  # fmt: skip
    return result(table, "ranges_question", gained.provenance)


def drawn(draws: pd.DataFrame, over: pd.DataFrame, provenance: Provenance) -> ek.Result:
    """Return every draw: where each assumption stood in its range, and what came of it."""
    came = pd.DataFrame({name: gain_by_draw(over, name) for name in GAINS})
    return result(pd.concat([came, draws], axis="columns"), "drawn_question", provenance)


# ---- the assumptions that decide -----------------------------------------------------------------------------------------------
def deciding(draws: pd.DataFrame, over: pd.DataFrame, provenance: Provenance) -> ek.Result:
    """Return the assumptions in the order of their weight on the gain."""
    table = M.influence(draws, gain_by_draw(over, "mobilised"))
    table.insert(1, "label", [name_of(key) for key in table["term"]])
    table = table.rename(
        columns={
            "estimate": "correlation",
            "share": "weight",
            "low": "lowest_third",
            "high": "highest_third",
            "n": "draws",
        }
    )
    table = table.round({"correlation": 3, "weight": 3})
    # Of a rank correlation that is none, 95 % lie within this distance of 0.
    least = 1.96 / np.sqrt(len(draws) - 1)
    return result(table, "deciding_question", provenance).with_caveats(
        say("noise", least=least, n=len(draws))
    )


def name_of(key: str) -> Message:
    """Return what an assumption is, in words that fit into a sentence."""
    return say(f"name_{key.rpartition('.')[2]}")


def sweep(scenario: M.Scenario, key: str) -> list[M.Scenario]:
    """Return the scenario with one assumption at each value of its grid."""
    return [scenario.with_({key: value, "name": at(key, value)}) for value in grid(scenario, key)]


def _assumption(scenario: M.Scenario, key: str) -> pd.Series:
    known = scenario.assumptions().set_index("key")
    if key not in known.index:
        raise InputError(f"{key}: differs by site, so one value cannot be looked for; leave it out of DRAWN")
    return known.loc[key]


def grid(scenario: M.Scenario, key: str) -> list[float]:
    """Return values of an assumption over its range and beyond it, as far as the quantity can go or the window lasts."""
    row = _assumption(scenario, key)
    last = 1.0 if row["unit"] == "share" else float((pd.Timestamp(END) - pd.Timestamp(START)).days)
    low, value, high = row["low"], row["value"], row["high"]
    return sorted({0.0, low / 2, low, value, high, (high + last) / 2, last})


def vanishing(
    swept: M.Contrast, keys: Sequence[str], scenario: M.Scenario, provenance: Provenance
) -> ek.Result:
    """Return, for each assumption looked at, the gain at both ends of its range and where it falls under one youth."""
    rows = []
    for key in keys:
        row, values = _assumption(scenario, key), grid(scenario, key)
        found = [float(swept.values("mobilised", scenario=at(key, value)).mean()) for value in values]
        point = M.break_even(values, found, VANISHED, at=row["value"])
        rows.append({
            "term": key, "label": name_of(key), "unit": row["unit"], "value": row["value"],
            "low": row["low"], "high": row["high"], "gain_low": np.interp(row["low"], values, found),
            "gain_high": np.interp(row["high"], values, found), "below": point.below, "above": point.above,
            "searched_low": point.searched[0], "searched_high": point.searched[1],
        })  # fmt: skip
    table = pd.DataFrame(rows).astype({"below": float, "above": float})
    return result(table, "vanishing_question", provenance, n=VANISHED)


def at(key: str, value: float) -> str:
    """Return the name of the scenario in which one assumption takes a value."""
    return f"{key} = {value:g}"


# ---- the wait ------------------------------------------------------------------------------------------------------------------
def with_slots(scenario: M.Scenario, more: int, name: str) -> M.Scenario:
    """Return a scenario with so many more slots a week at each site."""
    slots = scenario.model.counsellors.slots_per_week
    changes = {f"counsellors.slots_per_week.{site}": slots.at(site) + more for site in scenario.model.sites}
    return scenario.with_({**changes, "name": name})


def diaries(baseline: M.Scenario, listed: M.Scenario, most: int) -> list[M.Scenario]:
    """Return both scenarios with the central diary and with the fullest one, the list with 0 to `most` more slots a site."""
    out = []
    for kind, position in DIARIES.items():
        before, after = (M.placed(s, {"counsellors.slots_per_week": position}) for s in (baseline, listed))
        out.append(before.with_(name=without(kind)))
        out += [_with_slots(after, more).with_(name=with_list(kind, more)) for more in range(most + 1)]
    return out


#: The counsellors' diary, and where its slots stand in their range.
DIARIES = {"central": 0.5, "tight": 0.0}


def without(diary: str) -> str:
    """Return the name of the scenario without the list, under a diary."""
    return f"baseline, {diary}"


def with_list(diary: str, more: int = 0) -> str:
    """Return the name of the scenario with the list and so many more slots a site, under a diary."""
    return f"{LIST}, {diary} + {more}"


def _with_slots(scenario: M.Scenario, more: int) -> M.Scenario:
    slots = scenario.model.counsellors.slots_per_week
    return scenario.with_(
        {f"counsellors.slots_per_week.{site}": slots.at(site) + more for site in scenario.model.sites}
    )


def first_day(scenario: M.Scenario) -> pd.Timestamp:
    """Return the first day played."""
    return pd.Timestamp(scenario.model.window.start)


def handed_over(listed: M.Scenario) -> pd.Timestamp:
    """Return the day on which the list comes."""
    given = listed.model.education_nationale
    return pd.Timestamp(given.dates[0]) + pd.Timedelta(days=round(given.agreement.value))


def _mean_wait(waits: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    total = waits.groupby(list(by))[["n", "days"]].sum()
    return total["days"] / total["n"]


def waits_table(
    waits: pd.DataFrame, start: pd.Timestamp, comes: pd.Timestamp, most: int, provenance: Provenance
) -> ek.Result:
    """Return the mean wait beyond the day wanted, of everybody, new and already followed, and the slots that would hold it.

    Waits that began in or after the week in which the list came.
    """
    waits = waits[waits["week"] >= (comes - start).days // 7]
    groups = {
        "everybody": waits,
        "new": waits[waits["state"] == "first_queue"],
        "followed": waits[waits["state"] != "first_queue"],
    }
    by_site = _mean_wait(waits, ["scenario", "site"])
    rows = []
    for diary in DIARIES:
        needed = {site: held(by_site, diary, site, most) for site in waits["site"].unique()}
        for who, some in groups.items():
            mean = _mean_wait(some, ["scenario"])
            before, after = mean[without(diary)], mean[with_list(diary)]
            rows.append({
                "diary": diary, "who": who, "before": before, "after": after, "change": after - before,
                **{f"slots_{site}": k for site, k in needed.items()}, "plays": waits["replication"].nunique(),
            })  # fmt: skip
    return result(pd.DataFrame(rows), "waits_question", provenance)


def held(waited: pd.Series, diary: str, site: str, most: int) -> float:
    """Return the least number of slots a week that keep a site's mean wait from growing."""
    enough = [k for k in range(most + 1) if waited[with_list(diary, k), site] <= waited[without(diary), site]]
    if not enough:
        raise InputError(
            f"{diary} diary, {site}: {most} more slots a week do not hold the wait; raise MORE_SLOTS"
        )
    return float(enough[0])


def waits_over_time(waits: pd.DataFrame, start: pd.Timestamp, provenance: Provenance) -> ek.Result:
    """Return the mean wait by four-week periods: without the list, with it, with it and one slot more a site."""
    shown = {
        "without": without("central"),
        "with": with_list("central"),
        "with_slot": with_list("central", 1),
    }
    waits = waits.assign(period=waits["week"] // 4)
    mean = _mean_wait(waits, ["scenario", "period"])
    table = pd.concat(
        [mean[name].rename("estimate").reset_index().assign(group=group) for group, name in shown.items()], ignore_index=True
    )  # fmt: skip
    table["date"] = start + pd.to_timedelta(table["period"] * 28, unit="D")
    return result(table[["group", "date", "estimate"]], "waits_over_time_question", provenance)


# ---- assumptions, as they stand ------------------------------------------------------------------------------------------------
#: The columns of the table of assumptions shown on the page.
ASSUMPTIONS_SHOWN = ("label", "value", "unit", "low", "high", "evidence", "source")


def assumptions(scenario: M.Scenario, provenance: Provenance) -> ek.Result:
    """Return every assumption of a scenario with its unit, status, range and source; those of the list first."""
    table = scenario.assumptions()
    table.insert(1, "label", [_whole_name(row) for row in table.itertuples()])
    table["unit"] = [
        say("as_written", x=dict(zip(("en", "fr"), UNITS[unit], strict=True))) for unit in table["unit"]
    ]
    table = table.drop(columns=["label_fr", "label_en"]).rename(columns={"key": "term", "status": "evidence"})
    first = table["term"].str.startswith(LIST)
    return result(
        pd.concat([table[first], table[~first]], ignore_index=True), "assumptions_question", provenance
    )


def _whole_name(row: Any) -> Message:
    """Return what an assumption is, of which channel or solution, at which site."""
    words, name = standard(), say("as_written", x={"fr": row.label_fr, "en": row.label_en})
    parts = row.key.split(".")
    if parts[0] == LIST:
        name = say("of_list", label=name)
    for group, kind in (("channels", "channel"), ("solutions", "status")):
        if parts[0] == group:
            name = say("of_group", group=words.term(kind, parts[1]).labels, label=name)
    return (
        say("at_site", label=name, site=say(f"site_{parts[-1]}")) if parts[-1] in ("centre", "est") else name
    )


# ---- the answer ----------------------------------------------------------------------------------------------------------------
def lines(gained: ek.Result, vanish: ek.Result, waited: ek.Result, played: M.Contrast) -> list[Message]:
    """Return the eight lines, filled with the numbers of the tables."""
    g = gained.table.set_index("gain").rename(columns={"assumptions_low": "low", "assumptions_high": "high"})
    first, young, solution = g.loc["mobilised"], g.loc["mobilised_16_18"], g.loc["in_solution"]
    paired, everyone = g.loc["sooner_paired"], g.loc["sooner_restricted"]
    w = waited.table.set_index(["diary", "who"])
    now, followed, full = (
        w.loc[key] for key in (("central", "everybody"), ("central", "followed"), ("tight", "everybody"))
    )
    return [
        say(
            "answer_1", start=START, end=END, low=first["low"], high=first["high"], draws=int(first["draws"]),
            gain=first["estimate"], luck_low=first["luck_low"], luck_high=first["luck_high"],
            young=young["estimate"], young_low=young["low"], young_high=young["high"],
        ),
        say("answer_2", end=END, solution=solution["estimate"], low=solution["low"], high=solution["high"]),
        say(
            "answer_3", end=END, both=played.values("mobilised_in_both").mean(),
            paired=paired["estimate"], paired_low=paired["low"], paired_high=paired["high"],
            all=everyone["estimate"], low=everyone["low"], high=everyone["high"],
        ),
        say(
            "answer_4", before=now["before"], after=now["after"], slots=now["slots_centre"] + now["slots_est"],
            followed_before=followed["before"], followed_after=followed["after"],
            tight_before=full["before"], tight_after=full["after"],
            slots_tight=full["slots_centre"] + full["slots_est"],
        ),
        say("answer_5", names=[_named(row) for row in vanish.table.to_dict("records")]),
        _lost(vanish.table),
        say(
            "answer_7", spotted=fact("identified_621.total"), mobilised=fact("mobilised.total"),
            quote=FACTS["en_800"]["quote"].strip("()"),
        ),
        say("answer_8"),
    ]  # fmt: skip


def _form(row: Mapping[str, Any]) -> str:
    return "pct" if row["unit"] == "share" else "days"


def _named(row: Mapping[str, Any]) -> Message:
    return say(f"named_{_form(row)}", name=row["label"], low=row["low"], high=row["high"])


def _lost(table: pd.DataFrame) -> Message:
    """Return beyond which value of each assumption the gain is lost, and whether that lies within its range."""
    rows = table.to_dict("records")
    inside = any(row["low"] <= row[side] <= row["high"] for row in rows for side in ("below", "above"))
    parts, never = [], []
    for row in rows:
        sides = [side for side in ("below", "above") if np.isfinite(row[side])]
        parts += [say(f"vanishes_{side}_{_form(row)}", name=row["label"], value=row[side]) for side in sides]
        never += [] if sides else [say("vanishes_never", name=row["label"])]
    worst = float(np.min(table[["gain_low", "gain_high"]].to_numpy()))
    return say("answer_6_within" if inside else "answer_6_beyond", parts=parts + never, worst=worst)
