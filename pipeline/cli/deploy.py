"""deploy: a bundle onto a device, over ssh."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from pipeline.cli.progress import console, reporting

if TYPE_CHECKING:
    from edge.deploy.deployment import Outcome
    from edge.deploy.package import Package
    from edge.deploy.plan import Plan


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("device", metavar="[USER@]HOST[:PORT]")
@click.option("--root", default="", help="The device's folder.  [default: $EDGEWISE_ROOT there, else ~/edgewise]")
@click.option("--key", type=click.Path(path_type=Path), help="Public key that signed it; the device is to trust it.")
@click.option("--allow-downgrade", is_flag=True, help="Also an older version, or another model.")
@click.option("--dry-run", is_flag=True, help="Look, print the plan and change nothing.")
@click.option(
    "--wait", default=60.0, show_default=True, type=click.FloatRange(0), metavar="SECONDS",
    help="How long a server that runs there has to come up with it.",
)  # fmt: skip
@click.option("--python", default="python3", show_default=True, help="The device's Python: a name or a path.")
@click.option("--ssh-config", type=click.Path(path_type=Path), help="In place of ~/.ssh/config.")
def deploy(
    bundle: Path, device: str, root: str, key: Path | None, allow_downgrade: bool, dry_run: bool, wait: float,
    python: str, ssh_config: Path | None,
) -> None:  # fmt: skip
    """Push BUNDLE to a device over ssh: it is verified, tested there beside the version in use, and switched to.

    Your ssh configuration, keys, agent and known hosts are used. What was cut off goes on where it ended when the same
    command is run again; the device keeps a version that works all along. Exit code 3 where the bundle fails there.

    \b
    Examples:
      edgewise deploy flowers-1.2.0-coral.bundle mendel@coral --key signing.pub.pem
      edgewise deploy flowers-1.3.0-coral.bundle mendel@coral --dry-run
    """
    from edge.deploy.address import address_of
    from edge.deploy.connection import connected
    from edge.deploy.conversation import Device
    from edge.deploy.deployment import deploy as carry_out
    from edge.deploy.deployment import planned
    from edge.deploy.package import read_package, require_signed
    from edge.deploy.plan import Settings, read_key

    start = time.perf_counter()
    address, package = address_of(device), read_package(bundle)
    if key is not None:
        read_key(key)
        require_signed(package, [key])
    settings = Settings(root=root, key=key, allow_downgrade=allow_downgrade, wait=wait)

    async def push() -> "tuple[Plan, Outcome | None]":
        async with connected(address, ssh_config) as connection:
            target = Device(connection=connection, name=str(address), python=python)
            if dry_run:
                return await planned(target, package, settings), None
            with reporting() as report:
                outcome = await carry_out(target, package, settings, report)
            return outcome.plan, outcome

    plan, outcome = asyncio.run(push())
    if outcome is None:
        _show(plan, package, str(address))
    else:
        _say(outcome, package, str(address), time.perf_counter() - start)


def _show(plan: "Plan", package: "Package", device: str) -> None:
    """The plan, on standard output."""
    out = Console(highlight=False, soft_wrap=True)
    description = package.description
    out.print(f"[bold]plan[/]      {escape(description.name)} {description.version} for {escape(device)}")
    for number, step in enumerate(plan.steps, 1):
        size = f", {step.bytes:,} bytes" if step.bytes else ""
        out.print(f"  {number}. {step.act:8}{escape(step.words)}{size}")
    if plan.up_to_date:
        out.print(f"  {description.version} is in use already")
    else:
        out.print(f"  {sum(step.bytes for step in plan.steps):,} bytes go over the network; nothing was changed")


def _say(outcome: "Outcome", package: "Package", device: str, seconds: float) -> None:
    what = f"{package.description.name} {package.description.version}"
    if outcome.plan.up_to_date:
        console.print(f"[bold]deploy[/]    up to date: {escape(device)} has {escape(what)} in use; {seconds:.1f} s")
        return
    told = outcome.told
    tested = f"{told.get('vectors')} golden vectors matched in {told.get('runtime')}"
    console.print(
        f"[bold]deploy[/]    {escape(device)}: {escape(what)} is in use, slot {escape(outcome.slot)}; "
        f"{escape(tested)}; {seconds:.1f} s"
    )
    for reason in told.get("fallback") or ():
        console.print(f"          [yellow]{escape(str(reason))}[/]")
