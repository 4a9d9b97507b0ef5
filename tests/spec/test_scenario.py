"""Scenario files, as those who write them meet them: what is wrong, on which line, and what to write instead."""

from pathlib import Path

import pytest

from evalkit.errors import InputError
from evalkit.simulation import Scenario, vary

SCENARIOS = Path(__file__).parents[1] / "scenarios"
BASELINE = (SCENARIOS / "baseline.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def baseline():
    return Scenario.load(SCENARIOS / "baseline.toml")


def faults(tmp_path, old, new, lang="en", base=BASELINE):
    assert old in base
    path = tmp_path / "baseline.toml"
    path.write_text(base.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Scenario.load(path)
    return caught.value.render(lang)


def line_of(text):
    return BASELINE[: BASELINE.index(text)].count("\n") + 1


NOTICE = next(row for row in BASELINE.splitlines() if row.startswith("notice"))


def test_a_bare_number_is_refused_with_what_to_write(tmp_path):
    said = faults(tmp_path, NOTICE, "notice = 7")
    assert (
        f"line {line_of(NOTICE)}: counsellors.notice = 7: an assumption does not go without its source"
        in said
    )
    assert (
        'write counsellors.notice = { value = 7, unit = "days", source = "…", status = "assumed", range ='
        in said
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('unit = "days"', 'unit = "weeks"', "counsellors.notice.unit = “weeks”: this quantity is expressed in “days” or “jours”"),
        ("value = 7,", "value = -1,", "counsellors.notice.value = -1: must lie between 0 and 7,300 (days)"),
        ("value = 7,", 'value = "7,5",', "counsellors.notice.value = 7,5: write 7.5, with a decimal point"),
        ("value = 7,", "value = 30,", "counsellors.notice.range: the value 30 lies outside its range, 1 to 21"),
        ('status = "assumed"', 'status = "guess"', "counsellors.notice.status = “guess”: possible choices: published"),
        ("range = [1, 21]", "range = [21, 1]", "the range starts at 21 and ends at 1"),
        (", range = [1, 21]", "", "counsellors.notice.range is missing: a value that is “assumed” has a plausible range"),
        ('source = "sans mesure", ', "", "counsellors.notice.source is missing"),
        ('source = "sans mesure"', 'sorce = "sans mesure"', "counsellors.notice.sorce: unknown key (did you mean “source”?)"),
    ],
)  # fmt: skip
def test_faults_of_one_assumption(tmp_path, old, new, said):
    found = faults(tmp_path, NOTICE, NOTICE.replace(old, new))
    assert said in found
    assert f"line {line_of(NOTICE)}" in found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("patience = {", "patiance = {", "counsellors.patiance: unknown key (did you mean “patience”?)"),
        ("[channels.prevention", "[channels.preventoin", "“preventoin” is unknown here (did you mean “prevention”?)"),
        ("[solutions.employment]", "[solutions.employement]", "“employement” is unknown here (did you mean “employment”?)"),
        ("mobilisation = 2010-06-01", "mobilisation = 2009-06-01", "mobilisation (1 June 2009) comes before start (1 January 2010)"),
        ('served_first = "none"', 'served_first = "nobody"', "is not a possible choice"),
        ('route = "reactivation"', 'route = "reactivated"', "“reactivated” is unknown here (did you mean “reactivation”?)"),
        ("value = { centre = 17, est = 21 }", "value = { centre = 17, west = 21 }", "“west” is unknown here (did you mean “est”?)"),
        ("value = { centre = 17, est = 21 }", "value = { centre = 17.5, est = 21 }", "must be a whole number"),
    ],
)  # fmt: skip
def test_faults_of_the_file(tmp_path, old, new, said):
    assert said in faults(tmp_path, old, new)


def test_a_decimal_comma_is_explained(tmp_path):
    row = next(r for r in BASELINE.splitlines() if r.startswith("out_of_scope"))
    said = faults(tmp_path, row, row.replace("0.12", "0,12"))
    assert "value = 0,12: write 0.12, with a decimal point, not a comma" in said


