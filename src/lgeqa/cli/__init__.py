"""The command line: one file per command. Nothing heavy is imported before a command needs it."""

from lgeqa.cli.verbs import app as app
from lgeqa.cli.verbs import main as main
