"""The recidivism experiment: curves, test and Cox table, and a published table found again digit by digit."""

from dataclasses import replace

import numpy as np
import pandas as pd
from lifelines.datasets import load_rossi

import evalkit as ek
from evalkit.study import Answer, Figure, Section, Table, say

MODEL = "fin + age + race + wexp + mar + paro + prio"
#: Names of the covariates, groups and times, for curves and models.
NAMES = {
    "fin": {"fr": "aide financière", "en": "financial aid"},
    "age": {"fr": "âge à la sortie (années)", "en": "age at release (years)"},
    "race": {"fr": "noir", "en": "black"},
    "wexp": {"fr": "a déjà travaillé à plein temps", "en": "has worked full time"},
    "mar": {"fr": "marié", "en": "married"},
    "paro": {"fr": "libération conditionnelle", "en": "released on parole"},
    "prio": {"fr": "condamnations antérieures", "en": "prior convictions"},
    "group": {"fr": "groupe", "en": "group"},
    "aided": {"fr": "avec aide", "en": "with aid"},
    "unaided": {"fr": "sans aide", "en": "without aid"},
    "arrest": {"fr": "arrestation", "en": "arrest"},
    "time": {"fr": "semaine", "en": "week"},
}
#: Names of what the printed table holds.
PRINTED = {
    **NAMES,
    "estimate": {"fr": "coefficient", "en": "coefficient"},
    "std_error": {"fr": "erreur type", "en": "standard error"},
    "statistic": {"fr": "z", "en": "z"},
    "p_value": {"fr": "p", "en": "p"},
    "hazard_ratio": {"fr": "rapport de risques", "en": "hazard ratio"},
    "hazard_ratio_low": {"fr": "rapport de risques, borne basse", "en": "hazard ratio, low"},
    "hazard_ratio_high": {"fr": "rapport de risques, borne haute", "en": "hazard ratio, high"},
    "quantity": {"fr": "grandeur", "en": "quantity"},
    "printed": {"fr": "imprimé", "en": "printed"},
    "rounded": {"fr": "retrouvé", "en": "found"},
    "verdict": {"fr": "verdict", "en": "verdict"},
    "same": {"fr": "identique", "en": "the same"},
    "different": {"fr": "DIFFÉRENT", "en": "DIFFERENT"},
}


def compare_with_print(fit, printed):
    """Return the printed values beside those found, the verdict at the printed number of decimals."""
    logs, ratios = fit.tidy().set_index("term"), fit.tidy(exponentiate=True).set_index("term")
    place = {
        "hazard_ratio": (ratios, "estimate"),
        "hazard_ratio_low": (ratios, "conf_low"),
        "hazard_ratio_high": (ratios, "conf_high"),
    }
    rows = []
    for row in printed.itertuples():
        table, column = place.get(row.quantity, (logs, row.quantity))
        found = float(table.loc[row.term, column])
        decimals = len(row.printed.partition(".")[2])
        same = np.isclose(found, float(row.printed), rtol=0, atol=0.5 * 10.0**-decimals)
        rounded = f"{found:.{decimals}f}"
        rows.append((row.term, row.quantity, row.printed, rounded, found, "same" if same else "different"))
    return pd.DataFrame(rows, columns=["term", "quantity", "printed", "rounded", "found", "verdict"])


