"""The tables of this room and of survival_penalties are those listed in DATA.md, and the scripts still make them."""

import hashlib
import importlib.util
import re
from pathlib import Path

import pandas as pd
import pytest

PARITY = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("room", ["survival_intervals", "survival_penalties"])
def test_tables_are_those_listed_and_made(room):
    text = (PARITY / "DATA.md").read_text(encoding="utf-8")
    listed = dict(re.findall(rf"\| `{room}/inputs/(\w+)\.csv` \|.*`([0-9a-f]{{64}})` \|", text))
    files = list((PARITY / room / "inputs").glob("*.csv"))
    assert {p.stem: hashlib.sha256(p.read_bytes()).hexdigest() for p in files} == listed
    spec = importlib.util.spec_from_file_location("make_inputs", PARITY / room / "scripts" / "make_inputs.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for name, made in script.tables().items():
        pd.testing.assert_frame_equal(
            made.reset_index(drop=True),
            pd.read_csv(PARITY / room / "inputs" / f"{name}.csv"),
            check_dtype=False,
        )
