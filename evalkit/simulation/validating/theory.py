"""Answers of queueing and renewal theory for the models of the validation pack, each with its source.

Not a simulation: nothing here draws, and nothing here reads a pathway.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np


def erlang_b(servers: int, load: float) -> float:
    """Return the share of people lost when `servers` serve an offered load in erlangs and nobody waits.

    Notes
    -----
    Erlang (1917); the recursion of Cooper (1981), Introduction to Queueing Theory, 2nd ed., p. 82. It depends on the law of service
    through its mean only.

    Examples
    --------
    >>> round(erlang_b(10, 4.461), 4)  # printed tables: 4.46 erlangs for 10 lines at 1 % loss
    0.01
    """
    loss = 1.0
    for k in range(1, servers + 1):
        loss = load * loss / (k + load * loss)
    return loss


def erlang_c(servers: int, load: float) -> float:
    """Return the probability of waiting in M/M/c, `load` in erlangs and below `servers` (Cooper 1981, p. 91).

    Examples
    --------
    >>> round(erlang_c(3, 2.0), 4)
    0.4444
    """
    loss = erlang_b(servers, load)
    return loss / (1.0 - load / servers * (1.0 - loss))


def mmc_wait(servers: int, rate: float, service: float) -> float:
    """Return the mean wait in M/M/c; `service` is a mean duration (Gross and Harris 1998, 3rd ed., section 2.3)."""
    return erlang_c(servers, rate * service) * service / (servers - rate * service)


def abandonment(
    servers: int,
    rate: float,
    service: float,
    patience: Callable[[float], float],
    kinks: Sequence[float] = (),
) -> dict[str, float]:
    """Return what M/M/c+G comes to: people of whom each gives up when their patience ends before they are served.

    Parameters
    ----------
    servers : int
    rate : float
        Arrivals a day.
    service : float
        Mean service, in days.
    patience : callable
        The integral of the survival function of patience from 0 to x.
    kinks : sequence of float
        Where that integral bends.

    Returns
    -------
    dict
        ``wait`` (mean, of everybody), ``delayed`` (share who do not find a server free), ``gave_up`` (share).

    Notes
    -----
    Baccelli and Hebuterne (1981); in the form of Zeltyn and Mandelbaum (2005), Call centers with impatient customers,
    Queueing Systems 51, section 3 and table of building blocks (J, J1, JH, E).
    """
    from scipy import integrate

    busy = servers / service

    def integral(f: Callable[[float], float]) -> float:
        ends = [0.0, *sorted(kinks), *(max([1.0, *kinks]) * np.array([3.0, 10.0, 60.0]))]
        parts = [
            integrate.quad(f, a, b, epsabs=1e-13, limit=200)[0] for a, b in zip(ends, ends[1:], strict=False)
        ]
        return float(sum(parts))

    weight = lambda x: math.exp(rate * patience(x) - busy * x)
    j = integral(weight)
    waited = integral(lambda x: patience(x) * weight(x))
    load = rate * service
    first = (
        sum(load**k / math.factorial(k) for k in range(servers))
        * math.factorial(servers - 1)
        / load ** (servers - 1)
    )
    total = first + rate * j
    return {
        "delayed": rate * j / total,
        "gave_up": (1.0 + (rate - busy) * j) / total,
        "wait": rate * waited / total,
    }


def exponential_patience(mean: float) -> Callable[[float], float]:
    """Return the integral of the survival function of an exponential patience."""
    return lambda x: -mean * math.expm1(-x / mean)


def constant_patience(days: float) -> Callable[[float], float]:
    """Return the integral of the survival function of a patience that is the same for everybody."""
    return lambda x: min(x, days)


def pollaczek_khinchine(rate: float, mean: float, second: float) -> float:
    """Return the mean wait in M/G/1 from the first two moments of service (Gross and Harris 1998, section 5.1.1).

    Examples
    --------
    >>> pollaczek_khinchine(0.5, 1.0, 1.0)  # M/D/1: half the wait of M/M/1
    0.5
    """
    return rate * second / 2.0 / (1.0 - rate * mean)


def cobham(rates: Sequence[float], means: Sequence[float], seconds: Sequence[float]) -> list[float]:
    """Return the mean wait of each class, the most urgent first, in M/G/1 where nobody is interrupted.

    Notes
    -----
    Cobham (1954), Priority assignment in waiting line problems, Operations Research 2(1), 70-76, equation 3.
    """
    left = sum(r * s for r, s in zip(rates, seconds, strict=True)) / 2.0
    return _by_class(left, [r * m for r, m in zip(rates, means, strict=True)])


def cobham_servers(servers: int, rates: Sequence[float], service: float) -> list[float]:
    """Return the same for several servers and one exponential service (Cobham 1954, equation 8)."""
    load = sum(rates) * service
    left = erlang_c(servers, load) * service / servers
    return _by_class(left, [r * service / servers for r in rates])


def _by_class(left: float, loads: Sequence[float]) -> list[float]:
    upto = np.concatenate([[0.0], np.cumsum(loads)])
    return [left / ((1.0 - a) * (1.0 - b)) for a, b in zip(upto, upto[1:], strict=False)]


def preemptive(rates: Sequence[float], means: Sequence[float], seconds: Sequence[float]) -> list[float]:
    """Return the mean time in the system of each class in M/G/1 where the urgent interrupt and the interrupted resume.

    Notes
    -----
    White and Christie (1958), Operations Research 6(1), 79-95; as in Adan and Resing (2002), Queueing Theory, section 9.1.
    """
    out, load, left = [], 0.0, 0.0
    for rate, mean, second in zip(rates, means, seconds, strict=True):
        above, load, left = load, load + rate * mean, left + rate * second / 2.0
        out.append(mean / (1.0 - above) + left / ((1.0 - above) * (1.0 - load)))
    return out


def finite_buffer(servers: int, room: int, rate: float, service: float) -> dict[str, float]:
    """Return the share turned away and the mean wait of the others in M/M/c/K (Gross and Harris 1998, section 2.4).

    Examples
    --------
    >>> finite_buffer(1, 1, 1.0, 1.0)  # Erlang's loss, one line
    {'turned_away': 0.5, 'wait': 0.0}
    """
    weights = np.ones(room + 1)
    for k in range(1, room + 1):
        weights[k] = weights[k - 1] * rate * service / min(k, servers)
    share = weights / weights.sum()
    queue = float((np.maximum(np.arange(room + 1) - servers, 0) * share).sum())
    return {"turned_away": float(share[-1]), "wait": queue / (rate * (1.0 - float(share[-1])))}


def jackson(
    outside: Sequence[float], routing: Sequence[Sequence[float]], services: Sequence[float], servers: Sequence[int]
) -> list[float]:  # fmt: skip
    """Return the mean number at each node of an open network (Jackson 1957, Operations Research 5(4), 518-521)."""
    flow = np.linalg.solve(np.eye(len(outside)) - np.array(routing).T, np.array(outside))
    return [
        float(rate * (mmc_wait(c, float(rate), s) + s))
        for rate, s, c in zip(flow, services, servers, strict=True)
    ]


def caseload(
    at: float, stretches: Sequence[tuple[float, float, float]], stayed: Callable[[float], float]
) -> float:
    """Return the mean number of people inside at a time when arrivals vary and nobody waits: M(t)/G/infinity.

    Parameters
    ----------
    at : float
        Days since the start, from empty.
    stretches : sequence of (float, float, float)
        First day, last day, arrivals a day.
    stayed : callable
        The integral of the survival function of a stay from 0 to x.

    Notes
    -----
    Eick, Massey and Whitt (1993), The physics of the M(t)/G/infinity queue, Operations Research 41(4), 731-742, theorem 1.
    """
    return float(sum(
        rate * (stayed(max(at - first, 0.0)) - stayed(max(at - last, 0.0))) for first, last, rate in stretches
    ))  # fmt: skip


def absorbing(
    inside: Sequence[Sequence[float]], out: Sequence[Sequence[float]], stays: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return, from each transient state, the probability of each end and the mean time to it.

    Notes
    -----
    Fundamental matrix: Kemeny and Snell (1960), Finite Markov Chains, chapter III.

    Examples
    --------
    The walk of Grinstead and Snell (1997), Introduction to Probability, example 11.13-11.14.

    >>> ends, times = absorbing([[0, .5, 0], [.5, 0, .5], [0, .5, 0]], [[.5, 0], [0, 0], [0, .5]], [1, 1, 1])
    >>> ends.round(2).tolist(), times.round(2).tolist()
    ([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]], [3.0, 4.0, 3.0])
    """
    fundamental = np.linalg.inv(np.eye(len(stays)) - np.array(inside, dtype=float))
    return fundamental @ np.array(out, dtype=float), fundamental @ np.array(stays, dtype=float)


