"""The demo's last act: one label through POST /api/v1/analyze, and the answer as a table."""

import json
import os
import sys

from rich.console import Console
from rich.table import Table

from decodeat_ops.application.settings import load
from decodeat_ops.application.targets import open_desk
from decodeat_ops.checks import label
from decodeat_ops.core.errors import OpsError

UNITS = {"energy": "kcal", "sodium": "mg", "cholesterol": "mg", "calcium": "mg"}


def main() -> int:
    console = Console()
    desk = open_desk(load(None, os.environ.get("DECODEAT_OPS_ENV"), {}))
    ours = label.is_ours(desk.loaded.settings.checks.label_url)
    release = desk.target.observe().active
    endpoint = desk.view.endpoint(release, "public") if release else None
    if release is None or endpoint is None or ours is None:
        console.print("The demo's settings were changed: it needs a deployment and checks.label_url on 127.0.0.1.")
        return 1
    lot = label.new_lot()
    body = json.dumps({"image_urls": [label.address(ours, lot)]}).encode()
    address = f"{endpoint}/api/v1/analyze"
    words = f"$ curl -H 'Content-Type: application/json' {address} -d '{body.decode()}'"
    console.print(words, style="bold", soft_wrap=True, highlight=False, markup=False)
    with label.served(ours, lot):
        headers = {"Content-Type": "application/json", **(desk.view.headers(release) or {})}
        answer = desk.view.http.request(endpoint, "POST", "/api/v1/analyze", body=body, headers=headers, timeout=120)
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
