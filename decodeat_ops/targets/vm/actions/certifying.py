"""Carry out the steps of certificates: ask whether an authority would find us, get, renew, serve, and the way back."""

from collections.abc import Mapping
from pathlib import Path

from decodeat_ops.core.errors import GateFailed, StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Answer
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.vm.actions.running import Work, each, warnings
from decodeat_ops.targets.vm.certificates import authority, brought, reaching, state
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.scripts import certificate_serving, frame, schedule
from decodeat_ops.targets.vm.scripts import certificates as scripts
from decodeat_ops.targets.vm.scripts.quoting import export

ISSUE_SECONDS = 900.0  # that certbot may take; an authority looks from several places, some of them slow
SERVE_SECONDS = 120.0
REACH_TRIES, REACH_PAUSE = 3, 1.0  # a packet that is lost tells nothing of a firewall

GOES_ON = "The certificate that was served goes on."
WORDS = {
    frame.UNTESTED: "nginx refuses the new certificate, and goes on with the one before",
    frame.MISSING: "the deployment's directory is not there",
    certificate_serving.UNFIT: "its key, its chain or its time does not fit, and nginx was not asked to serve it",
    scripts.NO_CERTBOT: "it has no certbot: `decodeat-ops bootstrap` brings it",
    certificate_serving.NO_OPENSSL: "it has no openssl: apt-get install openssl",
    scripts.NOTHING: "there is nothing to renew: `decodeat-ops cert issue` gets a certificate",
    schedule.NO_CLOCKWORK: "it has neither systemd nor cron",
}


def reach(place: Place, context: Context, params: Params) -> Results | None:
    """Let each machine show a file, and ask every name for it. Raises `GateFailed` where it does not come."""

    def one(work: Work) -> None:
        work.do(scripts.offer(place.names, params["token"], params["content"]), "the file for the authority")
        try:
            _asked(work, params)
        finally:
            work.run(scripts.withdraw(place.names, params["token"]))

    each(place, context, params["hosts"], one)
    return None


def _asked(work: Work, params: Params) -> None:
    place = work.place
    known = state.look(work.remote, place.names)
    for tried in range(1, REACH_TRIES + 1):
        found = reaching.problems(place, known, params["names"], params["token"], params["content"])
        if not found:
            return
        if tried < REACH_TRIES:
            work.context.checkpoint()
            place.clock.sleep(REACH_PAUSE)
    raise GateFailed(
        f"{work.host}: an authority would not find it by {'its name' if len(params['names']) == 1 else 'its names'}.",
        hint="Mend what is named above, then `decodeat-ops cert issue`. No authority was asked, so none counts it. If "
        "only this machine can't get there by that name, give --no-look.",
        lines=found,
    )


def _port_and_name(place: Place) -> tuple[str, int]:
    vm = place.loaded.settings.vm
    return (vm.domains[0] if vm.domains else ""), vm.https_port


def issue(place: Place, context: Context, params: Params) -> Results:
    """Let certbot get a certificate, and nginx serve it."""
    _, port = _port_and_name(place)
    body = scripts.issue(
        place.names, params["domains"], params["email"], params["server"], port, new_account=params["new_account"]
    )

    def one(work: Work) -> Mapping[str, str]:
        context.progress(f"{work.host}: the authority looks for our files")
        answer = work.run(body, timeout=ISSUE_SECONDS)
        return _judged(work, answer, "the certificate", params["hosts"][work.host])

    return _result(context, each(place, context, params["hosts"], one))


def renew(place: Place, context: Context, params: Params) -> Results:
    """Do now what each machine does daily: renew what is due."""
    body = scripts.renew(place.names, *_port_and_name(place), force=params["force"])

    def one(work: Work) -> Mapping[str, str]:
        answer = work.run(body, timeout=ISSUE_SECONDS)
        return _judged(work, answer, "the renewal", params["hosts"][work.host])

    return _result(context, each(place, context, params["hosts"], one))


