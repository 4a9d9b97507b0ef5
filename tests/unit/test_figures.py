"""Pictures: what is written on them, in both languages; that nothing covers the data is looked at by eye."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from evalkit import figures
from evalkit.figures.curves import _apart
from evalkit.figures.forest import _ratio_ticks
from evalkit.survival import aalen_johansen, cox, kaplan_meier, log_rank, nelson_aalen
from evalkit.timetoevent import TimeToEvent


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def tte():
    rng = np.random.default_rng(2)
    n = 150
    return TimeToEvent(
        time=rng.integers(0, 300, n), cause=rng.integers(0, 3, n), causes=("disengaged", "job"),
        covariates=pd.DataFrame({"site": rng.choice(["north", "south"], n), "age": rng.normal(20, 2, n)}),
        labels={"disengaged": {"fr": "décroché", "en": "disengaged"}, "job": {"fr": "emploi", "en": "job"}},
    )  # fmt: skip


def words(ax):
    texts = [t.get_text() for t in ax.texts] + [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]
    return " | ".join(texts + [t.get_text() for t in ax.get_yticklabels()])


def test_a_survival_curve_runs_from_0_to_1_with_who_is_at_risk(tte):
    curves = kaplan_meier(tte, by="site", of="any exit")
    ax = curves.plot(lang="fr")
    said = words(ax)
    assert ax.get_ylim() == (0, 1)
    for word in ("À risque", "north", "south", "jours", "part des personnes", "Quelle part"):
        assert word in said
    first = curves.risk_table()[1].query("time == 0")["n_risk"].astype(int).astype(str)
    assert all(f"| {n} |" in said for n in first)


def test_labels_stand_at_the_ends_outside_the_axes(tte):
    ax = kaplan_meier(tte, by="site", of="any exit").plot(lang="en")
    at = [
        t.get_position()[0] for t in ax.texts if t.get_text() in ("north", "south") and t.get_ha() == "left"
    ]
    assert len(at) == 2
    assert min(at) > 1


def test_exits_are_drawn_by_name_and_the_event_free_share_is_not(tte):
    said = words(aalen_johansen(tte).plot(lang="fr"))
    assert "décroché" in said
    assert "emploi" in said
    assert "aucune sortie" not in said


def test_a_hazard_axis_is_no_share(tte):
    ax = nelson_aalen(tte, of="job").plot(lang="en")
    assert "cumulative hazard" in words(ax)
    assert ax.get_ylim()[0] == 0


def test_hazard_ratios_are_written_beside_their_lines(tte):
    ax = cox(tte, "site + age").plot(lang="fr")
    said = words(ax)
    assert ax.get_xscale() == "log"
    assert "site[south]" in said
    assert "rapport de risques" in said
    assert ";" in said


def test_a_line_without_estimate_says_why():
    frame = pd.DataFrame({
        "term": ["a", "b", "c"], "estimate": [1.2, np.nan, np.nan], "conf_low": [1.0, np.nan, np.nan],
        "conf_high": [1.5, np.nan, np.nan], "status": ["ok", "not_estimable", "suppressed"],
    })  # fmt: skip
    said = words(figures.estimates(frame, "Title", lang="en", no_effect=1, log=True))
    assert "not estimable" in said
    assert "suppressed" in said
    nothing = frame.iloc[1:].reset_index(drop=True)
    assert "non estimable" in words(figures.estimates(nothing, lang="fr"))
    assert "non estimable" in words(figures.estimates(nothing, lang="fr", log=True))


def test_absurd_bounds_end_in_arrows():
    frame = pd.DataFrame({"term": ["a"], "estimate": [1.0], "conf_low": [1e-9], "conf_high": [1e9]})
    ax = figures.estimates(frame, log=True, lang="en")
    low, high = ax.get_xlim()
    assert low > 1e-3
    assert high < 1e3
    assert {line.get_marker() for line in ax.lines} >= {"<", ">", "o"}


def test_lines_are_named_by_their_keys():
    frame = pd.DataFrame({"site": ["north"], "sex": [1], "part": [0.5], "estimate": [12.0]})
    assert "north · sex 1 · 50%" in words(figures.estimates(frame, lang="en"))
    nameless = figures.estimates(pd.DataFrame({"estimate": [3.0]}), lang="en")
    assert nameless.get_yticklabels()[0].get_text().strip() == ""


def test_a_figure_given_is_drawn_on(tte):
    _, axes = plt.subplots(1, 2)
    assert kaplan_meier(tte, of="any exit").plot(ax=axes[0]) is axes[0]
    assert log_rank(tte, "site").plot(ax=axes[1]) is axes[1]


def test_a_published_curve_is_drawn_with_no_more_at_risk_than_there_were(tte):
    raw = kaplan_meier(tte, by="site", of="any exit")
    out = raw.publish()
    assert "At risk" in words(out.plot(lang="en"))
    ticks, shown = out.risk_table()
    _, true = raw.risk_table(ticks)
    known = shown["n_risk"].notna()
    assert known.sum() > 6
    assert (shown["n_risk"] <= true["n_risk"])[known].all()
    assert out.risk_table([290])[1]["n_risk"].isna().all()


def test_a_coarsened_curve_is_points_joined_not_steps_that_never_were(tte):
    raw, out = (
        c.plot(lang="en").lines[0]
        for c in (kaplan_meier(tte, of="any exit"), kaplan_meier(tte, of="any exit").publish())
    )
    assert (raw.get_drawstyle(), out.get_drawstyle()) == ("steps-post", "default")
    assert out.get_marker() == "o"
    assert (out.get_xdata()[0], out.get_ydata()[0]) == (0, 1)
    risen = aalen_johansen(tte).publish().plot(lang="en").lines[0]
    assert (risen.get_xdata()[0], risen.get_ydata()[0]) == (0, 0)


def test_labels_move_apart_but_stay_near():
    places = _apart([0.5, 0.5, 0.9], [0.1, 0.1, 0.1], 0, 1)
    assert np.diff(sorted(places)).min() >= 0.1 - 1e-12
    assert max(abs(a - b) for a, b in zip(places, [0.5, 0.5, 0.9], strict=True)) <= 0.2


@pytest.mark.parametrize("window", [(0.9, 1.1), (0.3, 4), (0.01, 90), (1e-6, 1e6)])
def test_ratio_ticks_are_few(window):
    ticks = _ratio_ticks(*window)
    assert 1 <= len(ticks) <= 7
    assert all(window[0] <= t <= window[1] for t in ticks)


def test_other_units_and_empty_columns_are_drawn():
    curves = pd.DataFrame({"group": ["", "", "b"], "time": [0.0, 3.0, 0.0], "estimate": [1.0, 0.5, np.nan]})
    assert "visits" in words(figures.steps(curves, unit="visits", lang="en"))


def test_the_same_picture_is_the_same_svg(tte):
    first, second = (figures.svg(kaplan_meier(tte, of="any exit").plot(lang="fr")) for _ in range(2))
    assert first == second
    assert first.startswith("<?xml")
