"""`python -m edge_lpr.cli`."""

import sys

from edge_lpr.cli import main

sys.exit(main())
