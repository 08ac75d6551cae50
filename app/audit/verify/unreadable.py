"""How reading fails while verifying: a value of the report in the end, never an error of the program."""


class Unreadable(Exception):  # noqa: N818
    """A file or row is not what it should be; the message says how, in words that a report can carry."""


class Unknown(Unreadable):
    """There is nothing that could be judged."""