def silent_by(
    gap: Callable[[np.ndarray], np.ndarray], limit: float, until: float, step: float = 0.02
) -> float:
    """Return the probability that some gap of a renewal process has lasted `limit` before `until`.

    Parameters
    ----------
    gap : callable
        The distribution function of a gap.
    limit, until, step : float
        Days; `step` of the grid on which the renewal equation is solved.

    Notes
    -----
    p(t) = 1 - F(limit) + integral over gaps x < limit of p(t - x) dF(x), and p(t) = 0 before `limit`: Feller (1971), An
    Introduction to Probability Theory and its Applications II, section XI.1. Solved by midpoints.
    """
    n, wide = round(until / step), round(limit / step)
    mass = np.diff(gap(np.arange(wide + 1) * step))
    ever = np.zeros(n + 1)
    silent = 1.0 - float(gap(np.array([limit]))[0])
    for k in range(wide, n + 1):
        # A gap in (j, j+1] steps ends between two points of the grid: the mean of the two.
        before = ever[k - wide : k][::-1]
        ahead = ever[k - wide + 1 : k][::-1]
        ever[k] = (silent + 0.5 * (mass @ before) + 0.5 * (mass[1:] @ ahead)) / (1.0 - 0.5 * mass[0])
    return float(ever[n])


