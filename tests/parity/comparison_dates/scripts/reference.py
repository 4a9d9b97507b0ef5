"""Group-time effects and a doubly robust difference from csdid 0.4.3 and drdid 1.1.7 (both MIT), run apart from this project.

Run: ``python reference.py`` in this folder, in an environment that has them.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from csdid.att_gt import ATTgt
from drdid._estimators import drdid_panel, reg_did_panel

HERE = Path(__file__).parents[1]
warnings.simplefilter("ignore")


def table(result: dict) -> dict:
    """Return lists of numbers."""
    return {k: np.asarray(result[k], dtype=float).ravel().tolist() for k in ("group", "year", "att", "se")}


def main() -> None:
    """Write reference/packages.json."""
    out = {}
    for name in ("staggered", "all_start"):
        data = pd.read_csv(HERE / "inputs" / f"{name}.csv")
        for group in ("nevertreated", "notyettreated"):
            if name == "all_start" and group == "nevertreated":
                continue
            for base in ("varying", "universal"):
                made = ATTgt(
                    yname="y",
                    tname="date",
                    idname="unit",
                    gname="start",
                    data=data.copy(),
                    control_group=[group],
                    xformla=None,
                ).fit(est_method="reg", base_period=base, bstrap=False)
                key = f"{name}/{group}/{base}"
                out[key] = {"cells": table(made.results)}
                for kind in ("simple", "group", "dynamic"):
                    made.aggte(kind, bstrap=False, cband=False, na_rm=True)
                    found = made.atte
                    out[key][kind] = {
                        "att": float(np.ravel(found["overall_att"])[0]), "se": float(np.ravel(found["overall_se"])[0]),
                        "at": [] if kind == "simple" else np.ravel(found["egt"]).astype(float).tolist(),
                        "att_at": [] if kind == "simple" else np.ravel(found["att_egt"]).astype(float).tolist(),
                        "se_at": [] if kind == "simple" else np.ravel(found["se_egt"]).astype(float).tolist(),
                    }  # fmt: skip
    nsw = pd.read_csv(HERE / "inputs" / "nsw.csv")
    x = np.column_stack([np.ones(len(nsw)), nsw[["age", "educ", "black"]]])
    two = (
        pd.read_csv(HERE / "inputs" / "two_groups.csv")
        .pivot(index=["id", "treated", "age", "weight"], columns="date", values="y")
        .reset_index()
    )
    cases = {
        "nsw": (nsw["re78"], nsw["re75"], nsw["treat"], x, None),
        "two_groups": (two[2010], two[2009], two["treated"], np.column_stack([np.ones(len(two)), two["age"]]), None),
        "two_groups_weighted": (
            two[2010], two[2009], two["treated"], np.column_stack([np.ones(len(two)), two["age"]]), two["weight"]
        ),
    }  # fmt: skip
    for name, (after, before, treated, covariates, weights) in cases.items():
        args = [np.asarray(a, dtype=float) for a in (after, before, treated, covariates)]
        w = np.ones(len(after)) if weights is None else np.asarray(weights, dtype=float)
        for how, f in (("doubly_robust", drdid_panel), ("regression", reg_did_panel)):
            att, influence = f(*args, i_weights=w)
            n = len(influence)
            out[f"{name}/{how}"] = {
                "att": float(att), "error": float(np.std(np.ravel(influence), ddof=1) / np.sqrt(n)), "n": n,
            }  # fmt: skip
    (HERE / "reference" / "packages.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
