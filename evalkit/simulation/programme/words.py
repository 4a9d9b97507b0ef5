"""What a scenario file may say, in the programme's language: window, channels, outreach, counsellors, follow-up, list.

Not what it does to people: see `compiling`.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from evalkit.simulation.language.tables import Calendar, PathwayTables, Table
from evalkit.simulation.programme.fields import days as _days
from evalkit.simulation.programme.fields import number as _number
from evalkit.simulation.programme.fields import ratio as _ratio
from evalkit.simulation.programme.fields import share as _share
from evalkit.simulation.programme.mechanisms import (
    CaseConferences,
    CoAccompaniment,
    Confidentiality,
    FamilyContact,
    Merger,
    NamedReferents,
    NationalPlatforms,
    Portfolio,
    ProjectOfficers,
    SocialWorkers,
    UndeclaredWork,
    WorkingGroups,
)

Both = Annotated[dict[Literal["fr", "en"], str], Field(min_length=1)]


class Window(Table):
    """The dates of the programme; every date is included."""

    start: dt.date
    mobilisation: dt.date
    identification_end: dt.date
    dashboard_end: dt.date
    end: dt.date

    @model_validator(mode="after")
    def _in_order(self) -> Window:
        names = ("start", "mobilisation", "identification_end", "dashboard_end", "end")
        dates = [getattr(self, n) for n in names]
        for before, after, a, b in zip(names, names[1:], dates, dates[1:], strict=False):
            if b < a:
                raise PydanticCustomError(
                    "scenario.dates_order", "order", {"before": before, "after": after, "a": a, "b": b}
                )
        return self


class Traits(Table):
    """Who the youths of a channel are: shares; those aged 19 to 25, the boys and the better qualified are the rest."""

    aged_16_17: _share("part des 16-17 ans", "share aged 16-17", per_site=False)
    aged_18: _share("part des 18 ans", "share aged 18", per_site=False)


class Channel(Table):
    """One way of spotting youths."""

    spotted: _number("youths", 0, math.inf, "jeunes repérés", "youths spotted", whole=False)
    arrivals: Literal["poisson", "fixed"] = "poisson"
    start: dt.date | None = Field(None, alias="from")
    stop: dt.date | None = Field(None, alias="to")
    route: str
    ages: Traits
    not_dropout: _share("part qui n'est plus décrocheuse", "share no longer dropped out")
    out_of_scope: _share("part hors champ parmi les autres", "share out of scope among the others")
    reached: _share("part jointe à chaque tentative", "share reached at each attempt")
    refused: _share("part qui refuse une fois jointe", "share who refuse once reached")


class ListChannel(Table):
    """A list handed over by the Education Nationale."""

    dates: Annotated[tuple[dt.date, ...], Field(min_length=1)]
    youths_per_year: _number(
        "youths per year",
        0,
        65535,
        "jeunes sur les listes d'une année",
        "youths on the lists of one year",
        whole=False,
    )
    coverage: _share(
        "part des jeunes sortis cette année-là que la liste nomme", "share of that year's leavers whom the list names"
    ) = None  # fmt: skip
    lists_per_year: _number("lists per year", 1, 366, "listes par an", "lists a year", per_site=False)
    in_territory: _share(
        "part qui vit dans les arrondissements du programme", "share living in the programme's districts"
    )
    agreement: _days(
        "retard de l'accord sur les dates prévues",
        "how late the agreement is on the planned dates",
        per_site=False,
    )
    known: _share(
        "part déjà repérée ou qui le serait par un autre canal",
        "share spotted, or who would be, by another channel",
    )
    missed_match: _share(
        "part des jeunes connus que le rapprochement manque",
        "share of known youths whose match is missed",
        per_site=False,
    )
    false_match: _share(
        "part des jeunes nouveaux pris à tort pour connus", "share of new youths wrongly taken for known"
    )
    unreachable: _share(
        "part injoignable quoi qu'on fasse", "share unreachable whatever is done", per_site=False
    )
    delay: _days(
        "de la liste au repérage (rapprochement des fichiers)",
        "from the list to spotting (matching of files)",
        per_site=False,
    )
    referrals: _ratio(
        "rapport sur les jeunes adressés par les partenaires, dès la première liste",
        "ratio on the youths partners refer, from the first list on",
    ) = None
    overlaps_with: tuple[str, ...] = ()
    route: str = "first_contact"
    ages: Traits
    not_dropout: _share("part déjà en solution", "share already in a solution")
    out_of_scope: _share("part hors champ parmi les autres", "share out of scope among the others")
    reached: _share(
        "part jointe à chaque tentative, parmi les joignables",
        "share reached at each attempt, among the reachable",
    )
    refused: _share("part qui refuse une fois jointe", "share who refuse once reached")


class Youths(Table):
    """Traits common to all channels; they play no part in what happens."""

    girls: _share("part des filles", "share of girls", per_site=False)
    below_level_V: _share("part au niveau infra V", "share below level V", per_site=False)
    co_accompanied: _share(
        "part co-accompagnée une fois mobilisée", "share co-accompanied once mobilised", per_site=False
    )


class Outreach(Table):
    """From spotting to an appointment."""

    first_attempt: _days(
        "du repérage à la première tentative, en moyenne", "from spotting to the first attempt, on average"
    )
    attempts: _number("attempts", 1, 50, "tentatives avant de classer", "attempts before closing")
    spacing: _days("entre deux tentatives", "between two attempts", 0.04)
    officer_effect: _number(
        "ratio",
        0,
        20,
        "rapport sur la part jointe, que les chargés de projet font varier",
        "ratio on the share reached, which project officers change",
        whole=False,
    )


class Counsellors(Table):
    """The counsellors' diary, shared by all whom they see."""

    slots_per_week: _number(
        "slots per week", 0, 100000, "créneaux d'entretien par semaine", "interview slots a week"
    )
    served_first: Literal["followed", "new", "none"] = "none"
    notice: _days("du contact au premier créneau possible", "from the contact to the first possible slot")
    patience: _days(
        "attente supportée pour le premier entretien, en moyenne",
        "wait borne for the first interview, on average",
        0.5,
    )
    no_show_first: _share("part absente au premier entretien", "share absent at the first interview")
    no_show: _share("part absente aux entretiens suivants", "share absent at later interviews")
    rebooked: _share(
        "part qui reprend rendez-vous après une absence", "share who book again after an absence"
    )
    rebooking: _days(
        "de l'absence au nouveau rendez-vous possible", "from the absence to a possible new appointment", 0.04
    )


