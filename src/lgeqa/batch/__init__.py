"""Assessment of many scans into one folder, in several processes, resumable, and not stopped by any single scan."""

from lgeqa.batch.deidentification import Deidentifier as Deidentifier
from lgeqa.batch.deidentification import is_pseudonym as is_pseudonym
from lgeqa.batch.measures_csv import dictionary_text as dictionary_text
from lgeqa.batch.measures_csv import measures_text as measures_text
from lgeqa.batch.output_folder import DICOM_NAMES as DICOM_NAMES
from lgeqa.batch.output_folder import OutputFolder as OutputFolder
from lgeqa.batch.output_folder import has_store as has_store
from lgeqa.batch.output_folder import lacks_dicom as lacks_dicom
from lgeqa.batch.output_folder import load_run as load_run
from lgeqa.batch.output_folder import masks_in as masks_in
from lgeqa.batch.output_folder import remove_results as remove_results
from lgeqa.batch.result_store import ResultStore as ResultStore
from lgeqa.batch.result_store import StoredHead as StoredHead
from lgeqa.batch.run import BatchItem as BatchItem
from lgeqa.batch.run import OnStep as OnStep
from lgeqa.batch.run import Records as Records
from lgeqa.batch.run import run_batch as run_batch
from lgeqa.batch.scan_assessor import Outcome as Outcome
from lgeqa.batch.scan_assessor import ScanAssessor as ScanAssessor
from lgeqa.batch.scan_assessor import open_pipeline as open_pipeline
from lgeqa.batch.scan_assessor import trace_of as trace_of
from lgeqa.batch.shard import WHOLE as WHOLE
from lgeqa.batch.shard import Shard as Shard
from lgeqa.batch.table_files import TableFiles as TableFiles
from lgeqa.batch.tables import table_text as table_text
