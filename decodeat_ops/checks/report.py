"""Turn a walk, a check or the doctor's findings into an Outcome: data for programs, a table and hints for people."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from decodeat_ops.checks import words
from decodeat_ops.checks.walk import Answered, Answers, Walked
from decodeat_ops.checks.words import Language
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.outcome import Block, Cell, Lines, Outcome, Table

TONE = {Status.PASS: "good", Status.WARN: "warn", Status.FAIL: "bad", Status.SKIP: "muted", Status.MANUAL: "strong"}
COLUMNS = {"en": ("#", "item", "status", "evidence"), "ko": ("#", "항목", "상태", "근거")}
COUNTED = {
    "en": "{count} asked, {passed} passed, {warned} warned, {failed} failed, {open} open, {skipped} skipped",
    "ko": "점검 {count}건, 통과 {passed}, 경고 {warned}, 실패 {failed}, 대기 {open}, 해당 없음 {skipped}",
}
TO_DO = {"en": "to do", "ko": "할 일"}
WAIVED = {"en": "waived by {operator} until {until}: {reason}", "ko": "{operator} 승인, {until}까지: {reason}"}


def walked(result: Walked, lang: Language) -> Outcome:
    """Return a walk's outcome.

    It exits with 0 when all is done (warnings allowed), with 4 after any FAIL, with 9 when manual items are open.
    """
    name = result.checklist.name
    resume = f"decodeat-ops checklist {name} --resume"
    forward = "decodeat-ops deploy" if name == "pre-deploy" else "decodeat-ops backup"
    return Outcome(
        f"checklist {name}",
        f"{name}: {_counted([one for row in result.rows for one in row.answered], lang)}.",
        exit_code=result.exit_code,
        data={
            "checklist": name,
            "record": result.record.name,
            "head": result.head,
            "identity": asdict(result.identity),
            "items": [_item(row, lang) for row in result.rows],
        },
        blocks=(_table(result, lang), *_todo(result, lang)),
        warnings=(result.note,) if result.note else (),
        next=(resume,) if result.exit_code else (forward, f"decodeat-ops checklist verify {result.record.name}"),
    )


def _table(result: Walked, lang: Language) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in result.rows:
        worst = row.worst
        rows.append((str(row.item.number), words.title(row.item.id, lang), _status(worst), _says(worst, lang)))
        for one in row.answered:
            if one is not worst and one.status is not Status.PASS:
                rows.append(("", f"· {words.title(one.finding.check, lang)}", _status(one), _says(one, lang)))
    return Table(COLUMNS[lang], tuple(rows))


def _status(one: Answered) -> Cell:
    return ("WAIVED", "warn") if one.waiver else (str(one.status), TONE[one.status])


def _says(one: Answered, lang: Language) -> Cell:
    text = words.says(one.finding, lang)
    return (text, "muted") if one.status is Status.SKIP else text


def _todo(result: Walked, lang: Language) -> Sequence[Block]:
    lines = []
    for row in result.rows:
        for one in row.answered:
            text = _waiver(one, lang) if one.waiver else words.hint(one.finding, lang)
            if text and one.status is not Status.PASS:
                lines.append(f"{row.item.number}. {words.title(one.finding.check, lang)}: {text}")
    return (Lines(tuple(lines), title=TO_DO[lang]),) if lines else ()


def _waiver(one: Answered, lang: Language) -> str:
    waiver = one.waiver
    if waiver is None:
        return ""
    return WAIVED[lang].format(operator=waiver.operator, until=waiver.last_day, reason=waiver.reason)


def _item(row: Answers, lang: Language) -> dict[str, Any]:
    return {
        "number": row.item.number,
        "id": row.item.id,
        "title": words.title(row.item.id, lang),
        "status": str(row.worst.status),
        "waived": row.worst.waiver is not None,
        "findings": [
            {
                **_finding(one.finding, lang),
                "waiver": asdict(one.waiver) if one.waiver else None,
                "reused": one.reused,
            }
            for one in row.answered
        ],
    }


def _finding(finding: Finding, lang: Language) -> dict[str, Any]:
    return {
        "check": finding.check,
        "title": words.title(finding.check, lang),
        "status": str(finding.status),
        "says": finding.says,
        "text": words.says(finding, lang),
        "hint": words.hint(finding, lang),
        "evidence": dict(finding.evidence),
        "seconds": finding.seconds,
    }


def _counted(answered: Sequence[Answered], lang: Language) -> str:
    shown = [Status.WARN if one.waiver else one.status for one in answered]
    return COUNTED[lang].format(
        count=len(shown),
        passed=shown.count(Status.PASS),
        warned=shown.count(Status.WARN),
        failed=shown.count(Status.FAIL),
        open=shown.count(Status.MANUAL),
        skipped=shown.count(Status.SKIP),
    )


def findings(command: str, found: Sequence[Finding], lang: Language, *, then: tuple[str, ...] = ()) -> Outcome:
    """Return the outcome of findings on their own, as `check` and `doctor` show them; `then` is shown unless exit 0."""
    statuses = [finding.status for finding in found]
    exit_code = 4 if Status.FAIL in statuses else 9 if Status.MANUAL in statuses else 0
    rows = tuple((words.title(f.check, lang), (str(f.status), TONE[f.status]), _says(Answered(f), lang)) for f in found)
    lines = tuple(
        f"{words.title(f.check, lang)}: {words.hint(f, lang)}"
        for f in found
        if f.status is not Status.PASS and words.hint(f, lang)
    )
    return Outcome(
        command,
        f"{_counted([Answered(f) for f in found], lang)}.",
        exit_code=exit_code,
        data={"findings": [_finding(f, lang) for f in found]},
        blocks=(Table(COLUMNS[lang][1:], rows), *((Lines(lines, title=TO_DO[lang]),) if lines else ())),
        next=then if exit_code else (),
    )
