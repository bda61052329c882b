"""Check that the settings are safe: debug mode, plain secrets, origins that downloads may reach."""

import re
from urllib.parse import urlsplit

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.manual import signed_by_a_person
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.deployment.configured import SECRET_NAME, URL_PASSWORD

SETTINGS = "security.settings"
ORIGINS = "security.origins"


def settings(subject: Subject) -> Finding:
    environment = subject.loaded.settings.service.environment
    unsafe = []
    for name, value in environment.items():
        text = str(value)
        if name == "DEBUG" and text.lower() in ("true", "1", "yes", "on"):
            unsafe.append("DEBUG")
        elif (SECRET_NAME.search(name) and text.strip()) or URL_PASSWORD.search(text):
            unsafe.append(name)
    if unsafe:
        return answer(SETTINGS, Status.FAIL, "security.unsafe", names=unsafe)
    return answer(SETTINGS, Status.PASS, "security.plain_ok", count=len(environment))


def origins(subject: Subject) -> Finding:
    """Check that the allow list, which opens private addresses to downloads, holds at most the known label's origin."""
    loaded = subject.loaded.settings
    value = loaded.service.environment.get("IMAGE_ALLOWED_ORIGINS", "")
    texts = value if isinstance(value, list) else re.split(r"[\s,\[\]\"']+", str(value))
    allowed = [text.strip() for text in texts if text.strip()]
    label = urlsplit(loaded.checks.label_url)
    extra = [origin for origin in allowed if origin != f"{label.scheme}://{label.netloc}"]
    if extra:
        return answer(ORIGINS, Status.WARN, "security.origins_open", origins=extra)
    if allowed:
        return answer(ORIGINS, Status.PASS, "security.origins_label", origins=allowed)
    return answer(ORIGINS, Status.PASS, "security.origins_none")


CHECKS = (
    Check(SETTINGS, settings),
    Check(ORIGINS, origins),
    signed_by_a_person("security.review"),
)
