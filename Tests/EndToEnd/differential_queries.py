"""Random PromQL: expressions as trees, a grammar that makes them, and smaller ones
for an expression that went wrong.

The grammar holds to what Debian's Prometheus 2.42 and Prometheus 3.14 understand
alike. Prometheus 2 counts a sample on the left edge of a window, Prometheus 3 does
not, so no edge may meet a sample or a step: stored samples stand at fractions of a
second (`differential_data`), and here times are 3 s past a multiple of 10 s, the
ranges of subqueries 5 s past one, and steps, offsets and other ranges multiples.
"""

import dataclasses

import differential_data as data

SCALAR, VECTOR, RANGE = "scalar", "vector", "range"


@dataclasses.dataclass(frozen=True)
class Node:
    """An expression: its text with `{0}`, `{1}` where its operands go.

    `simpler` are templates for the same operands, or fewer, that say less.
    """

    type: str
    template: str
    operands: tuple = ()
    simpler: tuple = ()

    def __str__(self):
        return self.template.format(*map(str, self.operands))

    @property
    def size(self):
        return len(str(self))

    def nodes(self):
        yield self
        for operand in self.operands:
            yield from operand.nodes()

    def smaller(self):
        """Trees like this with a part left out, those with less left first."""
        candidates = {str(tree): tree for tree in self._smaller()}
        candidates.pop(str(self), None)
        return sorted(
            (tree for tree in candidates.values() if tree.size <= self.size),
            key=lambda tree: tree.size)

    def _smaller(self):
        yield LEAVES[self.type]
        for node in self.nodes():
            if node is not self and node.type == self.type:
                yield node
        for template in self.simpler:
            yield dataclasses.replace(self, template=template, simpler=())
        for index, operand in enumerate(self.operands):
            for replacement in operand._smaller():
                operands = list(self.operands)
                operands[index] = replacement
                yield dataclasses.replace(self, operands=tuple(operands))


LEAVES = {
    SCALAR: Node(SCALAR, "1"),
    VECTOR: Node(VECTOR, "level"),
    RANGE: Node(RANGE, "level[1m]"),
}


@dataclasses.dataclass(frozen=True)
class Query:
    """An expression and when it is evaluated: at `start` alone, or at every `step`
    seconds up to `end`, in seconds since the epoch."""

    tree: Node
    start: int
    end: int | None = None
    step: int | None = None

    @property
    def is_range(self):
        return self.step is not None

    @property
    def times(self):
        return range(self.start, self.end + 1, self.step) if self.is_range else [self.start]

    def __str__(self):
        when = f"from {self.start} through {self.end} every {self.step} s" if self.is_range \
            else f"at {self.start}"
        return f"{self.tree}   {when}"


