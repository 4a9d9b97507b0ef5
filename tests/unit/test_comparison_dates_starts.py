"""Staggered starts at their edges: who is left out, who is compared with whom, words, small starts."""

import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import event_study
from evalkit.errors import InputError


def starts(n=60, seed=4, values=(3, 4, np.nan), dates=5):
    rng = np.random.default_rng(seed)
    start = np.resize(np.array(values, dtype=float), n)
    frame = pd.DataFrame(
        {"unit": np.repeat(np.arange(n), dates), "date": np.tile(np.arange(1, dates + 1), n)}
    )
    frame["start"] = np.repeat(start, dates)
    frame["y"] = rng.normal(size=len(frame)) + 2.0 * (frame["date"] >= frame["start"]) + frame["date"]
    return frame


def study(data, **options):
    return event_study(data, "y", **{"unit": "unit", "time": "date", "start": "start", **options})


def term(answer, name):
    return answer.table[answer.table["term"] == name]


def keys(answer):
    return {caveat.key.removeprefix("comparison_dates.") for caveat in answer.caveats}


def test_an_effect_is_the_change_since_the_date_before_less_that_of_those_who_never_start():
    data = starts()
    answer = study(data)
    wide = data.pivot(index=["unit", "start"], columns="date", values="y").reset_index()
    change = wide[5] - wide[2]
    by_hand = change[wide["start"] == 3].mean() - change[wide["start"].isna()].mean()
    cell = term(answer, "effect_cell")
    assert cell[(cell["start"] == "3") & (cell["time"] == "5")]["estimate"].item() == pytest.approx(by_hand)
    one = study(data.query("start != 4"))
    error = np.sqrt(sum(change[w].var() / w.sum() for w in (wide["start"] == 3, wide["start"].isna())))
    cell = term(one, "effect_cell")
    row = cell[cell["time"] == "5"].iloc[0]
    assert row["std_error"] == pytest.approx(error)
    assert {"no_two_way", "which_average", "pretrend_proves_nothing", "parallel_never"} <= keys(answer)


def test_effects_that_differ_are_averaged_with_positive_weights_only():
    # A single regression with two sets of fixed effects gives a negative answer here, all effects being positive.
    data = starts(n=40, values=(2, 5), dates=6)
    data["y"] = np.where(data["date"] >= data["start"], 2.0 ** (data["date"] - data["start"]), 0.0)
    data["y"] += 0.001 * np.random.default_rng(1).normal(size=len(data))
    x = pd.get_dummies(data["unit"], dtype=float).join(
        pd.get_dummies(data["date"], prefix="d", dtype=float).iloc[:, 1:]
    )
    x["treated"] = (data["date"] >= data["start"]).astype(float)
    two_way = np.linalg.lstsq(x.to_numpy(), data["y"].to_numpy(), rcond=None)[0][-1]
    answer = study(data, controls="not_yet")
    truth = np.mean([1, 2, 4])
    assert two_way < 0
    assert term(answer, "average_by_start")["estimate"].item() == pytest.approx(truth, abs=0.01)
    assert "last_start_compares" in keys(answer)


def test_never_may_be_a_value_missing_infinite_or_after_the_last_date():
    data = starts()
    expected = study(data).table["estimate"]
    for value, never in ((0, 0), (np.inf, None), (99, None), (-1, -1)):
        other = data.assign(start=data["start"].fillna(value))
        assert study(other, never=never).table["estimate"].equals(expected)
    with pytest.raises(InputError, match="never=0"):
        study(data.assign(start=data["start"].fillna(0)))


def test_dates_may_be_dates():
    data = starts()
    day = lambda column: pd.to_datetime("2010-01-01") + pd.to_timedelta(column * 7, unit="D")
    answer = study(data.assign(date=day(data["date"]), start=day(data["start"])))
    assert answer.table["estimate"].equals(study(data).table["estimate"])
    assert "22 janvier 2010" in answer.summary("fr")


def test_units_left_out_are_counted():
    data = starts(values=(1, 3, np.nan)).drop(index=[7, 12])
    answer = study(data)
    counts = answer.table[answer.table["term"].str.startswith("units_")].set_index("term")["count"]
    assert counts["units_all"] == 60
    assert counts["units_not_at_every_date"] == 2
    assert counts["units_treated_from_first"] == 20
    assert counts["units_starting"] == 19
    assert {"units_not_at_every_date_said", "units_treated_from_first_said"} <= keys(answer)


def test_a_start_of_a_single_unit_is_described():
    data = starts(values=(3, np.nan))
    data.loc[data["unit"] == 0, "start"] = 4.0
    answer = study(data)
    one = term(answer, "effect_of_start")
    assert one[one["start"] == "4"]["method"].tolist() == ["description", "influence"]
    assert one[one["start"] == "4"]["p_value"].isna().all()
    assert term(answer, "average_by_start")["p_value"].isna().all()
    assert one[one["start"] == "3"]["p_value"].notna().all()
    assert "small_start" in keys(answer)


def test_a_single_unit_to_compare_with_gives_no_precision():
    answer = study(starts().query("start == 3 or unit == 2"))
    assert answer.table["p_value"].isna().all()
    average = term(answer, "average_by_start")
    assert average["method"].tolist() == ["description", "influence"]
    assert average["reason"].iloc[1].key == "comparison_dates.one_unit"