def switched(mean: float, at: float, ratio: float) -> dict[str, float]:
    """Return mean and survival at twice `at` of a stay whose constant hazard is multiplied by `ratio` from `at` on.

    Notes
    -----
    Survival exp(-t/m) up to `at`, then times exp(-ratio (t - at)/m): piecewise exponential.
    """
    stayed = math.exp(-at / mean)
    return {
        "mean": mean * (1.0 - stayed) + stayed * mean / ratio,
        "stayed": stayed * math.exp(-ratio * at / mean),
    }


def slots(arrivals: np.ndarray, opens: Sequence[tuple[float, int]]) -> np.ndarray:
    """Return when each person is served, first come first served, by slots that are lost when the next open.

    Parameters
    ----------
    arrivals : array
        Increasing times.
    opens : sequence of (float, int)
        Time, number of slots from then on, in order.

    Returns
    -------
    array
        Times, infinity for those never served.

    Notes
    -----
    Lindley (1952), Proc. Camb. Phil. Soc. 48(2), 277-289, person by person: the next slot not yet taken and not yet lost.
    """
    served = np.full(len(arrivals), np.inf)
    who = 0
    for k, (at, number) in enumerate(opens):
        until = opens[k + 1][0] if k + 1 < len(opens) else np.inf
        while number > 0 and who < len(arrivals) and arrivals[who] < until:
            served[who] = max(at, arrivals[who])
            who, number = who + 1, number - 1
    return served


def committee_wait(apart: float) -> float:
    """Return the mean wait for a committee that sits one day every `apart` days, has places for all, and takes who comes that day.

    Examples
    --------
    >>> committee_wait(2.0)
    0.25
    """
    return (apart - 1.0) ** 2 / (2.0 * apart)


def empirical_moments(values: Sequence[float]) -> tuple[float, float]:
    """Return the first two moments of the law whose quantile function joins sorted values by straight lines.

    Examples
    --------
    >>> empirical_moments([0.0, 1.0])
    (0.5, 0.3333333333333333)
    """
    v = np.sort(np.array(values, dtype=float))
    a, b = v[:-1], v[1:]
    return float(((a + b) / 2.0).mean()), float(((a * a + a * b + b * b) / 3.0).mean())
