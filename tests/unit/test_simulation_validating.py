"""The validation pack: its theory against printed numbers, its verdicts against engines that are right and answers that are wrong."""

import json
import math
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evalkit.cli import main
from evalkit.errors import InputError
from evalkit.simulation import Pathway, play, validate
from evalkit.simulation.engines import simpy_engine
from evalkit.simulation.validating import theory
from evalkit.simulation.validating.models import FOLDER, all_models
from evalkit.simulation.validating.pack import JOINT

MODELS = {m.name: m for m in all_models()}


@pytest.fixture(scope="module")
def whole():
    """On the quick engine where numba is there: that the readable one writes the same tapes is a test of its own, below."""
    return validate("auto", quick=True)


def test_the_engine_comes_to_what_is_known(whole):
    table = whole.tidy()
    bad = table[table["verdict"] != "good"]
    assert whole.ok, bad[["model", "quantity", "part", "expected", "estimate", "half_width"]].to_string()
    assert set(table["model"]) == {p.stem for p in FOLDER.glob("*.toml")}, "a file nobody plays"


def test_the_joint_level_is_that_of_all_the_verdicts_together(whole):
    table = whole.tidy()
    assert table["conf_level"].replace(1.0, np.nan).dropna().unique() == pytest.approx(
        [JOINT ** (1 / len(table))]
    )
    one = validate("simpy", quick=True, models=[MODELS["md1"]]).tidy().iloc[0]
    many = table[table["model"] == "md1"].iloc[0]
    assert one["conf_level"] == pytest.approx(JOINT)
    assert one["half_width"] < many["half_width"]
    assert one["estimate"] == many["estimate"]


def test_half_widths_are_students_over_the_batches(whole):
    """Of a mean, plainly; of a ratio of sums, as leaving each batch out in turn has it."""
    t = lambda row: stats.t.ppf(0.5 + row["conf_level"] / 2, row["n"] - 1)

    def batches(model, k, plays):
        pathway = MODELS[model].scenario().compile()
        tapes = [play(pathway, 20_240_101, r) for r in range(plays)]
        return np.concatenate([MODELS[model].quantities[k].measure(tape) for tape in tapes])

    row = whole.tidy().query("model == 'mmc' and quantity == 'inside'").iloc[0]
    values = batches("mmc", 2, 4)
    assert (row["n"], row["estimate"]) == (32, pytest.approx(values.mean()))
    assert row["half_width"] == pytest.approx(t(row) * stats.sem(values))

    row = whole.tidy().query("model == 'loss' and part == 'constant'").iloc[0]
    sums = batches("loss", 2, 4)
    without = [(s := np.delete(sums, k, axis=0).sum(axis=0))[0] / s[1] for k in range(len(sums))]
    jackknife = np.sqrt((len(sums) - 1) * np.var(without))
    assert row["estimate"] == pytest.approx(sums[:, 0].sum() / sums[:, 1].sum())
    assert row["half_width"] == pytest.approx(t(row) * jackknife, rel=0.02)


@pytest.mark.parametrize(
    ("name", "off"),
    [("mmc", 1.8), ("patience_constant", 1.25), ("priority", 1.4), ("track", 1.1), ("weekly_slots", None)],
)
def test_a_wrong_answer_is_found_out(name, off):
    model = MODELS[name]
    first = model.quantities[0]
    wrong = replace(first, expected=lambda: 1 / 86400 if off is None else off * first.expected())
    found = validate("simpy", quick=True, models=[replace(model, quantities=(wrong,))])
    assert not found.ok
    assert found.tidy()["verdict"].tolist() == ["failed"]
    assert "at fault" in found.caveats[0].text("en")


@pytest.mark.parametrize(
    ("name", "method", "broken"),
    [
        ("preemption", "_preempt", lambda play, row, at: None),
        ("loss", "_turned_away", lambda play, i, row: False),
        ("track", "_change_tracks", lambda play, i, row, number: None),
        ("erlang_a", "_limit", lambda play, event: None),
    ],
)
def test_an_engine_that_lacks_a_mechanism_is_found_out(name, method, broken, monkeypatch):
    monkeypatch.setattr(simpy_engine._Play, method, broken)
    assert not validate("simpy", quick=True, models=[MODELS[name]]).ok


def test_a_value_that_is_not_a_number_is_not_good():
    model = MODELS["md1"]
    for nothing in (np.full(8, np.nan), np.zeros((8, 2))):
        empty = replace(model.quantities[0], measure=lambda tape, nothing=nothing: nothing)
        assert not validate("simpy", quick=True, models=[replace(model, quantities=(empty,))]).ok


def test_nothing_to_play_is_refused():
    with pytest.raises(InputError, match="no model"):
        validate("simpy", models=[])


