"""An examination of the gate and its machine: each finding OK, WARN or FAIL, with what to do about it."""
