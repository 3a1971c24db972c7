"""Texts of ARFF files and of the `.xml` beside them."""

TWO_AND_TWO = ["x numeric", "y numeric", "a {0,1}", "b {0,1}"]


def arff(attributes, rows, relation="r"):
    declared = "\n".join(f"@attribute {attribute}" for attribute in attributes)
    return f"@relation {relation}\n{declared}\n@data\n" + "\n".join(rows) + "\n"


def xml(*names):
    labels = "".join(f'<label name="{name}"></label>' for name in names)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><labels xmlns="http://mulan.sourceforge.net/labels">{labels}</labels>'
    )