class AfterMeeting(Table):
    """What becomes of a youth after an interview (the rest goes on)."""

    single_contact: _share(
        "part qui ne revient pas après l'entretien d'entrée",
        "share who do not come back after the entry interview",
    )
    falls_silent: _share(
        "part qui cesse de venir, à chaque entretien", "share who stop coming, at each interview"
    )
    abandons: _share(
        "part dont l'abandon est enregistré, à chaque entretien",
        "share whose abandonment is recorded, at each interview",
    )
    solution: _share(
        "part qui accède à une solution, à chaque entretien", "share who find a solution, at each interview"
    )
    project: _share(
        "part qui entre en phase de projet, à chaque entretien",
        "share who enter a project phase, at each interview",
    )
    moved: _share("part qui déménage, à chaque entretien", "share who move away, at each interview")
    administrative: _share(
        "part qui sort pour raison administrative", "share who leave for an administrative reason"
    )
    illness: _share("part qui tombe malade", "share who fall ill")
    prison: _share("part qui est incarcérée", "share who are imprisoned")


class FollowUpRules(Table):
    """The rhythm of follow-up, silence and return."""

    gap: _days("écart médian entre deux contacts voulus", "median gap between two wanted contacts", 0.5)
    gap_spread: _number(
        "ratio",
        0,
        3,
        "dispersion des écarts (écart type du logarithme)",
        "spread of gaps (standard deviation of the logarithm)",
        whole=False,
    )
    silence: _days("silence qui vaut décrochage", "silence that counts as disengagement", 1, per_site=False)
    reminders: _number(
        "reminders", 0, 20, "relances pendant le silence", "reminders during the silence", per_site=False
    )
    returns_alone: _days(
        "retour spontané pendant le silence, en moyenne",
        "return unprompted during the silence, on average",
        1,
    )
    reactivations: _number(
        "attempts", 0, 20, "tentatives de réactivation", "attempts at reactivation", per_site=False
    )
    reactivated: _share("part réactivée à chaque tentative", "share reactivated at each attempt")
    recorded_abandoned: _share(
        "part classée en abandon après échec", "share recorded as abandoned after failure"
    )
    returns_late: _days("retour tardif, en moyenne", "late return, on average", 1)
    illness_lasts: _days("durée moyenne d'une maladie", "mean length of an illness", 1)
    prison_lasts: _days("durée moyenne d'une incarcération", "mean length of an imprisonment", 1)
    after_meeting: AfterMeeting


