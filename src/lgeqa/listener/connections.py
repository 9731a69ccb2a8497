"""Inlets and destinations by their settings. What a kind needs is imported only if it is used."""

from pathlib import Path

from lgeqa.extras import require
from lgeqa.listener.destination import Destination
from lgeqa.listener.inlet_settings import FolderSettings, InletSettings, OrthancSettings
from lgeqa.listener.intake import Inlet
from lgeqa.listener.settings import CommandSettings, DestinationSettings, NodeSettings, UrlSettings, WebSettings


def open_inlet(settings: InletSettings, spool: Path) -> Inlet:
    """Return an inlet that keeps its state in a spool.

    Raises:
        ConfigError: A file of the settings cannot be used.
        MissingExtraError: A package for archives is not installed.
    """
    if isinstance(settings, FolderSettings):
        from lgeqa.listener.folder_inlet import FolderInlet

        return FolderInlet(settings, spool)
    require("archive", f"The inlet {settings.name}")
    from lgeqa.listener.archive_inlets import DicomwebInlet, OrthancInlet

    return OrthancInlet(settings, spool) if isinstance(settings, OrthancSettings) else DicomwebInlet(settings, spool)


def open_destination(settings: DestinationSettings) -> Destination:
    """Return a destination.

    Raises:
        ConfigError: A file of the settings cannot be used.
        MissingExtraError: A package for archives is not installed.
    """
    match settings:
        case NodeSettings():
            from lgeqa.listener.dicom_node import DicomNode

            return DicomNode(settings)
        case WebSettings():
            from lgeqa.listener.http_destinations import WebApplication

            return WebApplication(settings)
        case UrlSettings():
            from lgeqa.listener.http_destinations import UrlHook

            return UrlHook(settings)
        case CommandSettings():
            from lgeqa.listener.command_hook import CommandHook

            return CommandHook(settings)
    require("archive", f"The destination {settings.name}")
    from lgeqa.listener.stow import StowArchive

    return StowArchive(settings)