@pytest.mark.parametrize("name", sorted(p.stem for p in FOLDER.glob("*.toml")))
def test_both_engines_write_the_same_tape_of_every_model(name):
    pytest.importorskip("numba", reason="no numba (extra: fast)")
    pathway = MODELS[name].scenario().compile()
    assert play(pathway, 5, engine="compiled").digest == play(pathway, 5, engine="simpy").digest


def test_the_models_are_tables_that_anybody_can_read():
    for file in FOLDER.glob("*.toml"):
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        assert set(data) == {"name", "title", "pathway"}
        assert set(data["title"]) == {"fr", "en"}
        assert Pathway(data["pathway"]).digest == MODELS[file.stem].scenario().compile().digest


def test_the_command_says_it_and_exits_with_it(capsys, monkeypatch):
    from evalkit.simulation.validating import pack

    model = MODELS["md1"]
    wrong = replace(model.quantities[0], expected=lambda: 9.0)
    monkeypatch.setattr(pack, "all_models", lambda: (MODELS["md1"],))
    assert main(["simulation", "validate", "--engine", "simpy", "--quick", "--lang", "fr"]) == 0
    told = capsys.readouterr().out
    assert "File M/D/1" in told
    assert "retrouvé" in told
    assert "demi-largeur" in told
    monkeypatch.setattr(pack, "all_models", lambda: (replace(model, quantities=(wrong,)),))
    assert main(["simulation", "validate", "--engine", "simpy", "--quick", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["checks"][0]["verdict"]) == (False, "failed")
    assert main(["simulation", "validate", "--engine", "abacus", "--quick"]) == 2


# ---- theory against printed numbers -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("lines", "load", "loss"),
    [(5, 1.361, 0.01), (10, 4.461, 0.01), (20, 12.03, 0.01), (10, 5.084, 0.02), (30, 21.93, 0.02), (100, 84.06, 0.01)],
)  # fmt: skip
def test_erlang_b_tables(lines, load, loss):
    """Traffic tables: offered load in erlangs for a loss of 1 % or 2 %."""
    assert theory.erlang_b(lines, load) == pytest.approx(loss, abs=2e-5 if lines < 20 else 2e-4)


def test_the_clinic_of_gross_and_harris():
    """Gross and Harris (1998), example 2.4: three doctors, six patients an hour, twenty minutes each: L_q = 8/9, W_q = 8.9 min."""
    wait = theory.mmc_wait(3, 6.0, 1 / 3)
    assert (6 * wait, 60 * wait) == (pytest.approx(8 / 9), pytest.approx(8.9, abs=0.05))


def test_the_call_centre_of_garnett_mandelbaum_and_reiman():
    """Garnett, Mandelbaum and Reiman (2002), table 1: 50 agents, 48 calls a minute, service 1 min, patience 2 min: 3.1 % give up,
    a wait of 3.7 s; without patience 20.8 s."""
    found = theory.abandonment(50, 48.0, 1.0, theory.exponential_patience(2.0))
    assert round(found["gave_up"], 3) == 0.031
    assert round(60 * found["wait"], 1) == 3.7
    assert round(60 * theory.mmc_wait(50, 48.0, 1.0), 1) == 20.8


@pytest.mark.parametrize(("servers", "rate", "service", "mean"), [(2, 2.4, 1.0, 3.0), (3, 1.0, 4.0, 10.0)])
def test_abandonment_is_the_birth_and_death_chain_when_patience_is_exponential(servers, rate, service, mean):
    n = 400
    down = [min(k, servers) / service + max(k - servers, 0) / mean for k in range(1, n)]
    weights = np.concatenate([[1.0], np.cumprod(rate / np.array(down))])
    weights /= weights.sum()
    queue = (np.maximum(np.arange(n) - servers, 0) * weights).sum()
    found = theory.abandonment(servers, rate, service, theory.exponential_patience(mean))
    assert found == pytest.approx(
        {
            "delayed": weights[servers:].sum(),
            "gave_up": queue / mean / rate,
            "wait": queue / rate,
        }
    )


def test_a_fixed_patience_without_end_is_erlang_c_and_without_length_is_erlang_b():
    long = theory.abandonment(3, 2.0, 1.0, theory.constant_patience(500.0), (500.0,))
    assert (long["delayed"], long["wait"]) == (
        pytest.approx(theory.erlang_c(3, 2.0)),
        pytest.approx(theory.mmc_wait(3, 2.0, 1.0)),
    )
    short = theory.abandonment(3, 2.0, 1.0, theory.constant_patience(1e-9), (1e-9,))
    assert short["gave_up"] == pytest.approx(theory.erlang_b(3, 2.0), rel=1e-6)


