"""A rating study of the web application as one object, for Python and notebooks."""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from lgeqa.errors import UsageError
from lgeqa.extras import require

if TYPE_CHECKING:
    from pandas import DataFrame
    from sqlalchemy.orm import Session

    from lgeqa.agreement.record import Agreement
    from lgeqa.studies.models import Study as StudyRow


class Study:
    """A study in which readers rate scans blindly, read from the home folder of a server, which may be running.

    Attributes:
        home: Home folder of the server.
        name: Name of the study.
    """

    def __init__(self, home: str | PathLike[str], name: str) -> None:
        """Find a study by its name.

        Raises:
            UsageError: The folder holds no database, or no study or several studies have the name.
            OutputError: The database cannot be used.
            MissingExtraError: The extra `web` is not installed.
        """
        require("web", "lgeqa.Study")
        from lgeqa.database import open_database
        from lgeqa.studies.management import list_studies
        from lgeqa.web.home_folder import DATABASE

        self.home, self.name = Path(home), name
        path = self.home / DATABASE
        if not path.is_file():
            raise UsageError(f"{path}: is not there. Name the home folder of a server, as `lgeqa serve --home` does.")
        self._sessions = open_database(path)
        with self._sessions() as session:
            names = [study.name for study in list_studies(session)]
            ids = [study.id for study in list_studies(session) if study.name == name]
        if len(ids) != 1:
            count = "no study" if not ids else f"{len(ids)} studies"
            raise UsageError(f"{path}: has {count} of the name {name!r}. It has {', '.join(names) or 'no study'}.")
        self._id = ids[0]

    def progress(self) -> dict[str, tuple[int, int]]:
        """Return the number of readings that each reader has done, and of all that they have to do."""
        with self._sessions() as session:
            return {
                reader.name: (sum(reading.rating is not None for reading in reader.readings), len(reader.readings))
                for reader in self._row(session).readers
            }

    def to_frame(self) -> "DataFrame":
        """Return a data frame of the ratings, with a row for each reading and the columns of `ratings.csv`."""
        import pandas as pd

        from lgeqa.studies.export import RATING_COLUMNS, rating_rows

        with self._sessions() as session:
            return pd.DataFrame(rating_rows(self._row(session)), columns=list(RATING_COLUMNS))

    def agreement(self, *, seed: int = 0, draws: int = 1000) -> "Agreement":
        """Measure the agreement of the readers of a closed study. In an open one it would unblind a reader.

        Raises:
            UsageError: The study is open, or nothing was rated.
        """
        from lgeqa.agreement.compute import agree
        from lgeqa.bootstrap import Bootstrap
        from lgeqa.studies.adjudication import readings_of_study

        with self._sessions() as session:
            readings = readings_of_study(self._row(session))
        return agree(readings, {}, self.name, Bootstrap(draws, seed))

    def save_scores(self, path: str | PathLike[str]) -> None:
        """Write the first readings as the table of a cohort, which training and evaluation read.

        Raises:
            OutputError: The table cannot be written.
        """
        from lgeqa.atomic_io import write_whole
        from lgeqa.studies.export import scores_csv

        with self._sessions() as session:
            table = scores_csv(self._row(session))
        write_whole(Path(path), table)

    def __repr__(self) -> str:
        """Return the name of the study and its progress."""
        done = ", ".join(f"{reader} {rated} of {n}" for reader, (rated, n) in self.progress().items())
        return f"Study({self.name!r}: {done or 'no readers'})"

    def _row(self, session: "Session") -> "StudyRow":
        from lgeqa.studies.management import find_study

        return find_study(session, self._id)
