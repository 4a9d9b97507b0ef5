"""Edges of histories through states: spells as states, what is refused, what is published, what is drawn."""

import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.spells import Spells
from evalkit.survival import occupation_probabilities, transitions
from evalkit.wording import Message


def stays(*lines, **columns):
    frame = pd.DataFrame(lines, columns=["person", "state", "start", "stop", "exit"])
    return frame.assign(**columns)


def spells(*lines):
    frame = pd.DataFrame(lines, columns=["person", "episode", "state", "start", "stop", "exit"])
    return Spells(frame.assign(origin=pd.Timestamp("2010-06-01")))


SOME = (("a", "in", 0, 4, "out"), ("a", "out", 4, 6, "in"), ("a", "in", 6, 9, "censored"), ("b", "in", 0, 5, "gone"),
        ("c", "out", 0, 7, "censored"))  # fmt: skip


def many(n=300, seed=1):
    rng = np.random.default_rng(seed)
    lines = []
    for person in range(n):
        state, now = "in", 0
        while True:
            stop = now + int(rng.geometric(0.05))
            if stop >= 60 or state == "gone":
                if state != "gone":
                    lines.append((person, state, now, 60, "censored"))
                break
            following = str(rng.choice(["out" if state == "in" else "in", "gone"], p=[0.9, 0.1]))
            lines.append((person, state, now, stop, following))
            now, state = stop, following
    frame = stays(*lines)
    return frame.assign(arm=np.where(frame["person"] % 2, "one", "two"))


def test_counts_and_rates():
    table = transitions(stays(*SOME), per=10).tidy().set_index(["state", "exit"])
    row = table.loc[("in", "out")]
    assert (row["count"], row["n"], row["time_at_risk"]) == (1, 1, 12)
    assert row["estimate"] == pytest.approx(10 / 12)
    # Garwood's bounds of one event, printed in tables: 0.0253 and 5.5716.
    assert row["conf_low"] == pytest.approx(0.025318 * 10 / 12, rel=1e-4)
    assert row["conf_high"] == pytest.approx(5.571643 * 10 / 12, rel=1e-6)
    assert table.loc[("in", "total"), "count"] == 3
    assert table.loc[("out", "censored"), "count"] == 1
    square = transitions(stays(*SOME)).matrix("fr")
    assert square.loc["total"].tolist() == [1, 1, 1, 2, 5]
    assert square.index.name == "état"


def test_groups_of_counts():
    found = transitions(many(), by="arm")
    assert found.table.groupby("arm", sort=False)["count"].sum().size == 2
    assert found.matrix("en").to_numpy()[-1, -1] == len(many())
    assert found.caveats[-1].key == "survival_recurrent.rates_repeated"


def test_no_time_gives_no_rate():
    row = transitions(stays(("a", "in", 0, 0, "out"), ("a", "out", 0, 5, "censored"))).table.iloc[0]
    assert row["status"] == "not_estimable"
    assert isinstance(row["reason"], Message)
    assert np.isnan(row["estimate"])


def test_states_gone_through_on_one_day():
    """Back and away again on day 5: both moves happen, one after the other, and the shares know it."""
    found = occupation_probabilities(stays(
        ("a", "out", 0, 5, "in"), ("a", "in", 5, 5, "out"), ("a", "out", 5, 9, "censored"), ("b", "in", 0, 9, "censored"),
        ("c", "out", 0, 9, "censored"),
    ))  # fmt: skip
    at = found.at(5).table.set_index("state")
    assert at.loc["in", "n_event"] == 1
    # Half of those out come in, and half of the two who are in go out again.
    assert at["estimate"].to_dict() == pytest.approx({"out": 1 / 3 + 1 / 3, "in": 1 / 3})
    assert set(found.table["time"]) == {0, 5, 9}


def test_day_of_origin():
    found = occupation_probabilities(stays(
        ("a", "in", 0, 0, "out"), ("a", "out", 0, 5, "censored"), ("b", "in", 0, 5, "censored"), ("c", "in", 0, 0, "out"),
    ))  # fmt: skip
    at = found.at(0).table.set_index("state")
    assert at.loc["in", "estimate"] == pytest.approx(1 / 3)
    assert at.loc["out", "n_event"] == 2


