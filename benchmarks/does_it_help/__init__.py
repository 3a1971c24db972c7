"""Does selection help? Methods and losses against Random in short and longer trainings, on every data set at hand.

Everything, which goes on where it stopped; a part, beside the numbers of the page; and the page itself:

    python -m benchmarks.does_it_help --out results/does_it_help --jobs 2
    python -m benchmarks.does_it_help --out results/does_it_help --sets yeast --budgets 5
    python -m benchmarks.does_it_help --page
"""
