"""When do students leave, and when do they fall silent? Real registrations, read through the road of a service's dashboard."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import records

import evalkit as ek
from evalkit.study import Answer, Figure, Section, Table
from evalkit.wording import catalogue_from

DAYS = [30, 90, 180]
#: Longer than any module: with it, silence ends nothing and only recorded departures count.
NEVER = 3650
MODEL = "prior_attempts + age_band"


def analyse(study):
    tell = catalogue_from(study.path("wording.toml"))
    read = records.read(study.data("studentInfo.csv").parent, study.provenance())
    fu, counts = read.follow_up, read.counts

    yield Section(tell("people_title"), [tell("people", **counts)])
    yield Table("people", result(study, tell("people_question"), people_table(counts)))
    yield Table(
        "undated",
        result(study, tell("undated_question", n=counts["undated"]), undated_table(read.undated)),
        max_rows=10,
    )

    # Leaving: recorded departures only, from day 0; completers are censored at the length of the module.
    leaving = fu.spells(ek.Silence(days=NEVER, dated_at="threshold", booked="counts"))
    tte = ek.Endpoint("withdrawn", competing=["failed_early"]).of(leaving)
    kept = ek.survival.kaplan_meier(tte, of="any exit")
    late = ek.survival.kaplan_meier(with_late_entry(tte), of="any exit")
    yield Section(tell("leaving_title"), [tell("leaving"), tell("kept_records", **counts)])
    yield Figure("still_registered", kept, alt=tell("kept_alt"))
    yield Table("retention", kept.at(DAYS), title=tell("retention_title"))
    yield Table("retention_late_entry", late.at(DAYS), title=tell("late_title", n=counts["late"]))

    by_age = ek.survival.aalen_johansen(tte, by="age_band")
    by_attempts = ek.survival.aalen_johansen(tte, by="prior_attempts")
    yield Figure("leaving_by_age", by_age, alt=tell("age_alt"))
    yield Table("leaving_by_age_at", by_age.at(DAYS))
    yield Table("leaving_by_attempts_at", by_attempts.at(DAYS))
    model = ek.survival.cox(tte, MODEL, cluster="cluster")
    yield Section(tell("model_title"), [tell("model", students=counts["students"])])
    yield Table("leaving_model", model)

    # Silence: no work handed in for 90 days; the calendar of assessments shapes it.
    rule = ek.Silence(days=90)
    silent = ek.Endpoint("disengaged", competing=["withdrawn", "failed_early"]).of(fu.spells(rule))
    silence = ek.survival.aalen_johansen(silent)
    yield Section(tell("silence_title"), [tell("silence")])
    yield Figure("silence", silence, alt=tell("silence_alt"))
    yield Table("silence_at", silence.at([30, 90, 150]))
    yield Table("silence_rules", rule.compare(fu))

    # Why and how many: the rate of each exit among those still there, and the share that ends by it.
    ratios = ek.survival.cause_specific(silent, MODEL, cause=["disengaged", "withdrawn"], cluster="cluster")
    yield Section(tell("ratios_title"), [tell("ratios")])
    yield Figure("ratios", ratios, alt=tell("ratios_alt"))
    yield Table("ratios_model", ratios)

    # Many never leave: a mixture says how many, if its law is believed past the end of the modules.
    staying = ek.survival.cure(tte, MODEL, MODEL, family="log_normal", of="any exit", cluster="cluster")
    never = staying.cured_share()
    yield Section(tell("staying_title"), [tell("staying")])
    yield Figure("staying", staying, alt=tell("staying_alt"))
    yield Table("staying_model", staying)
    yield Table("staying_share", never)

    # Silence again and again: a registration may come back and fall silent anew; who withdrew and comes back is seen too.
    again = ek.Endpoint("disengaged", competing=["withdrawn", "failed_early"], recurrent=True).of(
        with_end(fu.spells(rule), fu, rule)
    )
    silences = ek.survival.mean_cumulative_count(again, terminal=[], until="observed_until")
    rates = ek.survival.andersen_gill(again, MODEL, cluster="cluster")
    yield Section(tell("again_title"), [tell("again"), tell("again_model")])
    yield Figure("silences", silences, alt=tell("again_alt"))
    yield Table("silences_at", silences.at([30, 90, 150]))
    yield Table("silences_model", rates)

    still = kept.at(DAYS).tidy()["estimate"]
    repeated = silences.at([150]).tidy().iloc[0]
    ever = silence.at([150]).tidy().set_index("cause")["estimate"]["disengaged"]
    quiet = silence.at([90]).tidy().set_index("cause")["estimate"]
    twice = (
        ratios.tidy(exponentiate=True)
        .query("cause == 'withdrawn' and term == 'prior_attempts[2+]'")
        .set_index("part")["estimate"]
    )
    end = kept.tidy().iloc[-1]
    yield Answer([
        tell("answer_people", **counts),
        tell("answer_retention", first=still[0], second=still[1], third=still[2]),
        tell("answer_undated", n=counts["undated"]),
        tell("answer_silence", share=quiet["disengaged"], left=quiet["withdrawn"]),
        tell("answer_again", mean=100 * repeated["estimate"], low=100 * repeated["conf_low"], high=100 * repeated["conf_high"],
             first=100 * ever, more=100 * (repeated["estimate"] - ever)),
        tell("answer_ratios", rate=twice["cause_specific"], share=twice["subdistribution"]),
        tell("answer_staying", never=never.tidy()["estimate"][0], end=end["estimate"], day=int(end["time"])),
        tell("answer_limits"),
    ])  # fmt: skip


def with_late_entry(tte):
    """Count those who registered after day 0 as at risk from that day only; nobody is dropped who could have been seen leaving."""
    registered = tte.covariates["registered_day"].fillna(0).to_numpy(float)
    return dataclasses.replace(tte, entry=np.maximum(registered, 0.0))


def with_end(spells, fu, rule):
    """Say until when each registration was observed: its presentation's end, less the days a silence takes to be known."""
    end = fu.people.set_index("person")["observed_until"]
    origin = spells.frame.drop_duplicates("person").set_index("person")["origin"]
    days = (end.reindex(origin.index).clip(upper=pd.Timestamp(fu.as_of)) - origin).dt.days - rule.days
    return spells.with_covariates(days.rename("observed_until").reset_index(), known_at_origin=True)


def people_table(counts):
    kinds = [
        "registrations",
        "undated",
        "never_started",
        "late",
        "failed_dated",
        "submissions",
        "banked",
        "after_leaving",
    ]
    return pd.DataFrame({"term": kinds, "count": [counts[k] for k in kinds]})


def undated_table(undated):
    columns = {
        "code_module": "module",
        "code_presentation": "presentation",
        "id_student": "student",
        "final_result": "outcome",
    }
    return (
        undated[list(columns)]
        .rename(columns=columns)
        .sort_values(list(columns.values())[:3], ignore_index=True)
    )


def result(study, question, table):
    return ek.Result(table, question, provenance=study.provenance(), labels=study.facts("labels.toml"))
