"""Which budgets hold for a call: pure, and nothing at all where there are none."""

from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase

from app.core.call import Call
from app.core.principal import Principal
from app.identity.budgets.records import Meant, Share

_ACCOUNTS = frozenset({"user", "service", "agent"})


class Applying:
    """All budgets of a site, by whom they concern."""

    def __init__(self, budgets: Iterable[Meant] = ()) -> None:
        self._by_subject: defaultdict[tuple[str, str], list[Meant]] = defaultdict(list)
        for budget in budgets:
            kind = "account" if budget.subject_kind in _ACCOUNTS else budget.subject_kind
            self._by_subject[kind, budget.subject].append(budget)

    def __bool__(self) -> bool:
        return bool(self._by_subject)

    def shares(self, principal: Principal, call: Call) -> tuple[Share, ...]:
        """Every budget under which this call counts, each once."""
        subjects = [("everyone", ""), ("account", principal.id), ("key", principal.credential_id)]
        subjects += [("group", group) for group in principal.groups]
        names = call.reserve.models if call.reserve is not None else ()
        return tuple(
            Share(budget.name, principal.id if budget.apart else "", budget.unit)
            for subject in subjects
            for budget in self._by_subject.get(subject, ())
            if _meant(budget.models, (call.resource.name, *names))
        )


def _meant(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    """A model is meant by its name here and by the provider's own: an alias must not be a way around."""
    return not patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
