"""Writes two small dashboards of INVENTED youths, as a Mission Locale would export them: `dashboard/`, then `dashboard-later/`.

Not data: nobody in them exists, and nothing may be concluded from them. They are two cuts of the same invented lives, three
months apart, so that what changed between two exports can be shown.

    python examples/make_dashboard.py [FOLDER]
"""

from __future__ import annotations

import csv
import datetime as dt
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import evalkit as ek

SEED = 2011
PEOPLE = 124
START = dt.date(2010, 1, 18)
CUTS = {"dashboard": dt.date(2011, 6, 30), "dashboard-later": dt.date(2011, 9, 30)}
END = max(CUTS.values())

CHANNELS = (
    ("Base de données de la Mission Locale", 0.52),
    ("Entretiens", 0.28),
    ("Clubs de prévention", 0.15),
    ("Antennes jeunes", 0.05),
)
LEVELS = (("Infra V", 0.66), ("Niveau V", 0.24), ("Niveau IV", 0.10))
REASONS = (("N'était plus décrocheur (emploi ou formation)", 0.4), ("Hors champ", 0.2), ("Injoignable", 0.4))
SOLUTIONS = (
    ("Emploi", 0.35),
    ("Formation", 0.35),
    ("Contrat en Alternance", 0.15),
    ("Scolarité", 0.1),
    ("Chantier d'insertion", 0.05),
)
EXITS = (("Abandon", 0.55), ("Déménagement", 0.3), ("Limite d'âge", 0.15))
PARTNERS = (
    "Club de prévention Les Tilleuls",
    "Club de prévention Canal",
    "Antenne jeunes Nord",
    "Service social de polyvalence",
)
COUNSELLORS = {"Centre": ("C. Amar", "C. Brun"), "Est": ("E. Colin", "E. Diallo", "E. Evrard")}


