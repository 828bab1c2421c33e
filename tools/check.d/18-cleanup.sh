# cleanup - nothing is cleaned up that has no value yet.
tools/check_cleanup.py
