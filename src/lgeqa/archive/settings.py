"""How to reach an archive: its URL, who asks, and whom to trust."""

import os
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator

from lgeqa.config import Frozen, Settings, read_toml
from lgeqa.errors import ConfigError

#: Prefix of the environment variables TOKEN, USER and PASSWORD.
_PREFIX: Final = "LGEQA_ARCHIVE_"


class Credentials(Frozen):
    """Secret that an archive asks for: a token, or a user and a password.

    Attributes:
        token: Bearer token.
        user: Name of a user of the archive.
        password: Password of the user.
    """

    token: str | None = Field(None, min_length=1, repr=False)
    user: str | None = Field(None, min_length=1, pattern="^[^:]*$")
    password: str | None = Field(None, min_length=1, repr=False)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.user is None) != (self.password is None) or (self.token is not None and self.user is not None):
            raise ValueError("two logins, or half a login")
        return self


class ArchiveSettings(Settings):
    """Settings of the connection to an archive.

    Attributes:
        url: Root of the archive's DICOMweb services, such as `https://archive.example/dicom-web`.
        credentials: TOML file with `token`, or with `user` and `password`. None for the environment variables
            LGEQA_ARCHIVE_TOKEN, or LGEQA_ARCHIVE_USER and LGEQA_ARCHIVE_PASSWORD, or for none.
        ca: PEM file of the authorities that the archive's certificate must be by. None for those that requests brings.
        timeout: Seconds to wait for the archive.
    """

    url: str
    credentials: Path | None = None
    ca: Path | None = None
    timeout: float = Field(60.0, gt=0)

    @field_validator("url")
    @classmethod
    def _is_root(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("give the root of its DICOMweb services, such as https://archive.example/dicom-web")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _has_plain_url(self) -> Self:  # not a validator of the field, whose value the message would repeat
        parts = urlsplit(self.url)
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("url: must have no user, password, query or fragment. Give a login by credentials.")
        return self

    def read_credentials(self) -> Credentials:
        """Return the credentials of the file or, without one, of the environment.

        Raises:
            ConfigError: They are not valid, or the file cannot be read. The message has no value, which may be secret.
        """
        if self.credentials is not None:
            values, where = read_toml(self.credentials), str(self.credentials)
        else:
            values = {name: os.environ.get(_PREFIX + name.upper()) for name in Credentials.model_fields}
            where = f"{_PREFIX}TOKEN, {_PREFIX}USER and {_PREFIX}PASSWORD in the environment"
        try:
            return Credentials.model_validate(values)
        except ValidationError:
            raise ConfigError(
                f"{where}: give either a token, or a user without colon and a password, each as a text."
            ) from None
