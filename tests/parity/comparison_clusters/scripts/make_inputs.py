"""Write the tables of `inputs/`: three from causaldata (MIT), the rest drawn from a seed. Run from the root of the repository."""

from pathlib import Path

import causaldata
import numpy as np
import pandas as pd

HERE = Path(__file__).parent.parent / "inputs"
rng = np.random.default_rng(40_404)

hiv = causaldata.thornton_hiv.load_pandas().data.dropna()
hiv = hiv[hiv["villnum"] <= 24]
hiv = hiv.assign(
    weight=rng.integers(1, 5, len(hiv)), distvct=hiv["distvct"].round(4), tinc=hiv["tinc"].round(4)
)
hiv[["villnum", "got", "distvct", "tinc", "any", "age", "weight"]].to_csv(HERE / "hiv.csv", index=False)

insure = causaldata.social_insure.load_pandas().data.dropna()
insure[["village", "address", "takeup_survey", "default", "intensive", "male", "age", "literacy"]].to_csv(
    HERE / "insure.csv", index=False
)

castle = causaldata.castle.load_pandas().data
castle = castle.assign(lhomicide=np.log(castle["homicide"]).round(8), post=(castle["post"] > 0).astype(int))
castle["popwt"] /= 1e6
castle = castle[castle["sid"] <= 20]
castle[["sid", "year", "lhomicide", "post", "poverty", "popwt"]].round(8).to_csv(
    HERE / "castle.csv", index=False
)

n = 150
site = rng.choice(9, n, p=np.array([1, 1, 2, 2, 3, 3, 5, 8, 0.4]) / 25.4)
treat = (site % 2 == 0).astype(int)
x = (rng.normal(size=n) + site / 5).round(2)
seeded = pd.DataFrame({
    "site": [f"s{k}" for k in site], "treat": treat, "x": x, "mixed": rng.integers(0, 2, n),
    "y": (1 + 0.5 * treat + x + rng.normal(size=9)[site] + rng.normal(size=n)).round(1),
    "b": rng.binomial(1, 1 / (1 + np.exp(0.5 - 0.3 * x - 0.4 * treat))), "k": rng.poisson(np.exp(0.3 * x)),
    "weight": rng.choice([0.5, 1, 1.7, 2.4], n),
})  # fmt: skip
seeded.to_csv(HERE / "seeded.csv", index=False)

few = pd.DataFrame({"site": np.repeat(np.arange(8), [3, 5, 2, 6, 4, 4, 7, 1])})
few["pair"] = few["site"] // 2
few["treat"] = few["site"].isin([1, 2, 5, 6]).astype(int)
few["x"] = rng.integers(0, 6, len(few))
few["y"] = (few["treat"] + rng.normal(size=8)[few["site"]] + rng.normal(size=len(few))).round(1)
few.to_csv(HERE / "few.csv", index=False)

lot = pd.DataFrame({"stratum": np.repeat(["a", "b", "c"], [6, 4, 8])})
lot["treat"] = [0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1]
lot["y"] = rng.integers(0, 9, len(lot)) + lot["treat"]
lot["smooth"] = (lot["y"] + rng.normal(size=len(lot))).round(3)
lot["share"] = (lot["smooth"] > 4).astype(int)
lot.to_csv(HERE / "lot.csv", index=False)

waves = pd.DataFrame({"person": np.repeat(np.arange(18), [4] * 6 + [3] * 6 + [2] * 6)})
waves["wave"] = waves.groupby("person").cumcount()
waves["treat"] = (waves["person"] % 3 == 0).astype(int)
waves["y"] = (waves["wave"] + rng.normal(size=18)[waves["person"]] + rng.normal(size=len(waves))).round(2)
waves.to_csv(HERE / "waves.csv", index=False)
