"""How a dashboard is read: French exports as they are, headings, separators, extra files, the mapping file, the closing day."""

import datetime as dt

import pandas as pd
import pytest

from evalkit import FollowUp
from evalkit.errors import InputError

AS_OF = "2011-09-30"


@pytest.fixture
def folder(tmp_path):
    """Write files, text in UTF-8 or bytes as they are, and return their folder."""

    def write(**files):
        for name, content in files.items():
            stem, _, extension = name.rpartition("_")
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{stem}.{extension}").write_bytes(data)
        return tmp_path

    return write


def said(notes, lang="en"):
    return "\n".join(n.text(lang) for n in notes)


# ---- exports as they are ------------------------------------------------------------------------------------------------
def test_a_french_export_is_read_as_it_is(folder):
    people = "id_dossier;Sexe;Âge à l'entrée;Repérage source;date d'entrée\n007;Fille;17,5;Antenne jeunes;01/02/2011\n"
    acts = "id_dossier;date;type;aboutissement\n007;15/03/2011 14:30;Téléphone;Répondu\n"
    path = folder(jeunes_csv=people.encode("cp1252"), actes_csv=acts.encode("utf-8-sig"))
    fu = FollowUp.read(path, AS_OF)
    (row,) = fu.people.to_dict("records")
    assert row == {
        "person": "007", "sex": "F", "age_at_entry": 17.5, "channel": "youth_information",
        "entered_on": pd.Timestamp("2011-02-01"),
    }  # fmt: skip
    (act,) = fu.events.to_dict("records")
    assert (act["date"], act["kind"], act["outcome"]) == (pd.Timestamp("2011-03-15"), "phone", "answered")


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_separator_encoding_and_line_ends_are_found_out(folder, separator, encoding, newline):
    rows = [["ID_Dossier", "Site"], ["01", "Évry"], ["02", '"a;b,c\td"'], [], ["", ""]]
    text = newline.join(separator.join(r) for r in rows) + newline
    fu = FollowUp.read(folder(people_csv=text.encode(encoding)), AS_OF)
    assert fu.people.to_dict("list") == {"person": ["01", "02"], "site": ["Évry", "a;b,c\td"]}


def test_titles_above_the_headings_are_passed_over_and_said(folder):
    text = "Tableau de bord, site Centre;;\nexporté le 30/09/2011;;\n\nid_dossier;site;sexe\n01;Centre;F\n"
    fu = FollowUp.read(folder(jeunes_csv=text), AS_OF)
    assert fu.people["person"].tolist() == ["01"]
    assert "2 title lines above the headings were not read" in said(fu.notes)


def test_excel_separator_hint_is_no_title(folder):
    fu = FollowUp.read(folder(jeunes_csv="sep=;\nid_dossier;site\n1;Paris, Est\n"), AS_OF)
    assert fu.people["site"].tolist() == ["Paris, Est"]
    assert "title" not in said(fu.notes)


@pytest.mark.parametrize(
    "text", ["2011-02-01", "01/02/2011", "1/2/2011", "01-02-2011", "01.02.2011", "2011/02/01", "01/02/2011 14:30",
             "2011-02-01T14:30:00Z", "01/02/2011 9h30"],
)  # fmt: skip
def test_dates_are_iso_or_day_month_year_and_kept_as_days(folder, text):
    fu = FollowUp.read(folder(people_csv="person\n1\n", events_csv=f"person,date\n1,{text}\n"), AS_OF)
    assert fu.events["date"].tolist() == [pd.Timestamp("2011-02-01")]


def test_columns_nobody_declared_are_kept_with_their_own_type(folder):
    text = "person;montant;vu le;code;mot\n1;1 234,5;01/02/2011;007;oui\n2;;;012;\n"
    fu = FollowUp.read(folder(people_csv=text), AS_OF)
    assert fu.people["montant"].iloc[0] == 1234.5
    assert fu.people["vu le"].iloc[0] == pd.Timestamp("2011-02-01")
    assert fu.people["code"].tolist() == ["007", "012"]
    assert fu.people["mot"].isna().tolist() == [False, True]
    assert "columns kept as they are: montant, vu le, code and mot" in said(fu.notes)


def test_columns_that_name_people_are_pointed_out(folder):
    fu = FollowUp.read(folder(people_csv="person,nom,Prénom\n1,A,B\n"), AS_OF)
    assert "nom and Prénom name people outright" in said(fu.notes)


