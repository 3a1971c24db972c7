"""`python -m batchsift` is `batchsift`."""

from batchsift.cli import main

if __name__ == "__main__":
    main()