def test_spells_leave_for_good_or_come_back():
    left = spells(("a", 0, "engaged", 0, 10, "moved"), ("b", 0, "engaged", 0, 40, "censored"))
    found = occupation_probabilities(left)
    assert found.at(40).table.set_index("state").loc["moved", "estimate"] == 0.5
    assert found.at(20).table.set_index("state").loc["moved", "n_risk"] == 1
    # b comes back from where a went: a is then seen away until the end of the records.
    back = spells(
        ("a", 0, "engaged", 0, 10, "moved"),
        ("b", 0, "engaged", 0, 10, "moved"),
        ("b", 1, "engaged", 20, 40, "censored"),
    )
    found = occupation_probabilities(back)
    assert found.at(20).table.set_index("state").loc["engaged", "estimate"] == pytest.approx(0.5)
    assert "survival_recurrent.away_from_exit" in [c.key for c in found.caveats]
    assert transitions(back).matrix("en").to_numpy().tolist() == [[0, 2, 1, 3], [1, 0, 1, 2], [1, 2, 2, 5]]
    same_day = spells(
        ("a", 0, "engaged", 0, 10, "moved"),
        ("a", 1, "engaged", 10, 12, "censored"),
        ("b", 0, "engaged", 0, 12, "censored"),
    )
    assert occupation_probabilities(same_day).at(12).table.set_index("state").loc["moved", "estimate"] == 0


def test_exits_between_solutions_are_no_move():
    found = transitions(spells(
        ("a", 0, "engaged", 0, 10, "employment"), ("a", 0, "solution", 10, 20, "training"), ("a", 0, "solution", 20, 30, "censored"),
    ))  # fmt: skip
    assert found.matrix("en").to_numpy().tolist() == [[0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 1, 2]]
    assert found.table.loc[found.table["state"] == "solution", "time_at_risk"].iloc[0] == 20


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([("a", "in", 0, 4, "out"), ("a", "in", 4, 6, "censored")], "begin in another state"),
        ([("a", "in", 0, 4, "censored"), ("a", "out", 4, 6, "censored")], "begin in another state"),
        ([("a", "in", 0, 4, "out"), ("a", "out", 3, 6, "censored")], "overlap"),
        ([("a", "in", 4, 3, "out")], "end before they start"),
        ([("a", None, 0, 3, "out")], "state missing in 1 of 1"),
        ([("a", "in", -1, 3, "out")], "start missing, infinite or negative in 1"),
        ([("a", "in", 0, np.inf, "out")], "stop missing, infinite or negative in 1"),
        ([("a", "censored", 0, 3, "out")], "can be no state"),
        ([("a", "in", "x", 3, "out")], "must hold numbers"),
        ([], "no rows"),
    ],
)
def test_impossible_histories(lines, said):
    for ask in (transitions, occupation_probabilities):
        with pytest.raises(InputError, match=said):
            ask(stays(*lines))