class Solution(Table):
    """One kind of solution; the weights of the kinds are scaled to add up to 1."""

    weight: _share("poids de cette solution parmi les solutions", "weight of this solution among solutions")
    lasts: _days("durée moyenne", "mean length", 1)
    returns: _share(
        "part qui revient au suivi quand elle finit", "share who return to follow-up when it ends"
    )


class Caseload(Table):
    """The youths already followed at the start, and the ordinary newcomers: they use the same slots."""

    youths: _number(
        "youths", 0, 16777215, "jeunes déjà suivis au départ", "youths already followed at the start"
    )
    newcomers: _number(
        "youths per week",
        0,
        math.inf,
        "arrivées ordinaires par semaine",
        "ordinary newcomers a week",
        whole=False,
    )
    gap: _days("écart médian entre deux rendez-vous", "median gap between two appointments", 0.5)
    leaves: _share(
        "part qui quitte le suivi, à chaque entretien", "share who leave follow-up, at each interview"
    )


class Programme(Table):
    """The whole of a scenario file."""

    name: Annotated[str, Field(min_length=1)]
    title: Both
    purpose: Both = {}
    based_on: str | None = None
    sites: Annotated[tuple[str, ...], Field(min_length=1)]
    window: Window
    calendar: Calendar = Calendar()
    youths: Youths
    channels: Annotated[dict[str, Channel], Field(min_length=1)]
    education_nationale: ListChannel | None = None
    outreach: Outreach
    counsellors: Counsellors
    follow_up: FollowUpRules
    solutions: Annotated[dict[str, Solution], Field(min_length=1)]
    caseload: Caseload
    project_officers: ProjectOfficers | None = None
    working_groups: WorkingGroups | None = None
    confidentiality: Confidentiality | None = None
    named_referents: NamedReferents | None = None
    co_accompaniment: CoAccompaniment | None = None
    family_contact: FamilyContact | None = None
    social_workers: SocialWorkers | None = None
    case_conferences: CaseConferences | None = None
    undeclared_work: UndeclaredWork | None = None
    portfolio: Portfolio | None = None
    merger: Merger | None = None
    national_platforms: NationalPlatforms | None = None


#: Optional parts: left out, a scenario has the content and the digest it had before they existed.
OPTIONAL = ("project_officers", "working_groups", "confidentiality", "named_referents", "co_accompaniment", "family_contact",
            "social_workers", "case_conferences", "undeclared_work", "portfolio", "merger", "national_platforms")  # fmt: skip
OPTIONAL_OF_LIST = ("coverage", "referrals")


class OwnPathway(Table):
    """A scenario file that writes its pathway directly."""

    name: Annotated[str, Field(min_length=1)]
    title: Both = {}
    purpose: Both = {}
    based_on: str | None = None
    pathway: PathwayTables
