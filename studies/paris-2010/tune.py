"""Shows how near a scenario comes to the published totals: run by hand while its calibrated values are set.

Not a calibration: values are changed in the scenario file by a person, who looks at what this prints.

    python studies/paris-2010/tune.py [scenario.toml] [plays]
"""

from __future__ import annotations

import sys
from pathlib import Path

import published

import evalkit as ek

FOLDER = Path(__file__).parent


def main(path: str = "baseline.toml", plays: str = "200") -> None:
    """Play the scenario and print published beside simulated."""
    scenario = ek.simulation.Scenario.load(FOLDER / "scenarios" / path)
    played = ek.simulation.replicate(scenario, n=int(plays), seed=2011, jobs=-1, until=published.END)
    table = published.against(lambda key: played.values(*key))
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
