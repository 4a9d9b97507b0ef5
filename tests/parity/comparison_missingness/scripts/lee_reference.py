"""Write Lee's bounds by pyleebounds 0.3.0 (MIT), in an environment of its own: ``python lee_reference.py`` from this folder."""

from pathlib import Path

import pandas as pd
from pyleebounds import LeeBounds

HERE = Path(__file__).parents[1]
people = pd.read_csv(HERE / "inputs" / "trimming.csv")
rows = []
for name, own in people.groupby("data", sort=False):
    frame = pd.DataFrame({"y": own["y"].fillna(0.0), "d": own["arm"], "s": own["y"].notna().astype(int)})
    found = LeeBounds(n_bootstrap=1).fit(frame, "y", "d", "s")
    rows.append({"data": name, "low": found.lower_bound, "high": found.upper_bound})
pd.DataFrame(rows).to_csv(HERE / "reference" / "lee_python.csv", index=False, float_format="%.17g")
