"""Find settings of virtual machines that don't fit together, and say what would mend each."""

from collections.abc import Iterator

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.settings.vm import Vm
from decodeat_ops.targets.vm.documents.paths import DATA
from decodeat_ops.targets.vm.documents.service import rate_limit, timeouts, variables


def problems(loaded: Loaded) -> tuple[str, ...]:
    """Return all that keeps the settings from making a deployment, a sentence each."""
    vm = loaded.settings.vm
    found = [*_images(vm), *_edge(vm), *_stores(loaded)]
    if not vm.hosts:
        found.insert(0, 'vm.hosts names no machine: set it to a list such as ["api1.example.com"].')
    for read in (variables, timeouts, rate_limit):
        try:
            read(loaded)
        except Configuration as error:
            found.append(f"{error.advice.what} {error.advice.hint}".strip())
    found += _service(loaded)
    return tuple(dict.fromkeys(found))


def _images(vm: Vm) -> Iterator[str]:
    wanted = (("nginx", vm.nginx_image, True), ("redis", vm.redis_image, vm.redis))
    for name, image, needed in (*wanted, ("postgres", vm.postgres_image, vm.postgres)):
        if needed and not image:
            shown = f"docker image inspect --format '{{{{index .RepoDigests 0}}}}' {name}"
            yield (
                f"vm.{name}_image names no image: choose one, by its digest so that it never changes by itself "
                f"(docker pull {name}; {shown})."
            )


def _edge(vm: Vm) -> Iterator[str]:
    if vm.http_port == vm.https_port:
        yield "vm.http_port and vm.https_port are the same: set one of them to another port."
    yield from acme(vm)


def acme(vm: Vm) -> Iterator[str]:
    """Yield what keeps an authority from giving a certificate that renews itself."""
    if vm.certificate == "acme":
        if len(vm.hosts) > 1:
            yield (
                'vm.certificate is "acme" and vm.hosts names several machines: an authority\'s question reaches any of '
                "those that a name leads to, and one can't answer for another, so that none could renew by itself. Set "
                'vm.certificate = "own" and bring one for all of them (`decodeat-ops cert install`), or let a load '
                "balancer in front have it, or give each machine a deployment and a name of its own."
            )
        if not vm.domains:
            yield 'vm.certificate is "acme" and vm.domains is empty: name the domains that lead to the machines.'
        if not vm.acme_email:
            yield 'vm.certificate is "acme" and vm.acme_email is empty: say where the authority may write to.'


def _stores(loaded: Loaded) -> Iterator[str]:
    vm, service = loaded.settings.vm, loaded.settings.service
    if vm.postgres and len(vm.hosts) > 1:
        yield (
            "vm.postgres runs a database on one machine, and vm.hosts names several: set vm.postgres = false, and "
            "DATABASE_URL under service.secrets."
        )
    if vm.postgres and not vm.postgres_password:
        yield "vm.postgres needs a password: set vm.postgres_password to a reference such as env:POSTGRES_PASSWORD."
    for name, runs in (("postgres", vm.postgres), ("redis", vm.redis)):
        if getattr(vm, f"{name}_password") and not runs:
            yield f"vm.{name}_password is set and vm.{name} is false: remove the one or change the other."
    if vm.postgres or "DATABASE_URL" in service.secrets:
        return
    url = str(service.environment.get("DATABASE_URL", ""))
    if len(vm.hosts) > 1 and (not url or url.startswith("sqlite:")):
        yield (
            "several machines can't share an SQLite database: set DATABASE_URL under service.secrets to one of "
            'PostgreSQL, or DATABASE_URL = "none" under service.environment.'
        )
    elif url.startswith("sqlite:") and not url.startswith(f"sqlite:///{DATA}/"):
        yield f"a container keeps only what is below {DATA}: leave DATABASE_URL out, or begin it with sqlite:///{DATA}/."


def _service(loaded: Loaded) -> Iterator[str]:
    vm, environment = loaded.settings.vm, loaded.settings.service.environment
    if "GOOGLE_APPLICATION_CREDENTIALS" in environment:
        yield (
            "GOOGLE_APPLICATION_CREDENTIALS names a file, and a container has none: put its content into "
            "GOOGLE_CREDENTIALS_JSON under service.secrets."
        )
    hosts = environment.get("ALLOWED_HOSTS", [])
    allowed = hosts if isinstance(hosts, list) else [one.strip() for one in str(hosts).strip("[]").split(",")]
    names = {one.strip(' "').lower() for one in allowed} - {""}
    refused = [one for one in vm.domains if names and not _allows(names, one)]
    if refused:
        yield f"ALLOWED_HOSTS leaves out {', '.join(refused)} of vm.domains: add what clients ask for, or remove it."


def _allows(names: set[str], domain: str) -> bool:
    return "*" in names or domain in names or any(one.startswith("*.") and domain.endswith(one[1:]) for one in names)