def analyse(study):
    """Yield the page."""
    rossi = load_rossi()
    rossi["group"] = rossi["fin"].map({0: "unaided", 1: "aided"})
    tte = ek.TimeToEvent.from_frame(
        rossi, time="week", event="arrest", unit="week", provenance=study.provenance()
    )
    tte = replace(tte, labels=NAMES)

    curves = ek.survival.kaplan_meier(tte, by="group")
    test = ek.survival.log_rank(tte, by="group")
    fit = ek.survival.cox(tte, MODEL, ties="efron")

    printed = pd.read_csv(study.path("facts", "printed.csv"), dtype={"printed": str})
    comparison = compare_with_print(fit, printed)
    n_same = int((comparison["verdict"] == "same").sum())

    free = curves.at([52]).tidy().set_index("group")["estimate"]
    ratio = fit.tidy(exponentiate=True).set_index("term").loc["fin"]
    yield Answer(
        [
            say(
                fr="{n_same} des {n} valeurs imprimées sont retrouvées, jusqu'au dernier chiffre imprimé.",
                en="{n_same} of the {n} printed values are found again, to the last printed digit.",
                n_same=n_same,
                n=len(comparison),
            ),
            say(
                fr="{people} hommes sortis de prison, suivis un an ; {arrests} ont été arrêtés dans l'année.",
                en="{people} men released from prison, followed for a year; {arrests} were arrested within it.",
                people=tte.n,
                arrests=int(tte.event.sum()),
            ),
            say(
                fr="L'aide financière était tirée au sort : {aid:pct} des aidés sont arrêtés dans l'année, {none:pct} des autres "
                "(test du log-rank : {p:p}).",
                en="Financial aid was drawn by lot: {aid:pct} of the aided are arrested within the year, {none:pct} of the others "
                "(log-rank test: {p:p}).",
                aid=1 - free["aided"],
                none=1 - free["unaided"],
                p=float(test.tidy()["p_value"].iloc[0]),
            ),
            say(
                fr="À âge et passé égaux, l'aide multiplie le risque d'arrestation par {ratio:f2} (de {low:f2} à {high:f2} ; {p:p}).",
                en="At equal age and past, aid multiplies the hazard of arrest by {ratio:f2} ({low:f2} to {high:f2}; {p:p}).",
                ratio=ratio["estimate"],
                low=ratio["conf_low"],
                high=ratio["conf_high"],
                p=ratio["p_value"],
            ),
            say(
                fr="Les deux lectures encadrent le seuil usuel de 5 % : l'expérience penche pour l'aide sans trancher.",
                en="The two readings lie on either side of the usual 5%: the experiment leans towards aid without settling it.",
            ),
        ]
    )

    yield Section(say(fr="L'expérience", en="The experiment"))
    yield Figure(
        "curves",
        curves,
        title=say(
            fr="Part des hommes pas encore arrêtés, selon l'aide reçue",
            en="Share of men not yet arrested, by aid received",
        ),
        alt=say(
            fr="Deux courbes qui descendent : au bout de 52 semaines, {aid:pct} des aidés ne sont pas arrêtés, {none:pct} des autres.",
            en="Two falling curves: after 52 weeks, {aid:pct} of the aided have not been arrested, {none:pct} of the others.",
            aid=free["aided"],
            none=free["unaided"],
        ),
    )
    yield Table(
        "survival",
        curves.at([13, 26, 39, 52]),
        columns=["group", "time", "estimate", "conf_low", "conf_high", "n_risk", "n_event"],
    )
    yield Table("log_rank", test)

    yield Section(
        say(fr="Le modèle de Cox", en="The Cox model"),
        [
            say(
                fr="Seule l'aide était tirée au sort ; les autres coefficients décrivent, ils n'attribuent pas de cause.",
                en="Only aid was drawn by lot; the other coefficients describe and attribute no cause.",
            )
        ],
    )
    yield Table("cox", fit)

    yield Section(say(fr="Le tableau imprimé, valeur par valeur", en="The printed table, value by value"))
    yield Table(
        "published_against_found",
        ek.Result(
            comparison,
            question=say(
                fr="Chaque valeur imprimée par Fox et Weisberg est-elle retrouvée au dernier chiffre imprimé ?",
                en="Is each value printed by Fox and Weisberg found again to the last printed digit?",
            ),
            provenance=study.provenance(),
            labels=PRINTED,
        ),
        columns=["term", "quantity", "printed", "rounded", "verdict"],
    )