def test_everybody_changing_alike_has_no_p():
    data = starts().assign(y=lambda d: d["unit"] + d["date"] + 1.0 * (d["date"] >= d["start"]))
    answer = study(data)
    assert answer.table["p_value"].isna().all()
    described = term(answer, "average_by_start")
    assert described["estimate"].iloc[0] == pytest.approx(1)
    assert described["status"].tolist() == ["ok", "not_estimable"]


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda d: pd.concat([d, d.head(1)]), {}, "1 rows list a unit again"),
        (lambda d: d.assign(start=d["date"]), {}, "start changes in time for 60 units"),
        (lambda d: d.assign(date=d["date"].astype(str)), {}, "no order in time"),
        (lambda d: d.assign(start="soon"), {}, "start must be a date like"),
        (lambda d: d.assign(start=3.0), {}, "every unit starts"),
        (lambda d: d.assign(start=3.0), {"controls": "not_yet"}, "nobody can be compared"),
        (lambda d: d.assign(start=np.nan), {}, "nobody can be compared"),
        (lambda d: d.query("unit % 5 != date - 1"), {}, "no unit is seen at every date"),
        (lambda d: d, {"start": "begin"}, "no column"),
        (lambda d: d, {"controls": "all"}, "controls: must be one of"),
        (lambda d: d, {"base": "first"}, "base: must be one of"),
        (lambda d: d.assign(y=d["y"].where(d["unit"] > 0)), {}, "y is missing in 5"),
    ],
)
def test_wrong_input_is_said(change, options, said):
    with pytest.raises(InputError, match=said):
        study(change(starts()), **options)


def test_bases_agree_after_the_start_and_differ_before():
    last, previous = (term(study(starts(), base=base), "effect_since") for base in ("last", "previous"))
    point = lambda t: t[t["method"] == "influence"].set_index("since")["estimate"]
    assert point(last)[[0, 1, 2]].tolist() == pytest.approx(point(previous)[[0, 1, 2]].tolist())
    assert -1 in point(previous).index
    assert -1 not in point(last).index


def test_one_date_before_cannot_test_what_came_before():
    answer = study(starts(values=(2, np.nan), dates=3))
    assert "no_pretrend" in keys(answer)
    assert term(answer, "pretrend_test").empty


def test_too_many_dates_before_for_so_few_units():
    answer = study(starts(n=6, values=(7, np.nan), dates=7))
    assert term(answer, "pretrend_test")["status"].item() == "not_estimable"


def test_one_sided_and_missing_answers_are_named():
    data = starts()
    data.loc[3, "y"] = np.nan
    answer = study(data, missing="drop", alternative="less")
    assert {"one_sided", "units_not_at_every_date_said"} <= keys(answer)
    assert term(answer, "average_by_start")["p_value"].item() > 0.5


def test_publishing_hides_a_small_start_and_what_gives_it_away():
    data = starts(n=90)
    data.loc[data["unit"] < 9, "start"] = np.where(data.loc[data["unit"] < 9, "unit"] < 4, 5.0, np.nan)
    out = study(data).publish()
    starts_ = term(out, "effect_of_start").set_index("start")["estimate"]
    assert np.isnan(starts_["5"])
    assert starts_.isna().sum() == 2
    assert term(out, "effect_since")["estimate"].isna().all()
    assert term(out, "average_by_start")["estimate"].notna().all()
    assert "start_hidden" in keys(out)
    assert study(starts(n=90)).publish().table["status"].eq("ok").all()


def test_publishing_yes_and_no_hides_what_tells_how_few_moved():
    data = starts(n=300)
    data["y"] = ((data["unit"] + 2 * data["date"]) % 7 < 3).astype(float)
    whole, out = study(data), study(data).publish()
    assert term(out, "average_by_start")["conf_low"].notna().all()
    data.loc[(data["unit"] < 9) & (data["date"] == 5), "y"] = 1.0
    data["y"] = np.where((data["date"] < 5) | (data["unit"] > 8), data["unit"] % 2, data["y"])
    whole, out = study(data), study(data).publish()
    assert term(out, "average_by_start")["estimate"].equals(term(whole, "average_by_start")["estimate"])
    assert out.table["conf_low"].isna().all()
    assert "changes_hidden" in keys(out)
    alike = study(data.assign(y=((data["date"] == 5) & (data["unit"] < 9)).astype(float))).publish()
    assert alike.table.loc[~alike.table["term"].str.startswith("units_"), "estimate"].isna().all()
    assert alike.plot(lang="fr").texts[0].get_text() == "rien à tracer"


def test_pictures_words_and_pickles():
    import matplotlib.pyplot as plt

    answer = study(starts())
    for lang in ("fr", "en"):
        ax = answer.plot(lang=lang)
        assert ax.get_title(loc="left")
        assert ax.get_xlabel().startswith(("dates depuis le démarrage (", "dates since the start ("))
        assert not {"effect_since", "influence", "htz"} & set(
            answer.summary(lang).replace("influence function", "").split()
        )
    plt.close("all")
    assert pickle.loads(pickle.dumps(answer)).tidy().equals(answer.tidy())
    assert study(starts(), seed=9).table["conf_low"].equals(study(starts(), seed=9).table["conf_low"])
