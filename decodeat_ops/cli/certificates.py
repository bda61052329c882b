"""Define the commands cert issue, cert renew, cert status and cert install."""

from pathlib import Path
from typing import Annotated

import typer

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.outcome import Outcome


@command(
    changes=True,
    examples=(
        "decodeat-ops cert issue --dry-run       what would be asked for, and where",
        "decodeat-ops cert issue                 gets it, once you have agreed",
        "decodeat-ops cert issue --new-account   where the authority does not know the account any more",
    ),
)
def issue(
    run: Run,
    no_look: Annotated[
        bool, typer.Option("--no-look", help="Don't ask port 80 from here first; a failure then counts.")
    ] = False,
    new_account: Annotated[bool, typer.Option("--new-account", help="Make the account at the authority anew.")] = False,
) -> Outcome:
    """Get a certificate from an authority, such as Let's Encrypt: only with --target vm.

    For vm.domains, by certbot on the machine, which renews it daily from then on where it is due. Wrong DNS and a
    blocked port 80 are found before the authority is asked. What is served goes on until nginx takes the new one.
    """
    from decodeat_ops.application import certificates
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "cert issue")
    return certificates.issue(open_desk(loaded, secrets={}), how, look=not no_look, new_account=new_account)


@command(
    changes=True,
    examples=(
        "decodeat-ops cert renew           what the machine does daily, now",
        "decodeat-ops cert renew --force   also when nothing is due",
    ),
)
def renew(
    run: Run,
    force: Annotated[bool, typer.Option("--force", help="Renew it though it is not due.")] = False,
) -> Outcome:
    """Renew the certificate where it is due: only with --target vm.

    Machines do so daily by themselves. Where nothing is due it is "0 changed".
    """
    from decodeat_ops.application import certificates
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "cert renew", asks=False)
    return certificates.renew(open_desk(loaded, secrets={}), how, force=force)


@command(examples=("decodeat-ops cert status",))
def status(run: Run) -> Outcome:
    """Tell which certificate clients really see, and whether it lasts: only with --target vm.

    Names, issuer, days left, chain, source, and when a renewal ran last and runs next, for each machine. The exit code
    is 4 when something is wrong.
    """
    from decodeat_ops.application import certificates

    return certificates.status(run.loaded())


@command(
    changes=True,
    examples=("decodeat-ops cert install --chain fullchain.pem --key privkey.pem",),
)
def install(
    run: Run,
    chain: Annotated[
        Path, typer.Option("--chain", metavar="FILE", help="The certificate and those above it, in order, as PEM.")
    ],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Its key as PEM, without a passphrase.")],
) -> Outcome:
    """Let nginx serve a certificate that you bring: only with --target vm.

    Key, order, authority, names and time are checked first. The key travels as input and is readable for nginx alone.
    """
    from decodeat_ops.application import certificates
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "cert install")
    return certificates.install(open_desk(loaded, secrets={}), how, chain, key)
