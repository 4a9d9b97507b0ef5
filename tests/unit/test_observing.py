"""What plays show along the way: the same counts as the tape's own readers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.simulation import Scenario, counts, observe, play

SCENARIOS = Path(__file__).parents[2] / "studies" / "paris-2010" / "scenarios"
UNTIL = "2011-03-31"


@pytest.fixture(scope="module")
def listed():
    small = {"caseload.youths": 20, "caseload.newcomers": 0.2}
    return Scenario.load(SCENARIOS / "education_nationale.toml").with_(small)


@pytest.fixture(scope="module")
def seen(listed):
    return observe([listed], n=2, seed=3, until=UNTIL)


def test_waits_by_week_add_up_to_the_mean_wait(listed, seen):
    outputs = counts(play(listed, 3, 1), UNTIL).set_index(["outcome", "part", "by", "level"])["value"]
    mine = seen.waits[seen.waits["replication"] == 1]
    for state, some in mine.groupby("state"):
        assert some["days"].sum() / some["n"].sum() == pytest.approx(outputs["wait_days", state, "", ""])
        est = some[some["site"] == "est"]
        assert est["days"].sum() / est["n"].sum() == pytest.approx(outputs["wait_days", state, "site", "est"])
    # 455 days make 65 weeks.
    assert mine["week"].max() == 64


def test_passages_and_traits_count_people_once(listed, seen):
    outputs = counts(play(listed, 3, 0), UNTIL).set_index(["outcome", "part", "by", "level"])["value"]
    first = seen.passages[seen.passages["replication"] == 0]
    programme = first[~first["source"].isin(["already_followed", "newcomers"])]
    mobilised = outputs["mobilised", "", "", ""]
    assert programme.loc[programme["state"] == "entered", "n"].sum() == mobilised
    assert (
        first.loc[(first["source"] == "education_nationale") & (first["state"] == "listed"), "n"].item()
        == 800
    )
    traits = seen.traits[seen.traits["replication"] == 0]
    assert (traits.groupby("trait")["n"].sum() == mobilised).all()
    assert set(traits["trait"]) >= {"age", "sex", "co_accompanied"}
    assert np.isclose(
        traits.loc[(traits["trait"] == "age") & (traits["level"] == "18"), "n"].item(),
        outputs["mobilised", "", "age", "18"],
    )


def test_the_result_does_not_depend_on_the_jobs(listed, seen):
    again = observe([listed], n=2, seed=3, jobs=2, until=UNTIL)
    for name in ("waits", "passages", "traits"):
        pd.testing.assert_frame_equal(getattr(seen, name), getattr(again, name))
