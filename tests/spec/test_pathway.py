"""A pathway says what it cannot do before it is played: every fault at once, with the line when it stands in a file."""

import pytest

from evalkit.errors import InputError
from evalkit.simulation import Pathway, Scenario, play

GOOD = {
    "start": "2024-01-01",
    "end": "2024-12-31",
    "pools": {"desk": {"weekly": 3}, "bed": {"units": 2}},
    "sources": {
        "street": {"to": "queue", "periods": [{"from": "2024-01-01", "to": "2024-12-31", "number": 100}]}
    },
    "states": {
        "queue": {"kind": "wait", "pool": "desk", "done": {"bed": 0.4, "out": 0.6}},
        "bed": {"kind": "wait", "pool": "bed", "done": "stay"},
        "stay": {
            "kind": "delay",
            "duration": {"family": "weibull", "scale": 20, "shape": 0.8},
            "done": "out",
        },
        "out": {"kind": "exit", "release": "bed"},
    },
}


def changed(path, value, base=None):
    """Return the good tables with one key changed, or removed when the value is None."""
    base = GOOD if base is None else base
    key, *rest = path.split(".")
    out = dict(base)
    if rest:
        out[key] = changed(".".join(rest), value, out[key])
    elif value is None:
        out.pop(key)
    else:
        out[key] = value
    return out


def refusal(tables, lang="en"):
    with pytest.raises(InputError) as caught:
        Pathway(tables)
    return caught.value.render(lang)


