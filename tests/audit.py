"""Ask a public database for known vulnerabilities of every locked package. A missing answer never counts as clean.

pip-audit alone calls a package clean when the database has no data, as an index without vulnerabilities does.
So we also ask about one package whose vulnerabilities every such database has: if that comes back clean, the answer
proves nothing about the others. We ask OSV because pip-audit can use another server of that kind
(PIP_AUDIT_OSV_URL), but PyPI's own database only at one address.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

LOCKS = tuple(map(Path, ("decodeat/requirements.txt", "decodeat_ops/requirements.txt", ".ci/build.txt")))
LOCKS += (Path("tests/requirements.txt"),)
# What is installed together, and so has one version of each package: this project, and the lab's emulator of AWS.
ENVIRONMENTS = (LOCKS, (Path("tests/lab/ministack-requirements.txt"),))
# CVE-2018-1000656, fixed in 0.12.3. It is no dependency of ours: we ask about it and never install it.
VULNERABLE = ("flask", "0.12.2")
LIMIT = 120.0  # seconds for everything: some 150 packages are looked up one after the other
OPTIONS = ("--strict", "--require-hashes", "--disable-pip", "--vulnerability-service", "osv", "--format", "json")
QUIETLY = ("--desc", "off", "--progress-spinner", "off", "--timeout", "10")


@dataclass(frozen=True)
class Audit:
    """Hold a database's answer about the locked packages; `packages` is how many it answered about."""

    status: Literal["clean", "findings", "unknown"]
    packages: int
    findings: tuple[dict[str, Any], ...] = ()
    reason: str = ""  # why the answer is unknown

    def as_record(self) -> dict[str, Any]:
        return {"status": self.status, "packages": self.packages, "findings": list(self.findings)}

    def __str__(self) -> str:
        if self.status == "unknown":
            return f"pip-audit: unknown, not clean. {self.reason}"
        lines = [
            f"VULNERABLE {finding['name']} {finding['version']}: {finding['id']}, "
            f"mended in {', '.join(finding['fix_versions']) or 'no release yet'}"
            for finding in self.findings
        ]
        return "\n".join((*lines, f"pip-audit: {self.packages} packages, {len(self.findings)} known vulnerabilities"))


def unknown(reason: str) -> Audit:
    return Audit("unknown", 0, reason=reason)


def judge(output: str, errors: str) -> Audit:
    """Parse pip-audit's output, since its exit status is 1 both for findings and for its own errors."""
    try:
        answers = {
            (answer["name"], answer["version"]): answer["vulns"] for answer in json.loads(output)["dependencies"]
        }
        has_data = bool(answers.pop(VULNERABLE))
    except (ValueError, KeyError, TypeError):
        return unknown((errors.strip().splitlines() or ["pip-audit said nothing"])[-1])
    findings = tuple(
        {"name": name, "version": version, "id": found["id"], "fix_versions": found["fix_versions"]}
        for (name, version), vulnerabilities in sorted(answers.items())
        for found in vulnerabilities
    )
    if findings:
        return Audit("findings", len(answers), findings)
    if not has_data or not answers:
        return unknown(f"The database has no vulnerability of {' '.join(VULNERABLE)}, so it has none of others either.")
    return Audit("clean", len(answers))


def audit(environments: tuple[tuple[Path, ...], ...] = ENVIRONMENTS, limit: float = LIMIT) -> Audit:
    """Ask about every package of all lock files, those of one environment together. `limit` is for each of these."""
    said = [_ask(locks, limit) for locks in environments]
    findings = tuple(found for one in said for found in one.findings)
    packages = sum(one.packages for one in said)
    if findings:
        return Audit("findings", packages, findings)
    return next((one for one in said if one.status == "unknown"), Audit("clean", packages))


def _ask(locks: tuple[Path, ...], limit: float) -> Audit:
    """Ask about the packages of one environment, without cached answers."""
    with tempfile.TemporaryDirectory() as scratch:
        known = Path(scratch, "known.txt")
        # Every line must have a hash, but only an installation would compare it.
        known.write_text(f"{'=='.join(VULNERABLE)} --hash=sha256:{'0' * 64}\n")
        files = [option for lock in (*locks, known) for option in ("--requirement", str(lock))]
        argv = (sys.executable, "-m", "pip_audit", *OPTIONS, *QUIETLY, "--cache-dir", scratch, *files)
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            return unknown(f"No answer within {limit:g} s.")
    return judge(done.stdout, done.stderr)
