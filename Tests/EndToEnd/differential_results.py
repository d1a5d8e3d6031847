"""Results of queries, and when two of them say the same."""

import collections
import dataclasses
import math
import re

TOLERANCE = 1e-9


@dataclasses.dataclass(frozen=True)
class Result:
    """What a server answers: an error's type, or values by labels.

    `values` has for each label set (a frozenset of pairs) the values by time in
    milliseconds; `labels` are the label sets in the order of the answer.
    """

    type: str
    values: dict
    labels: tuple = ()
    message: str = ""

    @classmethod
    def of_answer(cls, answer):
        if answer["status"] != "success":
            return cls("error: " + answer["errorType"], {}, message=answer["error"])
        kind, result = answer["data"]["resultType"], answer["data"]["result"]
        if kind in ("scalar", "string"):
            return cls(kind, {frozenset(): cls._samples([result])})
        values, order = {}, []
        for series in result:
            labels = frozenset(series["metric"].items())
            order.append(labels)
            values[labels] = cls._samples(
                [series["value"]] if kind == "vector" else series["values"])
        if len(values) != len(result):
            return cls("two elements with the same labels", {})
        return cls(kind, values, tuple(order))

    @staticmethod
    def _samples(pairs):
        return {round(moment * 1000): float(value) for moment, value in pairs}

    @property
    def is_error(self):
        return self.type.startswith("error")

    @property
    def moments(self):
        return sorted({moment for samples in self.values.values() for moment in samples})

    def at(self, moment):
        """The values at one time, by labels."""
        return {
            labels: samples[moment]
            for labels, samples in self.values.items() if moment in samples}


def same_value(left, right):
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right or math.isclose(left, right, rel_tol=TOLERANCE)


def same_result(query, ours, theirs):
    """Whether two results say the same, in the same order where there is one."""
    if ours.type != theirs.type or ours.values.keys() != theirs.values.keys():
        return False
    for labels, samples in ours.values.items():
        others = theirs.values[labels]
        if samples.keys() != others.keys():
            return False
        if not all(same_value(value, others[moment]) for moment, value in samples.items()):
            return False
    if query.is_range:
        return ours.labels == theirs.labels
    if str(query.tree).startswith(("sort", "topk", "bottomk")) and ours.type == "vector":
        # Equal values have no order, and groups stand as the series happened to come.
        group = grouping(str(query.tree))
        our_values, their_values = (
            _values_by_group(result, group, query.start * 1000) for result in (ours, theirs))
        return our_values.keys() == their_values.keys() and all(
            len(values) == len(their_values[key]) and all(map(same_value, values, their_values[key]))
            for key, values in our_values.items())
    return True


def grouping(text):
    """What gives a label set's group in the outermost operator of a query, as a function."""
    clause = re.match(r"\w+ (by|without) \(([^)]*)\)", text)
    if not clause:
        return lambda labels: frozenset()
    named = set(re.findall(r"\w+", clause.group(2)))
    if clause.group(1) == "by":
        return lambda labels: frozenset(pair for pair in labels if pair[0] in named)
    named.add("__name__")
    return lambda labels: frozenset(pair for pair in labels if pair[0] not in named)


def _values_by_group(result, group, moment):
    """The values at one time in the order of the answer, for each run of one group.

    A group that the answer leaves and comes back to has several runs.
    """
    runs = {}
    previous, turns = None, collections.Counter()
    for labels in result.labels:
        key = group(labels)
        if key != previous:
            turns[key] += 1
            previous = key
        runs.setdefault((key, turns[key]), []).append(result.values[labels][moment])
    return runs
