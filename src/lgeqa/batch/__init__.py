"""Assessment of many scans into one folder, in several processes, resumable, and not stopped by any single scan."""

from lgeqa.batch.measures_csv import dictionary_text as dictionary_text
from lgeqa.batch.measures_csv import measures_text as measures_text
from lgeqa.batch.output_folder import OutputFolder as OutputFolder
from lgeqa.batch.output_folder import masks_in as masks_in
from lgeqa.batch.output_folder import table_text as table_text
from lgeqa.batch.run import BatchItem as BatchItem
from lgeqa.batch.run import run_batch as run_batch
from lgeqa.batch.scan_assessor import Outcome as Outcome
from lgeqa.batch.scan_assessor import ScanAssessor as ScanAssessor
from lgeqa.batch.scan_assessor import open_pipeline as open_pipeline
from lgeqa.batch.scan_assessor import trace_of as trace_of
