"""The mechanisms a scenario may add, each an optional table of its file: left out, nothing is changed by it.

Not what they do to people: see `compiling_mechanisms`. A ratio of 1 or a share of 0 switches a mechanism off.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from evalkit.simulation.language.tables import Table
from evalkit.simulation.programme.fields import days as _days
from evalkit.simulation.programme.fields import number as _number
from evalkit.simulation.programme.fields import ratio as _ratio
from evalkit.simulation.programme.fields import share as _share

#: Partners whose youths a mechanism concerns; none named: every channel by which partners refer.
Channels = tuple[str, ...]
Dates = Annotated[tuple[dt.date, ...], Field(min_length=1)]
_SILENCE_FR = "rapport de risque de tomber dans le silence"
_SILENCE_EN = "hazard ratio of falling silent"


class Posts(Table):
    """People who follow no youths themselves: they raise referrals and contact."""

    start: dt.date = Field(alias="from")
    stop: dt.date | None = Field(None, alias="until")
    channels: Channels = ()
    contact: _ratio(
        "rapport sur la part jointe et réactivée, en leur présence",
        "ratio on the shares reached and reactivated while they are there",
    )
    referrals: _ratio(
        "rapport sur les jeunes adressés par les partenaires, en leur présence",
        "ratio on the youths referred by partners while they are there",
    )


class ProjectOfficers(Posts):
    """The project officers, without caseload."""


class SocialWorkers(Posts):
    """Social workers, a resource for the counsellors and for partners."""

    silence: _ratio(f"{_SILENCE_FR}, en leur présence", f"{_SILENCE_EN} while they are there")


class NamedReferents(Table):
    """One single named counsellor for each partner, from a date on."""

    start: dt.date = Field(alias="from")
    channels: Channels = ()
    covered: _share(
        "part des jeunes adressés qui ont ce référent", "share of the youths referred who have one", False
    )
    silence: _ratio(f"{_SILENCE_FR}, pour ces jeunes", f"{_SILENCE_EN}, for these youths")
    referrals: _ratio(
        "rapport sur les jeunes adressés par ces partenaires", "ratio on the youths these partners refer"
    )


class CoAccompaniment(Table):
    """A partner who accompanies the youth jointly, sought at entry."""

    share: _share(
        "part pour qui un partenaire est trouvé", "share for whom a partner is found", per_site=False
    )
    search: _days(
        "recherche du partenaire à partir de l'entrée, en moyenne",
        "search for the partner from entry on, on average",
        per_site=False,
    )
    silence: _ratio(f"{_SILENCE_FR}, une fois co-accompagné", f"{_SILENCE_EN}, once accompanied jointly")


class WorkingGroups(Table):
    """Working groups with partners: each meeting makes trust, and referrals, grow."""

    start: dt.date = Field(alias="from")
    stop: dt.date = Field(alias="until")
    channels: Channels = ()
    every: _number(
        "days",
        1,
        366,
        "d'une réunion à la suivante",
        "from one meeting to the next",
        whole=True,
        per_site=False,
    )
    growth: _ratio(
        "rapport sur les jeunes adressés, à chaque réunion tenue",
        "ratio on the youths referred, at each meeting held",
        low=0.5,
        high=2,
    )
    most: _ratio("plafond de ce rapport", "ceiling of that ratio", low=1)


class Confidentiality(Table):
    """What partners' confidentiality makes them wait for before they give a name."""

    channels: Channels = ()
    delay: _days(
        "du repérage par le partenaire à la transmission du nom, en moyenne",
        "from the partner's spotting to the name being passed on, on average",
    )


class NationalPlatforms(Table):
    """The national platforms for dropouts: partners wait for them, and they take the same youths."""

    start: dt.date = Field(alias="from")
    channels: Channels = ()
    referrals: _ratio(
        "rapport sur les jeunes adressés par les partenaires", "ratio on the youths partners refer"
    )
    takes: _share(
        "part déjà prise en charge par elles, à chaque tentative pour joindre un jeune",
        "share they turn out to have taken, at each attempt to reach a youth",
    )


class FamilyContact(Table):
    """The family, through whom a youth may be reached."""

    share: _share("part des jeunes dont on joint la famille", "share whose family can be reached", False)
    contact: _ratio(
        "rapport sur leur part jointe à chaque tentative", "ratio on their share reached at each attempt"
    )


class CaseConferences(Table):
    """Case conferences: they decide only on their dates, for so many youths."""

    dates: Dates
    places: _number(
        "youths", 0, 10000, "situations étudiées à chaque séance", "cases considered at each session"
    )
    presented: _share("part présentée, à chaque entretien", "share presented, at each interview")
    solution: _share("part qui en sort avec une solution", "share who come out of it with a solution")
    patience: _days(
        "attente au plus avant d'y renoncer", "longest wait before it is given up", 1, per_site=False
    )


class UndeclaredWork(Table):
    """Undeclared work: a solution for the youth, silence for the programme."""

    takes_up: _share("part qui s'y met, à chaque entretien", "share who take it up, at each interview")
    lasts: _days("durée moyenne", "mean length", 1)
    returns: _share("part qui revient au suivi quand il finit", "share who return to follow-up when it ends")


class Portfolio(Table):
    """How many youths a counsellor may follow at a time, those already followed and ordinary newcomers included."""

    counsellors: _number(
        "counsellors", 0, 100000, "conseillers, en équivalents temps plein", "counsellors, full-time equivalents", whole=False
    )  # fmt: skip
    youths_each: _number(
        "youths per counsellor", 0, 10000, "jeunes suivis à la fois par conseiller", "youths followed at a time by each"
    )  # fmt: skip


class Merger(Table):
    """One diary for all sites, for the whole window, and fewer slots while services are reorganised."""

    start: dt.date = Field(alias="from")
    stop: dt.date = Field(alias="until")
    slots: _share(
        "part des créneaux tenus pendant la réorganisation",
        "share of slots held during the reorganisation",
        per_site=False,
    )
