"""What a pathway may not say is refused with a sentence, and a unit that serves nobody is not taken back."""

import pytest

from evalkit.errors import InputError
from evalkit.simulation import Pathway, Scenario, play, vary
from evalkit.simulation.programme.reference import written

YEAR = {"from": "2024-01-01", "to": "2024-12-31"}


def tables(**more):
    """Return a desk and two beds, with other tables in place of these."""
    made = {
        "start": "2024-01-01", "end": "2024-12-31",
        "pools": {"desk": {"weekly": 3}, "beds": {"units": 2}},
        "sources": {"street": {"to": "queue", "periods": [{**YEAR, "number": 20}]}},
        "states": {
            "queue": {"kind": "wait", "pool": "desk", "done": "night"},
            "night": {"kind": "wait", "pool": "beds", "done": "stay"},
            "stay": {"kind": "delay", "duration": 10, "done": "out"},
            "out": {"kind": "exit", "release": "beds"},
        },
    }  # fmt: skip
    return made | more


def changed(group, name, **more):
    """Return the tables with keys of one row changed."""
    made = tables()
    return tables(**{group: made[group] | {name: made[group].get(name, {}) | more}})


CURVE = {"family": "fitted", "days": [1], "incidence": {"a": [1.0]}}
LISTED = {"to": "queue", "dates": ["2024-02-01"], "size": 3}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "pathway = None : doit être une section"),
        ("a", "pathway = a : doit être une section"),
        (tables(sites=["a", "a"]), "sites : « a » est dit deux fois ; retirez-en un"),
        (
            tables(sites=["b-c", "c"], sources={"a": LISTED, "a-b": LISTED}),
            "sources.a-b : avec ces noms de source et de site, deux personnes s'appelleraient « a-b-c »",
        ),
        (
            changed("sources", "b", **LISTED, overlap={"with": ["b"], "share": 1, "delay": 1, "duplicate_to": "out"}),
            "une liste ne peut pas nommer ses propres personnes ; retirez « b »",
        ),
        (tables(end="2023-01-01"), "pathway : finit le 1er janvier 2023"),
        (changed("pools", "desk", on=[]), "pools.desk.on : il en faut au moins 1"),
        (changed("pools", "desk", weekly=2**70), "doit être au plus 1"),
        (changed("pools", "desk", weekly=3.5), "pools.desk.weekly = 3.5 : doit être un nombre entier"),
        (changed("pools", "desk", weekly=True), "pools.desk.weekly = true : doit être un nombre entier"),
        (changed("states", "stay", duration=True), "states.stay.duration = true : doit être un nombre"),
        (
            tables(pools={"desk": {"sessions": {"dates": ["2025-01-02"], "places": 3}}, "beds": {"units": 2}}),
            "la capacité « desk » n'offre jamais rien",
        ),
        (changed("sources", "street", periods=[{**YEAR, "number": 1e12}]), "doit être au plus 16"),
        (
            tables(sources={"a": {"to": "queue", "spawned": {"state": "queue", "share": 0.5}}}),
            "personne ne peut arriver dans l'état « queue »",
        ),
        (
            changed("sources", "b", to="queue", spawned={"state": "stay", "share": 1, "delay": CURVE}),
            "une courbe (« fitted ») ne peut être que la durée d'un délai",
        ),
        (
            changed(
                "sources", "b", **LISTED,
                overlap={"with": ["street"], "share": 1, "delay": CURVE, "duplicate_to": "out"},
            ),
            "une courbe (« fitted ») ne peut être que la durée d'un délai",
        ),
        (tables(attributes={"person": {"levels": ["a"]}}), "le nom « person » est réservé"),
        (tables(attributes={"age": {"levels": ["a"], "number": "n"}}), "« between »"),
        (
            tables(attributes={"age": {"levels": ["a"], "between": {"a": [3, 2]}}}),
            "va de 3 à 2 ; le premier nombre doit être le plus petit",
        ),
        (
            tables(calendar={"reduced": [{"from": "2024-05-01", "to": "2024-04-01", "share": 0.5}]}),
            "calendar.reduced[1] : finit le 1er avril 2024",
        ),
        (
            changed("states", "stay", done=[{"from": "2024-05-01", "until": "2024-04-01", "to": "out"}, {"to": "out"}]),
            "states.stay.done[1] : finit le 1er avril 2024",
        ),
    ],
)  # fmt: skip
def test_it_is_refused_in_french(given, said):
    with pytest.raises(InputError) as caught:
        Pathway(given)
    assert said in caught.value.render("fr").replace("\xa0", " ")


