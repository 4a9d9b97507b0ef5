"""The page: the answer first, nothing from elsewhere, nothing that has not passed the gate, the spaces of French."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from evalkit import Policy, Result
from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.report import Answer, Assumptions, Document, Section, Table
from evalkit.report.html import page
from evalkit.wording import message, say

TITLE = say(fr="Qui est mobilisé ?", en="Who is mobilised?")


def result(kind: str = "published", rows: int = 2) -> Result:
    table = pd.DataFrame({"site": ["<nord>", "sud"] * (rows // 2), "estimate": [0.25, 1234.5] * (rows // 2)})
    return Result(
        table, TITLE, (message("result.no_counterfactual"),), Provenance(kind, {"a.csv": "0" * 64}, 7)
    )


def published(**kwargs) -> Result:
    return result(**kwargs).publish()


def document(*parts, **kwargs) -> Document:
    return Document(
        TITLE, say(fr="La part ?", en="The share?"), parts, provenance=result().provenance, **kwargs
    )


def test_the_answer_comes_first_wherever_it_was_yielded():
    text = page(document(Table("t", published()), Answer([say(fr="Oui : 3.", en="Yes: 3.")])), "fr")
    assert text.index("Oui\u00a0: 3.") < text.index("La question") < text.index("<table>")


def test_a_result_that_has_not_passed_the_gate_is_refused():
    with pytest.raises(InputError, match="Table t has not passed the disclosure gate"):
        document(Table("t", result()))


def test_two_tables_of_one_name_are_refused():
    with pytest.raises(InputError, match="two parts are named 't'"):
        document(Table("t", published()), Table("t", published()))


def test_what_is_no_part_is_refused():
    with pytest.raises(InputError, match="not of str"):
        document("a paragraph")


def test_the_page_asks_nothing_of_the_network():
    text = page(document(Table("t", published()), Answer([TITLE])), "en")
    assert not re.search(r"(?:src|href)=|@import|url\(|<script|<link", text)


def test_text_is_escaped():
    text = page(document(Table("t", published())), "en")
    assert "&lt;nord&gt;" in text
    assert "<nord>" not in text


@pytest.mark.parametrize(
    ("lang", "cells"),
    [("fr", ["0,250", "1\u202f234", "mobilisé\u202f?"]), ("en", ["0.250", "1,234", "mobilised?"])],
)
def test_numbers_and_spaces_are_those_of_the_language(lang, cells):
    text = page(document(Table("t", published())), lang)
    assert f'<html lang="{lang}">' in text
    for cell in cells:
        assert cell in text


def test_tables_can_be_read_aloud():
    text = page(document(Table("t", published())), "en")
    assert text.count('<th scope="col"') == 2 + 2  # the table, and that of the inputs
    assert '<th scope="row">sud</th>' in text
    assert '<td class="number">0.250</td>' in text
    assert 'role="region" tabindex="0" aria-labelledby="caption-t"' in text


def test_a_long_table_says_what_it_leaves_out_and_where_it_is():
    text = page(document(Table("t", published(rows=50), max_rows=10)), "fr")
    assert text.count('<th scope="row">sud</th>') == 5
    assert "… et 40 lignes de plus, dans t.csv." in text


def test_only_the_columns_asked_for_are_shown():
    text = page(document(Table("t", published(), columns=["site"])), "en")
    assert "0.250" not in text


def test_caveats_are_gathered_once():
    text = page(
        document(Table("t", published()), Table("u", published()), caveats=[{"fr": "Un", "en": "One"}]), "en"
    )
    assert text.count("No counterfactual") == 1
    assert "<li>One</li>" in text


def test_assumptions_stand_at_the_end():
    text = page(
        document(Assumptions("a", published()), Section(TITLE, [TITLE]), Table("t", published())), "en"
    )
    assert text.index('id="table-t"') < text.index("Bear in mind") < text.index('id="table-a"')


def test_provenance_names_inputs_seed_and_versions_but_no_clock_nor_machine():
    text = page(document(), "en")
    assert "a.csv" in text
    assert "Seed of the random draws: 7." in text
    assert "numpy" in text
    assert page(document(), "en") == text


def test_small_cells_are_masked_and_said_so():
    table = pd.DataFrame({"site": ["a", "b"], "count": [4, 40], "n": [100, 100]})
    hidden = Result(table, TITLE).publish(Policy())
    text = page(document(Table("t", hidden)), "fr")
    assert '<td class="number">4</td>' not in text
    assert "masqué" in text
