"""An attacker with the published page, every total, and arithmetic cannot find a small number of people."""

import numpy as np
import pandas as pd
import pytest
from describe_records import records
from scipy.optimize import linprog

from evalkit.describe import alert, flow, page, table_one
from evalkit.describe.gate import beside
from evalkit.disclosure import Policy


def known(results, shown):
    """Return cells, what adds up among them, and what the published tables say of them: an attacker's notebook."""
    cell = {}
    sums, facts, truth = [], {}, {}
    for k, (raw, public) in enumerate(zip(results, shown, strict=True)):
        column = "count" if "count" in raw.table else "numerator"
        base = "n" if "n" in raw.table else "denominator"
        name = [key if key is not None else (k, i) for i, key in enumerate(raw.keys())]
        of_base = raw.bases()
        for i, key in enumerate(name):
            cell.setdefault(key, len(cell))
            if raw.table[column].notna().iloc[i]:
                truth[key] = float(raw.table[column].iloc[i])
            if public.table[column].notna().iloc[i]:
                facts[key] = float(public.table[column].iloc[i])
            if of_base[i] is not None and public.table[base].notna().iloc[i]:
                facts[name[of_base[i]]] = float(public.table[base].iloc[i])
        for total, parts in raw.partitions():
            if total is not None:
                sums.append((name[total], [name[i] for i in parts]))
    return cell, sums, facts, truth


def bounds(results, shown, target):
    """Return the least and the most people a cell can hold, by all that is shown."""
    cell, sums, facts, _ = known(results, shown)
    lines, right = [], []
    for total, parts in sums:
        line = np.zeros(len(cell))
        line[cell[total]] -= 1
        for part in parts:
            line[cell[part]] += 1
        lines.append(line)
        right.append(0.0)
    limits = [(0, None)] * len(cell)
    for key, value in facts.items():
        limits[cell[key]] = (value, value)
    goal = np.zeros(len(cell))
    goal[cell[target]] = 1
    ends = [linprog(sign * goal, A_eq=np.array(lines), b_eq=right, bounds=limits) for sign in (1, -1)]
    assert all(end.status in (0, 3) for end in ends)
    return ends[0].fun, np.inf if ends[1].status == 3 else -ends[1].fun


def page_results(fu):
    blocks = {block.name: block.result for block in page(fu)}
    return [blocks[name] for name in ("flow_table", "table_one", "indicators", "alert")]


@pytest.mark.parametrize("seed", range(6))
def test_no_small_count_of_the_page_can_be_computed(seed):
    fu = records(n=150 + 40 * seed, seed=seed, weights=(0.6, 0.33, 0.07))
    results = page_results(fu)
    shown = [r.publish() for r in results]
    _, _, facts, truth = known(results, shown)
    small = [key for key, value in truth.items() if 0 < value < 11]
    assert small
    assert not set(small) & set(facts)
    luck = np.random.default_rng(seed)
    for i in luck.choice(len(small), size=min(12, len(small)), replace=False):
        low, high = bounds(results, shown, small[i])
        assert high - low > 0.5, (small[i], low, high)


def test_shown_numbers_are_true_and_zeros_are_shown():
    fu = records(n=200, seed=3)
    for raw, public in ((r, r.publish()) for r in page_results(fu)):
        for column in ("count", "n", "share", "estimate", "numerator", "denominator"):
            if column in raw.table:
                seen = public.table[column].notna()
                assert np.allclose(public.table.loc[seen, column], raw.table.loc[seen, column])
        column = "count" if "count" in raw.table else "numerator"
        assert not public.table[column].between(1, 10).any()


def test_a_table_published_beside_another_hides_what_the_other_hides():
    fu = records(n=260, seed=1, weights=(0.6, 0.33, 0.07))
    tables = [flow(fu), table_one(fu, by="site"), alert(fu)]
    _, together = tables[1].publish(), beside(tables)[1].publish()
    hidden = [set(t.table.index[t.table["count"].isna()]) for t in (tables[1].publish(), together)]
    assert hidden[0] <= hidden[1]


def test_a_mean_of_few_people_is_hidden_and_one_beside_few_missing_values_is_not():
    people = pd.DataFrame({
        "person": [f"p{i:03d}" for i in range(70)],
        "site": ["Est"] * 33 + ["Centre"] * 30 + ["Nord"] * 7,
        "age_at_entry": [None] * 3 + [17.0, 18.0, 19.0] * 22 + [16.0],
        "entered_on": "2010-06-01",
    })  # fmt: skip
    from evalkit.followup import FollowUp

    public = table_one(FollowUp.from_frames(people, as_of="2011-09-30"), by="site").publish().table
    means = public[(public["term"] == "age_at_entry") & (public["part"] == "mean")].set_index("site")
    # The seven of Nord, and the next smallest site, whose mean would give theirs away.
    assert means["estimate"].notna().to_dict() == {"all": True, "Centre": False, "Est": True, "Nord": False}
    # The number of those known in Est would give the three missing away.
    assert np.isnan(means.loc["Est", "count"])


def test_a_lowered_threshold_hides_less_and_says_so():
    fu = records(n=200, seed=2)
    strict, open_ = flow(fu).publish(), flow(fu).publish(Policy(2, "simulated for a test"))
    assert open_.table["count"].isna().sum() < strict.table["count"].isna().sum()


def test_simulated_people_are_shown():
    fu = records(n=60, seed=1, kind="simulated")
    assert all(r.publish().table.get("status", pd.Series("ok")).eq("ok").all() for r in page_results(fu))


def test_a_zero_of_a_site_whose_base_is_hidden_is_hidden_too():
    from evalkit.followup import FollowUp

    people = pd.DataFrame({
        "person": [f"p{i:03d}" for i in range(60)],
        "site": ["Est"] * 57 + ["Nord"] * 3,
        "spotted_on": "2010-05-01",
        "entered_on": ["2010-06-01"] * 57 + ["2010-06-01"] * 3,
    })  # fmt: skip
    # Everybody of Est is in contact, nobody of Nord.
    acts = pd.DataFrame({"person": people["person"][:57], "date": "2011-09-20", "kind": "interview"})
    fu = FollowUp.from_frames(people, acts, as_of="2011-09-30")
    raw = dict(zip(("flow", "table_one", "indicators", "alert"), page_results(fu), strict=True))
    public = {name: result.publish().table for name, result in raw.items()}
    for name in ("flow", "alert"):
        nord = public[name][public[name]["site"] == "Nord"]
        assert len(nord)
        assert nord[["count", "n", "share"]].isna().all(axis=None)
        assert (nord["status"] == "suppressed").all()
    # A zero of everybody is still told.
    everybody = public["alert"][public["alert"]["site"] == "all"].set_index("term")["count"]
    assert everybody["silent"] == 0
