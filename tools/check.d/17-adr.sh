# adr - every library has its page of reasons.
tools/check_adr.py
