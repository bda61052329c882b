"""Check that logs are collected elsewhere, so that they outlive this deployment."""

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status

SINK = "logs.sink"


def sink(subject: Subject) -> Finding:
    return answer(SINK, Status.SKIP, "logs.no_sink", target=subject.loaded.settings.target)


CHECKS = (Check(SINK, sink),)
