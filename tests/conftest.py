"""What any test may ask for, and the rule that with EVALKIT_NO_SKIP=1 a skipped test fails the run.

Not the place for helpers of one room's tests.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# No test opens a window; set before matplotlib is imported, and for child processes too.
os.environ["MPLBACKEND"] = "Agg"

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _figures_are_closed() -> Iterator[None]:
    """Close what a test drew: matplotlib warns of many open figures, and which test it fails depends on what ran before."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of Chromium, or skip."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")


@pytest.fixture(scope="session")
def oulad_dir() -> Path:
    """Return the folder of the Open University tables, which are not shipped, or skip."""
    # The places that the study itself declares.
    for folder in (ROOT / "studies" / "open-university" / "data", ROOT.parent / "shared" / "data" / "oulad"):
        if (folder / "studentInfo.csv").is_file():
            return folder
    pytest.skip("no Open University data here (the README of studies/open-university says where to get them)")


def _skipped(config: pytest.Config) -> list[str]:
    """Return what was skipped and why, when that is not allowed. Empty in the worker processes, which have no reporter."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("EVALKIT_NO_SKIP") != "1":
        return []
    return sorted(
        f"{report.nodeid}: {report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr}"
        for report in reporter.stats.get("skipped", [])
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _skipped(session.config) and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    skipped = _skipped(config)
    if skipped:
        terminalreporter.section("skipped, which EVALKIT_NO_SKIP=1 forbids", red=True)
        for line in skipped:
            terminalreporter.line(line)