# ---- the files of a real information system -----------------------------------------------------------------------------
def test_extra_files_join_the_three_tables(folder):
    path = folder(
        jeunes_csv="id_dossier\n1\n2\n",
        actes_csv="id_dossier;date;type\n1;01/02/2011;SMS\n",
        **{
            "rdv_csv": "id;id_dossier;date_heure_debut;date_heure_fin;statut;conseiller\n"
            "5;1;01/02/2011 14:30;01/02/2011 15:00;Présent;C1\n6;2;01/12/2011 9h00;;Planifié;C2\n",
            "dispositifs_csv": "id_dossier;dispositif;date_entree;date_sortie\n1;CIVIS;01/01/2011;\n1;AP1_492;01/02/2011;\n",
            "co_accompagnements_csv": "id_dossier;id_partenaire;date_debut;date_fin;intervenant\n1;P4;01/02/2011;;X\n",
            "referents_csv": "id_dossier;referent;valid_from;valid_to\n1;R1;01/02/2011;01/03/2011\n1;R2;01/03/2011;\n",
            "propositions_csv": "id;libelle\n1;x\n",
        },
    )
    fu = FollowUp.read(path, AS_OF)
    assert fu.events[["person", "kind", "outcome"]].values.tolist() == [
        ["1", "sms", None], ["1", "interview", "attended"], ["2", "interview", "planned"],
    ]  # fmt: skip
    assert fu.situations[["track", "state"]].values.tolist() == [
        ["co_accompaniment", "P4"], ["referent", "R1"], ["referent", "R2"],
        ["scheme: AP1_492", "AP1_492"], ["scheme: CIVIS", "CIVIS"],
    ]  # fmt: skip
    assert "Not read, since the name is that of no known table: propositions.csv." in said(fu.notes)


def test_planned_situations_are_set_aside_and_ends_to_come_are_open(folder):
    text = (
        "id_dossier;categorie;etat;date_debut;date_fin\n1;Emploi;TERMINE;01/02/2011;01/03/2011\n"
        "1;Formation;EN_COURS;01/03/2011;01/03/2012\n1;Scolarité;PREVU;01/12/2011;\n"
    )
    fu = FollowUp.read(folder(jeunes_csv="id_dossier\n1\n", situations_csv=text), AS_OF)
    assert fu.situations["state"].tolist() == ["employment", "training"]
    assert fu.situations["end"].isna().tolist() == [False, True]
    assert fu.situations["planned_end"].iloc[1] == pd.Timestamp("2012-03-01")
    assert "1 situation that was only planned was set aside" in said(fu.notes)
    assert "1 situation ends after the closing date" in said(fu.notes)


def test_a_file_per_site_is_one_table(folder):
    path = folder(jeunes_centre_csv="id_dossier\n1\n", jeunes_est_csv="id_dossier\n2\n")
    mapping = {
        "files": {
            "jeunes_centre": {"table": "people", "constants": {"site": "Centre"}},
            "jeunes_est": {"table": "people", "constants": {"site": "Est"}},
        }
    }
    fu = FollowUp.read(path, AS_OF, mapping=mapping)
    assert fu.people.to_dict("list") == {"person": ["1", "2"], "site": ["Centre", "Est"]}


# ---- the mapping file ---------------------------------------------------------------------------------------------------
MAPPING = """
dates = "mm/jj/aaaa"
blank = ["NC"]

[files]
extraction = "people"

[people]
ignore = ["nom"]
[people.columns]
"N° usager" = "person"
"Vu par" = "channel"
[people.codes.channel]
"Base Est" = "ml_database"
[people.constants]
site = "Centre"

[events.columns]
usager = "person"
quand = "date"
"""


def test_a_mapping_file_translates_an_export(folder, tmp_path):
    path = folder(
        extraction_csv="N° usager;Vu par;nom\n01;base est;X\n02;NC;Y\n",
        rdv_csv="usager;quand;statut\n01;02/13/2011;Présent\n",
        mapping_toml=MAPPING,
    )
    fu = FollowUp.read(path, AS_OF, mapping=path / "mapping.toml")
    assert fu.people.to_dict("list") == {
        "person": ["01", "02"], "site": ["Centre", "Centre"], "channel": ["ml_database", None],
    }  # fmt: skip
    assert fu.events["date"].tolist() == [pd.Timestamp("2011-02-13")]
    assert "Not read" not in said(fu.notes)


def test_a_mapping_file_is_refused_with_line_and_nearest_name(folder):
    text = (
        '[files]\nx = "peple"\n[people.columns]\n"N°" = "persn"\n[people.codes.channel]\nz = "ml_databse"\n'
    )
    path = folder(people_csv="person\n1\n", mapping_toml=text)
    with pytest.raises(InputError) as refused:
        FollowUp.read(path, AS_OF, mapping=path / "mapping.toml")
    lines = refused.value.render("fr").splitlines()
    assert [f.line for f in refused.value.faults] == [2, 4, 6]
    assert all(near in line for near, line in zip(["people", "person", "ml_database"], lines, strict=True))


def test_a_heading_of_the_mapping_that_no_file_has_is_refused(folder):
    path = folder(people_csv="person,site\n1,A\n")
    with pytest.raises(InputError, match=r"no file has a heading “Sitee”; did you mean “site”\?"):
        FollowUp.read(path, AS_OF, mapping={"people": {"columns": {"Sitee": "site"}}})


