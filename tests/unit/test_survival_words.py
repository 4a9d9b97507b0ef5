"""What results of survival say in French: the right question, and no English left."""

import numpy as np
import pandas as pd

import evalkit as ek
from evalkit.timetoevent import IntervalTimes

S = ek.survival


def people(n: int = 200) -> ek.TimeToEvent:
    rng = np.random.default_rng(3)
    return ek.TimeToEvent(
        time=np.ceil(rng.exponential(60, n)), cause=rng.integers(0, 3, n), causes=("départ", "emploi"),
        covariates=pd.DataFrame({"helped": rng.integers(0, 2, n), "age": rng.normal(18, 2, n)}),
    )  # fmt: skip


def one_exit() -> ek.TimeToEvent:
    tte = people()
    return ek.TimeToEvent(tte.time, tte.cause == 1, ("départ",), covariates=tte.covariates)


def test_the_baseline_survival_is_asked_for_its_share():
    fit = S.cox(one_exit(), "age")
    assert (
        fit.baseline(kind="survival").question.text("fr").startswith("Quelle part n'aurait pas encore connu")
    )
    assert "risque" in fit.baseline().question.text("fr")


def test_a_fit_without_a_test_shows_none():
    said = S.cox(one_exit(), "age + helped", penalty=0.1, l1_ratio=0.5).summary("fr")
    assert "concordance" in said
    assert "ddl" not in said


def test_folds_by_person():
    found = S.cross_validate(lambda part: S.cox(part, "age"), one_exit(), times=50)
    assert "par personne," in found.summary("fr")
    assert "by person," in found.summary("en")


def test_everybody_enters_on_one_day():
    said = S.sample_size(control={365: 0.4}, ratio=0.6, cut=730).summary("fr")
    assert "Tout le monde entre le même jour ; fichier arrêté 730 jours plus tard." in said
    assert "Entrées réparties" in S.sample_size(control={365: 0.4}, ratio=0.6, cut=730, accrual=90).summary(
        "fr"
    )


def test_headings_of_bounds_and_rows():
    tte = one_exit()
    low = np.floor(tte.time / 30) * 30
    curve = S.turnbull(IntervalTimes(lower=low, upper=np.where(tte.event, low + 30, np.inf)))
    assert "lowest" not in curve.at([30]).summary("fr")
    assert "au moins" in curve.at([30]).summary("fr")
    made = S.discrete_hazard(tte, "age", period=30).predict(tte.covariates.head(2))
    assert "row" not in made.summary("fr")


def test_several_exits_are_not_one_event():
    curves = S.adjusted_curves(people(), "helped", "age", times=[30], rmst=30)
    for result in (curves.contrast(), curves.rmst()):
        assert "« départ et emploi »" not in result.question.text("fr")
        assert "(départ et emploi)" in result.question.text("fr")


def test_pooled_coefficients_say_their_scale():
    tte = one_exit()
    age = tte.covariates["age"].where(np.random.default_rng(1).random(tte.n) > 0.2)
    sets = S.impute(tte.with_covariates(pd.DataFrame({"age": age})), columns=["age", "helped"], m=2)
    assert "logarithmes" in S.pooled(lambda t: S.cox(t, "age"), sets).summary("fr")
    assert "logarithmes" not in S.pooled(lambda t: S.kaplan_meier(t).at([30]), sets).summary("fr")


def _texts(ax) -> str:
    said = [*ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label, ax.title, *ax.texts]
    return " | ".join([t.get_text() for t in said] + [ax.get_title(loc="left")])


def test_pictures_say_no_codes():
    tte = one_exit()
    fit = S.cox(tte, "age")
    brier = _texts(S.brier_score(fit, tte, [30]).plot(lang="fr"))
    assert "score de Brier" in brier
    assert "reference" not in brier
    assert "rmst" not in _texts(S.kaplan_meier(tte).rmst(50).plot(lang="fr"))
    laws = _texts(S.compare_families(tte, families=["exponential", "log_normal"]).plot(lang="fr"))
    assert "log-normale" in laws
    assert "écart d'AIC" in laws
    assert "log_likelihood" not in laws


def test_a_lone_estimate_has_room_beside_it_and_pooled_lines_no_number():
    tte = one_exit()
    ax = S.cox(tte, "helped").adjusted("helped", rmst=50).rmst("difference").plot(lang="fr")
    assert ax.figure.get_figwidth() > 7
    age = tte.covariates["age"].where(np.random.default_rng(1).random(tte.n) > 0.2)
    sets = S.impute(tte.with_covariates(pd.DataFrame({"age": age})), columns=["age", "helped"], m=2)
    assert "fmi" not in _texts(S.pooled(lambda t: S.cox(t, "age"), sets).plot(lang="fr"))


def test_a_baseline_is_drawn_as_curves():
    fit = S.cox(one_exit(), "age", strata="helped")
    for kind in ("survival", "cumulative_hazard"):
        ax = fit.baseline(kind=kind).plot(lang="fr")
        assert len(ax.lines) >= 2
        assert ax.figure.get_figheight() < 6


def test_a_question_mark_ends_a_line_with_its_word():
    from evalkit.figures.sheet import title_lines

    for width in range(20, 80):
        lines = title_lines(
            "Quelle part n'a pas encore connu « départ », après tant de jours, fait-elle ?", width / 14.4
        )
        assert not any(line.startswith(("?", "»", ",")) or line.endswith(("«", "fait-")) for line in lines)
