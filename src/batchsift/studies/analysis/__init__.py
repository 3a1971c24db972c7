"""Analysis: what may be said of methods, from the runs of a study or a comparison.

`runs`        what is kept of the records: runs, failures, what is missing
`scopes`      which runs a set of statistics is over
`contrasts`   a method against Random: gain, interval, test, verdict
`ranks`       all methods in order, and pairs of them
`summaries`   scores and cost
`labels`      single labels: gains, suspicious cells
`claims`      the same in sentences
`wording`     numbers as text

Terminal, README and page draw from here and compute nothing of their own.
"""
