"""The command line: one file a verb. Nothing heavy is imported before a verb needs it."""

from lgeqa.cli.app import app as app
from lgeqa.cli.app import main as main
