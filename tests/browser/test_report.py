"""The page in a real browser, without a network: nothing asked, nothing broken, readable on a telephone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evalkit import Result
from evalkit.provenance import Provenance
from evalkit.report import Answer, Assumptions, Document, Figure, Section, Table
from evalkit.report.html import write
from evalkit.wording import message, say

pytestmark = pytest.mark.browser

QUESTION = say(fr="Le prix d'un mois d'attente ?", en="What does a month of waiting cost?")


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, Path]:
    sites = ["Daniel Bongo", "Kiosque Hors-la-rue", "Mission locale"] * 4
    table = pd.DataFrame(
        {
            "term": sites, "estimate": [0.2 + 0.03 * i for i in range(12)], "std_error": [0.05] * 12,
            "conf_low": [0.1 + 0.03 * i for i in range(12)], "conf_high": [0.3 + 0.03 * i for i in range(12)],
            "conf_level": [0.95] * 12, "n": [1234] * 12, "method": ["Wilson score interval"] * 12,
        }
    )  # fmt: skip
    result = Result(table, QUESTION, (message("result.no_counterfactual"),), Provenance("open")).publish()
    lines = [
        say(fr=f"Ligne {i} de la réponse : un jeune sur quatre.", en=f"Line {i} of the answer: one in four.")
        for i in range(8)
    ]
    document = Document(
        say(fr="Les plates-formes de repérage", en="The spotting platforms"),
        QUESTION,
        [
            Answer(lines),
            Section(say(fr="Par lieu", en="By site"), [QUESTION]),
            Figure(
                "sites", result, alt=say(fr="Douze intervalles qui montent", en="Twelve intervals going up")
            ),
            Table("sites", result),
            Assumptions("assumptions", result, max_rows=3),
        ],
        provenance=Provenance("open", {"analysis.py": "0" * 64}, 2011),
    )
    folder = tmp_path_factory.mktemp("reports")
    return {lang: write(document, folder / f"report-{lang}.html", lang) for lang in ("fr", "en")}


@pytest.fixture(scope="module")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[("fr", 1100), ("en", 1100), ("fr", 360), ("en", 360)], ids=lambda p: f"{p[0]}-{p[1]}")
def opened(request, browser, reports):
    lang, width = request.param
    context = browser.new_context(offline=True, viewport={"width": width, "height": 800}, locale=lang)
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: complaints.append(m.text))
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.goto(reports[lang].as_uri(), wait_until="load")
    yield lang, width, page, asked, complaints
    context.close()


def test_it_opens_alone_and_in_silence(opened):
    lang, _, page, asked, complaints = opened
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    assert page.title() == {"fr": "Les plates-formes de repérage", "en": "The spotting platforms"}[lang]
    assert page.evaluate("document.documentElement.lang") == lang


def test_the_answer_is_seen_without_scrolling(opened):
    lang, width, page, *_ = opened
    box = page.locator(".answer").bounding_box()
    assert page.locator(".answer p").count() == 8
    assert page.locator(".answer h2").is_visible()
    assert box["y"] < 200
    if width > 1000:
        assert box["y"] + box["height"] < 800


def test_every_picture_has_a_size_and_words(opened):
    *_, page, _, _ = opened
    pictures = page.locator("img, svg").all()
    assert len(pictures) == 1
    for picture in pictures:
        box = picture.bounding_box()
        assert box["width"] > 250
        assert box["height"] > 100
        assert picture.evaluate("e => e.complete && e.naturalWidth > 0")
        assert len(picture.get_attribute("alt")) > 20


def test_nothing_sticks_out_of_the_page(opened):
    _, width, page, *_ = opened
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_headings_form_one_tree_and_text_stands_out(opened):
    *_, page, _, _ = opened
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    assert min(page.evaluate(CONTRAST)) >= 4.5  # WCAG 2.1, 1.4.3


#: The contrast of each element that holds text with the nearest background behind it.
CONTRAST = """
() => {
  const parts = c => c.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = parts(c).map(v => linear(v / 255));
                       return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                        if (parts(c)[3] !== 0) return c; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(e => { const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
                return (a + .05) / (b + .05); });
}
"""
