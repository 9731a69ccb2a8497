"""The command line: one file a verb. Nothing heavy is imported before a verb needs it."""

from lgeqa.cli.verbs import app as app
from lgeqa.cli.verbs import main as main
