"""From assumptions to simulated traces: scenario → pathway → play → tape → replications → contrasts.

Not an estimator: a tape is read back as a `FollowUp`, and by the same estimators as a city's dashboard. Names load when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.lazily import lazily

#: Public name to the module that holds it. No room below may have the name of a function.
_HOMES = {
    "Pathway": "language.pathway",
    "fitted": "language.fitted",
    "fitted_draws": "language.fitted",
    "Scenario": "programme.scenario",
    "Tape": "tape.log",
    "play": "experiments.playing",
    "Precision": "experiments.precision",
    "Replications": "experiments.replicating",
    "replicate": "experiments.replicating",
    "Contrast": "experiments.contrasting",
    "contrast": "experiments.contrasting",
    "vary": "experiments.contrasting",
    "WarmUp": "experiments.warming",
    "mser5": "experiments.warming",
    "warm_up": "experiments.warming",
    "BreakEven": "experiments.assumptions",
    "break_even": "experiments.assumptions",
    "draw_assumptions": "experiments.assumptions",
    "influence": "experiments.assumptions",
    "over_assumptions": "experiments.assumptions",
    "placed": "experiments.assumptions",
    "Observed": "tape.observing",
    "observe": "tape.observing",
    "counts": "tape.outcomes",
    "lives": "tape.outcomes",
    "sooner": "tape.outcomes",
    "Validation": "validating.pack",
    "validate": "validating.pack",
}

__all__ = list(_HOMES)  # noqa: PLE0605 - the names come from the table above

if TYPE_CHECKING:
    from evalkit.simulation.experiments.assumptions import (
        BreakEven,
        break_even,
        draw_assumptions,
        influence,
        over_assumptions,
        placed,
    )
    from evalkit.simulation.experiments.contrasting import Contrast, contrast, vary
    from evalkit.simulation.experiments.playing import play
    from evalkit.simulation.experiments.precision import Precision
    from evalkit.simulation.experiments.replicating import Replications, replicate
    from evalkit.simulation.experiments.warming import WarmUp, mser5, warm_up
    from evalkit.simulation.language.fitted import fitted, fitted_draws
    from evalkit.simulation.language.pathway import Pathway
    from evalkit.simulation.programme.scenario import Scenario
    from evalkit.simulation.tape.log import Tape
    from evalkit.simulation.tape.observing import Observed, observe
    from evalkit.simulation.tape.outcomes import counts, lives, sooner
    from evalkit.simulation.validating.pack import Validation, validate

__getattr__, __dir__ = lazily(__name__, _HOMES)
