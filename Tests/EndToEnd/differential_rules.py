"""Where Prometheus 2.42 and 3.14 differ by design: each rule says why, and checks
that a query goes wrong for this reason and no other. Queries are shrunk before, so
that the operator in question is the outermost one."""

import dataclasses
import math
import re

from differential_queries import RANGE, Query
from differential_results import same_result, same_value


@dataclasses.dataclass(frozen=True)
class Rule:
    """`explains(pair, query)` tells whether this is why the two servers differ."""

    reason: str
    explains: object


def differing(ours, theirs):
    """The values of samples that both have and that differ, as pairs."""
    for labels, samples in ours.values.items():
        for moment, value in samples.items():
            other = theirs.values.get(labels, {}).get(moment)
            if other is not None and not same_value(value, other):
                yield value, other


def differ_in_values_only(ours, theirs):
    return ours.type == theirs.type and ours.values.keys() == theirs.values.keys() and all(
        samples.keys() == theirs.values[labels].keys() for labels, samples in ours.values.items())


def lone_infinity_deviates(pair, query):
    if not re.match(r"std(dev|var)\b", str(query.tree)):
        return False
    ours, theirs = pair.results(query)
    operand, _ = pair.results(dataclasses.replace(query, tree=query.tree.operands[0]))
    return differ_in_values_only(ours, theirs) \
        and all(math.isnan(value) and other == 0 for value, other in differing(ours, theirs)) \
        and any(not math.isfinite(value)
                for samples in operand.values.values() for value in samples.values())


def arc_tangent_keeps_name(pair, query):
    if " atan2 " not in query.tree.template:
        return False
    ours, theirs = pair.results(query)
    nameless = {
        frozenset(pair for pair in labels if pair[0] != "__name__"): samples
        for labels, samples in theirs.values.items()}
    return nameless.keys() != theirs.values.keys() \
        and len(nameless) == len(theirs.values) == len(ours.values) \
        and all(
            labels in nameless and samples.keys() == nameless[labels].keys()
            and all(same_value(value, nameless[labels][moment])
                    for moment, value in samples.items())
            for labels, samples in ours.values.items())


def equal_values_are_chosen_between(pair, query):
    """Whether a choice has to be made between equal values, and the query goes well
    when all are chosen."""
    choices = [
        node for node in query.tree.nodes() if node.template.startswith(("topk ", "bottomk "))]
    operands = [
        pair.results(dataclasses.replace(query, tree=node.operands[0]))[0] for node in choices]
    if not any(_has_equal_values(result) for result in operands):
        return False
    ours, theirs = pair.results(query)
    if query.tree in choices:
        return ours.type == theirs.type and ours.moments == theirs.moments and all(
            _sorted_values(ours, moment) == _sorted_values(theirs, moment)
            for moment in ours.moments)
    return not pair.differs(dataclasses.replace(query, tree=_without(query.tree, choices)))


def _has_equal_values(result):
    return any(
        len(set(_sorted_values(result, moment))) < len(result.at(moment))
        for moment in result.moments)


def _without(tree, nodes):
    """The tree with operands in the place of some nodes."""
    if tree in nodes:
        return _without(tree.operands[0], nodes)
    return dataclasses.replace(
        tree, operands=tuple(_without(operand, nodes) for operand in tree.operands))


def _sorted_values(result, moment):
    # Zero has no sign here.
    return sorted(f"{value + 0.0:.9e}" for value in result.at(moment).values())


def parameter_of_invariant_operand(pair, query):
    if not query.is_range or not re.match(r"(quantile|topk|bottomk) ", str(query.tree)) \
            or " @ " not in str(query.tree.operands[0]):
        return False
    operand, _ = pair.results(dataclasses.replace(query, tree=query.tree.operands[0]))
    return is_constant(operand) and is_constant(pair.results(query)[1])


def is_constant(result):
    return all(
        same_value(value, next(iter(samples.values())))
        for samples in result.values.values() for value in samples.values())


