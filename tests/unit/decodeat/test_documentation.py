"""docs/service.md names every variable and every metric of the service, as they are, and none that there isn't."""

import re
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from decodeat import metrics
from decodeat.settings import VARIABLES

PAGE = (Path(__file__).parents[3] / "docs" / "service.md").read_text()
# What the page names although `decodeat.settings` does not know it, and whose it is.
OTHERS = {"FORWARDED_ALLOW_IPS": "gunicorn's"}
_PYTHON_S_OWN = ("python_", "process_")


def section(heading: str) -> str:
    """What stands under a heading of the page."""
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def documented_variables() -> dict[str, str]:
    """The cell with the default, by each name in the first cell of its row."""
    rows = re.findall(r"^\| (`[A-Z].*?) \|(.*?)\|", section("Settings"), re.MULTILINE)
    return {name: default for names, default in rows for name in re.findall(r"`(\w+)`", names)}


def documented_metrics() -> dict[str, tuple[str, ...]]:
    """The labels by each name."""
    found = re.findall(r"`((?:api|decodeat)_\w+)(?:\{([\w,]+)\})?`", section("Seen from outside"))
    return {name: tuple(labels.split(",")) if labels else () for name, labels in found}


def exposed(name: str, kind: str) -> str:
    """As whoever scrapes them reads it."""
    return f"{name}_total" if kind == "counter" else name


def test_every_variable_is_documented_and_no_other() -> None:
    assert set(documented_variables()) == {variable.name for variable in VARIABLES} | set(OTHERS)


def test_variables_elsewhere_on_the_page_exist() -> None:
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", PAGE))
    assert named <= {variable.name for variable in VARIABLES} | set(OTHERS)


def test_defaults_are_as_documented() -> None:
    documented = documented_variables()
    for variable in VARIABLES:
        assert variable.default in ("", *re.split(r"[ ,]+", documented[variable.name])), variable.name


def test_every_metric_is_documented_with_its_labels_and_no_other() -> None:
    ours = [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
    assert documented_metrics() == {
        exposed(family.name, family.type): metric._labelnames for metric in ours for family in metric.describe()
    }


def test_whatever_is_registered_is_documented() -> None:
    registered = {
        exposed(family.name, family.type) for family in REGISTRY.collect() if not family.name.startswith(_PYTHON_S_OWN)
    }
    assert registered == set(documented_metrics())
