"""Define the guide's checklists as data: the checks that prove each line, and the few that are gates of a deploy."""

from decodeat_ops.core.check import Checklist, Gates, Item

PRE_DEPLOY = Checklist(
    "pre-deploy",
    (
        Item("pre.tests", 1, ("tests.recorded",)),
        Item("pre.environment", 2, ("environment.valid",)),
        Item("pre.certificate", 3, ("certificate.valid",)),
        Item("pre.backups", 4, ("backups.recent", "backups.restorable")),
        Item("pre.monitoring", 5, ("monitoring.targets",)),
        Item("pre.logs", 6, ("logs.sink",)),
        Item(
            "pre.security",
            7,
            (
                "security.files",
                "security.settings",
                "security.address",
                "security.origins",
                "security.user",
                "security.review",
            ),
        ),
        Item("pre.performance", 8, ("performance.baseline",)),
        Item("pre.rollback", 9, ("rollback.previous", "rollback.owner")),
    ),
)

POST_DEPLOY = Checklist(
    "post-deploy",
    (
        Item("post.health", 1, ("health.edge",)),
        Item("post.api", 2, ("api.label",)),
        Item("post.time", 3, ("response.time",)),
        Item("post.errors", 4, ("response.errors",)),
        Item("post.logs", 5, ("logs.marker", "disk.space")),
        Item("post.metrics", 6, ("monitoring.counters",)),
        Item("post.alerts", 7, ("alerts.reach",)),
        Item("post.backup", 8, ("backups.scratch",)),
    ),
)

CHECKLISTS = {checklist.name: checklist for checklist in (PRE_DEPLOY, POST_DEPLOY)}

# Every deploy runs the gates, so they are checks that answer within a few seconds. The candidate reads the label on
# its private socket, so that a release that reads wrongly never gets traffic.
GATES = Gates(
    before=("environment.valid", "security.files", "disk.space", "machine.label_port"),
    candidate=("api.label",),
    after=("health.edge", "logs.marker"),
)

# The order in which `decodeat-ops check` lists them: by what they ask about.
ORDER = (
    "tests.recorded",
    "environment.valid",
    "certificate.valid",
    "backups.recent",
    "backups.restorable",
    "backups.scratch",
    "monitoring.targets",
    "monitoring.counters",
    "logs.sink",
    "logs.marker",
    "security.files",
    "security.settings",
    "security.address",
    "security.origins",
    "security.user",
    "security.review",
    "performance.baseline",
    "rollback.previous",
    "rollback.owner",
    "health.edge",
    "api.label",
    "response.time",
    "response.errors",
    "alerts.reach",
    "ecs.identity",
    "ecs.endpoint",
    "ecs.platform",
    "ecs.roles",
    "ecs.registry",
    "ecs.secrets",
    "ecs.network",
    "ecs.engine",
    "ecs.rights",
    "ecs.quota",
    "ecs.deployment",
    "ecs.targets",
    "ecs.alarms",
    "ecs.errors",
    "ecs.latency",
    "vm.reached",
    "vm.docker",
    "vm.store",
    "vm.clock",
    "vm.ports",
    "vm.records",
    "vm.same",
    "vm.edge",
    "vm.answers",
    "vm.published",
    "vm.secrets",
    "machine.python",
    "machine.settings",
    "machine.secrets",
    "machine.reader",
    "machine.programs",
    "machine.clock",
    "disk.space",
    "machine.state",
    "machine.port",
    "machine.label_port",
    "machine.environment",
    "machine.schedule",
    "machine.supervisor",
    "machine.model",
)