def install(place: Place, context: Context, params: Params) -> Results:
    """Let nginx serve the certificate of files here, which have to be those that were looked at."""
    found = brought.read(Path(params["chain"]), Path(params["key"]), place.loaded.settings.vm.domains)
    if found.digest != params["digest"]:
        raise StepFailed(f"{params['chain']} is another one by now.", hint="Run the command again: it plans anew.")
    given = export({scripts.CHAIN: found.chain, scripts.KEY: found.key})
    body = scripts.install(place.names, *_port_and_name(place))

    def one(work: Work) -> Mapping[str, str]:
        answer = work.run(body, given=given, timeout=SERVE_SECONDS)
        told = _judged(work, answer, "the certificate", params["hosts"][work.host])
        return {**told, "changed": "yes"}  # also where the files of the same one were mended

    return _result(context, each(place, context, params["hosts"], one))


def _judged(work: Work, answer: Answer, what: str, before: str) -> Mapping[str, str]:
    """Return what a script told. Raises `StepFailed` with the authority's reason in words."""
    told = frame.told(answer.stdout)
    if answer.status == scripts.REFUSED:
        said = "\n".join(frame.logged(answer.stdout))
        refusal = authority.explained(said, told.get("retry-after", ""))
        raise StepFailed(
            f"{work.host}: {what}: {refusal.what}.", hint=f"{GOES_ON} {refusal.hint}", lines=frame.logged(answer.stdout)
        )
    if answer.status != 0:
        why = WORDS.get(answer.status, f"it ended with status {answer.status}")
        raise work.failed(what, why, answer, hint=f"{GOES_ON} `decodeat-ops cert status` shows it.")
    changed = "yes" if told.get("outcome") == "renewed" or told.get("live", before) != before else ""
    return {**told, "changed": changed}


def _result(context: Context, found: Mapping[str, Mapping[str, str]]) -> Results:
    said = {host: _unseen(one) for host, one in found.items()}
    for host, one in found.items():
        if one["changed"]:
            context.say(f"{host} serves {one.get('live', 'another certificate')}")
    return {"changed": [host for host, one in found.items() if one["changed"]], **warnings(said)}


def _unseen(told: Mapping[str, str]) -> str:
    """Return what an operator has to know when nobody saw the certificate being served."""
    if told.get("served") == "no":
        return "nginx was told, and shows another certificate yet: `decodeat-ops cert status` looks again."
    return "nginx does not run, and serves it once it does." if told.get("served") == "later" else ""


def lead_back(place: Place, context: Context, params: Params) -> Results | None:
    """Let nginx serve again what it served before."""

    def one(work: Work) -> str:
        answer = work.run(
            scripts.lead_back(place.names, params["hosts"][work.host], *_port_and_name(place)), timeout=SERVE_SECONDS
        )
        return "" if answer.status in {0, frame.MISSING} else "the certificate of before could not be served again."

    return warnings(each(place, context, params["hosts"], one, patient=False)) or None


def schedule_renewal(place: Place, context: Context, params: Params) -> Results | None:
    """Let each machine renew by itself."""

    def one(work: Work) -> None:
        crontab = params["hosts"][work.host]["crontab"]
        answer = work.run(schedule.schedule(place.names, params["units"], crontab))
        if answer.status != 0:
            why = WORDS.get(answer.status, f"it ended with status {answer.status}")
            raise work.failed("the daily renewal", why, answer)

    each(place, context, params["hosts"], one)
    return None


def unschedule_renewal(place: Place, context: Context, params: Params) -> Results | None:
    """Take the daily renewal away."""

    def one(work: Work) -> str:
        answer = work.run(schedule.unschedule(place.names))
        return "" if answer.status == 0 else "the daily renewal could not be taken away."

    return warnings(each(place, context, params["hosts"], one, patient=False)) or None


ACTIONS: Acts = {
    "reach-names": reach,
    "issue-certificate": issue,
    "renew-certificate": renew,
    "install-certificate": install,
    "lead-certificate-back": lead_back,
    "schedule-renewal": schedule_renewal,
    "unschedule-renewal": unschedule_renewal,
}