def test_a_pathway_that_can_work_is_accepted_and_shown():
    table = Pathway(GOOD).table()
    assert table["state"].tolist() == ["queue", "bed", "stay", "out"]
    assert table.loc[0, "done"] == "bed | out"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("states.queue.done", {"bed": 0.4, "out": 0.5}, "the shares add up to 0.9000 instead of 1 (bed 0.400 and out 0.500)"),
        ("states.queue.done", {"bed": 0.4, "ouf": 0.6}, "no state is called “ouf” (did you mean “out”?)"),
        ("states.queue.pool", "dest", "no pool is called “dest” (did you mean “desk”?)"),
        ("states.queue.pool", None, "a state of kind “wait” needs “pool”"),
        ("states.stay.duration", None, "a state of kind “delay” needs “duration”"),
        ("states.stay.limit", 90, "there is a limit but no way on when it is passed"),
        ("states.stay.late", "out", "“late” is of no use without “limit”"),
        ("states.out.done", "queue", "a state of kind “exit” has no “done”"),
        ("states.lost", {"kind": "exit"}, "nobody can come to state “lost”"),
        ("states.out.release", [], "a place of “bed” taken here is not given back on the way to “out”"),
        ("states.out.release", ["bed", "desk"], "“desk” is a number of slots, which are not given back"),
        ("states.stay.done", [{"when": {"sight": "all"}, "to": {"out": 1}}, {"to": {"out": 1}}], "by “sight” (did you mean “site”?)"),
        ("states.stay.done", [{"when": {"site": "all"}, "to": {"out": 1}}], "the last case must hold for everybody else"),
        ("states.stay.situation", "emploi", "the code “emploi” is not in the vocabulary"),
        ("states.stay.duration", {"family": "weibull", "scale": 3}, "a duration of family “weibull” takes scale and shape"),
        ("states.stay.duration", {"family": "weibul", "scale": 3}, "is not a possible choice"),
        ("states.stay.kind", "delai", "is not a possible choice"),
        ("states.stay.durations", 3, "unknown key (did you mean “duration”?)"),
        ("sources.street.to", "queu", "no state is called “queu” (did you mean “queue”?)"),
        ("sources.street.size", 3, "give one kind of arrivals"),
        ("pools.desk.units", 3, "give one kind of capacity"),
        ("pools.desk.weekly", {"est": 3}, "no site is called “est”"),
        ("sources.street.attributes", {"age": {"young": 1}}, "no attribute is called “age”"),
        ("attributes", {"age": {"levels": ["young", "old"]}}, "the shares of “age” are missing"),
        ("attributes", {"site": {"levels": ["young", "old"]}}, "the name “site” is reserved"),
        ("states.stay.hazard_ratios", {"site": {"al": 2}}, "“al” is not a possible value (did you mean “all”?)"),
        ("states.queue.hazard_ratios", {"site": {"all": 2}}, "acts on a duration, and this state has none"),
        ("states.stay.done", [{"to": {"out": 1}}, {"when": {"site": "all"}, "to": {"out": 1}}], "put it last"),
        ("states.stay.event", {"kind": "interveiw"}, "not in the vocabulary (did you mean “interview”?)"),
        ("sources.street.route", "referal", "not in the vocabulary (did you mean “referral”?)"),
        ("sources.street.overlap", {"with": ["club"], "share": 1, "delay": 0, "duplicate_to": "ou"}, "no source is called “club”"),
        ("sources.street.overlap", {"with": ["street"], "share": 1, "delay": 0, "duplicate_to": "ou"}, "no state is called “ou”"),
        ("sources.street.overlap", {"with": ["street"], "share": 1, "delay": 0, "duplicate_to": "out"}, "an overlap is with a list"),
        ("closing", "2025-01-01", "the closing day, 1 January 2025, lies outside the days played"),
        ("end", "2023-12-31", "ends on 31 December 2023, before it starts"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_its_reason(path, value, said):
    assert said in refusal(changed(path, value))


def test_a_number_for_one_site_only_is_refused():
    tables = changed("pools.desk.weekly", {"a": 3}, changed("sites", ["a", "b"]))
    assert "the value for b is missing; give a number for each site, or one for all" in refusal(tables)


def test_shares_of_an_attribute_add_up_to_one():
    tables = changed("attributes", {"age": {"levels": ["young", "old"]}})
    tables = changed("sources.street.attributes", {"age": {"young": 0.5, "odl": 0.4}}, tables)
    said = refusal(tables)
    assert "“odl” is not a possible value (did you mean “old”?)" in said
    assert "the shares add up to 0.9000 instead of 1" in said


def test_a_ring_in_which_no_time_passes_is_refused():
    tables = changed("states.stay", {"kind": "delay", "duration": 0, "done": {"loop": 0.5, "out": 0.5}})
    tables = changed("states.loop", {"kind": "delay", "duration": 0, "done": "stay"}, tables)
    assert "state “loop” comes round again without time passing" in refusal(tables)


def test_a_ring_of_waits_that_may_all_be_served_at_once_is_refused():
    tables = changed("states.stay.duration", 0)
    tables = changed("states.stay.done", {"bed": 0.5, "out": 0.5}, tables)
    tables = changed("states.stay.release", ["bed"], tables)
    tables = changed("states.out.release", [], tables)
    assert "state “bed” comes round again without time passing" in refusal(tables)


def test_all_faults_come_at_once_in_french_too():
    tables = changed("states.queue.done", {"bed": 0.4, "ouf": 0.5})
    tables = changed("states.lost", {"kind": "exit"}, tables)
    said = refusal(tables, "fr")
    assert len(said.splitlines()) == 3
    assert "states.queue.done : les parts font 0,9000 au lieu de 1" in said
    assert "aucun état ne s'appelle « ouf » (vouliez-vous dire « out » ?)".replace(" ", "") in said.replace(
        "\u00a0", ""
    ).replace("\u202f", "").replace("’", "'").replace(" ", "")


TOML = """
name = "counter"

[pathway]
start = 2024-01-01
end = 2024-12-31

[pathway.pools.desk]
weekly = 3

[pathway.sources.street]
to = "queue"
periods = [{ from = 2024-01-01, to = 2024-12-31, number = 100 }]

[pathway.states.queue]
kind = "wait"
pool = "desk"
done = "served"

[pathway.states.served]
kind = "exit"
"""


def test_a_pathway_written_in_a_file_needs_no_python(tmp_path):
    path = tmp_path / "counter.toml"
    path.write_text(TOML)
    scenario = Scenario.load(path)
    assert play(scenario, seed=1).digest == play(scenario.compile(), seed=1).digest
    more = scenario.with_({"pathway.pools.desk.weekly": 4})
    assert more.compile().tables.pools["desk"].weekly == {"": 4}


def test_faults_of_a_pathway_file_carry_their_line(tmp_path):
    path = tmp_path / "counter.toml"
    path.write_text(TOML.replace('done = "served"', 'done = "serveed"').replace("weekly = 3", "weekly = -3"))
    with pytest.raises(InputError) as caught:
        Scenario.load(path)
    assert str(caught.value).startswith(f"{path}, line 9: pathway.pools.desk.weekly")
    path.write_text(TOML.replace('done = "served"', 'done = "serveed"'))
    with pytest.raises(InputError) as caught:
        Scenario.load(path)
    assert f"{path}, line 18: pathway.states.queue.done.serveed: no state is called “serveed”" in str(
        caught.value
    )
    assert f"{path}, line 20: pathway.states.served: nobody can come to state “served”" in str(caught.value)


def test_the_digest_tells_pathways_apart_and_not_spellings():
    spelled = changed("states.stay.done", {"out": 1.0})
    assert Pathway(spelled).digest == Pathway(GOOD).digest
    assert Pathway(changed("pools.desk.weekly", 4)).digest != Pathway(GOOD).digest
