"""Files of settings: the line of every key, and faults a person can mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from evalkit import tomlfile
from evalkit.errors import InputError


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "file.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


TEXT = '''\
# a comment = 1
title = "a [not a table]"  # x = 3
[arrivals.weekly]
site.north = 3
note = """
k = 3
[zz]
"""
list = [
  1, # one = 1
  { u = 2, "v w" = 'x#y' },
  "]",
]
[[channel]]
n = 1
[channel.sub]
m = 2
[[channel]]
n = 2
'''


def test_every_key_has_its_line(tmp_path):
    lines = tomlfile.load(write(tmp_path, TEXT)).lines
    rows = TEXT.split("\n")
    for key, row in {
        ("title",): "title =", ("arrivals", "weekly"): "[arrivals", ("arrivals", "weekly", "site", "north"): "site.",
        ("arrivals", "weekly", "note"): "note", ("arrivals", "weekly", "list"): "list",
        ("arrivals", "weekly", "list", 1, "u"): "  {", ("arrivals", "weekly", "list", 1, "v w"): "  {",
        ("arrivals", "weekly", "list", 2): '  "]"', ("channel", 0, "n"): "n = 1", ("channel", 0, "sub", "m"): "m",
        ("channel", 1, "n"): "n = 2",
    }.items():  # fmt: skip
        assert rows[lines[key] - 1].startswith(row), key
    assert ("k",) not in lines


def test_a_windows_file_has_the_same_lines(tmp_path):
    unix = tomlfile.load(write(tmp_path, TEXT)).lines
    windows = tomlfile.load(write(tmp_path, b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())).lines
    assert unix == windows


keys = st.text("abcdefgh_-", min_size=1, max_size=5)
values = st.recursive(
    st.sampled_from(["1", '"]}#="', "'[a]'", "true", "2011-09-30", '"""x\n[y]\nz = 1"""', r'"\""', "1.5"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda v: "[\n" + ",\n".join(v) + "\n]"),
    max_leaves=5,
)


@given(st.lists(st.tuples(keys, values), max_size=6, unique_by=lambda pair: pair[0]))
def test_lines_are_right_whatever_the_values_look_like(pairs):
    text, expected = "", {}
    for key, value in pairs:
        expected[(key,)] = text.count("\n") + 1
        text += f"{key} = {value}\n"
    found = tomlfile._Scanner(text).scan()
    assert {k: v for k, v in found.items() if len(k) == 1} == expected


@pytest.mark.parametrize(
    ("text", "lang", "said"),
    [
        (
            "a = 12,5\nb = { v = 3,2 }\n",
            "fr",
            ["ligne 1 : a = 12,5 : écrivez 12.5", "ligne 2 : v = 3,2 : écrivez 3.2"],
        ),
        ("a = 12,5\nb = oui\n", "en", ["line 1: a = 12,5: write 12.5, with a decimal point"]),
        ("a = oui\n", "en", ["line 1: “oui”: a text is written between straight quotation marks"]),
        (
            "a = 1\na = 2\n",
            "fr",
            ["ligne 2 : « a = 2 » : cette clé ou cette section est déjà écrite plus haut"],
        ),
        ("[t]\n[t]\n", "en", ["line 2: “[t]”: this key or section is already written above"]),
        ("a 1\n", "en", ["line 1: unreadable line: “a 1”"]),
        ('a = "x', "en", ["line 1: unreadable line"]),
        (b"a = 1\nb = '\xe9'\n", "en", ["line 2: the text is not UTF-8"]),
    ],
)
def test_what_cannot_be_read_is_explained(tmp_path, text, lang, said):
    with pytest.raises(InputError) as caught:
        tomlfile.load(write(tmp_path, text))
    for sentence in said:
        assert sentence in caught.value.render(lang)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        tomlfile.load(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read"):
        tomlfile.load(tmp_path)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    n: int = Field(ge=1)
    share: float = Field(default=0.5, le=1)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: str = Field(pattern="^[a-z]+$")
    on: bool = True
    channel: list[Inner] = Field(min_length=1)
    either: Inner | None = None


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path):
    text = 'kynd = "x"\non = "oui"\n[[channel]]\nn = 0\nshare = "12,5"\n[[channel]]\nn = 1.5\nextra = 1\n[either]\nn = "a"\n'
    with pytest.raises(InputError) as caught:
        tomlfile.validate(Outer, tomlfile.load(write(tmp_path, text)))
    said = [(f.line, f.render("en").split(": ", 1)[1]) for f in caught.value.faults]
    assert said == [
        (None, "kind is missing; add this key"),
        (1, "kynd: unknown key (did you mean “kind”?)"),
        (2, "on = oui: must be true or false, without quotation marks"),
        (4, "channel[1].n = 0: must be at least 1"),
        (5, "channel[1].share = 12,5: write 12.5, with a decimal point, not a comma"),
        (7, "channel[2].n = 1.5: must be a whole number"),
        (8, "channel[2].extra: unknown key; possible keys here: n and share"),
        (10, "either.n = a: must be a whole number"),
    ]


def test_a_file_without_fault_becomes_the_model(tmp_path):
    made = tomlfile.validate(Outer, tomlfile.load(write(tmp_path, 'kind = "x"\n[[channel]]\nn = 2\n')))
    assert made.channel[0].n == 2
