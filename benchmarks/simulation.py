"""How fast plays are: M/M/3 beside an idiomatic SimPy script of the same model, and the Paris baseline. Run by hand.

python benchmarks/simulation.py [pairs]

The two M/M/3 must first agree on the mean wait; then they run in alternating pairs; printed are median and quartiles of the ratio.
Events are arrivals and ends of service.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import simpy

from evalkit.simulation import Pathway, Scenario, counts, play

SCENARIOS = Path(__file__).resolve().parents[1] / "studies" / "paris-2010" / "scenarios"
SERVERS, LOAD, DAYS = 3, 0.9, 3653


def ours(seed: int) -> tuple[float, int]:
    """Return the mean wait and the number of events of one play of the pathway."""
    waits = play(MODEL, seed).waits()
    return float(waits["days"].mean()), 2 * len(waits)


def idiomatic(seed: int) -> tuple[float, int]:
    """Return the same from SimPy as its manual teaches it: one process a customer, one Resource."""
    draw, env = random.Random(seed), simpy.Environment()
    desk, waits = simpy.Resource(env, SERVERS), []

    def customer():
        came = env.now
        with desk.request() as turn:
            yield turn
            waits.append(env.now - came)
            yield env.timeout(draw.expovariate(1.0))

    def street():
        while True:
            yield env.timeout(draw.expovariate(SERVERS * LOAD))
            env.process(customer())

    env.process(street())
    env.run(until=DAYS)
    return statistics.fmean(waits), 2 * len(waits)


MODEL = Pathway({
    "start": "2024-01-01", "end": "2033-12-31", "pools": {"desk": {"units": SERVERS}},
    "sources": {"street": {"to": "queue", "periods": [
        {"from": "2024-01-01", "to": "2033-12-31", "number": SERVERS * LOAD * DAYS}]}},
    "states": {
        "queue": {"kind": "wait", "pool": "desk", "done": "service"},
        "service": {"kind": "delay", "duration": {"family": "exponential", "mean": 1}, "done": "out"},
        "out": {"kind": "exit", "release": "desk"},
    },
})  # fmt: skip


def agree(plays: int = 20) -> str:
    """Refuse to time two programs that do not compute the same thing."""
    means = [np.array([f(seed)[0] for seed in range(plays)]) for f in (ours, idiomatic)]
    error = np.sqrt(sum(m.var(ddof=1) / plays for m in means))
    difference = means[0].mean() - means[1].mean()
    if abs(difference) > 4 * error:
        raise SystemExit(f"the two models disagree: mean waits differ by {difference:.3f}, error {error:.3f}")
    return f"mean wait {means[0].mean():.2f} and {means[1].mean():.2f} days (error of the difference {error:.2f})"


def timed(function, *given) -> tuple[float, object]:
    """Return processor seconds and the result."""
    start = time.process_time()
    result = function(*given)
    return time.process_time() - start, result


def main(pairs: int) -> None:
    """Print the comparison and the speed of the Paris scenarios."""
    print(f"M/M/3, load 0.9, ten years: {agree()}")
    rates = {ours: [], idiomatic: []}
    for seed in range(pairs):
        for one in (ours, idiomatic) if seed % 2 else (idiomatic, ours):
            seconds, (_, events) = timed(one, seed)
            rates[one].append(events / seconds)
    ratio = np.array(rates[ours]) / np.array(rates[idiomatic])
    low, middle, high = np.quantile(ratio, [0.25, 0.5, 0.75])
    print(
        f"  events a second: ours {np.median(rates[ours]):,.0f}, idiomatic SimPy {np.median(rates[idiomatic]):,.0f}"
    )
    print(f"  ratio of {pairs} alternating pairs: median {middle:.2f}, quartiles {low:.2f} to {high:.2f}")
    for path in sorted(SCENARIOS.glob("*.toml")):
        scenario = Scenario.load(path)
        scenario.compile().plan  # noqa: B018 - compiled once, outside the timing
        plays = [timed(play, scenario, 1, r) for r in range(pairs)]
        counted = [timed(counts, tape)[0] for _, tape in plays]
        seconds = float(np.median([s for s, _ in plays]))
        records, stays = len(plays[0][1].people), len(plays[0][1].log)
        print(
            f"{scenario.name}: {seconds:.3f} s a play ({records} records, {stays} stays), {np.median(counted):.3f} s to count"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
