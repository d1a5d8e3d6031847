"""Results of queries, and when two of them say the same."""

import dataclasses
import math

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
        # Equal values have no order.
        return all(
            same_value(*pair) for pair in zip(
                (ours.values[labels][query.start * 1000] for labels in ours.labels),
                (theirs.values[labels][query.start * 1000] for labels in theirs.labels)))
    return True
