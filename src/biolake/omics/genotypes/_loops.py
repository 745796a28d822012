"""The compiled loops over genotypes; imported only where they run."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled

_LOW = np.uint64(0x5555555555555555)
_PAIRS = np.uint64(0x3333333333333333)
_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_BYTES = np.uint64(0x0101010101010101)
_AS_LIKELY = 1.0 + 1e-10  # two counts as likely as each other differ by less
_NEGLIGIBLE = 1e-20
_S1, _S2, _S4, _S56 = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)


@compiled
def decode_bytes(packed: np.ndarray, four: np.ndarray, out: np.ndarray) -> None:
    """Write the four dosages of each byte as one word."""
    for i in range(packed.shape[0]):
        for j in range(packed.shape[1]):
            out[i, j] = four[packed[i, j]]


@compiled
def decode_some(packed: np.ndarray, chosen: np.ndarray, dosage: np.ndarray) -> np.ndarray:
    """Return variants × chosen samples; `dosage` is that of each two-bit code."""
    out = np.empty((packed.shape[0], len(chosen)), dtype=np.int8)
    for i in range(packed.shape[0]):
        for j in range(len(chosen)):
            at = chosen[j]
            out[i, j] = dosage[(packed[i, at >> 2] >> ((at & 3) << 1)) & 3]
    return out


@compiled
def pack_rows(dosages: np.ndarray, width: int) -> np.ndarray:
    """Return rows of two-bit codes of int8 dosages; anything but 0, 1, 2 is missing."""
    rows, samples = dosages.shape
    out = np.zeros((rows, width), dtype=np.uint8)
    for i in range(rows):
        for j in range(samples):
            dosage = dosages[i, j]
            code = 3 - dosage if dosage == 0 or dosage == 1 else (0 if dosage == 2 else 1)
            out[i, j >> 2] |= np.uint8(code << ((j & 3) << 1))
    return out


@compiled
def _ones(word: np.uint64) -> np.uint64:
    """Count the bits of a word that has bits in even places only (Warren, Hacker's Delight 5-1)."""
    word = (word & _PAIRS) + ((word >> _S2) & _PAIRS)
    word = (word + (word >> _S4)) & _NIBBLES
    return (word * _BYTES) >> _S56


@compiled
def count_rows(words: np.ndarray, mask: np.ndarray, samples: int) -> np.ndarray:
    """Return for each row how many marked samples have 0, 1, 2 alt alleles and no call."""
    counts = np.empty((words.shape[0], 4), dtype=np.int64)
    for i in range(words.shape[0]):
        none = one = lost = np.uint64(0)
        for j in range(words.shape[1]):
            low = words[i, j] & mask[j]
            high = (words[i, j] >> _S1) & mask[j]
            both = low & high
            none += _ones(both)
            one += _ones(high ^ both)
            lost += _ones(low ^ both)
        counts[i, 0], counts[i, 1], counts[i, 3] = none, one, lost
        counts[i, 2] = samples - counts[i, 0] - counts[i, 1] - counts[i, 3]
    return counts


@compiled
def _fewer(hets: int, few: int, many: int) -> tuple[float, float]:
    """Add up how likely fewer heterozygotes are, beside the observed count; those no likelier too.

    Each is the one before times equation 2 of Wigginton 2005, two heterozygotes less.
    """
    seen = total = 0.0
    share = 1.0
    while hets > 1 and share > _NEGLIGIBLE:
        share *= hets * (hets - 1.0) / (4.0 * (few + 1.0) * (many + 1.0))
        hets, few, many = hets - 2, few + 1, many + 1
        total += share
        if share <= _AS_LIKELY:
            seen += share
    return seen, total


@compiled
def _more(hets: int, few: int, many: int) -> tuple[float, float]:
    """Add up the same for more heterozygotes, by equation 3."""
    seen = total = 0.0
    share = 1.0
    while few > 0 and share > _NEGLIGIBLE:
        share *= 4.0 * few * many / ((hets + 2.0) * (hets + 1.0))
        hets, few, many = hets + 2, few - 1, many - 1
        total += share
        if share <= _AS_LIKELY:
            seen += share
    return seen, total


@compiled
def hardy_weinberg(hets: int, homs: int, others: int) -> float:
    """Return the exact probability of counts no likelier than these, given the alleles."""
    if hets + homs + others == 0:
        return np.nan
    few, many = min(homs, others), max(homs, others)
    seen_fewer, fewer = _fewer(hets, few, many)
    seen_more, more = _more(hets, few, many)
    return min(1.0, (1.0 + seen_fewer + seen_more) / (1.0 + fewer + more))


@compiled
def hardy_rows(counts: np.ndarray) -> np.ndarray:
    """Return the exact test of each row of counts of 0, 1 and 2 alt alleles."""
    out = np.empty(len(counts), dtype=np.float64)
    for i in range(len(counts)):
        out[i] = hardy_weinberg(counts[i, 1], counts[i, 0], counts[i, 2])
    return out


@compiled
def add_samples(
    packed: np.ndarray,
    expected: np.ndarray,
    missing: np.ndarray,
    hets: np.ndarray,
    lost: np.ndarray,
) -> None:
    """Add each variant's calls to its samples: no call, heterozygous, expectation where no call."""
    for i in range(packed.shape[0]):
        share = expected[i]
        for j in range(len(missing)):
            code = (packed[i, j >> 2] >> ((j & 3) << 1)) & 3
            if code == 1:
                missing[j] += 1
                lost[j] += share
            elif code == 2:
                hets[j] += 1


@compiled
def _bits(word: np.uint64) -> np.uint64:
    """Count the bits of a word (Warren, Hacker's Delight 5-1)."""
    word = word - ((word >> _S1) & _LOW)
    return _ones(word)


@compiled
def joint_counts(
    het: np.ndarray, none: np.ndarray, two: np.ndarray, sample: int, out: np.ndarray
) -> None:
    """Count for a sample and each later one, where both are called: hets of each, both, opposite.

    The three planes are samples × words, a bit a variant: heterozygous, no and two alt alleles.
    """
    for other in range(sample + 1, het.shape[0]):
        first = second = shared = opposite = np.uint64(0)
        for k in range(het.shape[1]):
            a, b = het[sample, k], het[other, k]
            none_a, two_a = none[sample, k], two[sample, k]
            none_b, two_b = none[other, k], two[other, k]
            first += _bits(a & (b | none_b | two_b))
            second += _bits(b & (a | none_a | two_a))
            shared += _bits(a & b)
            opposite += _bits((none_a & two_b) | (two_a & none_b))
        out[other, 0], out[other, 1] = first, second
        out[other, 2], out[other, 3] = shared, opposite
