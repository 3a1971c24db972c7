"""The checks of `batchsift.testing` over the methods there are."""
