"""`python -m evalkit`: the command line, for who has not installed the script.

Not a second entry: it calls the same `main`.
"""

import sys

from evalkit.cli import main

sys.exit(main())