def test_every_fault_at_once_each_with_its_line_in_both_languages(tmp_path):
    text = BASELINE.replace(NOTICE, "notice = 7").replace("patience = {", "patiance = {")
    path = tmp_path / "baseline.toml"
    path.write_text(text.replace('served_first = "none"', 'served_first = "nobody"'), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Scenario.load(path)
    english, french = caught.value.render("en").splitlines(), caught.value.render("fr").splitlines()
    assert len(english) == len(french) == 4  # patience is missing, patiance is unknown
    assert all(row.startswith(f"{path}, line ") for row in english)
    assert all(row.startswith(f"{path}, ligne ") for row in french)
    assert [f.line for f in caught.value.faults] == sorted(f.line for f in caught.value.faults)


def test_shares_that_exceed_all_are_refused(tmp_path):
    old = next(row for row in BASELINE.splitlines() if row.startswith("solution = {"))
    said = faults(
        tmp_path,
        old,
        'solution = { value = 0.95, unit = "share", source = "x", status = "assumed", range = [0, 1] }',
    )
    assert "follow_up.after_meeting: these shares add up to" in said


def test_units_may_be_written_in_french(tmp_path):
    path = tmp_path / "baseline.toml"
    path.write_text(BASELINE.replace('unit = "days"', 'unit = "jours"'), encoding="utf-8")
    assert Scenario.load(path).model.counsellors.notice.unit == "days"


def test_a_list_planned_outside_the_programme_is_refused(tmp_path):
    (tmp_path / "baseline.toml").write_text(BASELINE, encoding="utf-8")
    text = (SCENARIOS / "education_nationale.toml").read_text(encoding="utf-8")
    child = tmp_path / "list.toml"
    child.write_text(
        text.replace("dates = [", 'overlaps_with = ["club"]\ndates = [2012-03-01, '), encoding="utf-8"
    )
    with pytest.raises(InputError) as caught:
        Scenario.load(child)
    said = str(caught.value)
    assert (
        "education_nationale.dates[1]: 1 March 2012 lies outside the programme, 1 January 2010 to 31 December 2011"
        in said
    )
    assert "education_nationale.overlaps_with: “club” is unknown here" in said


# ---- based_on -----------------------------------------------------------------------------------------------------------
def test_a_scenario_says_only_what_it_changes(baseline):
    other = Scenario.load(SCENARIOS / "education_nationale.toml")
    assert baseline.model.education_nationale is None
    assert other.model.education_nationale is not None
    assert other.model.channels == baseline.model.channels
    changed = baseline.diff(other).tidy()
    assert changed["term"].str.startswith("education_nationale.").all()
    assert {"before", "after", "unit", "source"} <= set(changed.columns)


def test_a_changed_assumption_is_replaced_whole(tmp_path):
    """The old source must not vouch for the new value."""
    (tmp_path / "baseline.toml").write_text(BASELINE, encoding="utf-8")
    child = tmp_path / "child.toml"
    child.write_text(
        'name = "child"\nbased_on = "baseline.toml"\n[counsellors]\nnotice = { value = 9 }\n',
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        Scenario.load(child)
    assert f"{child}, line 4: counsellors.notice.source is missing" in str(caught.value)


def test_faults_name_the_file_that_says_it(tmp_path):
    parent, child = tmp_path / "baseline.toml", tmp_path / "child.toml"
    parent.write_text(BASELINE.replace(NOTICE, "notice = 7"), encoding="utf-8")
    child.write_text('name = "child"\nbased_on = "baseline.toml"\ntitel = { fr = "x" }\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Scenario.load(child)
    said = str(caught.value)
    assert f"{parent}, line {line_of(NOTICE)}: counsellors.notice" in said
    assert f"{child}, line 3: titel: unknown key (did you mean “title”?)" in said


def test_a_ring_of_scenarios_is_refused_naming_it(tmp_path):
    for name, base in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.toml").write_text(f'name = "{name}"\nbased_on = "{base}.toml"\n')
    with pytest.raises(InputError, match=r"c\.toml, line 2: .*in a ring: a.toml → b.toml → c.toml → a.toml"):
        Scenario.load(tmp_path / "a.toml")


def test_a_missing_base_is_refused_where_it_is_named(tmp_path):
    (tmp_path / "a.toml").write_text('name = "a"\n\nbased_on = "base.toml"\n')
    with pytest.raises(
        InputError, match=r"a\.toml, line 3: based_on = “base.toml”: this file does not exist in folder"
    ):
        Scenario.load(tmp_path / "a.toml")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="this file does not exist"):
        Scenario.load(tmp_path / "nothing.toml")


# ---- changing, reading ----------------------------------------------------------------------------------------------------
def test_with_changes_one_number_and_says_it_is_assumed(baseline):
    other = baseline.with_(counsellors={"slots_per_week": 60})
    slots = other.model.counsellors.slots_per_week
    assert (slots.at("centre"), slots.at("est"), slots.status, slots.unit) == (
        60,
        60,
        "assumed",
        "slots per week",
    )
    assert slots.source.startswith("with_()")
    assert baseline.model.counsellors.slots_per_week.at("est") == 21
    only_est = baseline.with_({"counsellors.slots_per_week.est": 60}).model.counsellors.slots_per_week
    assert (only_est.at("centre"), only_est.at("est")) == (17, 60)


def test_with_widens_the_range_to_hold_the_new_value(baseline):
    notice = baseline.with_({"counsellors.notice": 100}).model.counsellors.notice
    assert notice.range == (1.0, 100.0)


def test_with_refuses_unknown_names_and_impossible_values(baseline):
    with pytest.raises(InputError, match="counselors: unknown key \\(did you mean “counsellors”"):
        baseline.with_(counselors={"slots_per_week": 60})
    with pytest.raises(
        InputError, match="counsellors.slot_per_week: unknown key \\(did you mean “slots_per_week”"
    ):
        baseline.with_({"counsellors.slot_per_week": 60})
    with pytest.raises(InputError, match="counsellors.slots_per_week.ets: unknown key \\(did you mean “est”"):
        baseline.with_({"counsellors.slots_per_week.ets": 60})
    with pytest.raises(InputError, match="counsellors.no_show.value = 1.2: must lie between 0 and 1"):
        baseline.with_({"counsellors.no_show": 1.2})
    with pytest.raises(InputError, match="same for all sites"):
        baseline.with_({"follow_up.silence": {"centre": 60, "est": 90}})


def test_no_change_is_the_same_scenario(baseline):
    assert baseline.with_().digest == baseline.digest
    assert baseline.diff(baseline.with_()).tidy().empty
    assert baseline.with_({"counsellors.notice": 8}).digest != baseline.digest


def test_assumptions_are_listed_number_by_number(baseline):
    table = baseline.assumptions().set_index("key")
    assert table.loc["counsellors.slots_per_week.est", "value"] == 21
    assert (table.loc["counsellors.slots_per_week.est", ["low", "high"]] == [12, 36]).all()
    assert table["unit"].ne("").all()
    assert table["source"].ne("").all()
    assert table.loc[table["status"] != "published", ["low", "high"]].notna().all(axis=None)
    assert table[["label_fr", "label_en"]].ne("").all(axis=None)


def test_check_counts_the_statuses_and_warns(baseline):
    told = baseline.check()
    assert told.tidy().set_index("part")["n"].sum() == len(baseline.assumptions())
    assert any("no validation" in c.text("en") for c in told.caveats)
    starved = baseline.with_({"counsellors.slots_per_week": 3}).check()
    assert sum("the queue may grow" in c.text("en") for c in starved.caveats) == 2


def test_vary_makes_a_named_scenario_for_each_value(baseline):
    made = vary(baseline, "counsellors.slots_per_week.est=50:60:5")
    assert [s.model.counsellors.slots_per_week.at("est") for s in made] == [50, 55, 60]
    assert made[1].name == "baseline, counsellors.slots_per_week.est = 55"
    assert [
        s.model.counsellors.no_show.at("est") for s in vary(baseline, "counsellors.no_show=0.1:0.3:0.1")
    ] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("values", ["", "=1:2", "=a:b:c", "=0.3:0.1:0.1", "=0.1:0.3:0"])
def test_vary_refuses_what_it_cannot_read(baseline, values):
    with pytest.raises(InputError, match="counsellors.no_show"):
        vary(baseline, f"counsellors.no_show{values}")


def test_a_step_that_makes_more_scenarios_than_anybody_reads_is_refused_at_once(baseline):
    with pytest.raises(InputError, match="makes 40,000,001 scenarios; 200 at most"):
        vary(baseline, "counsellors.notice=5:9:0.0000001")
