"""The claims of the two papers on batch selection, one by one: what holds in their own setting, and in a fair one.

    BATCHSIFT_DATA=FOLDER python -m benchmarks.evidence run --out STORE [--parts papers ...] [--jobs N]
    BATCHSIFT_DATA=FOLDER python -m benchmarks.evidence keep --out STORE
    python -m benchmarks.evidence page
    BATCHSIFT_DATA=FOLDER python -m benchmarks.evidence cell KEY

The store goes on where it was stopped. `keep` writes compact tables beside this file from what is finished, and the
page from them; `cell` runs one cell of those tables again and says how far its numbers are from those that are kept.
"""