class Luck:
    """Uniform draws alone, turned by hand: they stay the same from one version of NumPy to the next."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed).random

    def days(self, mean: float, least: int = 1) -> int:
        """Return a waiting time in days."""
        return least + int(-mean * np.log1p(-self.random()))

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        return low + int(self.random() * (high - low + 1))

    def of(self, choices):
        """Return one of the choices, (choice, share) or alike."""
        if isinstance(choices[0], str):
            return choices[self.between(0, len(choices) - 1)]
        u = self.random()
        for choice, share in choices:
            u -= share
            if u < 0:
                return choice
        return choices[-1][0]


@dataclass
class Life:
    """All that would ever be recorded of one invented youth."""

    person: dict
    acts: list[dict] = field(default_factory=list)
    appointments: list[dict] = field(default_factory=list)
    situations: list[list] = field(default_factory=list)
    schemes: list[dict] = field(default_factory=list)
    partners: list[dict] = field(default_factory=list)
    referents: list[dict] = field(default_factory=list)


def day(n: int) -> dt.date:
    """Return the date `n` days after the start of the programme."""
    return START + dt.timedelta(days=n)


LAST = (END - START).days + 60


def life(number: int, luck: Luck) -> Life:
    """Invent one life, from spotting to two months after the last cut."""
    site = "Centre" if luck.random() < 0.45 else "Est"
    spotted = luck.between(0, 570)
    born = day(spotted - 365 * 16 - luck.between(0, 5 * 365))
    made = Life({
        "id_dossier": f"{number:04d}",
        "site": site,
        "sexe": "Fille" if luck.random() < 0.43 else "Garçon",
        "date_naissance": born,
        "arrondissement": str(luck.between(1, 4) if site == "Centre" else luck.between(19, 20)) + "e",
        "qpv": "oui" if luck.random() < 0.4 else "non",
        "niveau_formation": luck.of(LEVELS),
        "date_sortie_scolaire": day(spotted - luck.days(300, 60)),
        "distance_km": f"{0.3 + 6 * luck.random():.1f}".replace(".", ","),
        "reperage_source": luck.of(CHANNELS),
        "date_reperage": day(spotted),
        "date_elimination": None,
        "motif_elimination": "",
        "date_entree_dispositif": None,
        "type_entree": "",
    })  # fmt: skip
    if made.person["arrondissement"] == "1e":
        made.person["arrondissement"] = "1er"
    entry = spotted + luck.days(45, 5)
    reminders(made, spotted, entry, luck)
    fate = luck.random()
    if fate < 0.30:
        made.person["date_elimination"], made.person["motif_elimination"] = day(entry), luck.of(REASONS)
    elif fate < 0.88:
        enter(made, entry, luck)
    return made


def reminders(made: Life, spotted: int, entry: int, luck: Luck) -> None:
    """Letters and calls before entry, most of them without an answer."""
    for _ in range(luck.between(1, 4)):
        when = luck.between(spotted, entry - 1)
        kind = luck.of((("Téléphone", 0.5), ("SMS", 0.3), ("Courrier", 0.2)))
        outcome = "Abouti" if luck.random() < 0.2 else "Non abouti"
        act(made, when, kind, "Sortant", outcome)


def act(made: Life, when: int, kind: str, direction: str, outcome: str, partner: str = "") -> None:
    made.acts.append({
        "id_dossier": made.person["id_dossier"], "date": day(when), "type": kind, "entrant_sortant": direction,
        "aboutissement": outcome, "partenaire": partner,
    })  # fmt: skip


def appointment(made: Life, when: int, statut: str, counsellor: str, luck: Luck) -> None:
    hour = luck.between(9, 17)
    made.appointments.append({
        "id": f"{made.person['id_dossier']}-{len(made.appointments) + 1}", "id_dossier": made.person["id_dossier"],
        "date_heure_debut": (day(when), f"{hour:02d}:30"), "type": "Entretien individuel", "statut": statut,
        "conseiller": counsellor, "date_reservation": day(when - luck.between(3, 21)),
    })  # fmt: skip


def scheme(made: Life, name: str, since: int) -> None:
    made.schemes.append({
        "id_dossier": made.person["id_dossier"], "dispositif": name, "date_entree": day(since), "date_sortie": None,
        "motif_fin": "",
    })  # fmt: skip


def enter(made: Life, entry: int, luck: Luck) -> None:
    """The entry interview, then spells of follow-up, solution and silence until an exit or the end."""
    person = made.person["id_dossier"]
    counsellor = luck.of(COUNSELLORS[made.person["site"]])
    made.person["date_entree_dispositif"] = day(entry)
    reactivated = made.person["reperage_source"] == CHANNELS[0][0]
    made.person["type_entree"] = (
        "Réactivation" if reactivated else luck.of((("Premier contact", 0.6), ("Orientation", 0.4)))
    )
    appointment(made, entry, "Présent", counsellor, luck)
    made.referents.append(
        {"id_dossier": person, "referent": counsellor, "date_debut": day(entry), "date_fin": None}
    )
    scheme(made, "Plate-forme AP1_492", entry)
    if luck.random() < 0.4:
        scheme(made, "CIVIS", entry + luck.between(5, 60))
    if luck.random() < 0.7:
        partner, since = luck.of(PARTNERS), entry + luck.between(0, 75)
        ends = day(since + luck.days(300, 60)) if luck.random() < 0.4 else None
        made.partners.append(
            {"id_dossier": person, "partenaire": partner, "date_debut": day(since), "date_fin": ends}
        )
        for _ in range(luck.between(0, 3)):
            act(made, since + luck.days(60), "Échange entre professionnels", "Sortant", "", partner)
    now, state = entry, "Élaboration de projet (POP, PPP)" if luck.random() < 0.35 else "En suivi"
    while now < LAST:
        until = now + luck.days(150, 20)
        made.situations.append([person, state, day(now), day(until), None])
        contacts(made, now, until, counsellor, luck)
        now = until
        fate = luck.random()
        if fate < 0.45:
            until = now + luck.days(200, 30)
            checked = now + luck.between(0, 90)
            made.situations.append(
                [person, luck.of(SOLUTIONS), day(now), day(until), day(min(checked, until))]
            )
            now, state = until, "Demandeur d'emploi en contact"
        elif fate < 0.62:
            made.situations.append([person, luck.of(EXITS), day(now), None, None])
            return
        elif fate < 0.68:
            until = now + luck.days(60, 20)
            made.situations.append([person, "Maladie", day(now), day(until), None])
            now, state = until, "En suivi"
        else:
            now, state = now + luck.between(0, 3), "Demandeur d'emploi en contact"


def contacts(made: Life, first: int, last: int, counsellor: str, luck: Luck) -> None:
    """Contacts while followed; now and then a long silence, in which only unanswered reminders go out."""
    when = first + luck.days(14)
    while when < last:
        if luck.random() < 0.12:
            quiet = when + luck.between(70, 220)
            for _ in range(luck.between(1, 3)):
                act(made, luck.between(when + 5, quiet), "Relance", "Sortant", "Non abouti")
            when = quiet
            continue
        kind = luck.random()
        if kind < 0.55:
            statut = luck.of((("Présent", 0.68), ("Absent", 0.2), ("Annulé", 0.06), ("Reporté", 0.06)))
            appointment(made, when, statut, counsellor, luck)
        elif kind < 0.75:
            direction = "Entrant" if luck.random() < 0.3 else "Sortant"
            act(made, when, "Téléphone", direction, "Abouti" if luck.random() < 0.7 else "Non abouti")
        elif kind < 0.9:
            act(made, when, "SMS", "Sortant", "Abouti" if luck.random() < 0.5 else "Non abouti")
        else:
            act(made, when, luck.of(("Atelier", "Information collective")), "", "Présent")
        when += luck.days(20, 3)


def cut(lives: list[Life], as_of: dt.date) -> dict[str, list[dict]]:
    """Return what an export of `as_of` would hold: nothing dated later but what was already booked."""
    people = [lf for lf in lives if lf.person["date_reperage"] <= as_of]
    tables: dict[str, list[dict]] = {"jeunes": []}
    for one in people:
        row = dict(one.person)
        for date, told in (
            ("date_elimination", "motif_elimination"),
            ("date_entree_dispositif", "type_entree"),
        ):
            if row[date] is not None and row[date] > as_of:
                row[date], row[told] = None, ""
        tables["jeunes"].append(row)
    tables["actes"] = [a for one in people for a in one.acts if a["date"] <= as_of]
    tables["rendez-vous"] = []
    for a in (a for one in people for a in one.appointments if a["date_reservation"] <= as_of):
        entry = next(
            p.person["date_entree_dispositif"] for p in people if p.person["id_dossier"] == a["id_dossier"]
        )
        if entry > as_of:
            continue
        ahead = a["date_heure_debut"][0] > as_of
        tables["rendez-vous"].append(a | ({"statut": "Planifié"} if ahead else {}))
    tables["situations"] = [
        {"id_dossier": p, "categorie": s, "date_debut": b, "date_fin": past(e, as_of), "date_confirmation": past(c, as_of)}
        for one in people for p, s, b, e, c in one.situations if b <= as_of
    ]  # fmt: skip
    for name, rows, begin, end in (
        ("dispositifs", "schemes", "date_entree", "date_sortie"),
        ("co_accompagnements", "partners", "date_debut", "date_fin"),
        ("referents", "referents", "date_debut", "date_fin"),
    ):
        tables[name] = [
            {**r, end: past(r[end], as_of)} for one in people for r in getattr(one, rows) if r[begin] <= as_of
        ]
    return tables


def past(date: dt.date | None, as_of: dt.date) -> dt.date | None:
    return date if date is not None and date <= as_of else None


def written(value) -> str:
    """Return a value as a French export writes it."""
    if isinstance(value, tuple):
        return f"{value[0]:%d/%m/%Y} {value[1]}"
    return f"{value:%d/%m/%Y}" if isinstance(value, dt.date) else "" if value is None else str(value)


def main(folder: Path) -> None:
    """Write both cuts below `folder`, and read them back to be sure that they are in order."""
    luck = Luck(SEED)
    lives = [life(i + 1, luck) for i in range(PEOPLE)]
    for name, as_of in CUTS.items():
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for table, rows in cut(lives, as_of).items():
            with open(target / f"{table}.csv", "w", encoding="cp1252", newline="") as file:
                writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
                writer.writerow(rows[0])
                writer.writerows([written(v) for v in row.values()] for row in rows)
        about = [
            "# Jeunes inventés : personne n'existe ici. Invented youths: nobody here exists.",
            f"as_of = {as_of}",
            'kind = "simulated"',
        ]
        (target / "dashboard.toml").write_text("\n".join(about) + "\n", encoding="utf-8")
        print(ek.FollowUp.read(target).summary())  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
