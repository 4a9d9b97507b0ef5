"""The tables the reference numbers were made from are those listed in DATA.md, and the script still makes them."""

import hashlib
import importlib.util
import re

import pandas as pd
from parity.survival.tables import HERE


def test_tables_are_those_listed():
    listed = dict(
        re.findall(
            r"\| `(\w+\.csv)` \|.*`([0-9a-f]{64})` \|", (HERE.parent / "DATA.md").read_text(encoding="utf-8")
        )
    )
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (HERE / "inputs").glob("*.csv")}
    assert found == listed


def test_the_script_makes_the_synthetic_tables():
    spec = importlib.util.spec_from_file_location("make_inputs", HERE / "scripts" / "make_inputs.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for name, make in (
        ("ties", script.heavy_ties),
        ("late", script.late_entry),
        ("changing", script.changing),
    ):
        pd.testing.assert_frame_equal(make(), pd.read_csv(HERE / "inputs" / f"{name}.csv"), check_dtype=False)
