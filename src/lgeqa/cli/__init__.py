"""The command line: one file per command. Nothing heavy is imported before a command needs it."""

from lgeqa.cli.commands import app as app
from lgeqa.cli.commands import main as main