class Grammar:
    """Makes queries from a random generator."""

    COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
    ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
    GROUPINGS = (
        "", "", "by (job) ", "by (job, instance) ", "by (instance) ", "by (zone) ",
        "by (code, job) ", "by () ", "by (__name__) ", "by (absent) ", "without (instance) ",
        "without (code) ", "without () ", "without (job, zone) ", "without (le) ")
    MATH = (
        "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "deg", "rad", "sin",
        "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
        "minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month",
        "year", "round", "timestamp", "sort", "sort_desc", "absent")
    OVER_TIME = (
        "sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "count_over_time",
        "last_over_time", "present_over_time", "absent_over_time", "stddev_over_time",
        "stdvar_over_time", "changes", "resets", "deriv", "rate", "increase", "delta", "irate",
        "idelta")

    def __init__(self, random):
        self.random = random

    def query(self):
        kind = self.random.choices((VECTOR, SCALAR, RANGE), (30, 2, 1))[0]
        tree = getattr(self, kind)(self.random.randint(1, 4))
        start = self._time()
        if self.random.random() < 0.4:
            return Query(tree, start)
        step = self.random.choice((10, 20, 30, 60, 130, 300, 600))
        return Query(tree, start, start + step * self.random.randint(0, 40), step)

    def _time(self):
        return data.START + 3 + 10 * self.random.randint(-20, data.SECONDS // 10 + 40)

    def _pick(self, *choices):
        return self.random.choice(choices)

    # Selectors

    def _matchers(self):
        matchers = {
            "job": ('job="api"', 'job!="db"', 'job=~"a.*|c"', 'job!~"d.+"'),
            "instance": (
                'instance="1"', 'instance=~"[01]"', 'instance!="0"', 'instance=~".*2"'),
            "zone": ('zone=""', 'zone!=""', 'zone=~"|a"', 'zone=~".+"'),
        }
        chosen = [
            self.random.choice(matchers[label]) for label in matchers if self.random.random() < 0.2]
        return "{{" + ",".join(chosen) + "}}" if chosen else ""

    def _modifiers(self):
        modifiers = []
        if self.random.random() < 0.15:
            modifiers.append(
                " offset " + self._pick("10s", "1m", "5m", "-1m", "-50s", "1h", "-20m"))
        if self.random.random() < 0.1:
            modifiers.append(" @ " + self._pick(str(self._time()), "start()", "end()"))
        self.random.shuffle(modifiers)
        return "".join(modifiers)

    def _name(self, *names):
        return self.random.choice(names or data.NAMES)

    def selector(self, *names):
        name, matchers, modifiers = self._name(*names), self._matchers(), self._modifiers()
        if self.random.random() < 0.02:
            name, matchers = "", '{{__name__=~"level|heat"}}'
        return Node(
            VECTOR, name + matchers + modifiers,
            simpler=(name + matchers, name + modifiers) if name else ())

    def range(self, depth):
        if depth > 0 and self.random.random() < 0.35:
            step = self._pick("10s", "20s", "30s", "1m", "")
            length = self._pick("25s", "1m5s", "3m15s", "10m35s")
            window = f"[{length}:{step}]"
            modifiers = self._modifiers()
            inner = self.vector(depth - 1) if self.random.random() < 0.9 else self.scalar(depth - 1)
            return Node(
                RANGE, "({0})" + window + modifiers, (inner,),
                ("({0})" + window, "({0})[1m5s:30s]"))
        return self._matrix()

    def _matrix(self, *names):
        name, matchers, modifiers = self._name(*names), self._matchers(), self._modifiers()
        window = "[" + self._pick("10s", "20s", "30s", "1m", "90s", "5m", "17m", "1h") + "]"
        return Node(
            RANGE, name + matchers + window + modifiers,
            simpler=(name + matchers + window, name + window + modifiers, name + "[1m]"))

    # Scalars

    def scalar(self, depth):
        if depth <= 0 or self.random.random() < 0.4:
            return Node(SCALAR, self._pick(
                "0", "1", "2", "-1", "0.5", "3.25", "10", "100", "NaN", "Inf", "-Inf", "1e3",
                "0x1F", "time()", "pi()"))
        kind = self.random.randrange(3)
        if kind == 0:
            return Node(SCALAR, "scalar({0})", (self.vector(depth - 1),))
        if kind == 1:
            operation = self.random.choice(self.ARITHMETIC)
            return Node(
                SCALAR, "({0} " + operation + " {1})",
                (self.scalar(depth - 1), self.scalar(depth - 1)))
        operation = self.random.choice(self.COMPARISONS)
        return Node(
            SCALAR, "({0} " + operation + " bool {1})",
            (self.scalar(depth - 1), self.scalar(depth - 1)))

    # Vectors

    def vector(self, depth):
        if depth <= 0:
            return self.selector()
        kinds = (
            (self._math, 10), (self._over_time, 22), (self._aggregation, 20),
            (self._choice, 5), (self._with_scalar, 10), (self._matched, 12), (self._unmatched, 4),
            (self._set, 7), (self._quantile, 4), (self._labels, 4), (self._unary, 3),
            (self._conversion, 2), (self._invalid, 0.3), (lambda _: self.selector(), 4))
        makers, weights = zip(*kinds)
        return self.random.choices(makers, weights)[0](depth - 1)

    def _math(self, depth):
        if self.random.random() < 0.2:
            template, scalars = self._pick(
                ("clamp({0}, {1}, {2})", 2), ("clamp_min({0}, {1})", 1),
                ("clamp_max({0}, {1})", 1), ("round({0}, {1})", 1))
            operands = [self.vector(depth)] + [self.scalar(depth - 1) for _ in range(scalars)]
            return Node(VECTOR, template, tuple(operands))
        return Node(VECTOR, self.random.choice(self.MATH) + "({0})", (self.vector(depth),))

    def _over_time(self, depth):
        if self.random.random() < 0.15:
            template = self._pick(
                "quantile_over_time({1}, {0})", "predict_linear({0}, {1})",
                "double_exponential_smoothing({0}, 0.3, 0.7)",
                "double_exponential_smoothing({0}, 0.9, 0.2)")
            return Node(VECTOR, template, (self.range(depth), self.scalar(depth - 1)))
        if self.random.random() < 0.4:
            function = self._pick("rate", "increase", "irate", "resets")
            return Node(VECTOR, function + "({0})", (self._matrix(*data.COUNTERS),))
        return Node(VECTOR, self.random.choice(self.OVER_TIME) + "({0})", (self.range(depth),))

    def _aggregation(self, depth):
        grouping = self.random.choice(self.GROUPINGS)
        if self.random.random() < 0.15:
            template, scalar = self._pick(
                ("quantile " + grouping + "({1}, {0})", True),
                ("count_values " + grouping + '("counted", {0})', False))
            operands = (self.vector(depth),) + ((self.scalar(depth - 1),) if scalar else ())
            return Node(VECTOR, template, operands)
        operation = self._pick(
            "sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
        return Node(
            VECTOR, f"{operation} {grouping}({{0}})", (self.vector(depth),),
            (operation + "({0})",))

    def _choice(self, depth):
        grouping = self.random.choice(self.GROUPINGS)
        operation = self._pick("topk", "bottomk")
        count = self.random.choice(("1", "2", "3", "1.7", "0", "100", "-1"))
        return Node(
            VECTOR, f"{operation} {grouping}({count}, {{0}})", (self.vector(depth),),
            (f"{operation} ({count}, {{0}})",))

    def _operator(self):
        if self.random.random() < 0.55:
            return self.random.choice(self.ARITHMETIC)
        return self.random.choice(self.COMPARISONS) + self._pick("", "", " bool")

    def _with_scalar(self, depth):
        template = self._pick("({0} %s {1})", "({1} %s {0})") % self._operator()
        return Node(VECTOR, template, (self.vector(depth), self.scalar(depth - 1)))

    def _matched(self, depth):
        """An operation whose matches are unique, mostly."""
        labels = self._pick("job, instance", "job", "instance", "job, zone")
        operation = self._operator()
        unique = Node(VECTOR, f"{self._pick('sum', 'max', 'count', 'avg')} by ({labels}) ({{0}})",
                      (self.vector(depth),))
        if self.random.random() < 0.5:
            other = Node(
                VECTOR, f"min by ({labels}) ({{0}})", (self.vector(depth),))
            matching = self._pick(f" on ({labels})", "", " ignoring (code)")
            return Node(VECTOR, "({0} " + operation + matching + " {1})", (unique, other))
        included = self._pick("", " (zone)", " (instance)")
        many = self.vector(depth)
        if self.random.random() < 0.5:
            return Node(
                VECTOR, f"({{0}} {operation} on ({labels}) group_left{included} {{1}})",
                (many, unique))
        return Node(
            VECTOR, f"({{0}} {operation} on ({labels}) group_right{included} {{1}})",
            (unique, many))

    def _unmatched(self, depth):
        matching = self._pick(
            "", "on (job)", "on (job, instance)", "ignoring (zone)", "ignoring (instance)",
            "on (job, instance) group_left (version)", "ignoring (code) group_right", "on ()")
        return Node(
            VECTOR, f"({{0}} {self._operator()} {matching} {{1}})",
            (self.vector(depth), self.vector(depth)))

    def _set(self, depth):
        matching = self._pick(
            "", "", "on (job)", "on (job, instance)", "ignoring (zone)", "on ()",
            "ignoring (job, instance)")
        operation = self._pick("and", "or", "unless")
        return Node(
            VECTOR, f"({{0}} {operation} {matching} {{1}})",
            (self.vector(depth), self.vector(depth)))

    def _quantile(self, depth):
        buckets = Node(VECTOR, "rate({0})", (self._matrix("latency_bucket"),))
        if self.random.random() < 0.4:
            buckets = self.selector("latency_bucket")
        if self.random.random() < 0.6:
            buckets = Node(
                VECTOR, "sum by (" + self._pick("le", "le, job", "le, instance, zone") + ") ({0})",
                (buckets,))
        rank = Node(SCALAR, self._pick("0", "0.5", "0.9", "0.99", "1", "-1", "2", "NaN"))
        if self.random.random() < 0.1:
            rank = self.scalar(depth)
        return Node(VECTOR, "histogram_quantile({1}, {0})", (buckets, rank))

    def _labels(self, depth):
        template = self._pick(
            'label_replace({0}, "copy", "$1-x", "instance", "(.+)")',
            'label_replace({0}, "zone", "", "zone", ".*")',
            'label_replace({0}, "job", "${{1}}$2", "job", "(.)(.*)i")',
            'label_replace({0}, "instance", "same", "instance", ".*")',
            'label_replace({0}, "__name__", "renamed", "job", "api")',
            'label_join({0}, "joined", "/", "job", "instance", "missing")',
            'label_join({0}, "zone", ",", "zone")', 'label_join({0}, "job", "")')
        return Node(VECTOR, template, (self.vector(depth),))

    def _unary(self, depth):
        return Node(VECTOR, self._pick("-{0}", "-({0})", "+{0}", "({0})"), (self.vector(depth),))

    def _conversion(self, depth):
        return Node(VECTOR, "vector({0})", (self.scalar(depth),))

    def _invalid(self, depth):
        """What both have to refuse."""
        template = self._pick(
            "rate({0})", "sum({0}, {0})", "({0} and 1)", "({0}", "unknown({0})",
            "({0} or bool {0})", "label_replace({0}, \"a\", \"b\")", "{0}[5m] offset",
            "topk({0})",
            "label_replace({0}, \"a\", \"\", \"job\", \"(\")", "({0} + on (job) group_left 1)")
        return Node(VECTOR, template, (self.vector(depth),))
