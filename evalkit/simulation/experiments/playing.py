"""Plays a scenario or a pathway once.

Not many times: see `replicate`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from evalkit.errors import InputError
from evalkit.simulation.engines.stays import Log, arrived
from evalkit.simulation.language.pathway import Pathway
from evalkit.simulation.luck.keyed import Luck
from evalkit.simulation.luck.population import People, populate
from evalkit.simulation.plan.numbers import Plan
from evalkit.simulation.programme.scenario import Scenario
from evalkit.simulation.tape.log import Tape
from evalkit.wording import fault

ENGINES = ("simpy", "compiled", "auto")


def play(scenario: Scenario | Pathway, seed: int, replication: int = 0, engine: str = "simpy") -> Tape:
    """Play once.

    Parameters
    ----------
    scenario : Scenario or Pathway
    seed, replication : int
        The luck: the same pair gives every person of every scenario the same draws.
    engine : {"simpy", "compiled", "auto"}
        The readable engine, the compiled one (extra ``fast``; the same tape), or the compiled one where numba is installed.

    Returns
    -------
    Tape

    Examples
    --------
    >>> counter = Pathway({
    ...     "start": "2024-01-01", "end": "2024-03-31",
    ...     "pools": {"counter": {"weekly": 3}},
    ...     "sources": {"street": {"to": "queue", "arrivals": "fixed",
    ...                            "periods": [{"from": "2024-01-01", "to": "2024-03-31", "number": 39}]}},
    ...     "states": {"queue": {"kind": "wait", "pool": "counter", "done": "served"}, "served": {"kind": "exit"}},
    ... })
    >>> tape = play(counter, seed=1)
    >>> int(tape.pools()["used"].sum() + tape.pools()["queue"].iloc[-1])
    39
    """
    return play_pathway(pathway_of(scenario), seed, replication, engine, getattr(scenario, "name", ""))


def pathway_of(scenario: Scenario | Pathway) -> Pathway:
    """Return the pathway that a scenario becomes, or refuse what is neither."""
    if isinstance(scenario, Pathway):
        return scenario
    if not isinstance(scenario, Scenario):
        raise InputError(fault("simulation_experiments.no_scenario", value=type(scenario).__name__))
    return scenario.compile()


def play_pathway(pathway: Pathway, seed: int, replication: int, engine: str, name: str) -> Tape:
    """Play a pathway once, under the name of a scenario."""
    if engine not in ENGINES:
        raise InputError(fault("simulation_experiments.engine", value=str(engine), known=list(ENGINES)))
    luck = Luck(seed, replication)
    people = populate(pathway.plan, luck)
    log = _engine(engine)(pathway.plan, people, luck)
    people, log = arrived(people, log, pathway.plan.horizon)
    return Tape(pathway, people, log.stays, int(seed), int(replication), name, log.changes)


def _engine(name: str) -> Callable[[Plan, People, Luck], Log]:
    """Return what plays; `auto` takes the compiled engine where numba is installed."""
    compiled = name == "compiled" or (name == "auto" and importlib.util.find_spec("numba") is not None)
    if not compiled:
        from evalkit.simulation.engines import simpy_engine

        return simpy_engine.run
    try:
        from evalkit.simulation.engines import compiled_numba
    except ImportError as error:
        raise InputError(fault("simulation_experiments.no_numba")) from error
    return compiled_numba.run
