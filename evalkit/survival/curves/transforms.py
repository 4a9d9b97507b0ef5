"""Pointwise intervals of a probability on five scales, as R's `survfit` computes them.

Not for simultaneous bands: each point's interval holds for that point alone.
"""

from __future__ import annotations

import numpy as np

from evalkit.errors import InputError
from evalkit.numerics.normal import z_value

CONF_TYPES = ("log-log", "plain", "log", "logit", "arcsin")


def interval(
    p: np.ndarray, std_error: np.ndarray, conf_type: str = "log-log", conf_level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper bounds of a probability.

    Parameters
    ----------
    p, std_error : float arrays, shape (m,)
        The probability and its standard error on its own scale.
    conf_type : {"log-log", "plain", "log", "logit", "arcsin"}
    conf_level : float

    Returns
    -------
    low, high : float arrays, shape (m,)
        nan where the scale has no value: at 0, and for "log-log" and "logit" at 1, as in R. "plain" and the upper "log"
        bound are cut at 0 and 1.

    Notes
    -----
    Delta method on g(p): log(-log p), p, log p, log(p / (1 - p)), arcsin(sqrt p). Kalbfleisch & Prentice (2002), §1.4;
    Borgan & Liestøl (1990) for arcsin.

    Examples
    --------
    >>> low, high = interval(np.array([0.5]), np.array([0.1]), "plain")
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.304, 0.696)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(std_error == 0, 0, std_error / np.where(p > 0, p, np.nan))
    if conf_type == "plain":
        _known(conf_type)
        half = z_value(conf_level) * std_error
        return np.maximum(p - half, 0), np.minimum(p + half, 1)
    return bounds(p, z_value(conf_level) * relative, conf_type)


def bounds(p: np.ndarray, width: np.ndarray, conf_type: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of a probability whose logarithm is known within ± `width`, on one of the scales of `interval`.

    Parameters
    ----------
    p, width : float arrays, shape (m,)
    conf_type : {"log-log", "plain", "log", "logit", "arcsin"}

    Returns
    -------
    low, high : float arrays, shape (m,)

    Examples
    --------
    >>> low, high = bounds(np.array([0.5]), np.array([0.392]), "plain")
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.304, 0.696)
    """
    _known(conf_type)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if conf_type == "plain":
            return np.maximum(p * (1 - width), 0), np.minimum(p * (1 + width), 1)
        inside = np.where(p > 0, p, np.nan)
        if conf_type == "log":
            return np.exp(np.log(inside) - width), np.minimum(np.exp(np.log(inside) + width), 1)
        if conf_type == "log-log":
            inside = np.where(p < 1, inside, np.nan)
            width = width / np.log(inside)
            centre = np.log(-np.log(inside))
            return np.exp(-np.exp(centre - width)), np.exp(-np.exp(centre + width))
        if conf_type == "logit":
            width = width * (1 + inside / (1 - inside))
            centre = np.log(p / (1 - p))
            return 1 - 1 / (1 + np.exp(centre - width)), 1 - 1 / (1 + np.exp(centre + width))
        width = 0.5 * width * np.sqrt(inside / (1 - inside))
        centre = np.arcsin(np.sqrt(inside))
        low, high = np.maximum(0, centre - width), np.minimum(np.pi / 2, centre + width)
        return np.sin(low) ** 2, np.sin(high) ** 2


def _known(conf_type: str) -> None:
    if conf_type not in CONF_TYPES:
        raise InputError(f"conf_type: must be one of {', '.join(CONF_TYPES)}, but was {conf_type!r}")