def test_a_study_adds_its_own_words(folder):
    words = '[channel.train]\nfr = "Le train"\nen = "The train"\nclass = "other"\n'
    path = folder(people_csv="person,channel\n1,Le train\n2,Antenne jeunes\n", own_toml=words)
    fu = FollowUp.read(path, AS_OF, vocabulary=path / "own.toml")
    assert fu.people["channel"].tolist() == ["train", "youth_information"]
    for target in (path / "again", path / "again.xlsx"):
        assert FollowUp.read(fu.write(target, "fr")).equals(fu)


# ---- the closing day ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "as_of", ["2011-09-30", "30/09/2011", dt.date(2011, 9, 30), pd.Timestamp("2011-09-30 10:00")]
)
def test_the_closing_day_may_be_an_argument(folder, as_of):
    assert FollowUp.read(folder(people_csv="person\n1\n"), as_of).as_of == pd.Timestamp("2011-09-30")


def test_the_closing_day_may_be_in_the_folder(folder):
    path = folder(people_csv="person\n1\n", dashboard_toml='as_of = 2011-06-30\nkind = "simulated"\n')
    fu = FollowUp.read(path)
    assert (fu.as_of, fu.provenance.kind) == (pd.Timestamp("2011-06-30"), "simulated")
    assert "small counts will not be hidden" in said(fu.notes)


@pytest.mark.parametrize(
    ("as_of", "said_in_folder", "reason"),
    [
        (None, "", "the closing date of the data is said nowhere"),
        (
            "2011-09-30",
            "as_of = 2011-06-30",
            r"asked for \(30 September 2011\) is not the file's \(30 June 2011\)",
        ),
        ("30/09", "", "“30/09” is not a date"),
        (pd.NaT, "", "is not a date"),
        (None, "asof = 2011-06-30", "did you mean “as_of”"),
        (None, 'as_of = 2011-06-30\nkind = "vrai"', "unknown kind of data: “vrai”"),
    ],
)
def test_a_closing_day_missing_or_in_doubt_is_refused(folder, as_of, said_in_folder, reason):
    with pytest.raises(InputError, match=reason):
        FollowUp.read(folder(people_csv="person\n1\n", dashboard_toml=said_in_folder), as_of)


# ---- frames -------------------------------------------------------------------------------------------------------------
def test_frames_pass_the_same_door():
    people = pd.DataFrame(
        {"id_dossier": [1, 2], "Sexe": ["fille", "Garçon"], "entered_on": [dt.date(2011, 2, 1), None]}
    )
    fu = FollowUp.from_frames(people, as_of=AS_OF)
    assert fu.people["person"].tolist() == ["1", "2"]
    assert fu.people["sex"].tolist() == ["F", "M"]
    assert fu.people["entered_on"].iloc[0] == pd.Timestamp("2011-02-01")
    assert list(fu.events.columns) == ["person", "date", "kind", "direction", "outcome", "partner"]
    assert list(fu.situations.columns) == ["person", "track", "state", "start", "end"]


def test_frames_of_any_type_become_numbers_days_or_texts():
    people = pd.DataFrame({
        "person": [1.0, 2.0],
        "flag": [True, False],
        "big": [1, 10**17 + 1],
        "kind of": pd.Categorical(["a", "b"]),
        "maybe": pd.array([1, None], dtype="Int64"),
        "when": [pd.Timestamp("2011-01-01 10:00"), pd.Timestamp("2011-01-02")],
        "day": pd.to_datetime(["2011-01-01", "2011-01-02"]).tz_localize("Europe/Paris"),
    })  # fmt: skip
    fu = FollowUp.from_frames(people, as_of=AS_OF)
    assert fu.people["person"].tolist() == ["1", "2"]
    assert fu.people["flag"].tolist() == [1.0, 0.0]
    assert fu.people["big"].tolist() == ["1", "100000000000000001"]
    assert fu.people["kind of"].tolist() == ["a", "b"]
    assert fu.people["maybe"].isna().tolist() == [False, True]
    assert fu.people["when"].tolist() == ["2011-01-01 10:00:00", "2011-01-02"]
    assert fu.people["day"].iloc[1] == pd.Timestamp("2011-01-02")


def test_rows_of_frames_are_numbered_as_iloc_does():
    people = pd.DataFrame({"person": ["a"]}, index=[99])
    events = pd.DataFrame({"person": ["a", "b"], "date": ["2011-01-01", "2011-01-01"]}, index=[7, 8])
    with pytest.raises(InputError) as refused:
        FollowUp.from_frames(people, events, as_of=AS_OF)
    assert refused.value.faults[0].line == 1
    assert "events, row 1" in str(refused.value)


def test_arguments_are_left_as_they_were():
    people = pd.DataFrame({"person": ["b", "a"], "entered_on": ["01/02/2011", None]})
    before = people.copy()
    FollowUp.from_frames(people, as_of=AS_OF)
    pd.testing.assert_frame_equal(people, before)
