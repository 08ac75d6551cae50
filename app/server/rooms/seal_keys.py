"""Where the profile says the signing keys of the record are."""

import os
from pathlib import Path

from app.audit.signing.keys import KeySource
from app.config import Profile


def key_source(profile: Profile, folder: Path) -> KeySource:
    """The source of the profile, or the data folder."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    return KeySource(folder=folder, setting=profile.record.keys, credentials=credentials)
