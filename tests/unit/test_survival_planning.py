"""Power and sample size: published examples, closed forms, and the share of simulated studies that do show the effect."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from lifelines.statistics import power_under_cph

from evalkit.errors import InputError
from evalkit.survival import StudyPlan, aalen_johansen, kaplan_meier, log_rank, power, sample_size
from evalkit.survival.planning.course import Course, Window
from evalkit.survival.planning.effects import expected_events
from evalkit.timetoevent import TimeToEvent

ALL_MET = {"control": {1: 0.5}, "horizon": 60}


def estimate(result):
    return float(result.table["estimate"].iloc[0])


def test_events_needed_as_published():
    # Schoenfeld (1981) and Freedman (1982) at a ratio of 0.5, 80 %, two-sided 5 %: 66 and 71 (Freedman's table rounds up) events.
    for method, events in (("schoenfeld", 65.3), ("freedman", 70.6)):
        found = sample_size(0.8, method=method, ratio=0.5, **ALL_MET)
        assert found.table["n_event"].iloc[0] == pytest.approx(events, abs=1.0)


def test_the_myeloma_example_of_hsieh_and_lavori():
    # Hsieh & Lavori (2000), §4: log hazard ratio 1, sd 0.3126, R² 0.1837, 73.8 % die, one-sided 5 %, 80 %: 106 people.
    found = sample_size(
        0.8, design="cox", control={1: 0.738}, horizon=1, ratio=math.e, sd=0.3126, r_squared=0.1837, sides=1
    )
    assert estimate(found) == 106


@pytest.mark.parametrize("allocation", [0.5, 0.3])
def test_freedmans_power_is_that_of_lifelines(allocation):
    n, ratio = 200, 0.7
    control = {100: 0.6}
    treated = 1 - 0.4**ratio
    expected = power_under_cph(n * allocation, n * (1 - allocation), treated, 0.6, ratio)
    found = power(n, method="freedman", control=control, ratio=ratio, horizon=100, allocation=allocation)
    # lifelines leaves out significance on the wrong side.
    assert estimate(found) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("loss", [0.0, 0.0005])
def test_expected_events_under_even_accrual_in_closed_form(loss):
    # Lachin & Foulkes (1986), Biometrics 42:507, eq. 3.5: exponential, uniform accrual, exponential loss.
    rate, accrual, cut = math.log(2) / 180, 365.0, 730.0
    both = rate + loss
    expected = (
        rate / both * (1 - (math.exp(-both * (cut - accrual)) - math.exp(-both * cut)) / (both * accrual))
    )
    found = expected_events(Course.through({180: 0.5}), Window(accrual, cut, math.inf, loss), 0)
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_course_passes_through_what_it_was_given():
    course = Course.through({180: 0.4, 365: 0.5}, {180: 0.2, 365: 0.3})
    days = np.array([180.0, 365.0])
    np.testing.assert_allclose(course.incidence(days, 0), [0.4, 0.5])
    np.testing.assert_allclose(course.incidence(days, 1), [0.2, 0.3])
    np.testing.assert_allclose(course.survival(days), [0.4, 0.2])


def test_mean_times_without_censoring_in_closed_form():
    rate, t = math.log(2) / 180, 365.0
    moments = []
    for h in (rate, rate / 2):
        mean = (1 - math.exp(-h * t)) / h
        moments.append((mean, 2 / h**2 * (1 - math.exp(-h * t) * (1 + h * t)) - mean**2))
    (m0, v0), (m1, v1) = moments
    size = (m1 - m0) / math.sqrt(2 * v0 + 2 * v1)
    plan = StudyPlan("rmst", control={180: 0.5}, ratio=0.5, t=t, horizon=t)
    assert plan._effect().size == pytest.approx(size, rel=1e-12)


# ---- against simulated studies -------------------------------------------------------------------------------------
def study(rng, n, rates, accrual=365.0, cut=730.0, loss=0.0003):
    """Return one simulated study: constant hazards by group and cause, even entries, people lost."""
    arm = np.arange(n) % 2
    exits = np.stack([rng.exponential(1 / rates[k][arm]) for k in range(len(rates))])
    end = np.minimum(cut - rng.uniform(0, accrual, n), rng.exponential(1 / loss, n))
    first = exits.min(axis=0)
    cause = np.where(first <= end, exits.argmin(axis=0) + 1, 0)
    names = ("one", "two")[: len(rates)]
    return TimeToEvent(np.minimum(first, end), cause, names, covariates=pd.DataFrame({"arm": arm}))


PLAN = {"accrual": 365.0, "cut": 730.0, "loss": {1000.0: 1 - math.exp(-0.3)}}
CONTROL = {365.0: 1 - math.exp(-0.0022 * 365)}


def shown(play, plays=400, seed=7):
    rng = np.random.default_rng(seed)
    return np.mean([play(rng) for _ in range(plays)])


def test_simulated_log_rank_tests_show_the_effect_as_often_as_said():
    rates = [np.array([0.0022, 0.0022 * 0.6])]
    found = shown(lambda rng: log_rank(study(rng, 170, rates), "arm").table["p_value"].iloc[0] < 0.05)
    said = estimate(power(170, control=CONTROL, ratio=0.6, **PLAN))
    assert 0.6 < said < 0.8
    assert found == pytest.approx(said, abs=3 * 0.5 / math.sqrt(400))


def test_simulated_log_rank_tests_when_another_exit_competes():
    rates = [np.array([0.0022, 0.0022 * 0.55]), np.array([0.0015, 0.0015])]
    total = 0.0037
    gone = 1 - math.exp(-total * 365)
    control, other = {365.0: gone * 0.0022 / total}, {365.0: gone * 0.0015 / total}
    said = estimate(power(220, control=control, competing=other, ratio=0.55, **PLAN))
    found = shown(
        lambda rng: log_rank(study(rng, 220, rates), "arm", of="one").table["p_value"].iloc[0] < 0.05
    )
    assert found == pytest.approx(said, abs=3 * 0.5 / math.sqrt(400))
    # Taking the others for lost at random when nobody is: more events would be promised than come.
    alone = estimate(power(220, control=CONTROL, ratio=0.55, **PLAN))
    assert alone > said + 0.05


def test_simulated_mean_times_show_the_effect_as_often_as_said():
    rates = [np.array([0.0022, 0.0022 * 0.5])]

    def play(rng):
        curves = kaplan_meier(study(rng, 170, rates), "arm").rmst(365).table
        gap = curves["estimate"].iloc[1] - curves["estimate"].iloc[0]
        return abs(gap) / np.hypot(*curves["std_error"]) > 1.959964

    said = estimate(power(170, design="rmst", control=CONTROL, ratio=0.5, t=365, **PLAN))
    assert 0.5 < said < 0.9
    assert shown(play) == pytest.approx(said, abs=3 * 0.5 / math.sqrt(400))


def test_fine_gray_by_latouches_formula():
    control, other, ratio = {365: 0.4}, {365: 0.3}, 0.6
    plan = StudyPlan("fine_gray", control=control, competing=other, ratio=ratio, horizon=365)
    events = 0.5 * 0.4 + 0.5 * (1 - 0.6**ratio)
    assert plan._effect().events == pytest.approx((0.2, 0.5 * (1 - 0.6**ratio)))
    needed = ((1.959964 + 0.841621) / math.log(ratio)) ** 2 / (0.25 * events)
    assert estimate(plan.sample_size(0.8)) == math.ceil(needed)


# ---- laws and edges ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("more", [{}, {"method": "schoenfeld"}, {"design": "rmst", "t": 300}, {"sides": 1}])
def test_the_size_found_has_the_power_asked_and_one_less_has_not(more):
    plan = StudyPlan(control=CONTROL, ratio=0.6, **more, **PLAN)
    n = int(estimate(plan.sample_size(0.9)))
    assert estimate(plan.power(n)) >= 0.9 - 1e-9
    assert estimate(plan.power(n - 2)) < 0.9


def test_the_least_detectable_ratio_has_the_power_asked():
    plan = StudyPlan(control=CONTROL, ratio=0.6, **PLAN)
    ratio = estimate(plan.detectable(170, 0.8))
    assert estimate(power(170, control=CONTROL, ratio=ratio, **PLAN)) == pytest.approx(0.8, abs=1e-6)
    above = StudyPlan(control=CONTROL, ratio=1.5, **PLAN)
    assert estimate(above.detectable(170, 0.8)) > 1
    few = StudyPlan(control={365: 0.001}, ratio=0.5, horizon=30).detectable(10)
    assert few.table["status"].iloc[0] == "not_estimable"
    with pytest.raises(InputError, match="a `ratio` other than 1"):
        StudyPlan(control=CONTROL, treated={365: 0.3}, **PLAN).detectable(100)


def test_no_effect_gives_alpha_and_no_size():
    plan = StudyPlan(control=CONTROL, ratio=1.0, **PLAN)
    assert estimate(plan.power(500)) == pytest.approx(0.05)
    row = plan.sample_size().table.iloc[0]
    assert row["status"] == "not_estimable"
    assert "no effect" in row["reason"].text("en")


def test_a_pilot_curve_serves_as_the_course(tmp_path):
    rng = np.random.default_rng(3)
    pilot = study(rng, 4000, [np.array([0.0022, 0.0022])])
    curve = kaplan_meier(pilot)
    by_curve = estimate(power(170, control=curve, ratio=0.6, **PLAN))
    assert by_curve == pytest.approx(estimate(power(170, control=CONTROL, ratio=0.6, **PLAN)), abs=0.03)
    treated = {day: 1 - (1 - share) ** 0.6 for day, share in CONTROL.items()}
    same = estimate(power(170, control=CONTROL, treated=treated, **PLAN))
    assert same == pytest.approx(estimate(power(170, control=CONTROL, ratio=0.6, **PLAN)))


def test_a_cut_before_the_last_entries_and_a_course_prolonged_are_said():
    found = power(170, control=CONTROL, ratio=0.6, accrual=730, cut=500, loss={365: 0.1}, horizon=400)
    text = found.summary("fr")
    for words in (
        "68 % seulement des personnes prévues entrent",
        "perdues de vue",
        "400 jours au plus",
        "prolongé",
    ):
        assert words in text.replace("\u00a0", " ").replace("\u202f", " ")
    assert found.table["n_event"].iloc[1:].sum() == pytest.approx(found.table["n_event"].iloc[0])
    axes = found.plot(lang="fr")
    assert axes.get_ylabel() == "puissance"
    assert axes.get_xlabel() == "nombre de personnes"
    assert pickle.loads(pickle.dumps(StudyPlan(control=CONTROL, ratio=0.6, **PLAN))).ratio == 0.6


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"design": "sign"}, "design: must be one of"),
        ({"method": "latouche"}, "method: for log_rank one of"),
        ({"ratio": None}, "ratio, treated: give one"),
        ({"treated": {10: 0.1}}, "ratio, treated: give one"),
        ({"ratio": None, "treated": {10: 0.1}, "design": "cox"}, "proportional hazards; give ratio"),
        ({"competing": {365: 0.1}, "design": "cox"}, "competing: goes with ratio"),
        ({"design": "fine_gray"}, "competing: fine_gray needs"),
        ({"design": "rmst"}, "t: rmst needs the window"),
        ({"design": "rmst", "t": 800.0}, "within the time anybody is followed"),
        ({"cut": math.inf}, "cut, horizon: say when"),
        ({"ratio": -1.0}, "ratio: must be above 0"),
        ({"allocation": 1.0}, "allocation: must lie"),
        ({"sides": 3}, "sides: must be 1 or 2"),
        ({"control": {}}, "control: give shares by day"),
        ({"control": {365: 1.0}}, r"shares in \[0, 1\)"),
        ({"control": {100: 0.5, 365: 0.4}}, "cannot fall"),
        ({"control": {100: 0.0}}, "nobody would meet the event"),
        ({"loss": {10: 0.1, 20: 0.2}}, "loss: one day"),
        ({"competing": {100: 0.2}}, "same days as control"),
        ({"competing": {365: 0.9}}, "reaches 1 on day 365"),
    ],
)
def test_what_cannot_be_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        StudyPlan(**{"control": CONTROL, "ratio": 0.6, **PLAN, **wrong})


def test_curves_that_are_no_course_are_refused():
    tte = TimeToEvent([1.0, 2, 3, 4], [1, 0, 2, 0], ("one", "two"))
    with pytest.raises(InputError, match="one survival curve"):
        StudyPlan(control=aalen_johansen(tte), ratio=0.5, horizon=10)
    with pytest.raises(InputError, match="no event"):
        StudyPlan(control=kaplan_meier(TimeToEvent([1.0, 2], [0, 0], ("one",))), ratio=0.5, horizon=10)


def test_asking_for_too_little_is_refused():
    plan = StudyPlan(control=CONTROL, ratio=0.6, **PLAN)
    with pytest.raises(InputError, match="between alpha"):
        plan.sample_size(0.01)
    with pytest.raises(InputError, match="at least 2"):
        plan.power(1)
    with pytest.raises(InputError, match="whole number of people"):
        plan.power(2.5)
