"""What batch selection costs: time, memory, and what stands beside them.

    python -m benchmarks.selection --quick    two sizes, in under two minutes
    python -m benchmarks.selection --full     everything; writes the measured part and the plot of docs/performance.md
    python -m benchmarks.selection --check    measures what is claimed; exit code 1 if a claim does not hold

Run it from the root of the repository. Every measurement is made in a fresh process of its own, with a limit on time
and memory; what fails or takes too long is recorded with its reason. Times whose ratio is reported are taken in turns.
"""
