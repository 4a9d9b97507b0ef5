"""What the report publishes, recomputed: its identities, its inconsistencies, and the totals the simulation is set on.

Not a correction: a figure that does not add up is shown beside the one that would, never replaced.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evalkit import Result
from evalkit.provenance import Provenance, digest
from evalkit.wording import catalogue_from

FOLDER = Path(__file__).parent
say = catalogue_from(FOLDER / "wording.toml")


def read(name: str) -> dict[str, Any]:
    """Return one file of the folder `facts`."""
    return tomllib.loads((FOLDER / "facts" / f"{name}.toml").read_text(encoding="utf-8"))


FACTS = read("facts")


def fact(path: str) -> Any:
    """Return the value of a fact, or of one of its parts: ``fact("mobilised.centre")``."""
    name, _, part = path.partition(".")
    value = FACTS[name]["value"]
    return value[part] if part else value


def provenance() -> Provenance:
    """Return where published figures come from: the report and the copies of its facts."""
    files = sorted((FOLDER / "facts").glob("*.toml"))
    return Provenance(
        "published",
        inputs={file.name: digest(file) for file in files},
        details={"source": FACTS["source"]["title"], "source_sha256": FACTS["source"]["sha256"]},
    )


# A check is (what the parts give, what the report says, how far rounding may take them apart); None where the report says nothing.
Check = tuple[float, float | None, float]
CENTRE_SOLUTIONS = ("scolarite", "alternance", "emploi", "ppp_ciej", "pop_ppp", "chantier")
EST_SOLUTIONS = ("formation", "emploi", "alternance", "ciej", "maladie", "incarcere")


def _parts(name: str, keys: tuple[str, ...]) -> float:
    return sum(fact(f"{name}.{key}") for key in keys)


def _channel_splits() -> list[tuple[int, ...]]:
    """Whole-number splits of the mobilised (database, interviews, prevention, antennes, others) that round to the published shares."""
    total = fact("mobilised.total")
    shares = [
        fact("channel_ml_db"), fact("channel_ml_interview"),
        fact("channel_partners.prevention"), fact("channel_partners.antennes"),
    ]  # fmt: skip
    fits = [[k for k in range(total + 1) if round(100 * k / total) == round(100 * s)] for s in shares]
    return [
        (a, b, c, d, total - a - b - c - d)
        for a in fits[0] for b in fits[1] for c in fits[2] for d in fits[3]
        if a + b + c + d <= total
        and round(100 * (total - a - b) / total) == round(100 * fact("channel_partners.partners"))
    ]  # fmt: skip


def _months(first: str, last: str) -> int:
    """Whole months from the first day of a month to the last day of another, both included."""
    a, b = (date.fromisoformat((day + "-01")[:10]) for day in (first, last))
    return 12 * (b.year - a.year) + b.month - a.month + 1


def _partner_rows() -> float:
    return len(read("partners")["partner"])


def _in_progress() -> float:
    return fact("centre_outcomes.en_demarche") + fact("est_outcomes.en_demarche")


N = fact("mobilised.total")
#: The window in which youths are counted, both days included.
START, END = "2010-06-01", fact("dashboard.to")
CHECKS: dict[str, Callable[[], Check]] = {
    "mob": lambda: (fact("mobilised.centre") + fact("mobilised.est"), N, 0),
    "ident": lambda: (
        fact("identified_621.centre") + fact("identified_621.est"), fact("identified_621.total"), 0),
    "ident620": lambda: (
        fact("identified_621.centre") + fact("identified_621.est"), fact("identified_620"), 0),
    "age": lambda: (fact("age_16_18") + fact("age_18_25"), N, 0),
    "sex": lambda: (fact("girls") + fact("boys"), N, 0),
    # Two rounded percentages: each may be half a point off.
    "age_pct": lambda: ((fact("share_16_17") + fact("share_18")) * N, fact("age_16_18"), 0.01 * N),
    "channels_pct": lambda: (
        100 * (fact("channel_ml_db") + fact("channel_ml_interview") + fact("channel_partners.partners")), 100, 1e-9),
    "partners_pct": lambda: (
        100 * (fact("channel_partners.prevention") + fact("channel_partners.antennes")),
        100 * fact("channel_partners.partners"), 1e-9),
    "channels_int": lambda: (len(_channel_splits()), None, 0),
    "channels_3_others": lambda: (
        max(split[-1] for split in _channel_splits()), fact("lycee_2_ase_1.lycee") + fact("lycee_2_ase_1.ase_pjj"), 0),
    "c24": lambda: (_parts("centre_outcomes", CENTRE_SOLUTIONS), fact("centre_outcomes.en_solution"), 0),
    "e34": lambda: (_parts("est_outcomes", EST_SOLUTIONS), fact("est_outcomes.en_solution"), 0),
    "c36": lambda: (
        _parts("centre_outcomes", ("en_solution", "de_en_contact")), fact("centre_outcomes.en_demarche"), 0),
    "e58": lambda: (_parts("est_outcomes", ("en_solution", "de_en_contact")), fact("est_outcomes.en_demarche"), 0),
    "d94": lambda: (_in_progress(), None, 0),
    "sol58": lambda: (fact("centre_outcomes.en_solution") + fact("est_outcomes.en_solution"), None, 0),
    "de36": lambda: (fact("centre_outcomes.de_en_contact") + fact("est_outcomes.de_en_contact"), None, 0),
    "account": lambda: (_in_progress() + fact("entered_vs_dropped.abandoned_or_excluded"), N, 0),
    "notdem": lambda: (N - _in_progress(), None, 0),
    "infraV": lambda: (fact("infra_v") / N, fact("last_class"), 0.01),
    "not_infraV": lambda: (N - fact("infra_v"), None, 0),
    "not_abandoned": lambda: (N - fact("entered_vs_dropped.abandoned_or_excluded"), fact("infra_v"), 0),
    "diploma": lambda: (fact("diploma.any") * N, None, 0),
    "target": lambda: (N / fact("target_n"), None, 0),
    "age_target": lambda: (fact("age_16_18") / N, None, 0),
    "yield": lambda: (N / fact("identified_621.total"), None, 0),
    "fund": lambda: (100 * (fact("fund_fej") + fact("fund_ext") + fact("fund_dases")), 100, 1e-9),
    "months18": lambda: (
        _months(fact("duration_initial.start"), fact("duration_initial.end")), fact("duration_initial.months"), 0),
    "months24": lambda: (fact("duration_initial.months") + fact("extension"), fact("duration_effective"), 0),
    "sites5": lambda: (
        fact("n_platforms") + len([fact("belliard")]) + len(fact("sites_sw")), fact("n_ml_before_merger"), 0),
    "partners22": lambda: (_partner_rows(), fact("partner_table_non_exhaustive"), 0),
    # The committee that approves the working groups should come before the phase in which they start, June 2010 at the latest.
    "copil_order": lambda: (
        max(0, (date.fromisoformat(fact("copil_dates")[0]) - date.fromisoformat(fact("phase1")[1] + "-30")).days), 0, 0),
    "rates": lambda: (_in_progress() / N, None, 0),
    "coacc": lambda: (fact("coacc_min.min") * N, None, 0),
    "window": lambda: (_months(fact("mobilisation_start"), fact("dashboard.to")), None, 0),
}  # fmt: skip


def _checked() -> Iterator[dict[str, Any]]:
    for name, check in CHECKS.items():
        computed, published, within = check()
        if published is None:
            verdict = "computed"
        else:
            verdict = "holds" if abs(computed - published) <= within else "fails"
        yield {
            "check": name,
            "claim": say(f"identity_{name}"),
            "computed": float(computed),
            "published": published,
            "verdict": verdict,
        }


def identities() -> Result:
    """Return the report's arithmetic, recomputed from its facts."""
    table = pd.DataFrame(list(_checked())).astype({"published": float})
    return Result(table, say("identities_question"), (say("identities_caveat"),), provenance(), labels=LABELS)


