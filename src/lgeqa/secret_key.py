"""Secret key of a site, and what it makes of names and UIDs: nobody without the key can guess or turn back a digest."""

import hmac
import json
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

#: Characters of the digest in a pseudonym.
_DIGITS: Final = 12


@dataclass(frozen=True)
class SecretKey:
    """Key of HMAC-SHA-256.

    Attributes:
        value: Random bytes.
    """

    value: bytes = field(repr=False)

    def digest(self, *facts: str) -> str:
        """Return the keyed digest of texts, 64 hexadecimal digits."""
        return hmac.new(self.value, json.dumps(facts).encode(), "sha256").hexdigest()

    def pseudonym(self, kind: str, *facts: str) -> str:
        """Return the pseudonym of something by the texts that identify it, such as `scan-1f0a9c23b7d4`."""
        return f"{kind}-{self.digest(kind, *facts)[:_DIGITS]}"

    def uid(self, uid: str) -> str:
        """Return the UID that replaces a UID, `2.25.` and a UUID as in PS3.5, annex B.2."""
        return f"2.25.{UUID(hex=self.digest('uid', uid)[:32], version=5).int}"
