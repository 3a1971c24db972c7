"""Does selection help? Methods and losses against Random in short and longer trainings, on every data set at hand.

python -m benchmarks.does_it_help --out results/does_it_help --jobs 2                   # everything; goes on where it stopped
python -m benchmarks.does_it_help --sets yeast --budgets 5 --out results/one --jobs 2   # a part, beside the page's numbers
python -m benchmarks.does_it_help --page                                                # the page and the README's table
"""
