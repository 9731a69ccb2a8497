"""`lgeqa people`: who may use a server, and as what."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from lgeqa.cli.options import Database
from lgeqa.extras import require

if TYPE_CHECKING:
    from lgeqa.web.people import People

app = typer.Typer(help="Say who may use a server, and as what; a running server follows at once.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the person, as a proxy gives it if there is one.")]
Home = Annotated[Path, typer.Option("--home", metavar="FOLDER", help="Folder of the server.")]
Role = Annotated[
    Literal["monitor", "viewer", "member", "owner"],
    typer.Option(
        help="monitor reads the metrics; viewer sees scans and reports; member also adds scans and decides; owner may "
        "do everything.",
    ),
]
DEFAULT_HOME: Final = Path("lgeqa-home")


@app.command()
def add(name: Name, role: Role, home: Home = DEFAULT_HOME, database: Database = None) -> None:
    """Add a person, and print the person's token. Only its hash is stored."""
    _print_token(name, _people(home, database).add(name, role))


@app.command("list")
def list_(home: Home = DEFAULT_HOME, database: Database = None) -> None:
    """List all people: name, role and time of adding, with tabs between."""
    for person in _people(home, database).all():
        typer.echo(f"{person.name}\t{person.role}\t{person.added_at}")


@app.command("new-token")
def new_token(name: Name, home: Home = DEFAULT_HOME, database: Database = None) -> None:
    """Give a person a new token, and print it. The old one opens nothing any more."""
    _print_token(name, _people(home, database).renew_token(name))


@app.command()
def remove(name: Name, home: Home = DEFAULT_HOME, database: Database = None) -> None:
    """Remove a person, at once. What the person added, decided and saw keeps the name."""
    _people(home, database).remove(name)
    typer.echo(f"{name} may not use the server any more.")


def _people(home: Path, database: str | None) -> "People":
    require("web", "lgeqa people")
    from lgeqa.web.people import People
    from lgeqa.web.tokens import database_url

    return People.of(home, database_url(database))


def _print_token(name: str, token: str) -> None:
    typer.echo(
        f"The link of {name} is the address of the server and /enter#token= with this token, which is not shown again:",
        err=True,
    )
    typer.echo(token)
