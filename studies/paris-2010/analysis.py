"""What if the Education Nationale had shared its list? From the published totals to the answer, in the order of the page.

The numbers behind each line are in `answer.py`, the published side in `published.py`, the words in `wording.toml`.
"""

import answer
import pictures
import published
from published import END, say

import evalkit as ek
from evalkit.study import Answer, Assumptions, Figure, Section, Table

M = ek.simulation
#: How many plays: of the two scenarios; of each set of assumptions; of each value beyond a range; of each diary.
PLAYS, PLAYS_PER_DRAW, PLAYS_PER_VALUE, PLAYS_PER_DIARY = 100, 3, 6, 12
DRAWS, DECIDING, MORE_SLOTS = 128, 3, 3


def analyse(study):
    """Yield the parts of the page."""
    about = study.provenance()
    luck = {"seed": study.seed, "jobs": study.jobs, "until": END}

    # What the report says, and where it does not add up.
    yield Section(say("section_published"), [say("section_published_text")])
    yield Table("identities", published.identities(), columns=["claim", "computed", "published", "verdict"])
    yield Table("inconsistencies", published.inconsistencies())

    # Two scenarios, the same luck; then fuller and emptier diaries.
    baseline = M.Scenario.load(study.path("scenarios", "baseline.toml"))
    listed = M.Scenario.load(study.path("scenarios", "education_nationale.toml"))
    played = M.contrast(baseline, listed, n=PLAYS, **luck)
    seen = M.observe(answer.diaries(baseline, listed, MORE_SLOTS), n=PLAYS_PER_DIARY, **luck)

    compared = answer.comparison(played, seen.traits, about)
    yield Section(say("section_baseline"), [say("section_baseline_text")])
    yield Figure("published_and_simulated", compared, alt=say("alt_comparison"), draw=pictures.comparison)
    yield Table("published_and_simulated", compared)

    # How many more: over the assumptions first, by luck alone second.
    draws = M.draw_assumptions(answer.DRAWN, n=DRAWS, seed=study.seed)
    over = M.over_assumptions(baseline, listed, draws, n=PLAYS_PER_DRAW, **luck)
    gained = answer.gains(played, over, PLAYS_PER_DRAW, about)
    central = gained.table.set_index("gain").loc["mobilised", "estimate"]

    left = answer.funnel(seen.passages, central, about)
    yield Section(say("section_list"), [say("section_list_text")])
    yield Figure("funnel", left, alt=say("alt_funnel"), draw=pictures.funnel)
    yield Table("funnel", left)

    yield Section(say("section_gain"), [say("section_gain_text"), answer.against_target(over)])
    yield Figure("ranges", answer.ranges(gained), alt=say("alt_ranges"), draw=pictures.ranges)
    yield Table("gains", gained, columns=answer.GAINS_SHOWN)

    # Which assumptions decide, and beyond which value the gain is lost.
    decide = answer.deciding(draws, over, about)
    keys = list(decide.table["term"][:DECIDING])
    values = [scenario for key in keys for scenario in answer.sweep(listed, key)]
    vanish = answer.vanishing(M.contrast(baseline, values, n=PLAYS_PER_VALUE, **luck), keys, listed, about)
    yield Figure(
        "deciding",
        decide,
        alt=say("alt_tornado"),
        draw=pictures.tornado(answer.gain_by_draw(over, "mobilised").mean()),
    )
    yield Table(
        "deciding", decide, columns=["label", "correlation", "weight", "lowest_third", "highest_third"]
    )
    yield Table(
        "vanishing",
        vanish,
        columns=["label", "value", "low", "high", "gain_low", "gain_high", "below", "above"],
    )

    # Who waits.
    start, comes = answer.first_day(baseline), answer.handed_over(listed)
    waited = answer.waits_table(seen.waits, start, comes, MORE_SLOTS, about)
    over_time = answer.waits_over_time(seen.waits, start, about)
    yield Section(say("section_wait"), [say("section_wait_text")])
    yield Figure("waits", over_time, alt=say("alt_waits"), draw=pictures.waits(comes))
    yield Table("waits", waited)

    yield Answer(answer.lines(gained, vanish, waited, played))
    yield Assumptions(
        "assumptions", answer.assumptions(listed, about), columns=answer.ASSUMPTIONS_SHOWN, max_rows=200
    )
    yield Assumptions("elsewhere", published.parameters())
    yield Assumptions("draws", answer.drawn(draws, over, about), columns=list(answer.GAINS), max_rows=8)
