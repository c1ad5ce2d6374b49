"""How fast is it, as a ratio to a peer or to a limit measured in the same run?"""
