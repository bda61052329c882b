"""Run the service with `python -m decodeat`; with a flag, only check or migrate.

`--check-env` checks the environment variables, `--check-model` whether Google's model can be used, `--schema` whether
the database fits this release, and `--migrate` makes it fit.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence

from decodeat import __version__, settings

FORMAT = 1  # of the JSON that --check-env prints
CONFIGURATION = 3  # exit code: the environment is wrong


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, 1 if a migration or model check failed, 3 if the environment is wrong. Running replaces the process."""
    parser = argparse.ArgumentParser(prog="python -m decodeat", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check-env", action="store_true", help="check the environment variables and exit")
    what.add_argument("--check-model", action="store_true", help="ask Google about the model and the key and exit")
    what.add_argument("--schema", action="store_true", help="show the database's revisions and exit")
    what.add_argument("--migrate", action="store_true", help="bring the database to this release's schema and exit")
    parser.add_argument("--to", metavar="REVISION", help="with --migrate: to this one, forwards or backwards")
    parser.add_argument("--json", action="store_true", help="with any of these: one JSON object")
    parser.add_argument("--version", action="version", version=__version__)
    asked = parser.parse_args(argv)
    if asked.json and not (asked.check_env or asked.check_model or asked.schema or asked.migrate):
        parser.error("--json goes with --check-env, --check-model, --schema or --migrate")
    if asked.to and not asked.migrate:
        parser.error("--to goes with --migrate")
    if asked.schema or asked.migrate:
        from decodeat.stores import commands  # the database's packages take longer to import than all else

        return commands.run(os.environ, migrate=asked.migrate, to=asked.to, as_json=asked.json)
    if asked.check_model:
        from decodeat.engines import model_check

        return model_check.run(os.environ, as_json=asked.json)
    if asked.check_env:
        report = check(os.environ)
        text = json.dumps(report, ensure_ascii=False) if asked.json else table(report)
        sys.stdout.write(text + "\n")
        return 0 if report["ok"] else CONFIGURATION
    return run()


def check(environment: Mapping[str, str]) -> dict[str, object]:
    """Return what --check-env prints: every problem and every variable, but no value that was given."""
    _, problems = settings.inspect(environment)
    return {
        "format": FORMAT,
        "ok": not problems,
        "version": __version__,
        "problems": [{"name": p.name, "problem": p.problem, "hint": p.hint} for p in problems],
        "variables": [
            {
                "name": v.name,
                "secret": v.secret,
                "set": bool(environment.get(v.name, "").strip()),
                "default": v.default,
            }
            for v in settings.VARIABLES
        ],
    }


def table(report: Mapping[str, object]) -> str:
    """Return the report as text for a person: one line per variable, then the problems."""
    variables, problems = report["variables"], report["problems"]
    assert isinstance(variables, list) and isinstance(problems, list)  # noqa: S101 narrows what check() made
    width = max(len(v["name"]) for v in variables) + 1
    lines = [f"{'variable':<{width}} {'set':<4} {'secret':<7} default"]
    for v in variables:
        row = f"{v['name']:<{width}} {_yes(v['set']):<4} {_yes(v['secret']):<7} {v['default'] or '-'}"
        lines.append(row.rstrip())
    lines += ["", *(f"{p['name']} {p['problem']}. {p['hint']}" for p in problems)]
    lines.append("The environment is right." if report["ok"] else f"{len(problems)} problem(s).")
    return "\n".join(lines)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def run() -> int:
    """Replace this process with gunicorn, configured by `gunicorn_conf`. Returns 3 when the environment is wrong."""
    try:
        settings.load()
    except settings.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return CONFIGURATION
    argv = (sys.executable, "-m", "gunicorn", "--config", "python:decodeat.gunicorn_conf", "decodeat.main:app")
    sys.stdout.flush()
    os.execv(sys.executable, argv)  # noqa: S606 the arguments are fixed, and signals must reach gunicorn itself


if __name__ == "__main__":
    raise SystemExit(main())
