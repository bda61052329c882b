"""Ask a release from inside of its own container: on its private socket, or through nginx as clients do."""

import json

from decodeat_ops.targets.vm.scripts.quoting import word

PATIENCE = 5  # seconds that an answer may take


def _request(path: str, **where: object) -> str:
    """Return one request as the line that `python -m decodeat.ask` reads."""
    return json.dumps({"path": path, "timeout": PATIENCE, **where})


def private(path: str) -> str:
    """Return a request on the socket that the container's own release listens on."""
    return _request(path, unix="/run/api/api.sock")


def public(path: str, domain: str) -> str:
    """Return a request as a client's, to nginx in the deployment's network; its certificate is not verified."""
    return _request(path, host="nginx", port=443, tls=True, name=domain)


def ask(container: str, line: str, count: int = 1) -> str:
    """Return the command that asks `count` times and prints the answers, a line each; it ends by itself."""
    asked = " ".join([word(line)] * count)
    return f"printf '%s\\n' {asked} | timeout 20 docker exec -i {word(container)} python -m decodeat.ask 2>/dev/null"


def good(release: str) -> str:
    """Return the command that lets answers through that are well and of that release."""
    well, named = r'"status": 200,', f'"x-release-id": "{release}"'
    return f"grep -F {word(well)} | grep -F {word(named)}"


def shown(answer: str) -> str:
    """Return in words what an answer was, as the last one of a script."""
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        return "it does not answer"
    if not isinstance(told, dict):
        return "it does not answer in words that are known"
    if "error" in told:
        return f"it does not answer ({told['error']})"
    headers = told.get("headers")
    release = headers.get("x-release-id", "no release") if isinstance(headers, dict) else "no release"
    return f"it answers {told.get('status')} from {release}"
