"""Every sentence exists in both languages, is filled by what its probe saw, and is short enough for a screen."""

import ast
import re
import string
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import decodeat_ops.application.checks
import decodeat_ops.checks
from decodeat_ops.checks import lists, words
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.registry import COMMON
from decodeat_ops.core.check import Status
from decodeat_ops.targets.common import private_files
from decodeat_ops.targets.ecs import checks as ecs
from decodeat_ops.targets.local import checks as local
from decodeat_ops.targets.vm import checks as vm

SOURCES = [
    *Path(decodeat_ops.checks.__file__).parent.glob("*.py"),
    *Path(local.__file__).parent.glob("*.py"),
    *Path(ecs.__file__).parent.glob("*.py"),
    *Path(vm.__file__).parent.glob("*.py"),
    Path(private_files.__file__),
    Path(decodeat_ops.application.checks.__file__),
]
CHECKS = [*COMMON, *(check.id for module in (*local.MODULES, *ecs.MODULES, *vm.MODULES) for check in module.CHECKS)]


@dataclass(frozen=True)
class Said:
    """One `answer(...)` in the code: where, the sentences it may use, the evidence it names, its statuses."""

    where: str
    says: tuple[str, ...]
    evidence: frozenset[str]
    open_ended: bool  # passes **evidence whose names a reader of the code must look up
    statuses: frozenset[str]


def _said() -> Iterator[Said]:
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "answer":
                constants = [n.value for n in ast.walk(node.args[2]) if isinstance(n, ast.Constant)]
                strings = tuple(value for value in constants if isinstance(value, str))
                statuses = {n.attr for n in ast.walk(node.args[1]) if isinstance(n, ast.Attribute)}
                named = frozenset(k.arg for k in node.keywords if k.arg)
                loose = any(k.arg is None for k in node.keywords)
                yield Said(f"{path.name}:{node.lineno}", strings, named, loose, frozenset(statuses))


CALLS = tuple(_said())
# Sentences that reach `answer` through a variable, with the place that names them and what that call gives them.
BY_VARIABLE = {
    "health.py": ("health.unreachable", "health.status", "health.other_release"),
    "rollback.py": ("rollback.changed_files", "rollback.no_environment", "rollback.broken_environment"),
    "response.py": ("response.slower", "response.as_before"),
    "api.py": ("api.read", "api.unread"),
    "metrics.py": ("ecs.slower", "ecs.as_before"),
}


def _each_pair() -> Iterator[tuple[Said, str]]:
    for call in CALLS:
        names = call.says or BY_VARIABLE[call.where.partition(":")[0]]
        yield from ((call, name) for name in names)


PAIRS = list(_each_pair())


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_there_are_answers_to_look_at() -> None:
    assert len(CALLS) > 80


@pytest.mark.parametrize(("call", "name"), PAIRS, ids=lambda v: v if isinstance(v, str) else v.where)
def test_every_sentence_exists_and_is_filled(call: Said, name: str) -> None:
    for lang in words.LANGUAGES:
        wanted = _placeholders(words.text(name, lang))
        if f"{name}.hint" in words.TABLE:
            wanted |= _placeholders(words.text(f"{name}.hint", lang))
        if not call.open_ended:
            assert wanted <= call.evidence, f"{call.where}: {name} lacks {wanted - call.evidence}"


@pytest.mark.parametrize(("call", "name"), PAIRS, ids=lambda v: v if isinstance(v, str) else v.where)
def test_what_needs_doing_says_what(call: Said, name: str) -> None:
    if call.statuses & {"FAIL", "MANUAL", "WARN"} and not call.statuses & {"PASS", "SKIP"}:
        assert f"{name}.hint" in words.TABLE


def test_both_languages_have_the_same_placeholders() -> None:
    for name, (english, korean) in words.TABLE.items():
        assert english.strip()
        assert korean.strip()
        assert _placeholders(english) == _placeholders(korean), name


def test_every_check_and_item_has_a_title_and_a_reason() -> None:
    for check in CHECKS:
        for lang in words.LANGUAGES:
            assert words.title(check, lang)
            assert words.why(check, lang).endswith((".", "다."))
    for checklist in lists.CHECKLISTS.values():
        for item in checklist.items:
            assert all(words.title(item.id, lang) for lang in words.LANGUAGES)


def test_no_words_are_left_over() -> None:
    said = {name for _, name in PAIRS} | {f"{name}.hint" for _, name in PAIRS}
    asked = set(CHECKS) | {f"{check}.why" for check in CHECKS}
    items = {item.id for checklist in lists.CHECKLISTS.values() for item in checklist.items}
    assert set(words.TABLE) - said - asked - items == set()


def test_the_korean_titles_are_the_guides_own() -> None:
    titles = [words.title(item.id, "ko") for c in (lists.PRE_DEPLOY, lists.POST_DEPLOY) for item in c.items]
    assert titles == [
        "모든 테스트 통과 확인",
        "환경 변수 설정 검증",
        "SSL 인증서 유효성 확인",
        "백업 시스템 동작 확인",
        "모니터링 시스템 설정",
        "로그 수집 시스템 설정",
        "보안 설정 검토",
        "성능 테스트 수행",
        "롤백 계획 수립",
        "헬스체크 엔드포인트 확인",
        "API 기능 테스트",
        "응답 시간 모니터링",
        "오류율 확인",
        "로그 수집 상태 확인",
        "메트릭 수집 상태 확인",
        "알림 시스템 테스트",
        "백업 시스템 테스트",
    ]


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_sentences_fit_beside_their_title_on_80_columns() -> None:
    """Number, title (26), status (8) and evidence share a line, or evidence takes a second one: 60 cells at most."""
    items = {item.id for checklist in lists.CHECKLISTS.values() for item in checklist.items}
    for name, texts in words.TABLE.items():
        if name.endswith((".hint", ".why")):
            continue
        for text in texts:
            shown = re.sub(r"\{\w+\}", "x" * 6, text)
            assert _cells(shown) <= (26 if name in items else 60), (name, text)


def test_lists_are_spelled_out_and_missing_evidence_does_not_break_an_old_record() -> None:
    finding = answer("security.settings", Status.FAIL, "security.unsafe", names=["A_KEY", "DEBUG"])
    assert words.says(finding) == "Unsafe in [service.environment]: A_KEY, DEBUG"
    assert words.says(answer("x", Status.FAIL, "security.unsafe"), "ko") == "[service.environment]에서 위험함: ?"


def test_braces_in_evidence_are_text() -> None:
    finding = answer("x", Status.FAIL, "api.differs", count=1, compared=2, first="{0} {oops}")
    assert "{0} {oops}" in words.hint(finding)