def test_the_two_classes_of_adan_and_resing():
    """Adan and Resing (2002), section 9: arrivals 0.2 and 0.6, exponential services of mean 1. Times in the system: 2 and 6 when
    nobody is interrupted, 1.25 and 6.25 when the urgent interrupt, 5 without priority."""
    kept = theory.cobham((0.2, 0.6), (1.0, 1.0), (2.0, 2.0))
    assert [w + 1 for w in kept] == pytest.approx([2.0, 6.0])
    assert theory.preemptive((0.2, 0.6), (1.0, 1.0), (2.0, 2.0)) == pytest.approx([1.25, 6.25])
    assert theory.mmc_wait(1, 0.8, 1.0) + 1 == pytest.approx(5.0)


def test_priorities_keep_the_load_weighted_wait():
    """Kleinrock's conservation law: the order of service moves waits between classes, not their load-weighted sum."""
    rates, means, seconds = (0.2, 0.3, 0.3), (0.8, 0.6, 1.0), (1.28, 0.36, 1.5)
    loads = np.multiply(rates, means)
    fifo = sum(r * s for r, s in zip(rates, seconds, strict=True)) / 2 / (1 - loads.sum())
    waits = theory.cobham(rates, means, seconds)
    assert loads @ waits == pytest.approx(loads.sum() * fifo)
    assert np.dot(theory.cobham_servers(2, (0.4, 0.6, 0.5), 1.0), (0.4, 0.6, 0.5)) == pytest.approx(
        1.5 * theory.mmc_wait(2, 1.5, 1.0)
    )


def test_a_finite_room_between_loss_and_no_limit():
    assert theory.finite_buffer(4, 4, 3.0, 1.0) == {
        "turned_away": pytest.approx(theory.erlang_b(4, 3.0)),
        "wait": 0.0,
    }
    assert theory.finite_buffer(3, 400, 2.25, 1.0)["wait"] == pytest.approx(theory.mmc_wait(3, 2.25, 1.0))
    # M/M/1/K is geometric.
    assert theory.finite_buffer(1, 3, 0.5, 1.0)["turned_away"] == pytest.approx(0.5**4 / (1 - 0.5**4))


def test_service_law_in_pollaczek_and_khinchine():
    assert theory.pollaczek_khinchine(0.8, 1.0, 2.0) == pytest.approx(theory.mmc_wait(1, 0.8, 1.0))
    first, second = theory.empirical_moments((0.2, 0.4, 0.5, 1.9))
    drawn = np.interp(np.linspace(0, 1, 300_001), np.arange(4) / 3, (0.2, 0.4, 0.5, 1.9))
    assert (first, second) == (
        pytest.approx(drawn.mean(), rel=1e-4),
        pytest.approx((drawn**2).mean(), rel=1e-4),
    )


def test_a_network_of_one_node_with_a_way_back():
    """Half come back: the node sees twice the arrivals."""
    assert theory.jackson((0.3,), ((0.5,),), (1.0,), (1,)) == pytest.approx([0.6 / 0.4])


def test_a_caseload_of_exponential_stays():
    """Constant arrivals from empty: rate * mean * (1 - exp(-t/mean))."""
    stayed = theory.exponential_patience(60.0)
    assert theory.caseload(90.0, [(0.0, 365.0, 2.0)], stayed) == pytest.approx(120 * (1 - math.exp(-1.5)))
    halves = theory.caseload(90.0, [(0.0, 40.0, 2.0), (40.0, 365.0, 2.0)], stayed)
    assert halves == pytest.approx(theory.caseload(90.0, [(0.0, 365.0, 2.0)], stayed))


def test_silence_in_closed_form_when_gaps_are_exponential():
    """Between one and two limits: exp(-rL) (1 + r (t - L))."""
    rate = 1 / 40
    gap = lambda x: 1 - np.exp(-rate * x)
    closed = math.exp(-rate * 90) * (1 + rate * 60)
    assert theory.silent_by(gap, 90.0, 150.0, step=0.05) == pytest.approx(closed, rel=5e-4)
    assert theory.silent_by(gap, 90.0, 89.0, step=0.5) == 0.0


def test_slots_worked_by_hand():
    """Two slots from day 0, none lost before day 7: three people on day 1 and one on day 7."""
    served = theory.slots(np.array([1.0, 1.0, 1.0, 7.0, 8.0]), [(0.0, 2), (7.0, 2), (14.0, 0)])
    assert served.tolist() == [1.0, 1.0, 7.0, 7.0, math.inf]


def test_switched_hazard_without_a_switch_is_exponential():
    assert theory.switched(40.0, 20.0, 1.0) == pytest.approx({"mean": 40.0, "stayed": math.exp(-1.0)})
