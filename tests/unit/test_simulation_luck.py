"""Keyed luck: known answers, the same bits one by one and many at once, addresses that never collide."""

import numpy as np
import pytest

from evalkit.simulation.luck import keyed as luck
from evalkit.simulation.luck.keyed import Luck, identity, key_of, philox, philox_blocks, uniform, uniforms

# Random123 1.09, kat_vectors, philox4x64 with 10 rounds.
KNOWN = [
    ((0,) * 4, (0,) * 2, "16554d9eca36314c db20fe9d672d0fdc d7e772cee186176b 7e68b68aec7ba23b"),
    (
        (2**64 - 1,) * 4,
        (2**64 - 1,) * 2,
        "87b092c3013fe90b 438c3c67be8d0224 9cc7d7c69cd777b6 a09caebf594f0ba0",
    ),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        "a528f45403e61d95 38c72dbd566e9788 a5a1610e72fd18b5 57bd43b5e52b7fe6",
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_random123_known_answers(counter, key, expected):
    assert " ".join(f"{word:016x}" for word in philox(counter, key)) == expected


def test_same_words_as_numpy():
    """NumPy steps its counter before a block, so its block at 5 is ours at 6."""
    key = (123456789, 987654321)
    generator = np.random.Philox(
        counter=np.array([5, 6, 7, 8], dtype=np.uint64), key=np.array(key, dtype=np.uint64)
    )
    assert generator.random_raw(4).tolist() == list(philox((6, 6, 7, 8), key))


def test_many_at_once_are_the_same_bits_as_one_by_one():
    rng = np.random.default_rng(1)
    persons = rng.integers(0, 2**63, 5000).astype(np.uint64)
    visits = rng.integers(0, 50, 5000).astype(np.uint64)
    words = philox_blocks(persons, key_of("queue"), visits, 0, (2011, 3))
    for i in (*range(20), 4095, 4096, 4999):
        assert words[:, i].tolist() == list(
            philox((int(persons[i]), key_of("queue"), int(visits[i]), 0), (2011, 3))
        )
        assert uniforms(words[0, i : i + 1])[0] == uniform(int(words[0, i]))


def test_uniforms_never_reach_their_ends():
    assert 0.0 < uniform(0) < uniform(2**64 - 1) < 1.0


def test_a_draw_depends_on_every_part_of_its_address():
    base = Luck(1, 0).block(identity("club", "est", 7), key_of("queue"), 0)
    others = [
        Luck(2, 0).block(identity("club", "est", 7), key_of("queue"), 0),
        Luck(1, 1).block(identity("club", "est", 7), key_of("queue"), 0),
        Luck(1, 0).block(identity("club", "est", 8), key_of("queue"), 0),
        Luck(1, 0).block(identity("club", "centre", 7), key_of("queue"), 0),
        Luck(1, 0).block(identity("club", "est", 7, "duplicate"), key_of("queue"), 0),
        Luck(1, 0).block(identity("club", "est", 7), key_of("gap"), 0),
        Luck(1, 0).block(identity("club", "est", 7), key_of("queue"), 1),
    ]
    assert base not in others
    assert len(set(others)) == len(others)


def test_identities_of_one_source_differ_below_their_common_stem():
    first, last = identity("club", "est", 0), identity("club", "est", (1 << luck.INDEX_BITS) - 1)
    assert first >> luck.INDEX_BITS == last >> luck.INDEX_BITS
    assert last - first == (1 << luck.INDEX_BITS) - 1


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "1"])
def test_a_seed_that_is_no_64_bit_number_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        Luck(seed)
