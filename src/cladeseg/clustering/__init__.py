"""Groups objects by their morphology when nobody knows how many kinds there are, and says how sure the answer is.

Objects → key points and pictures → probabilities that two objects are of one kind → clusters (correlation clustering).
"""
