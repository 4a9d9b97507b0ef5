"""The words of the study's codes.

Not its sentences: `wording.toml` holds those.
"""

LABELS = {
    "term": {"fr": "réponse", "en": "answer"},
    "estimate": {"fr": "effet annoncé", "en": "effect announced"},
    "gap": {"fr": "écart à la référence", "en": "distance from the benchmark"},
    "conclusion": {"fr": "on aurait conclu", "en": "one would have concluded"},
    "holds": {"fr": "l'intervalle contient la référence", "en": "the interval holds the benchmark"},
    "gain": {"fr": "un gain", "en": "a gain"},
    "loss": {"fr": "une perte", "en": "a loss"},
    "unsettled": {"fr": "rien de sûr", "en": "nothing certain"},
    "yes": {"fr": "oui", "en": "yes"},
    "no": {"fr": "non", "en": "no"},
    "lot": {"fr": "groupe témoin tiré au sort : différence (référence)", "en": "control group drawn by lot: difference (benchmark)"},
    "did_lot": {"fr": "groupe témoin tiré au sort : double différence", "en": "control group drawn by lot: difference in differences"},
    "before_after": {"fr": "sans groupe témoin : avant/après", "en": "no control group: before/after"},
    "survey": {"fr": "enquête nationale : différence sans ajustement", "en": "national survey: unadjusted difference"},
    "did_survey": {"fr": "enquête nationale : double différence", "en": "national survey: difference in differences"},
    "regression": {"fr": "enquête nationale : régression", "en": "national survey: regression"},
    "iptw": {"fr": "enquête nationale : pondération", "en": "national survey: weighting"},
    "matching": {"fr": "enquête nationale : appariement", "en": "national survey: matching"},
    "aipw": {"fr": "enquête nationale : doublement robuste", "en": "national survey: doubly robust"},
    "entropy": {"fr": "enquête nationale : pondération à moyennes égales", "en": "national survey: weighting to equal means"},
    "mean_untrained": {"fr": "salaire moyen, hommes non formés", "en": "mean earnings, men not trained"},
    "mean_survey": {"fr": "salaire moyen, hommes de l'enquête", "en": "mean earnings, men of the survey"},
    "quantity": {"fr": "grandeur", "en": "quantity"},
    "source": {"fr": "imprimé dans", "en": "printed in"},
    "printed": {"fr": "imprimé", "en": "printed"},
    "rounded": {"fr": "retrouvé", "en": "found"},
    "verdict": {"fr": "verdict", "en": "verdict"},
    "same": {"fr": "identique", "en": "the same"},
    "different": {"fr": "DIFFÉRENT", "en": "DIFFERENT"},
    "Dehejia and Wahba (1999) table 3": {"fr": "Dehejia et Wahba (1999), tableau 3", "en": "Dehejia and Wahba (1999), table 3"},
    "Mixtape Sessions lab (Stata)": {"fr": "Mixtape Sessions, sorties de Stata", "en": "Mixtape Sessions, output of Stata"},
    "Mixtape Sessions lab (Stata teffects)": {"fr": "Mixtape Sessions, teffects de Stata", "en": "Mixtape Sessions, Stata's teffects"},
}  # fmt: skip

#: Codes of the balance table.
BALANCED = {
    "term": {"fr": "caractéristique", "en": "characteristic"},
    "unadjusted": {"fr": "sans ajustement", "en": "unadjusted"},
    "iptw": {"fr": "pondération", "en": "weighting"},
    "matching": {"fr": "appariement", "en": "matching"},
    "entropy": {"fr": "moyennes égales", "en": "equal means"},
    "age": {"fr": "âge", "en": "age"},
    "age2": {"fr": "âge au carré", "en": "age squared"},
    "age3": {"fr": "âge au cube", "en": "age cubed"},
    "educ": {"fr": "années d'études", "en": "years of schooling"},
    "educ2": {"fr": "années d'études au carré", "en": "years of schooling squared"},
    "marr": {"fr": "marié", "en": "married"},
    "nodegree": {"fr": "sans diplôme", "en": "no degree"},
    "black": {"fr": "noir", "en": "Black"},
    "hisp": {"fr": "hispanique", "en": "Hispanic"},
    "re74": {"fr": "salaire de 1974", "en": "earnings in 1974"},
    "re75": {"fr": "salaire de 1975", "en": "earnings in 1975"},
    "u74": {"fr": "aucun salaire en 1974", "en": "no earnings in 1974"},
    "u75": {"fr": "aucun salaire en 1975", "en": "no earnings in 1975"},
}

#: Who is on either side of the histogram.
GROUPS = {
    "among_treated": {"fr": "hommes formés", "en": "trained men"},
    "among_reference": {"fr": "hommes de l'enquête", "en": "men of the survey"},
}