def inconsistencies() -> Result:
    """Return where the report contradicts itself, leaves a gap, or can be read in two ways."""
    rows = [
        {
            "number": i,
            "claim": say("as_written", x={"fr": row["fr"], "en": row["en"]}),
            "section": "; ".join(dict.fromkeys(FACTS[name]["section"] for name in row["facts"])),
        }
        for i, row in enumerate(read("inconsistencies")["inconsistency"], start=1)
    ]
    return Result(pd.DataFrame(rows), say("inconsistencies_question"), (), provenance(), labels=LABELS)


# ---- what the simulation is set on --------------------------------------------------------------------------------------
#: The channels of the report, as the scenario names them, and their published share of the mobilised.
CHANNELS = {
    "ml_database": "channel_ml_db", "ml_interview": "channel_ml_interview",
    "prevention": "channel_partners.prevention", "youth_information": "channel_partners.antennes",
}  # fmt: skip
#: The situations of a youth "en démarche", as the report counts them.
SOLUTIONS = (
    "schooling", "training", "apprenticeship", "employment", "work_integration", "project", "illness", "prison",
)  # fmt: skip
IN_PROGRESS = ("jobseeker", *SOLUTIONS)
#: How near the simulated mean must come: 3 % of a count, 2 points of a share.
NEAR_COUNT, NEAR_SHARE = 0.03, 0.02

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Target:
    """A published figure and the simulated outputs it is held against.

    Parameters
    ----------
    name : str
    low, high : float
        Between which the simulated mean must lie; missing where the figure is shown without being aimed at.
    published : float
        Missing where the report gives bounds only.
    plus, less, over : tuple of (outcome, part, by, level)
        Outputs added, taken off, and divided by.
    """

    name: str
    published: float
    low: float
    high: float
    plus: tuple[Key, ...]
    less: tuple[Key, ...] = ()
    over: tuple[Key, ...] = ()

    def simulated(self, values: Callable[[Key], np.ndarray]) -> np.ndarray:
        """Return the figure in every play."""
        total = sum(values(key) for key in self.plus) - sum(values(key) for key in self.less)
        return total / sum(values(key) for key in self.over) if self.over else total


