"""Comparisons of people with themselves or with others, which say what they can and cannot show.

Not for time to an event: that is `evalkit.survival`. Names load when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.lazily import lazily

#: Public name to the module that holds it. No room below may have the name of a function.
_HOMES = {
    "Balance": "groups.baseline_answer",
    "balance": "groups.baseline",
    "TwoGroups": "groups.answer",
    "two_groups": "groups.entry",
    "survey_waves": "surveying.entry",
    "Overlap": "adjusting.overlap",
    "overlap": "adjusting.overlap",
    "Attrition": "missingness.answer",
    "attrition": "missingness.entry",
    "TippingPoint": "missingness.tipping",
    "tipping_point": "missingness.tipping",
    "SimulatedDesign": "planning.simulated",
    "detectable_effect": "planning.entry",
    "power": "planning.entry",
    "sample_size": "planning.entry",
    "DifferenceInDifferences": "dates.differenced",
    "EventStudy": "dates.started",
    "InterruptedTimeSeries": "dates.interrupted",
    "difference_in_differences": "dates.differencing",
    "event_study": "dates.staggered",
    "interrupted_time_series": "dates.interrupting",
    "cluster_regression": "clusters.regression",
    "intracluster_correlation": "clusters.likeness",
    "randomisation_test": "clusters.lots",
    "wild_cluster_bootstrap": "clusters.bootstrap",
    "multiple_outcomes": "several",
    "Repeated": "repeated.answer",
    "ancova": "repeated.ancova_model",
    "conditional_logit": "repeated.conditional",
    "firth_logit": "repeated.penalised",
    "gee": "repeated.equations",
    "mixed_model": "repeated.mixed",
    "PrePost": "paired.answer",
    "pre_post": "paired.entry",
    "regression_to_the_mean": "paired.trough",
}

__all__ = list(_HOMES)  # noqa: PLE0605 - the names come from the table above

if TYPE_CHECKING:
    from evalkit.comparison.adjusting.overlap import Overlap, overlap
    from evalkit.comparison.clusters.bootstrap import wild_cluster_bootstrap
    from evalkit.comparison.clusters.likeness import intracluster_correlation
    from evalkit.comparison.clusters.lots import randomisation_test
    from evalkit.comparison.clusters.regression import cluster_regression
    from evalkit.comparison.dates.differenced import DifferenceInDifferences
    from evalkit.comparison.dates.differencing import difference_in_differences
    from evalkit.comparison.dates.interrupted import InterruptedTimeSeries
    from evalkit.comparison.dates.interrupting import interrupted_time_series
    from evalkit.comparison.dates.staggered import event_study
    from evalkit.comparison.dates.started import EventStudy
    from evalkit.comparison.groups.answer import TwoGroups
    from evalkit.comparison.groups.baseline import balance
    from evalkit.comparison.groups.baseline_answer import Balance
    from evalkit.comparison.groups.entry import two_groups
    from evalkit.comparison.missingness.answer import Attrition
    from evalkit.comparison.missingness.entry import attrition
    from evalkit.comparison.missingness.tipping import TippingPoint, tipping_point
    from evalkit.comparison.paired.answer import PrePost
    from evalkit.comparison.paired.entry import pre_post
    from evalkit.comparison.paired.trough import regression_to_the_mean
    from evalkit.comparison.planning.entry import detectable_effect, power, sample_size
    from evalkit.comparison.planning.simulated import SimulatedDesign
    from evalkit.comparison.repeated.ancova_model import ancova
    from evalkit.comparison.repeated.answer import Repeated
    from evalkit.comparison.repeated.conditional import conditional_logit
    from evalkit.comparison.repeated.equations import gee
    from evalkit.comparison.repeated.mixed import mixed_model
    from evalkit.comparison.repeated.penalised import firth_logit
    from evalkit.comparison.several import multiple_outcomes
    from evalkit.comparison.surveying.entry import survey_waves

__getattr__, __dir__ = lazily(__name__, _HOMES)
