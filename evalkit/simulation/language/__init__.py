"""What a pathway may say, and whether what it says can work.

Not the programme's own words, nor the numbers the engines read.
"""
