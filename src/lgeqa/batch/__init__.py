"""Assessment of many scans into one folder, in several processes, resumable, and not stopped by any single scan."""

from lgeqa.batch.attempt import Attempt as Attempt
from lgeqa.batch.attempt import Outcome as Outcome
from lgeqa.batch.attempt import open_pipeline as open_pipeline
from lgeqa.batch.attempt import trace_of as trace_of
from lgeqa.batch.folder import OutputFolder as OutputFolder
from lgeqa.batch.folder import masks_in as masks_in
from lgeqa.batch.folder import table_text as table_text
from lgeqa.batch.measures_csv import dictionary_text as dictionary_text
from lgeqa.batch.measures_csv import measures_text as measures_text
from lgeqa.batch.run import Settled as Settled
from lgeqa.batch.run import run_batch as run_batch
