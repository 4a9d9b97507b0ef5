"""The generated glossary page is not stale."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_glossary_is_the_generated_one():
    done = subprocess.run(
        [sys.executable, "tools/glossary.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