def test_too_many_people_once_a_shock_has_passed_are_refused():
    flood = tables(shocks=[{"from": "2024-01-01", "sources": {"street": 1000}}])
    flood["sources"]["street"]["periods"][0]["number"] = 1e6
    with pytest.raises(InputError, match="people expected"):
        play(Pathway(flood), seed=1)


def test_a_case_may_lead_to_one_state_by_its_name():
    cases = [{"until": "2024-01-31", "to": "out"}, {"to": {"out": 1.0}}]
    assert (
        Pathway(changed("states", "stay", done=cases)).table().set_index("state").loc["stay", "done"] == "out"
    )


@pytest.mark.parametrize("family", [
    {"family": "weibull", "scale": 1e300, "shape": 1e-300}, {"family": "lognormal", "median": 10, "sigma": 1e6},
])  # fmt: skip
def test_a_duration_beyond_numbers_never_ends(family):
    tape = play(Pathway(changed("states", "stay", duration=family)), seed=1)
    assert set(tape.frame.query("state == 'stay'")["ended"]) <= {"done", "open"}


def beds(units, stay, **more):
    """Return one or two who sleep, and others who may take their bed from them."""
    once = {"size": 1}
    return Pathway({
        "start": "2024-01-01", "end": "2024-02-29", "pools": {"beds": units},
        "sources": {"early": {"to": "queue", "dates": ["2024-01-01"], **once} | more,
                    "urgent": {"to": "now", "dates": ["2024-01-03", "2024-01-04"], **once}},
        "states": {"queue": {"kind": "wait", "pool": "beds", "priority": 5, "done": "stay"},
                   "stay": {"kind": "delay", "duration": 10, "done": "out"} | stay,
                   "now": {"kind": "wait", "pool": "beds", "preempt": True, "done": "night"},
                   "night": {"kind": "delay", "duration": 10, "done": "out"},
                   "out": {"kind": "exit", "release": "beds"}},
    })  # fmt: skip


@pytest.mark.parametrize("engine", ["simpy", "auto"])
def test_a_unit_given_back_already_cannot_be_taken_back(engine):
    """Early gives the bed back on entering the stay: taking it back would make a second bed out of nothing."""
    frame = play(beds({"units": 1}, {"release": "beds"}), seed=1, engine=engine).frame
    assert "preempted" not in set(frame["ended"])
    days = frame.query("state == 'night'")["date"].dt.strftime("%m-%d")
    assert sorted(days) == ["01-03", "01-13"]


@pytest.mark.parametrize("engine", ["simpy", "auto"])
def test_nobody_loses_a_unit_that_no_longer_exists_and_serves_nobody(engine):
    """Two sleep where one bed is left: whoever comes, however urgent, would not get the bed taken from them."""
    units = {"units": 2, "changes": [{"from": "2024-01-02", "units": 1}]}
    frame = play(beds(units, {}, size=2), seed=1, engine=engine).frame
    assert "preempted" not in set(frame["ended"])
    assert frame.query("state == 'night'")["date"].dt.strftime("%m-%d").min() == "01-11"


def test_a_play_without_anybody_says_so():
    nobody = play(Pathway(changed("sources", "street", periods=[{**YEAR, "number": 0}])), seed=1)
    assert len(nobody.roster) == 0
    assert nobody.utilisation().tidy()["used"].tolist() == [0, 0]
    with pytest.raises(InputError, match="nobody"):
        nobody.follow_up()


def test_a_step_that_is_no_number_is_refused_as_any_other_form():
    desk = Scenario.of({"name": "desk", "pathway": tables()})
    with pytest.raises(InputError, match="key=from:to:step"):
        vary(desk, "pathway.pools.desk.weekly=0:1:nan")


def test_what_changes_between_scenarios_is_written_in_the_language_of_the_page():
    assert written("0.9", "fr") == "0,9"
    base = Scenario.of({"name": "base", "pathway": changed("states", "stay", duration=1_234_567)})
    other = Scenario.of({"name": "other", "pathway": changed("states", "stay", duration=0.5)})
    row = base.diff(other).table.iloc[0]
    assert (row["before"], row["after"]) == ("1234567", "0.5")
