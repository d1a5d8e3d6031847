// What a program that imports TSDB meets in its signatures: labels, samples,
// batches, and the results of queries.
@_exported import PromQL
@_exported import SeriesModel
