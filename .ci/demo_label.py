"""The demo's last act: one label through POST /api/v1/analyze, and the answer as a table."""

import json
import os
import sys

from rich.console import Console
from rich.table import Table

from decodeat_ops.checks import label
from decodeat_ops.core.errors import OpsError
from decodeat_ops.deployment import credential
from decodeat_ops.application.opening import open_tools
from decodeat_ops.application.settings import load

UNITS = {"energy": "kcal", "sodium": "mg", "cholesterol": "mg", "calcium": "mg"}


def main() -> int:
    console = Console()
    tools = open_tools(load(None, os.environ.get("DECODEAT_OPS_ENV"), {}))
    url = tools.loaded.settings.checks.label_url
    ours = label.is_ours(url)
    release = tools.store.active()
    if release is None or ours is None:
        console.print("The demo's settings were changed: it needs a deployment and checks.label_url on 127.0.0.1.")
        return 1
    lot = label.new_lot()
    body = json.dumps({"image_urls": [label.address(ours, lot)]}).encode()
    address = f"{tools.store.public(release)}/api/v1/analyze"
    words = f"$ curl -H 'Content-Type: application/json' {address} -d '{body.decode()}'"
    console.print(words, style="bold", soft_wrap=True, highlight=False, markup=False)
    with label.served(ours, lot):
        answer = tools.http.request(
            tools.store.public(release), "POST", "/api/v1/analyze", body=body,
            headers={"Content-Type": "application/json", **(credential.headers(tools, release.id) or {})}, timeout=120,
        )  # fmt: skip
    if answer.status != 200:
        console.print(f"The service answered {answer.status}: {answer.body.decode()[:200]}")
        return 1
    found = json.loads(answer.body)
    console.print(f"{found['product_name']}   {found['decodeStatus']}   {answer.seconds:.1f} s")
    table = Table(box=None, pad_edge=False)
    table.add_column("nutrient")
    table.add_column("value", justify="right")
    table.add_column("unit")
    for name, value in (found["nutrition_info"] or {}).items():
        table.add_row(name, value or "–", UNITS.get(name, "g"))
    console.print(table)
    console.print("ingredients  " + ", ".join(found["ingredients"] or []))
    console.print(f"message      {found['message']}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OpsError as error:
        sys.exit(f"{error.advice.what} {error.advice.hint}")
