"""Judge how well a text was read: whether it shows signs of a label, and is sure enough to say that it is none."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import chain

from decodeat.analysis import text
from decodeat.analysis.nutrients import names_pattern
from decodeat.analysis.passes import by_picture

# Headings of the parts of Korean food labels, without gaps.
_HEADINGS = (
    "영양정보", "영양성분", "1일영양", "기준치에대한", "1회제공량", "총내용량", "내용량", "원재료명", "원재료",
    "원산지", "식품유형", "식품의유형", "품목보고번호", "소비기한", "유통기한", "제조연월일", "업소명", "소재지",
    "제조원", "판매원", "제조판매원", "수입원", "수입판매원", "보관방법", "포장재질", "섭취방법", "조리방법",
    "주의사항", "알레르기", "반품및교환", "고객상담실", "부정불량식품", "소비자분쟁해결", "소비자기본법",
    "제조시설에서제조", "제조시설", "직사광선",
)  # fmt: skip
_ENGLISH = r"nutrition(?:facts|information)|ingredients|haccp"
_LONG = 4  # syllables from which on one of a heading may be misread
_NUTRIENTS = 2  # nutrients that are a sign of a label: many other texts name one
_WORD = re.compile(r"[가-힣]{2,}|[A-Za-z]{3,}")
_PIECE = re.compile(r"(?=([가-힣]{2}))|(?<![A-Za-z])([A-Za-z]{3,})")  # two Korean letters, or a word of Latin letters
_LEAST = 6  # different pieces that must be read alike
_SHARE = 0.6  # of all pieces that are read


@cache  # made when the first page is read: at the start it would take a twentieth of the time
def _heading() -> re.Pattern[str]:
    """Return a pattern of the headings; in long ones any one syllable may be misread."""
    forms = chain.from_iterable(
        [word, *(f"{word[:n]}[가-힣]{word[n + 1 :]}" for n in range(len(word)) if len(word) >= _LONG)]
        for word in _HEADINGS
    )
    # Only the English part ignores case: for all of it, every Korean letter's cases would take a sixth of the start.
    return re.compile(f"{'|'.join(forms)}|(?i:{_ENGLISH})")


def shows_a_label(passes: Sequence[str]) -> bool:
    """Return whether any reading has a label's heading, or names nutrients."""
    return any(_signs("".join(text.lines(one))) for one in passes)


def _signs(one: str) -> bool:
    whole = re.sub(r"\s+", "", one)
    nutrients = {found.lastgroup for found in names_pattern().finditer(whole)}
    return _heading().search(whole) is not None or len(nutrients) >= _NUTRIENTS


def is_sure(passes: Sequence[str]) -> bool:
    """Return whether most of the text is read alike in different pictures, so that what it lacks is not on the label.

    The two were read with different languages, too. A single pass agrees with itself: its reader is trusted.
    """
    first, last = _pieces(passes[0]), _pieces(by_picture(passes)[:2][-1][-1])
    alike = first & last
    return len(alike) >= _LEAST and len(alike) >= _SHARE * max(len(first), len(last))


def _pieces(one: str) -> set[str]:
    return {piece[1] or piece[2] for piece in _PIECE.finditer(text.closed(" ".join(text.lines(one))))}


def is_empty(passes: Sequence[str]) -> bool:
    return not any(_WORD.search(one) for one in passes)