MOBILISED: Key = ("mobilised", "", "", "")


def targets() -> list[Target]:
    """Return the published figures the baseline is set on, then those it is only shown against."""
    out = []
    for site in ("centre", "est"):
        for name, published in (("spotted", f"identified_621.{site}"), ("mobilised", f"mobilised.{site}")):
            out.append(_count(f"{name}_{site}", fact(published), ((name, "", "site", site),)))
    for channel, published in CHANNELS.items():
        out.append(_share(f"channel_{channel}", fact(published), ("mobilised", "", "channel", channel)))
    for level, published in (("16-17", "share_16_17"), ("18", "share_18")):
        out.append(_share(f"age_{level}", fact(published), ("mobilised", "", "age", level)))
    for site in ("centre", "est"):
        lost = fact(f"mobilised.{site}") - fact(f"{site}_outcomes.en_demarche")
        engaged = tuple(("situation", code, "site", site) for code in IN_PROGRESS)
        out.append(_count(f"not_in_progress_{site}", lost, (("mobilised", "", "site", site),), engaged))
    # 18 of the 170 are in no category: whether they abandoned is not known.
    least = fact("entered_vs_dropped.abandoned_or_excluded")
    out.append(Target("abandoned", np.nan, least, N - _in_progress(), (("situation", "abandoned", "", ""),)))
    for site in ("centre", "est"):
        for name, codes, published in (
            ("in_solution", SOLUTIONS, "en_solution"), ("jobseeker", ("jobseeker",), "de_en_contact"),
        ):  # fmt: skip
            keys = tuple(("situation", code, "site", site) for code in codes)
            out.append(Target(f"{name}_{site}", fact(f"{site}_outcomes.{published}"), np.nan, np.nan, keys))
    out.append(
        Target("girls", fact("girls") / N, np.nan, np.nan, (("mobilised", "", "sex", "F"),), (), (MOBILISED,))
    )
    return out


def _count(name: str, published: float, plus: tuple[Key, ...], less: tuple[Key, ...] = ()) -> Target:
    return Target(name, published, published * (1 - NEAR_COUNT), published * (1 + NEAR_COUNT), plus, less)


def _share(name: str, published: float, plus: Key) -> Target:
    return Target(name, published, published - NEAR_SHARE, published + NEAR_SHARE, (plus,), (), (MOBILISED,))


def against(values: Callable[[Key], np.ndarray]) -> pd.DataFrame:
    """Return published beside simulated: one row per target, with the Monte-Carlo error of the simulated mean.

    Parameters
    ----------
    values : callable
        ``(outcome, part, by, level)`` to that output in every play.
    """
    rows = []
    for target in targets():
        played = target.simulated(values)
        mean = float(np.mean(played))
        aimed = np.isfinite(target.low)
        rows.append({
            "quantity": target.name, "published": target.published, "low": target.low, "high": target.high,
            "estimate": mean, "std_error": float(np.std(played, ddof=1) / np.sqrt(len(played))), "n": len(played),
            "verdict": ("within" if target.low <= mean <= target.high else "outside") if aimed else "shown",
        })  # fmt: skip
    return pd.DataFrame(rows)


#: Headings and codes of the study's own tables: the entries of wording.toml that begin with "label_".
LABELS = {
    name.removeprefix("label_"): entry
    for name, entry in tomllib.loads((FOLDER / "wording.toml").read_text(encoding="utf-8")).items()
    if name.startswith("label_")
}


def parameters() -> Result:
    """Return what sources other than the report say about the quantities a scenario needs."""
    rows = [
        {
            "parameter": say("as_written", x={"fr": row["fr"], "en": row["en"]}),
            "value": float(row["value"]), "low": float(row["low"]), "high": float(row["high"]),
            "unit": say("as_written", x=row["unit"]), "evidence": row["status"], "source": row["source"],
        }
        for row in read("parameters")["parameter"]
    ]  # fmt: skip
    return Result(
        pd.DataFrame(rows),
        say("parameters_question"),
        (say("parameters_caveat"),),
        provenance(),
        labels=LABELS,
    )
