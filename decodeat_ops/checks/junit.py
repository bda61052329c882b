"""Write a walk as JUnit XML, which CI systems show: one test case a check."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring  # builds only; nothing is parsed

from decodeat_ops.checks import words
from decodeat_ops.checks.walk import Answered, Walked
from decodeat_ops.checks.words import Language
from decodeat_ops.core.check import Status


def xml(walked: Walked, lang: Language) -> str:
    """Return the walk as XML: SKIP is skipped, FAIL a failure, an open MANUAL a failure of type "manual".

    A waived finding passes with a note.
    """
    answered = [(row, one) for row in walked.rows for one in row.answered]
    failures = sum(one.waiver is None and one.status in (Status.FAIL, Status.MANUAL) for _, one in answered)
    suite = Element(
        "testsuite",
        name=f"decodeat-ops checklist {walked.checklist.name}",
        tests=str(len(answered)),
        failures=str(failures),
        errors="0",
        skipped=str(sum(one.status is Status.SKIP for _, one in answered)),
        time=f"{sum(one.finding.seconds for _, one in answered):.3f}",
        hostname=_legal(walked.identity.host),
    )
    for row, one in answered:
        case = SubElement(
            suite,
            "testcase",
            classname=f"{walked.checklist.name}.{row.item.number}",
            name=f"{words.title(row.item.id, lang)}: {words.title(one.finding.check, lang)}",
            time=f"{one.finding.seconds:.3f}",
        )
        _result(case, one, lang)
    indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _result(case: Element, one: Answered, lang: Language) -> None:
    says = _legal(words.says(one.finding, lang))
    hint = _legal(words.hint(one.finding, lang))
    if one.status is Status.SKIP:
        SubElement(case, "skipped", message=says)
    elif one.waiver is not None:
        waiver = one.waiver
        note = f"{one.status}, waived by {waiver.operator} until {waiver.last_day} ({waiver.reason}): {says}"
        SubElement(case, "system-out").text = _legal(note)
    elif one.status in (Status.FAIL, Status.MANUAL):
        kind = "manual" if one.status is Status.MANUAL else one.finding.says
        SubElement(case, "failure", type=kind, message=says).text = hint
    else:
        SubElement(case, "system-out").text = f"{one.status}: {says}" + (f" ({hint})" if hint else "")


_ILLEGAL = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _legal(text: str) -> str:
    """Replace the characters that XML forbids, since evidence may hold anything that a server answered."""
    return _ILLEGAL.sub("�", text)
