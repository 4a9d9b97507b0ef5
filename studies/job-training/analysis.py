"""A training programme given by lot, its control group hidden: what before/after, a survey and each adjustment would have answered."""

import dataclasses

import numpy as np
import pandas as pd
from causaldata import cps_mixtape, nsw_mixtape
from labels import BALANCED, GROUPS, LABELS

import evalkit as ek
from evalkit import figures
from evalkit.study import Answer, Figure, Section, Table
from evalkit.wording import catalogue_from

FORMULA = "age + age2 + age3 + educ + educ2 + marr + nodegree + black + hisp + re74 + re75 + u74 + u75"
#: Columns that hold dollars.
DOLLARS = ("estimate", "conf_low", "conf_high", "gap")
METHODS = ("regression", "iptw", "matching", "aipw", "entropy")


def people():
    """Return the men of the experiment, and the trained among them beside the men of the survey."""
    lot, survey = (
        d.load_pandas().data.drop(columns="data_id").astype(float) for d in (nsw_mixtape, cps_mixtape)
    )
    trained = lot[lot["treat"] == 1]
    return tuple(_with_terms(d) for d in (lot, pd.concat([trained, survey], ignore_index=True)))


def _with_terms(data):
    return data.assign(
        man=[f"m{i}" for i in range(len(data))], age2=data["age"] ** 2, age3=data["age"] ** 3, educ2=data["educ"] ** 2,
        u74=(data["re74"] == 0).astype(float), u75=(data["re75"] == 0).astype(float),
    )  # fmt: skip


def changes(data, provenance):
    """Return the difference in differences of earnings from 1975 to 1978."""
    long = data.melt(["man", "treat"], ["re75", "re78"], "year", "earnings")
    long["year"] = long["year"].map({"re75": 1975, "re78": 1978})
    return ek.comparison.difference_in_differences(
        long, "earnings", group="treat", time="year", unit="man", provenance=provenance
    )


def first(result, term, method=None):
    """Return the first row of a term (and method) of a result."""
    table = result.tidy()
    return table[(table["term"] == term) & (method is None or table["method"] == method)].iloc[0]


def answers(rows):
    """Return every answer beside the first, the benchmark: how far, what one would conclude, whether its interval holds it."""
    table = pd.DataFrame(
        [
            {"term": name, **{c: float(r[c]) for c in ("estimate", "conf_low", "conf_high", "conf_level")}}
            for name, r in rows
        ]
    )
    benchmark = table["estimate"][0]
    table["gap"] = table["estimate"] - benchmark
    table["conclusion"] = np.select(
        [table["conf_low"] > 0, table["conf_high"] < 0], ["gain", "loss"], "unsettled"
    )
    table["holds"] = np.where(
        (table["conf_low"] <= benchmark) & (benchmark <= table["conf_high"]), "yes", "no"
    )
    return table


def draw(result, lang, axis):
    """Draw all answers against the line of the benchmark."""
    table = result.table
    frame = table[["estimate", "conf_low", "conf_high", "conf_level"]].assign(
        term=[LABELS[t][lang] for t in table["term"]]
    )
    ax = figures.estimates(
        frame,
        result.question.text(lang),
        lang=lang,
        no_effect=table["estimate"][0],
        axis=axis.text(lang),
    )
    ax.axvline(0, color="#8a8a8a", linewidth=0.8, linestyle=":", zorder=0)
    return ax


def balance_table(found):
    """Return one line per term: its standardised difference before and after each method."""
    wide = found.table[found.table["term"] == "smd"].pivot_table(
        index="part", columns="method", values="estimate", sort=False
    )
    return wide.round(3).rename_axis(None, axis=1).reset_index().rename(columns={"part": "term"})


def compare_with_print(printed, found):
    """Return the printed values beside those found, the verdict at the printed number of decimals."""
    rows = []
    for row in printed.itertuples():
        value, decimals = found[row.quantity], len(row.printed.partition(".")[2])
        same = abs(value - float(row.printed)) <= 0.5 * 10.0**-decimals * (1 + 1e-9)
        rows.append(
            (
                row.quantity,
                row.source,
                row.printed,
                f"{value:.{decimals}f}",
                value,
                "same" if same else "different",
            )
        )
    return pd.DataFrame(rows, columns=["quantity", "source", "printed", "rounded", "found", "verdict"])


