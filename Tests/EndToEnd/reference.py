"""A few functions of PromQL, written down a second time to compare with."""


def increase_and_rate(samples, start, end):
    """`increase` and `rate` of a counter over the window (start, end], in milliseconds.

    `samples` are pairs of milliseconds and value, those of the window alone.
    """
    (first_time, first_value), (last_time, last_value) = samples[0], samples[-1]
    gain = last_value - first_value
    for (_, earlier), (_, later) in zip(samples, samples[1:]):
        if later < earlier:
            gain += earlier
    covered = (last_time - first_time) / 1000
    spacing = covered / (len(samples) - 1)
    to_start = (first_time - start) / 1000
    to_end = (end - last_time) / 1000
    if to_start >= spacing * 1.1:
        to_start = spacing / 2
    if gain > 0 and first_value >= 0:
        to_start = min(to_start, covered * first_value / gain)
    if to_end >= spacing * 1.1:
        to_end = spacing / 2
    increase = gain * (covered + to_start + to_end) / covered
    return increase, increase / ((end - start) / 1000)


def histogram_quantile(quantile, buckets):
    """`histogram_quantile` over cumulative counts, pairs of upper bound and count."""
    buckets = sorted(buckets)
    total = buckets[-1][1]
    rank = quantile * total
    index = next(i for i, (_, count) in enumerate(buckets) if count >= rank)
    if index == len(buckets) - 1:
        return buckets[-2][0]
    upper, count = buckets[index]
    lower, below = buckets[index - 1] if index > 0 else (0.0, 0.0)
    return lower + (upper - lower) * (rank - below) / (count - below)
