"""Ask Google about the model and the key, which costs nothing, for `python -m decodeat --check-model`."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from decodeat import settings
from decodeat.engines import models
from decodeat.engines.models import KeyKind
from decodeat.settings import Settings

FORMAT = 1  # of the JSON that it prints
FAULTS = frozenset({"model_gone", "refused"})  # codes with which no analysis is possible


@dataclass(frozen=True)
class Finding:
    """Hold one finding. Programs use `code` (model_gone, model_ending, key_ending, refused, unasked), people `text`."""

    code: str
    text: str


def run(environment: Mapping[str, str], *, as_json: bool) -> int:
    """Print the findings and return the exit code: 0, 1 if no analysis is possible, 3 if the environment is wrong."""
    try:
        config = settings.load(environment)
    except settings.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    used = config.analyzer == "gemini"
    findings = found(config, datetime.now(UTC).date(), asyncio.run(_refusal(config))) if used else []
    report = {
        "format": FORMAT,
        "ok": not any(one.code in FAULTS for one in findings),
        "used": used,
        "model": config.gemini_model if used else None,
        "findings": [asdict(one) for one in findings],
    }
    lines = [one.text for one in findings] or [f"{config.gemini_model} answers." if used else "No model is used."]
    sys.stdout.write((json.dumps(report, ensure_ascii=False) if as_json else "\n".join(lines)) + "\n")
    return 0 if report["ok"] else 1


def found(config: Settings, today: date, refusal: str) -> list[Finding]:
    """Return present and coming problems. `refusal`: why Google gave no information on the model, "" when it did."""
    kind, end = models.key_kind(config.gemini_api_key), models.retires(config.gemini_model)
    findings = []
    if refusal == "model":
        findings.append(Finding("model_gone", f"Google has no model {config.gemini_model}: set another GEMINI_MODEL."))
    elif refusal == "credentials":
        old = " It is a standard key (AIza...), which Google no longer takes: make an auth key (AQ....)."
        text = "Google refuses GEMINI_API_KEY." + (old if kind is KeyKind.STANDARD else "")
        findings.append(Finding("refused", text))
    elif refusal:
        findings.append(Finding("unasked", f"Google could not be asked about {config.gemini_model} ({refusal})."))
    if end is not None and refusal != "model" and (end - today).days <= models.NOTICE_DAYS:
        text = f"{config.gemini_model} ends on {end}, as announced: set another GEMINI_MODEL, and its prices."
        findings.append(Finding("model_ending", text))
    if kind is KeyKind.STANDARD and refusal != "credentials":
        when = f"Google announced to refuse those from {models.STANDARD_KEYS_END} on"
        text = f"GEMINI_API_KEY is a standard key (AIza...); {when}: make an auth key (AQ....)."
        findings.append(Finding("key_ending", text))
    return findings


async def _refusal(config: Settings) -> str:
    from decodeat.engines.gemini import GeminiAnalyst

    analyst = GeminiAnalyst(config.gemini_api_key, config.gemini_model, config.gemini_endpoint)
    try:
        return await analyst.refusal()
    finally:
        await analyst.close()
