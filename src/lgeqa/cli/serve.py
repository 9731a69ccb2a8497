"""`lgeqa serve`: the local web application."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from lgeqa.cli.options import Config, Database, Timeout
from lgeqa.errors import UsageError
from lgeqa.threads import ONE_THREAD, TIMEOUT_S

Home = Annotated[
    Path, typer.Option("--home", metavar="FOLDER", help="Keeps scans, results and ratings; made if missing.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", help="Token of the owner; else LGEQA_TOKEN, else one that is drawn and kept."
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Name under which the server is reached, for instance that of a proxy."),
]
UploadMb = Annotated[int, typer.Option(metavar="MB", min=1, help="Most megabytes that one upload may have.")]
UnpackedMb = Annotated[
    int,
    typer.Option(metavar="MB", min=1, help="Most megabytes that the zip archives of one upload may hold, unpacked."),
]
ArchiveFiles = Annotated[
    int, typer.Option(metavar="N", min=1, help="Most files that one upload may hold, those in zip archives too.")
]
ShowHeaders = Annotated[
    bool,
    typer.Option("--show-headers", help="Keep, show and export series, protocol, site and time of DICOM headers."),
]
Check = Annotated[
    bool, typer.Option("--check", help="Look at the folder, its database, uploads and token, and do not serve.")
]
Backup = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Copy the database to a new file, also while it is served, and do not serve."),
]
Workers = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Processes that assess scans; else one for two cores, as memory allows."),
]
Quota = Annotated[
    int, typer.Option(metavar="N", min=1, help="Most scans that one person may have waiting; owners have no limit.")
]
Proxy = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="Address or network of a reverse proxy that signs people in."),
]
PersonHeader = Annotated[
    str | None, typer.Option(metavar="NAME", help="Header in which the proxy names the person; believed from it only.")
]
GroupsHeader = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Header with the person's groups; else roles are those of lgeqa people."),
]
Group = Annotated[
    list[str] | None, typer.Option(metavar="GROUP=ROLE", help="Role of a group: monitor, viewer, member or owner.")
]
RefusedToken = Annotated[
    str | None, typer.Option(help="Refused, since other users of the machine see it; use --token-file or LGEQA_TOKEN.")
]


def serve(  # noqa: PLR0913, PLR0917 - one parameter for each option
    home: Home = Path("lgeqa-home"),
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained model to use instead of the one in the package.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; the default lets nobody else in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8765,
    token_file: TokenFile = None,
    allow_host: AllowHost = None,
    upload_mb: UploadMb = 1000,
    unpacked_mb: UnpackedMb = 4000,
    archive_files: ArchiveFiles = 10_000,
    timeout: Timeout = TIMEOUT_S,
    config: Config = None,
    show_headers: ShowHeaders = False,
    workers: Workers = None,
    quota: Quota = 2000,
    database: Database = None,
    proxy: Proxy = None,
    person_header: PersonHeader = None,
    groups_header: GroupsHeader = None,
    group: Group = None,
    check: Check = False,
    backup: Backup = None,
    token: RefusedToken = None,
) -> None:
    """Open a page in the browser where scans are dropped, judged, looked at and rated.

    Prints a link that holds the token. Whatever was queued when the server ended is done when it starts again.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.extras import require

    require("web", "lgeqa serve")
    from lgeqa.inference.pipeline import AssessSettings
    from lgeqa.web.server import back_up_home, run_server, tell_of_home
    from lgeqa.web.settings import ServeSettings
    from lgeqa.web.tokens import database_url

    if token is not None:
        raise UsageError(
            "--token: every user of this machine sees it in the list of processes. Set the environment variable "
            "LGEQA_TOKEN, or write the token into a file and name it with --token-file."
        )
    if check and backup:
        raise UsageError("--check and --backup: do one after the other.")
    url = database_url(database)
    if backup and url:
        raise UsageError("--backup: copies the file of a home folder. Back up a PostgreSQL database with pg_dump.")
    if backup:
        back_up_home(home, backup)
    elif check:
        raise typer.Exit(tell_of_home(home, token_file, url))
    else:
        limits = {"upload_mb": upload_mb, "unpacked_mb": unpacked_mb, "archive_files": archive_files}
        chosen = config.model_dump(include=set(AssessSettings.model_fields))
        assess = AssessSettings.of(chosen, "lgeqa serve --config")
        shown = {"assess": assess, "show_headers": show_headers, "workers": workers, "quota": quota}
        shown["database"] = url
        shown["proxy"] = _proxy(proxy, person_header, groups_header, group)
        choices = {"bundle": bundle, "hosts": allow_host or [], "timeout": timeout, **limits, **shown}
        run_server(home, host, port, token_file, ServeSettings.of(choices, "lgeqa serve"))


def _proxy(
    addresses: list[str] | None, person_header: str | None, groups_header: str | None, groups: list[str] | None
) -> dict[str, Any] | None:
    """Return the settings of the proxy, or None without one."""
    if not (addresses or person_header or groups_header or groups):
        return None
    if not (addresses and person_header) or bool(groups_header) != bool(groups):
        raise UsageError(
            "--proxy: needs --person-header, and that needs --proxy, since a header is believed from the proxy only. "
            "--groups-header and --group go together."
        )
    roles = {}
    for pair in groups or []:
        name, separator, role = pair.rpartition("=")
        if not (name and separator):
            raise UsageError(f"--group {pair}: is not GROUP=ROLE. Write for instance --group radiology=member.")
        roles[name] = role
    headers = {"person_header": person_header, "groups_header": groups_header or ""}
    return {"addresses": addresses, **headers, "roles": roles}
