"""Look after certificates, for the command line and for targets that have them."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.targets import open_view
from decodeat_ops.application.workflow import Change, carry_out, data
from decodeat_ops.core.abilities import Certified, Certifies, Install, Issue, Renew
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.outcome import Facts, Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed
from decodeat_ops.engine.executor import Results
from decodeat_ops.settings.schema import Loaded

ISSUE, RENEW, INSTALL, STATUS = "cert issue", "cert renew", "cert install", "cert status"
WRONG = 4  # the exit code where clients have, or will have, a certificate that does not do


def issue(desk: Desk, change: Change, *, look: bool = True, new_account: bool = False) -> Outcome:
    """Ask an authority for a certificate, which the machine then renews by itself."""
    mark = uuid.uuid4().hex  # chosen once, so that the approved plan and its execution are the same
    return _carried_out(desk, ISSUE, Issue(mark, look, new_account), change, "{} has the certificate that is served.")


def renew(desk: Desk, change: Change, *, force: bool = False) -> Outcome:
    """Do now what machines do daily: renew what is due."""
    return _carried_out(desk, RENEW, Renew(force), change, "The certificate of {} is renewed and served.")


def install(desk: Desk, change: Change, chain: Path, key: Path) -> Outcome:
    """Serve a certificate that the operator brings."""
    wish = Install(chain.expanduser().resolve(), key.expanduser().resolve())
    return _carried_out(desk, INSTALL, wish, change, "The certificate for {} is served.")


def status(loaded: Loaded) -> Outcome:
    """Report which certificate clients see; exit 0 when it is well and stays so, 4 when not."""
    view = open_view(loaded)
    if not isinstance(view, Certified):
        raise _none(loaded)
    found = view.certificates()
    summary = "; ".join(found.wrong) + "." if found.wrong else "Clients see the certificate that they should."
    return Outcome(
        STATUS, summary[0].upper() + summary[1:], exit_code=WRONG if found.wrong else 0,
        data={**found.told, "problems": list(found.wrong)}, blocks=(Facts(found.rows),), next=found.next,
    )  # fmt: skip


def _carried_out(desk: Desk, verb: str, wish: Issue | Renew | Install, change: Change, well: str) -> Outcome:
    target = desk.target
    if not isinstance(target, Certifies):
        raise _none(desk.loaded)

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        found = target.certify(observed, wish)
        if found.steps:
            return Plan(verb, desk.deployment, found.subject, found.steps, found.facts, "", observed.serves_now)
        return Outcome(
            verb, f"0 changed: {found.subject} has this certificate already.", data={"subject": found.subject},
            next=("decodeat-ops cert status",),
        )  # fmt: skip

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        changed = sum(len(result.get("changed", ())) for result in results.values())
        others = sum(step.produces == () and step.id != "reach" for step in plan.steps)
        kept = (
            f"0 changed: nothing is due for {plan.subject}." if not others else f"Nothing was due for {plan.subject}."
        )
        return Outcome(
            verb, well.format(plan.subject) if changed else kept, changed=changed + others,
            data=data(plan, results), next=("decodeat-ops cert status",),
        )  # fmt: skip

    return carry_out(desk, verb, derive, change, finish)


def _none(loaded: Loaded) -> Usage:
    return Usage(
        f"There is no certificate to look after on {loaded.settings.target}.",
        hint="What stands in front of the service has it there: a load balancer, or a server of your own.",
    )
