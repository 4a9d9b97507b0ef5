"""Second reference: scikit-survival (GPL), run in an environment of its own, not a dependency. From the repository's root:
python tests/parity/survival_validating/scripts/sksurv_reference.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sksurv.metrics import brier_score, concordance_index_ipcw, cumulative_dynamic_auc
from sksurv.util import Surv

ROOM = Path(__file__).resolve().parents[1]
TIMES = [15, 30, 60]

arms = pd.read_csv(ROOM.parent / "survival_adjusting" / "inputs" / "arms.csv")
risk = pd.read_csv(ROOM / "inputs" / "arms_risks.csv").to_numpy()
time = arms["time"].to_numpy() + 0.001 * np.arange(1, len(arms) + 1)
outcome = Surv.from_arrays(arms["cause"].to_numpy() > 0, time)
score = brier_score(outcome, outcome, 1 - risk, TIMES)[1]
area = cumulative_dynamic_auc(outcome, outcome, risk, TIMES)[0]
rows = [{"term": "brier", "time": t, "estimate": v} for t, v in zip(TIMES, score, strict=True)]
rows += [{"term": "auc", "time": t, "estimate": v} for t, v in zip(TIMES, area, strict=True)]
uno = concordance_index_ipcw(outcome, outcome, risk[:, 0], tau=60.5)[0]
rows.append({"term": "uno", "time": 60.5, "estimate": uno})
pd.DataFrame(rows).to_csv(ROOM / "reference" / "sksurv.csv", index=False, float_format="%.15g")