def range_contradicts_instants(pair, query):
    """Whether the peer's range query does not give what its instant queries do, and
    ours does, where something has one time for all steps."""
    if not query.is_range or " @ " not in str(query.tree):
        return False
    ours, theirs = pair.results(query)
    tree = query.with_fixed_times().tree
    contradicted = False
    for moment in query.times:
        alone = Query(tree, moment)
        our_instant, their_instant = pair.results(alone)
        explained = same_result(alone, our_instant, their_instant) \
            or sum_is_infinite(pair, alone)
        if not explained or not _same_values(
                ours.at(moment * 1000), our_instant.at(moment * 1000)):
            return False
        contradicted |= not _same_values(
            theirs.at(moment * 1000), their_instant.at(moment * 1000))
    return contradicted


def _same_values(left, right):
    return left.keys() == right.keys() \
        and all(same_value(value, right[labels]) for labels, value in left.items())


def sum_is_infinite(pair, query):
    """Whether values of a window are infinite in a trend, or their squares in a deviation."""
    match = re.match(r"(deriv|predict_linear|std(?:dev|var)_over_time)\(", query.tree.template)
    if not match or query.is_range:
        return False
    largest = 1e154 if match.group(1).startswith("std") else math.inf
    ours, theirs = pair.results(query)
    window, _ = pair.results(dataclasses.replace(query, tree=query.tree.operands[0]))
    return differ_in_values_only(ours, theirs) \
        and all(math.isinf(value) and math.isnan(other)
                for value, other in differing(ours, theirs)) \
        and any(abs(value) >= largest
                for samples in window.values.values() for value in samples.values())


def step_behind_subquery(pair, query):
    """Whether the peer gives a subquery without steps one behind its end."""
    if query.tree.type != RANGE or not query.tree.operands:
        return False
    ours, theirs = pair.results(query)
    _, end = window_of(query.tree, query.start)
    return not ours.values and all(moment > end * 1000 for moment in theirs.moments)


def offset_is_forgotten(pair, query):
    """Whether it is the time of a selector with both `offset` and `@`."""
    text = str(query.tree)
    return text.startswith("timestamp(") and " @ " in text and " offset " in text \
        and query.tree.operands[0].operands == ()


def filter_leaves_one_match(pair, query):
    """Whether it is a comparison that leaves too few matches to be an error in 2.42,
    but would be one with `bool`, which leaves all."""
    comparison = re.match(r"\(\{0\} (==|!=|>=?|<=?) ", query.tree.template)
    if not comparison or not pair.results(query)[0].message.startswith("multiple matches"):
        return False
    operator = comparison.group(1)
    template = query.tree.template.replace(operator, operator + " bool", 1)
    return all(
        result.message.startswith("multiple matches") for result in pair.results(
            dataclasses.replace(query, tree=dataclasses.replace(query.tree, template=template))))


UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text):
    sign = -1 if text.startswith("-") else 1
    return sign * sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(\w)", text))


def window_of(tree, time):
    """Start and end of a range expression's window, in seconds."""
    length, modifiers = re.search(
        r"\[(\w+)(?::\w*)?\]((?: offset \S+| @ \S+)*)$", str(tree)).groups()
    at = re.search(r"@ (\d+)", modifiers)
    offset = re.search(r"offset (\S+)", modifiers)
    end = (int(at.group(1)) if at else time) - (seconds(offset.group(1)) if offset else 0)
    return end - seconds(length), end


def extrapolated(samples, start, end, halves_first):
    """How much longer `increase` takes the samples to be, as a factor.

    The start is extended to where the counter was 0, and by half an interval where
    there is a gap: in this order in Prometheus 2, the other way round in 3.
    """
    moments = sorted(samples)
    values = [samples[moment] for moment in moments]
    gain = values[-1] - values[0] + sum(
        earlier for earlier, later in zip(values, values[1:]) if later < earlier)
    covered = (moments[-1] - moments[0]) / 1000
    average = covered / (len(moments) - 1)
    to_start, to_end = moments[0] / 1000 - start, end - moments[-1] / 1000
    to_zero = covered * values[0] / gain if gain > 0 and values[0] >= 0 else math.inf
    if halves_first:
        to_start = min(average / 2 if to_start >= average * 1.1 else to_start, to_zero)
    else:
        to_start = min(to_start, to_zero)
        to_start = average / 2 if to_start >= average * 1.1 else to_start
    return (covered + to_start + (average / 2 if to_end >= average * 1.1 else to_end)) / covered