def test_arguments():
    frame = stays(*SOME, w=1.5, arm=["x", "x", "y", "x", "x"], hole=["x", "x", "x", None, "x"], zero=0)
    for how, said in (
        ({"conf_type": "exact"}, "conf_type: must be one of"), ({"weight_kind": "mine"}, "weight_kind: must be one of"),
        ({"weight": "w"}, "must be whole numbers"), ({"weight": "zero"}, "is 0 in 5 rows"), ({"start": "up"}, "no state 'up'"),
        ({"start": "in"}, "1 people are in another state"), ({"by": "arm"}, "changes between the rows of 1 of 3"),
        ({"by": "hole"}, "missing in 1 of 5"), ({"by": "none"}, "no column 'none'"), ({"by": "state"}, "name of a column of results"),
        ({"conf_level": 2}, "conf_level"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            occupation_probabilities(frame, **how)
    with pytest.raises(InputError, match="needs Spells or a DataFrame"):
        transitions([1, 2])
    with pytest.raises(InputError, match="per: must be above 0"):
        transitions(frame, per=0)


def test_questions_past_the_follow_up():
    found = occupation_probabilities(stays(*SOME))
    for ask in (found.at, found.mean_times):
        with pytest.raises(InputError, match="beyond the last observation"):
            ask(10)
    for times, said in (([], "at least one"), (-1, "0 or more"), (np.nan, "finite")):
        with pytest.raises(InputError, match=said):
            found.at(times)
    with pytest.raises(InputError, match="must be positive"):
        found.mean_times(0)
    over = occupation_probabilities(stays(("a", "in", 0, 4, "gone"), ("b", "in", 0, 5, "gone")))
    assert over.at(1000).table.set_index("state").loc["gone", "estimate"] == 1
    assert over.mean_times(100).table.set_index("state").loc["in", "estimate"] == 4.5


def test_nobody_moves_and_one_person():
    still = occupation_probabilities(
        stays(("a", "in", 0, 4, "censored"), ("b", "out", 0, 6, "censored"), ("c", "in", 2, 6, "censored"))
    )
    assert still.at(3).table["estimate"].tolist() == [0.5, 0.5]
    assert still.at(3).table["std_error"].tolist() == pytest.approx([np.sqrt(0.125)] * 2)
    late = occupation_probabilities(stays(("a", "in", 1, 4, "censored"), ("b", "out", 1, 6, "censored")))
    assert late.at(3).table["estimate"].tolist() == [0.5, 0.5]
    one = occupation_probabilities(stays(("a", "in", 0, 4, "out"), ("a", "out", 4, 8, "censored")))
    assert one.table["std_error"].isna().all()
    assert one.mean_times(6).table["std_error"].isna().all()
    assert "survival_recurrent.alone" in [c.key for c in one.caveats]


def test_counts_beside_shares():
    found = occupation_probabilities(many(), weight=None)
    at = found.at([10, 30]).table
    frame = many()
    in_10 = (
        (frame["state"] == "in") & ((frame["start"] < 10) | (frame["start"] == 0)) & (frame["stop"] >= 10)
    ).sum()
    assert at.loc[(at["time"] == 10) & (at["state"] == "in"), "n_risk"].item() == in_10
    gone = (frame["exit"].eq("gone") & (frame["stop"] < 30)).sum()
    assert at.loc[(at["time"] == 30) & (at["state"] == "gone"), "n_risk"].item() == gone
    arrived = (frame["exit"].eq("out") & frame["stop"].between(11, 30)).sum()
    assert at.loc[(at["time"] == 30) & (at["state"] == "out"), "n_event"].item() == arrived
    assert found.table["n_censor"].sum() == frame["exit"].eq("censored").sum()


def test_publishing_merges_times_and_hides_states():
    found = occupation_probabilities(many(), by="arm")
    public = found.publish()
    assert public.stays is None
    assert public.groups == ()
    shown = public.table[public.table["status"] == "ok"]
    assert 0 < len(shown) < len(found.table)
    assert (shown["n_risk"] % 5 == 0).all()
    assert (shown["n_event"].dropna().between(1, 10)).sum() == 0
    # One hidden state would be what the others leave: hidden ones come in twos or more.
    hidden = public.table[public.table["status"] == "suppressed"].groupby(["arm", "time"]).size()
    assert (hidden >= 2).all()
    with pytest.raises(InputError, match="before publishing"):
        public.at(10)
    assert public.glance()["n_rows"].item() == len(public.table)
    public.plot(lang="fr")
    few = occupation_probabilities(stays(*SOME)).publish()
    assert (few.table["status"] == "suppressed").all()
    asked = found.at([0, 2, 30]).publish()
    assert asked.stays is None
    assert len(asked.table) == 18
    assert (asked.table.loc[asked.table["time"] == 0, "status"] == "ok").all()
    open_data = occupation_probabilities(stays(*SOME), provenance="open").publish()
    assert open_data.at(4).table["estimate"].notna().all()


def test_publishing_counts_and_times():
    table = transitions(stays(*SOME)).publish().table
    assert table["count"].isna().all()
    assert table["time_at_risk"].isna().all()
    assert transitions(many(40)).publish().matrix("en").isna().to_numpy().any()
    times_spent = occupation_probabilities(many(12)).mean_times(20).publish().table
    assert (times_spent["status"] == "suppressed").sum() != 1
    by = occupation_probabilities(many(), by="arm").mean_times(20).publish().table
    assert by["estimate"].notna().any()


def test_results_are_shown_and_pickled():
    found = occupation_probabilities(many(), by="arm")
    moves = transitions(many(), by="arm")
    for result in (found, moves, found.at(10), found.mean_times(10)):
        pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(result)).table, result.table)
        for lang in ("fr", "en"):
            assert result.question.text(lang) in result.summary(lang)
    for lang in ("fr", "en"):
        found.plot(lang=lang)
        moves.plot(lang=lang)
        occupation_probabilities(many()).plot(lang=lang)
    with pytest.raises(ValueError, match="one Axes for 2 groups"):
        found.plot(ax=moves.plot())
    assert found.glance()["n"].tolist() == [150, 150]


def test_spells_bring_their_provenance():
    made = spells(("a", 0, "engaged", 0, 10, "moved"), ("b", 0, "engaged", 0, 40, "censored"))
    open_data = dataclasses.replace(made, provenance=Provenance(kind="open"))
    assert occupation_probabilities(open_data).provenance.kind == "open"
    assert transitions(made).provenance.kind == "records"
