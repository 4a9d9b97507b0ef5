"""Time to an exit: curves, tests, models, competing and repeated exits, on one core.

Not the place to decide who disengaged and when: spells and endpoints do that. Names load when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.lazily import lazily

#: Public name to the module that holds it. No room below may have the name of a function.
_HOMES = {
    "kaplan_meier": "curves.single",
    "nelson_aalen": "curves.single",
    "rmst": "curves.restricted",
    "landmark": "curves.landmarking",
    "state_occupation": "curves.occupation",
    "log_rank": "ranks.family",
    "pairwise": "ranks.comparing",
    "rmst_test": "ranks.areas",
    "aalen_johansen": "competing.incidence",
    "gray_test": "competing.gray",
    "fine_gray": "competing.subdistribution",
    "years_lost": "competing.lost",
    "cause_specific": "competing.causes",
    "mean_cumulative_count": "recurrent.counts",
    "andersen_gill": "recurrent.models",
    "pwp": "recurrent.models",
    "transitions": "recurrent.states",
    "occupation_probabilities": "recurrent.states",
    "cox": "proportional.fit",
    "frailty": "proportional.shared",
    "parametric": "families.fit",
    "compare_families": "families.fit",
    "cure": "families.mixture",
    "turnbull": "intervals.npmle",
    "discrete_hazard": "intervals.discrete",
    "pseudo_values": "adjusting.pseudo",
    "adjusted_curves": "adjusting.weighted",
    "brier_score": "validating.brier",
    "calibration": "validating.calibrated",
    "concordance": "validating.ranking",
    "cross_validate": "validating.crossing",
    "StudyPlan": "planning.power_of",
    "power": "planning.power_of",
    "sample_size": "planning.power_of",
    "impute": "imputing",
    "pooled": "imputing",
}

__all__ = list(_HOMES)  # noqa: PLE0605 - the names come from the table above

if TYPE_CHECKING:
    from evalkit.survival.adjusting.pseudo import pseudo_values
    from evalkit.survival.adjusting.weighted import adjusted_curves
    from evalkit.survival.competing.causes import cause_specific
    from evalkit.survival.competing.gray import gray_test
    from evalkit.survival.competing.incidence import aalen_johansen
    from evalkit.survival.competing.lost import years_lost
    from evalkit.survival.competing.subdistribution import fine_gray
    from evalkit.survival.curves.landmarking import landmark
    from evalkit.survival.curves.occupation import state_occupation
    from evalkit.survival.curves.restricted import rmst
    from evalkit.survival.curves.single import kaplan_meier, nelson_aalen
    from evalkit.survival.intervals.discrete import discrete_hazard
    from evalkit.survival.intervals.npmle import turnbull
    from evalkit.survival.proportional.fit import cox
    from evalkit.survival.proportional.shared import frailty
    from evalkit.survival.ranks.areas import rmst_test
    from evalkit.survival.ranks.comparing import pairwise
    from evalkit.survival.ranks.family import log_rank
    from evalkit.survival.validating.brier import brier_score
    from evalkit.survival.validating.calibrated import calibration
    from evalkit.survival.validating.crossing import cross_validate
    from evalkit.survival.validating.ranking import concordance

__getattr__, __dir__ = lazily(__name__, _HOMES)
