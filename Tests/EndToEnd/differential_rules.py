"""Where Prometheus 2.42 and 3.14 differ by design: each rule says why, and checks
that a query that was shrunk goes wrong for this reason and no other."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Rule:
    """`explains(pair, query)` tells whether this is why the two servers differ."""

    reason: str
    explains: object


RULES = ()