def analyse(study):
    """Yield the page."""
    tell, origin = catalogue_from(study.path("wording.toml")), study.provenance()
    lot, survey = people()
    trained = lot[lot["treat"] == 1].set_index("man")

    by_lot = ek.comparison.two_groups(
        "re78", "treat", data=lot, kind="continuous", assignment="random", provenance=origin
    )
    draws = ek.comparison.randomisation_test(lot, "re78", "treat", seed=1, provenance=origin)
    before_after = ek.comparison.pre_post(
        trained["re75"], trained["re78"], kind="continuous", provenance=origin
    )
    within, outside = changes(lot, origin), changes(survey, origin)
    against = ek.comparison.two_groups(
        "re78",
        "treat",
        data=survey,
        kind="continuous",
        adjust=FORMULA,
        method=METHODS,
        estimand="att",
        provenance=origin,
    )
    alike = ek.comparison.overlap("treat", FORMULA, survey, provenance=origin)

    rows = [
        ("lot", first(by_lot, "difference")),
        ("did_lot", first(within, "difference_in_differences")),
        ("before_after", first(before_after, "difference")),
        ("survey", first(against, "difference")),
        ("did_survey", first(outside, "difference_in_differences")),
        *((m, first(against, "adjusted_difference", m)) for m in METHODS),
    ]
    table = answers(rows)
    known = table.set_index("term")
    result = ek.Result(
        table.round(dict.fromkeys(DOLLARS, 0)), tell("answers_question"), provenance=origin, labels=LABELS
    )
    test = first(draws, "lot_test")
    means = {who: first(r, "mean") for who, r in (("mean_untrained", by_lot), ("mean_survey", against))}
    found = known["estimate"].to_dict() | {who: float(r["estimate"]) for who, r in means.items()}
    printed = compare_with_print(
        pd.read_csv(study.path("facts", "printed.csv"), dtype={"printed": str}), found
    )
    adjusted = known.loc[list(METHODS)]
    weighted = alike.table[
        (alike.table["term"] == "effective_n") & (alike.table["part"] == "among_reference")
    ].iloc[0]
    n_survey = int((survey["treat"] == 0).sum())

    yield Answer([
        tell("answer_lot", trained=len(trained), untrained=len(lot) - len(trained), gap=found["lot"], low=known.loc["lot", "conf_low"],
             high=known.loc["lot", "conf_high"]),
        tell("answer_before_after", trained=len(trained), gap=found["before_after"], times=found["before_after"] / found["lot"],
             p=float(first(before_after, "change_test")["p_value"])),
        tell("answer_recovery", gap=float(first(within, "change_reference")["estimate"])),
        tell("answer_survey", n=n_survey, gap=-found["survey"], before=float(survey.loc[survey["treat"] == 0, "re75"].mean()),
             own=float(trained["re75"].mean()), did=found["did_survey"]),
        tell("answer_adjusted", least=adjusted["estimate"].min(), most=adjusted["estimate"].max(), low=adjusted["conf_low"].min(),
             high=adjusted["conf_high"].max()),
        tell("answer_fragile", n=n_survey, worth=float(weighted["estimate"])),
        tell("answer_paris"),
        tell("answer_printed", same=int((printed["verdict"] == "same").sum()), n=len(printed)),
    ])  # fmt: skip

    yield Section(tell("answers_title"), [
        tell("answers_text"),
        tell("answers_lot", draws=9999, p=float(test["p_value"]), floor=float(test["p_floor"])),
    ])  # fmt: skip
    yield Figure(
        "answers", result, alt=tell("answers_alt", benchmark=found["lot"]),
        draw=lambda shown, lang: draw(shown, lang, tell("answers_axis")),
    )  # fmt: skip
    yield Table(
        "answers",
        result,
        title=tell("answers_table"),
        columns=["term", "estimate", "conf_low", "conf_high", "gap", "conclusion", "holds"],
    )

    # Bins are twentieths: the first holds those with less than one chance in twenty.
    unlikely = alike.bins.groupby("group")["share"].first()
    text = tell("overlap_text", share=unlikely["among_reference"], own=unlikely["among_treated"])
    yield Section(tell("overlap_title"), [text])
    alike = dataclasses.replace(alike, labels={**alike.labels, **GROUPS})
    yield Figure("overlap", alike, alt=tell("overlap_alt"), title=tell("overlap_figure"))
    balance = ek.Result(
        balance_table(alike), tell("balance_question"), alike.caveats, provenance=origin, labels=BALANCED
    )
    yield Table("balance", balance, title=tell("balance_title"))

    yield Section(tell("printed_title"))
    yield Table(
        "printed_against_found",
        ek.Result(printed, tell("printed_question"), provenance=origin, labels=LABELS),
        columns=["quantity", "source", "printed", "rounded", "verdict"],
    )
