"""Statistics that several halls share: numbers in, numbers out.

Not a place for results, sentences or people: the halls give these numbers their meaning.
"""
