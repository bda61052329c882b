"""Makes the known label that deployments are checked with: `python -m tests.labels.known` writes it anew."""

import json
from pathlib import Path

from tests.labels.draw import label

SEED = 305  # every single reading of it is right in nearly all fields, so that all together are on any machine
HOME = Path(__file__).parents[2] / "decodeat_ops" / "checks"


def main() -> None:
    drawn = label(SEED, "table", "clean", full=True)
    expected = {
        "decodeStatus": "COMPLETED",
        "product_name": drawn.truth.product.replace(" ", ""),
        "nutrition_info": dict(sorted(drawn.truth.values.items())),
        "ingredients": drawn.truth.ingredient_names,
    }
    (HOME / "known_label.png").write_bytes(drawn.png)
    (HOME / "known_label.json").write_text(json.dumps(expected, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    main()