def start_is_extended_to_zero(pair, query):
    function = str(query.tree).partition("(")[0]
    if query.is_range or function not in ("rate", "increase"):
        return False
    ours, theirs = pair.results(query)
    if not differ_in_values_only(ours, theirs):
        return False
    operand = query.tree.operands[0]
    start, end = window_of(operand, query.start)
    windows = {
        frozenset(pair for pair in labels if pair[0] != "__name__"): samples
        for labels, samples in pair.results(Query(operand, query.start))[0].values.items()}
    for labels, samples in ours.values.items():
        (moment, value), = samples.items()
        other = theirs.values[labels][moment]
        if not same_value(value, other):
            new, old = (
                extrapolated(windows[labels], start, end, halves) for halves in (True, False))
            if not math.isclose(value / other, new / old, rel_tol=1e-6):
                return False
    return True


# Prometheus 2.42 adds these up without making up for what is rounded off, and the
# mathematical functions of Go and of C differ in the last digit now and then. The first
# of 0 and -0 is the least and the greatest, and series come in no order.
INEXACT = re.compile(
    r"\b((sum|avg|stddev|stdvar)(_over_time)?|deriv|predict_linear|exp|ln|log2|log10|a?(sin|cos|tan)h?|atan2|deg|rad|min|max)\b|\^")


def rounding_is_amplified(pair, query):
    """Whether an operand of the outermost operator differs in its last digits only, or in
    the sign of a zero, on which the operator then depends."""
    for operand in query.tree.operands:
        if operand.type == RANGE and (query.is_range or not operand.operands) \
                or not INEXACT.search(str(operand)):
            continue
        ours, theirs = pair.results(dataclasses.replace(query, tree=operand))
        if differ_in_values_only(ours, theirs) and not any(differing(ours, theirs)) \
                and any(repr(value) != repr(theirs.values[labels][moment])
                        for labels, samples in ours.values.items()
                        for moment, value in samples.items()):
            return True
    return False


def sum_is_rounded(pair, query):
    """Whether values differ by less than rounding the operands does to them."""
    if not re.match(r"(sum|avg|stddev|stdvar)(_over_time)?\b|deriv|delta|\(\{0\} [-+]",
                    query.tree.template):
        return False
    ours, theirs = pair.results(query)
    if not differ_in_values_only(ours, theirs):
        return False
    magnitudes = [0.0]
    for operand in query.tree.operands:
        if query.is_range and operand.type == RANGE:
            return False
        operands, _ = pair.results(dataclasses.replace(query, tree=operand))
        magnitudes += [
            abs(value) for samples in operands.values.values() for value in samples.values()
            if math.isfinite(value)]
    return all(
        abs(value - other) <= 1e-12 * max(magnitudes) for value, other in differing(ours, theirs))


RULES = (
    Rule("a lone value that is not finite deviates by NaN; in 2.42 by 0", lone_infinity_deviates),
    Rule("what is rounded off an infinite sum is nothing; in 2.42 it is NaN, and so is a trend "
         "or a deviation", sum_is_infinite),
    Rule("atan2 drops the metric name; not in 2.42", arc_tangent_keeps_name),
    Rule("topk and bottomk choose between equal values as they like",
         equal_values_are_chosen_between),
    Rule("a parameter of an aggregation is read at every step, though its operand is the "
         "same at all; Prometheus reads the first alone", parameter_of_invariant_operand),
    Rule("a range query gives what instant queries do; in 2.42, windows that @ fixes slide "
         "with the steps below a function of what changes", range_contradicts_instants),
    Rule("a window between two steps of a subquery is empty; in 2.42 it has the next step "
         "where that is the same at all", step_behind_subquery),
    Rule("timestamp heeds offset beside @; not in 2.42", offset_is_forgotten),
    Rule("several matches are an error before the comparison is made; in 2.42 behind it",
         filter_leaves_one_match),
    Rule("behind a gap rate and increase extend the start by half an interval at most; 2.42 "
         "extends it to where the counter was 0", start_is_extended_to_zero),
    Rule("sums make up for what is rounded off; not in 2.42", sum_is_rounded),
    Rule("the last digit of an operand, or the sign of its zero, is what a comparison, a "
         "remainder or the like hangs on", rounding_is_amplified),
)
