"""Tell of containers in Docker's own shapes."""

from typing import Any

from tests.servers.vm.container import NEVER, Container

Document = dict[str, Any]


def inspected(one: Container) -> Document:
    """Return what `docker inspect` says of a container."""
    definition = one.definition
    state: Document = {
        "Status": one.state,
        "Running": one.runs,
        "Paused": False,
        "Restarting": one.state == "restarting",
        "OOMKilled": one.out_of_memory,
        "Dead": False,
        "Pid": 4000 if one.state == "running" else 0,
        "ExitCode": one.exit_code,
        "Error": "",
        "StartedAt": one.started,
        "FinishedAt": one.finished,
    }
    if definition.checked:
        state["Health"] = {"Status": one.health, "FailingStreak": 0, "Log": []}
    kept, _, times = definition.restart.partition(":")
    return {
        "Id": one.id,
        "Name": f"/{one.name}",
        "Created": one.created,
        "Image": definition.image,
        "RestartCount": one.restarts,
        "State": state,
        "Config": {
            "Image": definition.named,
            "User": definition.user,
            "Env": [f"{name}={value}" for name, value in definition.environment.items()],
            "Cmd": list(definition.command) or None,
            "Labels": dict(definition.labels),
        },
        "HostConfig": {
            "RestartPolicy": {"Name": kept, "MaximumRetryCount": int(times or 0)},
            "ReadonlyRootfs": definition.read_only,
            "CapDrop": list(definition.dropped) or None,
            "SecurityOpt": list(definition.security) or None,
            "Memory": definition.memory,
            "NanoCpus": int(definition.cpus * 1e9),
            "PidsLimit": definition.pids or None,
            "Privileged": False,
            "LogConfig": {"Type": definition.logging[0], "Config": dict(definition.logging[1])},
            "PortBindings": {
                f"{inside}/tcp": [{"HostIp": address, "HostPort": str(port)}]
                for address, port, inside in definition.ports
            },
        },
        "Mounts": [
            {"Type": "bind", "Source": mount.source, "Destination": mount.target, "RW": not mount.read_only}
            for mount in definition.mounts
        ],
        "NetworkSettings": {"Networks": {name: {"Aliases": list(names)} for name, names in definition.networks}},
    }


def listed(one: Container, *, whole: bool) -> Document:
    """Return a row of `docker ps`; `whole` ids are not cut off."""
    definition = one.definition
    ports = [f"{address or '0.0.0.0'}:{port}->{inside}/tcp" for address, port, inside in definition.ports]
    status = "Up 5 seconds" if one.runs else f"Exited ({one.exit_code}) 5 seconds ago"
    if one.runs and definition.checked:
        status += f" ({one.health})"
    return {
        "ID": one.id if whole else one.id[:12],
        "Names": one.name,
        "Image": definition.named,
        "State": one.state,
        "Status": "Created" if one.started == NEVER else status,
        "Ports": ", ".join(ports) if one.state == "running" else "",
        "Labels": ",".join(f"{name}={value}" for name, value in definition.labels.items()),
        "CreatedAt": one.created,
        "Networks": ",".join(name for name, _ in definition.networks),
        "Mounts": ",".join(mount.source for mount in definition.mounts),
    }


def image_rows(inspected_image: Document) -> list[Document]:
    """Return the rows of `docker image ls --digests` for an image: one for each name."""
    tags = [one.rpartition(":") for one in inspected_image["RepoTags"]]
    digests = [one.partition("@") for one in inspected_image["RepoDigests"]]
    names = [(repository, tag, "<none>") for repository, _, tag in tags]
    names += [(repository, "<none>", digest) for repository, _, digest in digests]
    return [
        {"ID": inspected_image["Id"], "Repository": repository, "Tag": tag, "Digest": digest,
         "CreatedAt": inspected_image["Created"], "Size": f"{inspected_image['Size']}B"}
        for repository, tag, digest in names or [("<none>", "<none>", "<none>")]
    ]  # fmt: skip
